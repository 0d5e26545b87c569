//! From a report to the bytes of its pages.

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use typst::foundations::{Bytes, Datetime, Smart};
use typst::utils::Scalar;
use typst_layout::{Page, PagedDocument};
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};
use typst_render::RenderOptions;

use crate::charts::Svg;
use crate::error::ReportError;
use crate::lang::Lang;
use crate::view::View;
use crate::weekly::WeeklyReport;
use crate::world::{PageWorld, join};

const TEMPLATE: &str = include_str!("../templates/weekly.typ");
const CHART_TEMPLATE: &str = include_str!("../templates/chart.typ");
const DOCUMENT: &str = "the weekly report";
/// 144 dots to the inch: sharp on a screen, 1191 × 1684 for A4.
const PAGE_PIXELS_PER_PT: f64 = 2.0;
/// The largest side of a picture; beyond it lies only lack of memory.
const MOST_PIXELS: f64 = 16_384.0;

/// A report's pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// PDF/A-2a, tagged, with title, author, language and date; the same bytes
    /// for the same input.
    pub pdf: Vec<u8>,
    /// A PNG of every page, in order, at 144 dots to the inch.
    pub pages: Vec<Vec<u8>>,
}

/// Typesets a weekly report, A4 portrait, in one language.
///
/// Takes any values: missing sections are named or left out, long lists and
/// names are cut, characters the font lacks become `〓`.
///
/// # Errors
/// [`ReportError::OutOfRange`] for an issue date that PDF cannot hold. The
/// others would be a fault of this crate.
pub fn render_weekly(report: &WeeklyReport, lang: Lang) -> Result<Rendered, ReportError> {
    let View { data, charts } = View::of(report, lang)?;
    let mut files = vec![("data.json", Bytes::from_string(data.to_string()))];
    files.extend(charts.into_iter().map(|(name, svg)| (name, Bytes::from_string(svg.text))));
    let document = typeset(TEMPLATE, files, DOCUMENT)?;
    let pdf = pdf(&document, report, lang)?;
    let pages = document.pages().iter().map(|page| png(page, PAGE_PIXELS_PER_PT, DOCUMENT));
    Ok(Rendered { pdf, pages: pages.collect::<Result<_, _>>()? })
}

/// A chart as PNG, `scale` pixels to the point (2.0 is 144 dots to the inch).
///
/// # Errors
/// [`ReportError::OutOfRange`] for a scale that is not positive or makes a side
/// longer than 16,384 pixels.
pub fn svg_to_png(svg: &Svg, scale: f64) -> Result<Vec<u8>, ReportError> {
    let longest = svg.width_pt.max(svg.height_pt) * scale;
    if !(scale > 0.0 && longest <= MOST_PIXELS) {
        return Err(ReportError::OutOfRange { what: "the scale", value: scale.to_string() });
    }
    let size = format!("[{}, {}]", svg.width_pt, svg.height_pt);
    let files = vec![
        ("size.json", Bytes::from_string(size)),
        ("chart.svg", Bytes::from_string(svg.text.clone())),
    ];
    let document = typeset(CHART_TEMPLATE, files, "the chart")?;
    let page = document.pages().first().ok_or_else(|| ReportError::Typesetting {
        document: "the chart",
        reason: "it has no page".to_owned(),
    })?;
    png(page, scale, "the chart")
}

/// What the page of [`render_weekly`] says, as the template is given it: every
/// text, number and label, in JSON.
///
/// # Errors
/// As [`render_weekly`]; it draws the charts too.
pub fn weekly_page_data(report: &WeeklyReport, lang: Lang) -> Result<String, ReportError> {
    let mut data = View::of(report, lang)?.data;
    // The words that are the same every week are in the label table.
    if let Some(fields) = data.as_object_mut() {
        fields.remove("labels");
    }
    Ok(format!("{data:#}"))
}

fn typeset(
    template: &str,
    files: Vec<(&str, Bytes)>,
    document: &'static str,
) -> Result<PagedDocument, ReportError> {
    let world = PageWorld::new(template, files).ok_or_else(|| ReportError::Typesetting {
        document,
        reason: "a file name is not a path".to_owned(),
    })?;
    world.typeset(document)
}

fn pdf(
    document: &PagedDocument,
    report: &WeeklyReport,
    lang: Lang,
) -> Result<Vec<u8>, ReportError> {
    let failed = |reason| ReportError::Export { document: DOCUMENT, format: "PDF/A-2a", reason };
    let standards = PdfStandards::new(&[PdfStandard::A_2a])
        .map_err(|error| failed(error.message().to_string()))?;
    let options = PdfOptions {
        // What makes this document this one: the same run again is the same document.
        ident: Smart::Custom(format!("{}/{}/{}", report.run_id, report.week, lang.code())),
        creator: Smart::Custom(Some("Loadstar".to_owned())),
        timestamp: Some(timestamp(report.issued_at)?),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options)
        .map_err(|errors| failed(join(errors.iter().map(|error| error.message.as_str()))))
}

fn timestamp(at: DateTime<FixedOffset>) -> Result<Timestamp, ReportError> {
    let (month, day) = (at.month() as u8, at.day() as u8);
    let time = (at.hour() as u8, at.minute() as u8, at.second() as u8);
    Some(at.year())
        .filter(|year| (0..10_000).contains(year))
        .and_then(|year| Datetime::from_ymd_hms(year, month, day, time.0, time.1, time.2))
        .and_then(|date| Timestamp::new_local(date, at.offset().local_minus_utc() / 60))
        .ok_or_else(|| ReportError::OutOfRange { what: "the date of issue", value: at.to_string() })
}

fn png(page: &Page, pixels_per_pt: f64, document: &'static str) -> Result<Vec<u8>, ReportError> {
    let options = RenderOptions { pixel_per_pt: Scalar::new(pixels_per_pt), render_bleed: false };
    typst_render::render(page, &options).encode_png().map_err(|error| ReportError::Export {
        document,
        format: "PNG",
        reason: error.to_string(),
    })
}
