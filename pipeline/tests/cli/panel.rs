//! `loadstar forecast --each`: many series of one query.

use crate::command::Workplace;

/// Two years of days of `count` shops, each of its own size, closed on Sundays;
/// the rows in no order, and one shop that opened last week.
fn shops(place: &Workplace, count: usize) {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let mut text = "day,shop,kwh\n".to_owned();
    for back in 0..730_u64 {
        let at = (back * 411) % 730;
        let day = first + chrono::Days::new(at);
        for shop in 0..count {
            let weekday = at % 7;
            let kwh = if weekday == 6 { 10.0 } else { 100.0 * (shop + 1) as f64 + weekday as f64 };
            text += &format!("{day},shop-{shop:04},{kwh}\n");
        }
        if at >= 723 {
            text += &format!("{day},young,5\n");
        }
    }
    text += "2025-12-30,torn,\n";
    place.write("shops.csv", text);
}

#[test]
fn each_series_is_forecast_on_its_own_and_one_without_values_is_told_of() {
    let place = Workplace::new();
    // More than go together at a time.
    let count = 600;
    shops(&place, count);
    let finished = place.run(&[
        "forecast",
        "--lake",
        "lake",
        "--query",
        "SELECT * FROM 'shops.csv';",
        "--time",
        "day",
        "--target",
        "kwh",
        "--each",
        "shop",
        "--horizon",
        "14d",
        "--output",
        "shops_ahead.csv",
    ]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let said = &finished.stderr;
    assert!(said.contains("601 series, 8,414 rows"), "{said}");
    assert!(said.contains("left out: shop torn: "), "{said}");
    let written = std::fs::read_to_string(place.path().join("shops_ahead.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(written.as_bytes());
    assert_eq!(rows.headers().unwrap(), vec!["shop", "time", "forecast", "q0.1", "q0.5", "q0.9"]);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for row in rows.records().map(Result::unwrap) {
        let ahead = seen.entry(row[0].to_owned()).or_default();
        let forecast: f64 = row[2].parse().unwrap();
        if let Some(shop) = row[0].strip_prefix("shop-") {
            // 2026-01-01, a Thursday, is day 731.
            let weekday = (731 - 1 + *ahead) % 7;
            let size = 100.0 * (shop.parse::<f64>().unwrap() + 1.0);
            let truth = if weekday == 6 { 10.0 } else { size + weekday as f64 };
            assert!((forecast - truth).abs() < 0.02 * size, "{row:?} is not {truth}");
        } else {
            assert!(&row[0] == "young" && (forecast - 5.0).abs() < 1e-9, "{row:?}");
        }
        *ahead += 1;
    }
    assert_eq!(seen.len(), count + 1);
    assert!(seen.values().all(|&days| days == 14));
}

#[test]
fn a_column_that_is_not_there_and_an_empty_query_are_said() {
    let place = Workplace::new();
    shops(&place, 1);
    let ask = |query: &str, each: &str| {
        let args = ["forecast", "--lake", "lake", "--time", "day", "--target", "kwh"];
        let asked = ["--query", query, "--each", each, "--output", "out.csv"];
        place.run(&[&args[..], &asked].concat())
    };
    let finished = ask("SELECT * FROM 'shops.csv'", "shopp");
    assert_ne!(finished.code, 0);
    assert!(finished.stderr.contains("shopp"), "{}", finished.stderr);
    let finished = ask("SELECT * FROM 'shops.csv' WHERE shop = 'none'", "shop");
    assert!(finished.stderr.contains("the query has no rows"), "{}", finished.stderr);
    assert!(!place.path().join("out.csv").exists());
}
