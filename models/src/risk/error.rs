//! What can go wrong, by what a caller can do about it.

/// Result of the risk half of this crate.
pub type Result<T, E = RiskError> = std::result::Result<T, E>;

/// Why a table was refused or a model could not be fitted, read or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RiskError {
    /// The id or label column is not in the input.
    #[error("no {role} column \"{column}\" in the input; it has {present}. Name one of these")]
    MissingColumn {
        /// `id` or `label`.
        role: &'static str,
        /// The name asked for.
        column: String,
        /// The names there are, comma separated.
        present: String,
    },
    /// Two columns share a name.
    #[error("the input has two columns \"{column}\"; rename one of them with AS")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A column of a type that is neither number, date nor text.
    #[error("column \"{column}\" of type {found} cannot be {role}; {advice}")]
    UnsupportedType {
        /// The column.
        column: String,
        /// What it was to be.
        role: &'static str,
        /// Its Arrow type.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// Arrow could not convert a column's values.
    #[error("column \"{column}\" cannot be read: {source}")]
    Unreadable {
        /// The column.
        column: String,
        /// What Arrow said.
        source: arrow::error::ArrowError,
    },
    /// A row without an id.
    #[error(
        "row {row} has no \"{column}\"; give every row an id or leave such rows out of the query"
    )]
    MissingId {
        /// The id column.
        column: String,
        /// The row, counted from 1 in the order of the input.
        row: usize,
    },
    /// A label that is neither yes nor no.
    #[error(
        "label \"{column}\" is {value} in row {row}; it has to be true/false, yes/no or 1/0 in \
         every row. Turn it into one in the query, or leave rows of unknown outcome out"
    )]
    BadLabel {
        /// The label column.
        column: String,
        /// The value found.
        value: String,
        /// The row, counted from 1 in the order of the input.
        row: usize,
    },
    /// Nothing to learn from.
    #[error("the input has no rows; a model needs rows of both outcomes")]
    NoRows,
    /// Only an id and a label.
    #[error("the input has no column beside id and label; select the columns to learn from")]
    NoFeatures,
    /// Fitting or evaluating a table that was read without a label.
    #[error("the table was read without a label column; name one to fit or evaluate")]
    NoLabel,
    /// Too few rows of one outcome.
    #[error(
        "{have} of {rows} rows are labelled {label}, at least {need} are needed; widen the period \
         or the population, or check how the label is derived"
    )]
    TooFewOfClass {
        /// The outcome that is short.
        label: bool,
        /// Rows, or ids where an id repeats, with this outcome.
        have: usize,
        /// Rows in all.
        rows: usize,
        /// How many are needed.
        need: usize,
    },
    /// The rows to be scored lack a column the model uses.
    #[error("model \"{model}\" uses column \"{feature}\", which the input lacks; it has {present}")]
    MissingFeature {
        /// Name of the model.
        model: String,
        /// The column.
        feature: String,
        /// The names there are, comma separated.
        present: String,
    },
    /// A column the model uses has another type than when it was fitted.
    #[error(
        "model \"{model}\" learned column \"{feature}\" as {wanted}, the input has {found}; \
         CAST it in the query or fit the model again"
    )]
    FeatureType {
        /// Name of the model.
        model: String,
        /// The column.
        feature: String,
        /// What the model learned.
        wanted: String,
        /// What the input has.
        found: String,
    },
    /// A specification outside its range.
    #[error("{what}")]
    BadSpec {
        /// What is wrong, with the range allowed.
        what: String,
    },
    /// The logistic regression did not reach an optimum.
    #[error("the logistic regression did not converge: {reason}; raise the l2 penalty")]
    NotConverged {
        /// What the solver said.
        reason: String,
    },
    /// A stored model this version cannot read.
    #[error("the stored model cannot be read: {reason}; fit it again with this version")]
    BadModel {
        /// What is wrong with it.
        reason: String,
    },
    /// linfa refused a data set.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
