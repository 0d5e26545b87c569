/// Why a page or chart could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A chart has fewer values than it takes to draw one: leave it out.
    #[error("the {chart} chart needs at least {needed} values and has {given}")]
    TooFewValues {
        /// Which chart.
        chart: &'static str,
        /// Values it takes.
        needed: usize,
        /// Values it was given.
        given: usize,
    },
    /// A scale, size or date outside what a page can hold: pass another.
    #[error("{what} is {value}, which no page can hold")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// The chart library refused a drawing.
    #[error("drawing the {chart} chart failed: {reason}")]
    Drawing {
        /// Which chart.
        chart: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The typesetter refused the page: a fault of the template, not of the data.
    #[error("typesetting {document} failed: {reason}")]
    Typesetting {
        /// Which document.
        document: &'static str,
        /// What the typesetter said, all its messages in one line.
        reason: String,
    },
    /// The page could not be written as PDF or PNG.
    #[error("writing {document} as {format} failed: {reason}")]
    Export {
        /// Which document.
        document: &'static str,
        /// `PDF/A-2a` or `PNG`.
        format: &'static str,
        /// What the exporter said.
        reason: String,
    },
}
