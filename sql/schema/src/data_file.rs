//! What the names of data files say.

/// Stands in the name of a file, before its last part, in which no two rows
/// have the same key: what it holds are newest revisions, unless there are
/// other files of its partition.
pub const ONE_ROW_A_KEY: &str = "once";

/// Does a file's name say [`ONE_ROW_A_KEY`]?
#[must_use]
pub fn has_one_row_a_key(path: &str) -> bool {
    path.rsplit('/').next().and_then(|name| name.rsplit('-').nth(1)) == Some(ONE_ROW_A_KEY)
}
