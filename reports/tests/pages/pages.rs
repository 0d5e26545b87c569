//! Pages in both languages, ordinary and odd.

use loadstar_reports::*;

use crate::sample::{bare, both, one_of_each, overlong, reads_only, sample};

fn render(report: &WeeklyReport, lang: Lang) -> Rendered {
    render_weekly(report, lang).expect("rendered")
}

fn data(report: &WeeklyReport, lang: Lang) -> String {
    weekly_page_data(report, lang).expect("data")
}

/// Writes the pages to look at, where `LOADSTAR_PAGES` names a folder.
fn show(name: &str, lang: Lang, rendered: &Rendered) {
    let Some(folder) = std::env::var_os("LOADSTAR_PAGES") else { return };
    let folder = std::path::PathBuf::from(folder);
    let stem = format!("{name}-{}", lang.code());
    std::fs::write(folder.join(format!("{stem}.pdf")), &rendered.pdf).expect("pdf");
    for (place, page) in rendered.pages.iter().enumerate() {
        std::fs::write(folder.join(format!("{stem}-{}.png", place + 1)), page).expect("png");
    }
}

#[test]
fn an_ordinary_week() {
    for lang in Lang::ALL {
        insta::assert_snapshot!(format!("week_{}", lang.code()), data(&sample(), lang));
        let rendered = render(&sample(), lang);
        assert_eq!(rendered.pages.len(), 4, "a week fits four pages");
        show("sample", lang, &rendered);
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for lang in Lang::ALL {
        let (first, second) = (render(&sample(), lang), render(&sample(), lang));
        assert!(first == second, "{lang:?}");
        let text = String::from_utf8_lossy(&first.pdf);
        assert!(text.starts_with("%PDF-1.7"));
        for part in [
            "<pdfaid:part>2</pdfaid:part>",
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "2026-11-23T06:05:12+08:00",
        ] {
            assert!(text.contains(part), "{part}");
        }
        let language =
            if lang == Lang::En { "<rdf:li>en</rdf:li>" } else { "<rdf:li>zh-CN</rdf:li>" };
        assert!(text.contains(language), "{lang:?}");
    }
}

#[test]
fn a_lake_of_daily_reads_makes_a_report() {
    for lang in Lang::ALL {
        insta::assert_snapshot!(format!("reads_only_{}", lang.code()), data(&reads_only(), lang));
        show("reads-only", lang, &render(&reads_only(), lang));
    }
}

#[test]
fn a_report_of_nothing_is_a_page() {
    for lang in Lang::ALL {
        let rendered = render(&bare(), lang);
        assert_eq!(rendered.pages.len(), 1);
        show("bare", lang, &rendered);
    }
    let mut named = bare();
    named.sales = Section::Absent(Absence::NoClasses);
    named.load = Section::Absent(Absence::NoHourlyReads);
    named.risks = Section::Present(Vec::new());
    let text = data(&named, Lang::Zh);
    assert!(
        text.contains("客户没有分类信息")
            && text.contains("无日内负荷")
            && text.contains("尚未训练模型")
    );
    named.risks = Section::Absent(Absence::ShortHistory);
    assert!(data(&named, Lang::En).contains("not enough history"));
    assert!(data(&named, Lang::Zh).contains("历史数据不足"));
    // Of one model only.
    let absence = Some(Absence::ShortHistory);
    let churn = RiskList { risk: Risk::Churn, rows: Vec::new(), scored: None, absence };
    named.risks = Section::Present(vec![churn]);
    assert!(data(&named, Lang::En).contains("not enough history"));
    render(&named, Lang::Zh);
}

#[test]
fn one_of_each_is_enough() {
    for lang in Lang::ALL {
        show("one", lang, &render(&one_of_each(), lang));
    }
}

#[test]
fn long_names_and_lists_are_cut() {
    for lang in Lang::ALL {
        let text = data(&overlong(), lang);
        let more =
            if lang == Lang::En { "... and 394 more customers" } else { "……另有394户" };
        assert!(text.contains(more), "{lang:?}");
        let others = if lang == Lang::En { "Others (64)" } else { "其他（64项）" };
        assert!(text.contains(others), "{lang:?}");
        let rendered = render(&overlong(), lang);
        assert!(rendered.pages.len() <= 6, "{} pages", rendered.pages.len());
        show("overlong", lang, &rendered);
    }
}

#[test]
fn totals_are_exact_to_the_cent() {
    let mut report = sample();
    if let Section::Present(axes) = &mut report.sales {
        for axis in axes {
            for row in &mut axis.rows {
                row.revenue = None;
            }
            // 0.1 + 0.2 and a sum that a float cannot hold.
            axis.rows.truncate(2);
            axis.rows[0].revenue = "9007199254740993.10".parse().ok();
            axis.rows[1].revenue = "0.20".parse().ok();
        }
    }
    assert!(data(&report, Lang::En).contains("\"9,007,199,254,740,993.30\""));
}

#[test]
fn axes_that_disagree_are_named() {
    let mut report = sample();
    let text = data(&report, Lang::En);
    assert!(!text.contains("Not all axes add up"));
    if let Section::Present(axes) = &mut report.sales {
        axes[2].rows.pop();
    }
    assert!(data(&report, Lang::En).contains("Not all axes add up"));
}

#[test]
fn text_is_printed_as_it_is() {
    let markup = "#panic(1) $x$ *b* [c] \"q\" \\d @e <f> `g` // h _i_ = j ~ https://k.l";
    let mut report = sample();
    report.organisation = markup.to_owned();
    report.title = Some("#import \"/etc/passwd\" $".to_owned());
    report.notes = vec![both(markup, markup)];
    report.actions[0].what = both(markup, markup);
    if let Section::Present(lists) = &mut report.risks {
        lists[0].rows[0].id = "#x*[\"\\@<".to_owned();
        lists[0].rows[0].reasons = vec![both(markup, markup)];
    }
    for lang in Lang::ALL {
        let parsed: serde_json::Value = serde_json::from_str(&data(&report, lang)).expect("json");
        let story = parsed["story"].as_array().expect("story");
        assert_eq!(story.last().and_then(|said| said.as_str()), Some(markup));
        show("markup", lang, &render(&report, lang));
    }
}

#[test]
fn characters_without_a_glyph_do_not_stop_a_report() {
    let mut report = sample();
    report.organisation = "龘龘电力 😀 \u{0627}\u{0644}\u{feff}\u{e000}\u{0000}\u{200f}".to_owned();
    report.kpis[0].name = KpiName::Other(both("𠮷", "𠮷"));
    if let Section::Present(movers) = &mut report.movers {
        movers.up[0].name = Some("㐀㐁工厂\u{1f600}".to_owned());
    }
    for lang in Lang::ALL {
        assert!(data(&report, lang).contains("〓〓电力 〓"));
        show("glyphs", lang, &render(&report, lang));
    }
}

#[test]
fn a_date_that_pdf_cannot_hold_is_refused() {
    let mut report = bare();
    report.issued_at = "+12026-01-01T00:00:00Z".parse().expect("far");
    assert!(matches!(render_weekly(&report, Lang::En), Err(ReportError::OutOfRange { .. })));
}

#[test]
fn values_that_are_no_numbers_are_dashes() {
    let mut report = sample();
    report.kpis[5].value = KpiValue::Percent(f64::NAN);
    report.kpis[4].value = KpiValue::PowerKw(f64::INFINITY);
    report.kpis[0].week_on_week = Change::Percent(f64::NEG_INFINITY);
    if let Section::Present(load) = &mut report.load {
        load.actual[5].value = f64::NAN;
        load.kpis = None;
    }
    if let Section::Present(lists) = &mut report.risks {
        lists[0].rows[0].probability = f64::NAN;
    }
    render(&report, Lang::En);
}

#[test]
fn input_round_trips_through_json() {
    let json = serde_json::to_string(&sample()).expect("json");
    assert_eq!(serde_json::from_str::<WeeklyReport>(&json).expect("back"), sample());
}
