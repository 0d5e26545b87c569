//! What a person sees: progress on stderr, tables on stdout.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How cells are shown: NULL as an empty cell would hide a gap.
fn cell_format() -> FormatOptions<'static> {
    FormatOptions::new().with_null("NULL").with_display_error(true)
}

/// Batches as a table.
pub fn table(batches: &[RecordBatch]) -> Result<String> {
    Ok(format!("{}\n", pretty_format_batches_with_options(batches, &cell_format())?))
}

/// Writes to stdout; a reader that has gone (`| head`) is not an error.
pub fn write_stdout(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// The text with spaces up to a width.
pub fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(text.width())))
}

/// The text in lines of at most a width, broken between words, or between
/// Chinese characters.
pub fn fitted(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let space = usize::from(!line.is_empty());
        if line.width() + space + word.width() <= most {
            line.push_str(&" ".repeat(space));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or(0) > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

/// The stages of a long command, one progress line each.
///
/// On a terminal they are live bars; in a log file, one line as each begins and
/// one as it ends.
pub struct Stages {
    total: usize,
    begun: usize,
    live: bool,
}

/// One stage at work.
pub struct Stage {
    name: String,
    bar: Option<ProgressBar>,
    since: Instant,
}

impl Stages {
    /// `total` stages are to come.
    pub fn new(total: usize) -> Self {
        Self { total, begun: 0, live: std::io::stderr().is_terminal() }
    }

    /// Begins the next stage.
    pub fn begin(&mut self, name: &str) -> Stage {
        self.begun += 1;
        let name = format!("[{}/{}] {name}", self.begun, self.total);
        let bar = self.live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style("{spinner} {prefix} {elapsed} {msg}"));
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            eprintln!("{name} …");
        }
        Stage { name, bar, since: Instant::now() }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}

impl Stage {
    /// `done` of `total` units, and a word on what is going on.
    pub fn set(&self, done: u64, total: u64, message: impl Into<String>) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(total) {
                bar.set_style(style(
                    "{spinner} {prefix} {bar:30.cyan} {percent:>3}% {elapsed} {msg}",
                ));
                bar.set_length(total);
            }
            bar.set_position(done);
            bar.set_message(message.into());
        }
    }

    /// A word on what has been done, where nobody knows how much there is.
    pub fn say(&self, message: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.into());
        }
    }

    /// Ends the stage; returns how long it took.
    pub fn finish(&self, outcome: impl AsRef<str>) -> Duration {
        let took = self.since.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{} done in {:.1} s: {}", self.name, took.as_secs_f64(), outcome.as_ref());
        took
    }
}

/// A whole number with thousands separators.
pub fn thousands(value: u64) -> String {
    grouped(&value.to_string())
}

/// A decimal number with thousands separators: `-1234.50` is `-1,234.50`.
pub fn grouped(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let mut text = String::with_capacity(number.len() * 4 / 3);
    for (place, digit) in number.chars().enumerate() {
        let after_digit = text.ends_with(|c: char| c.is_ascii_digit());
        if place < whole && after_digit && (whole - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_broken_where_it_fits() {
        assert_eq!(super::padded("电量 kWh", 9), "电量 kWh ");
        assert_eq!(super::fitted("one two three", 7), ["one two", "three"]);
        assert_eq!(super::fitted("未发行电量", 6), ["未发行", "电量"]);
        assert_eq!(super::padded("电量", 6), "电量  ");
        assert!(super::fitted("", 6).is_empty());
    }

    #[test]
    fn thousands_are_grouped_from_the_right() {
        let texts = [0, 999, 1_000, 19_008_000].map(super::thousands);
        assert_eq!(texts, ["0", "999", "1,000", "19,008,000"]);
        let texts = ["-123", "-1234.50", "787654.98", "0.1234"].map(super::grouped);
        assert_eq!(texts, ["-123", "-1,234.50", "787,654.98", "0.1234"]);
    }
}
