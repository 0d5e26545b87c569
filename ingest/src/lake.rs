//! Where a lake is: a folder, or a prefix of an S3 bucket.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use loadstar_schema::Table;
use url::Url;

use crate::IngestError;

/// The address of a lake; each table is a folder beneath it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LakeUrl(Url);

impl LakeUrl {
    /// The lake in a folder, which need not exist yet.
    ///
    /// # Errors
    /// [`IngestError::LakeUrl`] if the path cannot be made absolute.
    pub fn folder(path: &Path) -> Result<Self, IngestError> {
        let refuse =
            |reason: String| IngestError::LakeUrl { text: path.display().to_string(), reason };
        let absolute = std::path::absolute(path).map_err(|error| refuse(error.to_string()))?;
        Url::from_directory_path(absolute)
            .map(Self)
            .map_err(|()| refuse("the path cannot be written as an address".to_owned()))
    }

    /// The address, ending in `/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address of a table's folder, ending in `/`.
    #[must_use]
    pub fn table(&self, table: Table) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{}/", self.0.path(), table.name()));
        url
    }

    /// The folder, if the lake is one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        let path = (self.0.scheme() == "file").then(|| self.0.to_file_path().ok()).flatten()?;
        // Without the slash that addresses of folders end in.
        Some(path.components().collect())
    }

    /// How a table's place is shown to people.
    #[must_use]
    pub fn location(&self, table: Table) -> String {
        match self.path() {
            Some(path) => path.join(table.name()).display().to_string(),
            None => self.table(table).to_string(),
        }
    }
}

impl FromStr for LakeUrl {
    type Err = IngestError;

    /// A path, a `file://` address or `s3://bucket/prefix`.
    fn from_str(text: &str) -> Result<Self, IngestError> {
        let refuse = |reason: &str| IngestError::LakeUrl {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        if !text.contains("://") {
            return Self::folder(Path::new(text));
        }
        let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| refuse("the path is not local"))?;
                Self::folder(&path)
            }
            "s3" | "s3a" if url.host_str().is_none_or(str::is_empty) => {
                Err(refuse("the bucket is missing"))
            }
            "s3" | "s3a" if !url.username().is_empty() || url.password().is_some() => {
                Err(refuse("credentials do not belong in the address"))
            }
            "s3" | "s3a" => {
                let path = format!("{}/", url.path().trim_end_matches('/'));
                url.set_path(&path);
                url.set_query(None);
                Ok(Self(url))
            }
            other => Err(refuse(&format!("{other}:// is neither a folder nor s3://"))),
        }
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str(self.0.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets() {
        let lake: LakeUrl = "/tmp/my lake".parse().expect("a folder");
        assert_eq!(lake.to_string(), "/tmp/my lake");
        assert_eq!(lake.table(Table::Bills).as_str(), "file:///tmp/my%20lake/bills/");
        let lake: LakeUrl = "file:///tmp/my%20lake/".parse().expect("a folder");
        assert_eq!(lake.location(Table::Bills), "/tmp/my lake/bills");
        let lake: LakeUrl = "s3://bucket/a/b".parse().expect("a bucket");
        assert_eq!(lake.table(Table::Bills).as_str(), "s3://bucket/a/b/bills/");
        let lake: LakeUrl = "s3://bucket".parse().expect("a bucket");
        assert_eq!(lake.location(Table::Bills), "s3://bucket/bills/");
    }

    #[test]
    fn what_is_no_lake_says_why() {
        for (text, reason) in [
            ("", "empty"),
            ("s3:///prefix", "bucket"),
            ("gs://bucket", "neither"),
            ("s3://key:secret@bucket/x", "credentials"),
        ] {
            let error = text.parse::<LakeUrl>().expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
