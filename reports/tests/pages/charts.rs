//! Charts by themselves: as SVG and as a picture.

use chrono::{NaiveDate, TimeDelta};
use loadstar_reports::*;

fn forecast(hours: i64) -> Forecast {
    let start = NaiveDate::from_ymd_opt(2026, 11, 23).and_then(|day| day.and_hms_opt(0, 0, 0));
    let point = |hour: i64| {
        let median = 900.0 + 10.0 * (hour % 24) as f64;
        let at = start.expect("date") + TimeDelta::hours(hour);
        ForecastPoint { at, median, band: Some((median * 0.9, median * 1.1)), inner_band: None }
    };
    Forecast { points: (0..hours).map(point).collect(), band_pct: Some(80.0) }
}

#[test]
fn a_forecast_is_drawn_the_same_every_time() {
    let draw = |lang| forecast_chart("Load", LoadUnit::Kw, &[], &forecast(6), lang).expect("chart");
    insta::assert_snapshot!("forecast_zh", draw(Lang::Zh).text);
    assert_eq!(draw(Lang::En), draw(Lang::En));
}

#[test]
fn texts_in_a_chart_are_texts() {
    let title = "</text><script>&\"'😀";
    let svg = forecast_chart(title, LoadUnit::Kw, &[], &forecast(6), Lang::En).expect("chart");
    assert!(!svg.text.contains("<script>"));
    assert!(svg.text.contains("&lt;/text&gt;&lt;script&gt;&amp;") && svg.text.contains('〓'));
    svg_to_png(&svg, 1.0).expect("still an SVG");
}

#[test]
fn a_picture_has_the_size_asked_for() {
    let svg = forecast_chart("", LoadUnit::Kwh, &[], &forecast(48), Lang::En).expect("chart");
    let png = svg_to_png(&svg, 1.5).expect("png");
    assert_eq!(&png[1..4], b"PNG");
    let side = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
    assert_eq!((side(16), side(20)), (960, 450));
    for scale in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(matches!(svg_to_png(&svg, scale), Err(ReportError::OutOfRange { .. })));
    }
}

#[test]
fn too_little_to_draw_is_an_error_and_odd_values_are_not() {
    let draw = |forecast: &Forecast| forecast_chart("", LoadUnit::Kw, &[], forecast, Lang::En);
    let error = draw(&forecast(1)).expect_err("one point is no line");
    assert_eq!(error.to_string(), "the load chart needs at least 2 values and has 1");
    let mut odd = forecast(30);
    odd.points[3].median = f64::NAN;
    odd.points[4].band = Some((f64::NEG_INFINITY, f64::INFINITY));
    odd.points[5].median = 0.0;
    svg_to_png(&draw(&odd).expect("drawn"), 1.0).expect("png");
    for point in &mut odd.points {
        (point.median, point.band) = (f64::NAN, None);
    }
    draw(&odd).expect("nothing to see, but no failure");
}

/// A forecast of the sample week, to look at where `LOADSTAR_PAGES` names a folder.
#[test]
fn a_forecast_with_its_past() {
    let report = crate::sample::sample();
    let load = report.load.present().expect("load");
    let forecast = load.forecast.present().expect("forecast");
    for (lang, title) in
        [(Lang::En, "Load by industry: Manufacturing"), (Lang::Zh, "负荷预测：制造业")]
    {
        let past = &load.actual[72..];
        let svg = forecast_chart(title, LoadUnit::Kw, past, forecast, lang).expect("chart");
        assert_eq!((svg.width_pt, svg.height_pt), (640.0, 300.0));
        let png = svg_to_png(&svg, 2.0).expect("png");
        if let Some(folder) = std::env::var_os("LOADSTAR_PAGES") {
            let file = format!("forecast-{}.png", lang.code());
            std::fs::write(std::path::Path::new(&folder).join(file), png).expect("png");
        }
    }
}
