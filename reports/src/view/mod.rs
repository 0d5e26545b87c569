//! From values to the words, numbers and charts of the page: everything the
//! template prints is decided here, in the reader's language.

mod load;
mod risk;
mod sales;
mod story;
mod top;
mod watch;

use serde_json::{Value, json};

use crate::charts::Svg;
use crate::error::ReportError;
use crate::fonts::{FAMILY, printable};
use crate::format::Format;
use crate::labels::Label;
use crate::lang::Lang;
use crate::weekly::{Absence, Change, Section, WeeklyReport};

/// What the template is given: its data, and the charts it includes by name.
pub(crate) struct View {
    pub(crate) data: Value,
    pub(crate) charts: Vec<(&'static str, Svg)>,
}

impl View {
    pub(crate) fn of(report: &WeeklyReport, lang: Lang) -> Result<Self, ReportError> {
        let mut page = Page {
            report,
            format: Format { lang, currency: &report.currency },
            charts: Vec::new(),
        };
        let mut data = json!({
            "lang": lang.code(),
            "font": FAMILY,
            "labels": labels(lang),
            "doc": page.document(),
            "head": page.head(),
            "kpis": page.kpis(),
            "trend": page.trend()?,
            "story": page.story(),
            "quality": page.quality(),
            "sales": page.sales(),
            "drivers": page.drivers()?,
            "price": page.price()?,
            "load": page.load()?,
            "debt": page.debt()?,
            "movers": page.movers()?,
            "risks": page.risks(),
            "actions": page.actions(),
            "appendix": page.appendix(),
        });
        make_printable(&mut data);
        Ok(Self { data, charts: page.charts })
    }
}

/// The report being laid out, and the charts made so far.
struct Page<'a> {
    report: &'a WeeklyReport,
    format: Format<'a>,
    charts: Vec<(&'static str, Svg)>,
}

impl Page<'_> {
    fn lang(&self) -> Lang {
        self.format.lang
    }

    fn label(&self, label: Label) -> &'static str {
        label.text(self.format.lang)
    }

    /// Keeps a chart and gives what the template needs to include it; nothing
    /// where there was too little to draw.
    fn chart(
        &mut self,
        name: &'static str,
        alt: Label,
        drawn: Result<Svg, ReportError>,
    ) -> Result<Value, ReportError> {
        match drawn {
            Ok(svg) => {
                let chart = json!({
                    "path": name,
                    "alt": self.label(alt),
                    "width_pt": svg.width_pt,
                    "height_pt": svg.height_pt,
                });
                self.charts.push((name, svg));
                Ok(chart)
            }
            Err(ReportError::TooFewValues { .. }) => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }

    /// A section that is not there: nothing at all, or the reason in words.
    fn absent(&self, absence: Absence) -> Value {
        match reason(absence) {
            Some(label) => json!({ "words": self.label(label) }),
            None => Value::Null,
        }
    }

    /// The list behind a section, or how its absence is printed.
    fn filled<'s, T>(
        &self,
        section: &'s Section<Vec<T>>,
        empty: Absence,
    ) -> Result<&'s [T], Value> {
        match section {
            Section::Present(rows) if rows.is_empty() => Err(self.absent(empty)),
            Section::Present(rows) => Ok(rows),
            Section::Absent(absence) => Err(self.absent(*absence)),
        }
    }

    fn change(&self, change: Change) -> Value {
        json!({ "text": self.format.change(change), "tone": tone(change) })
    }
}

fn labels(lang: Lang) -> Value {
    Label::TABLE
        .iter()
        .map(|&(key, en, zh)| (key.to_owned(), Value::from(if lang == Lang::En { en } else { zh })))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Replaces what the font cannot show, in every text and nowhere else.
fn make_printable(value: &mut Value) {
    match value {
        Value::String(text) => *text = printable(text),
        Value::Array(items) => items.iter_mut().for_each(make_printable),
        Value::Object(fields) => fields.values_mut().for_each(make_printable),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn tone(change: Change) -> &'static str {
    match change {
        Change::Percent(by) | Change::Points(by) if by >= 0.05 => "up",
        Change::Percent(by) | Change::Points(by) if by <= -0.05 => "down",
        _ => "flat",
    }
}

/// The sentence a left-out section is replaced by.
const fn reason(absence: Absence) -> Option<Label> {
    Some(match absence {
        Absence::LeftOut => return None,
        Absence::NoReads => Label::NoReads,
        Absence::NoHourlyReads => Label::NoHourlyReads,
        Absence::NoBills => Label::NoBills,
        Absence::NoTariffs => Label::NoTariffs,
        Absence::NoClasses => Label::NoClasses,
        Absence::NoForecast => Label::NoForecast,
        Absence::NoModel => Label::NoModel,
        Absence::ShortHistory => Label::ShortHistory,
        Absence::NoHistory => Label::NoHistory,
        Absence::PartialHistory => Label::PartialHistory,
        Absence::ZeroBase => Label::ZeroBase,
    })
}

/// The same in two words, for a figure.
const fn short_reason(absence: Absence) -> Label {
    match absence {
        Absence::NoReads => Label::WhyNoReads,
        Absence::NoHourlyReads => Label::WhyDaily,
        Absence::NoBills => Label::WhyNoBills,
        Absence::NoTariffs => Label::WhyNoTariffs,
        Absence::NoForecast => Label::WhyNoForecast,
        Absence::NoHistory => Label::WhyNoHistory,
        Absence::PartialHistory => Label::WhyPartial,
        Absence::ZeroBase => Label::WhyZero,
        Absence::LeftOut | Absence::NoClasses | Absence::NoModel | Absence::ShortHistory => {
            Label::WhyUnknown
        }
    }
}
