//! `loadstar sql` over files and in each format.

use crate::command::Workplace;

#[test]
fn files_are_tables_in_place() {
    let place = Workplace::new();
    place.write("a.csv", "name,kwh\nx,1.5\ny,2.5\n");
    let rows = place.query("SELECT sum(kwh) AS kwh FROM 'a.csv'");
    assert_eq!(rows[0]["kwh"], 4.0);
}

#[test]
fn a_result_goes_through_every_format_unchanged() {
    let place = Workplace::new();
    place.write("a.csv", "name,kwh\nx,1.5\ny,2.5\n");
    let query = "SELECT name, kwh FROM 'a.csv' ORDER BY name";
    let direct = place.query(query);
    for ending in ["csv", "json", "parquet"] {
        let file = format!("out.{ending}");
        place.ok(&["sql", "-c", query, "--output", &file]);
        if ending != "json" {
            assert_eq!(place.query(&format!("SELECT * FROM '{file}' ORDER BY name")), direct);
        } else {
            let text = std::fs::read_to_string(place.path().join(&file)).unwrap();
            assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap(), direct);
        }
    }
    assert!(place.ok(&["sql", "-c", query]).contains("| x    | 1.5 |"));
    assert_eq!(place.ok(&["sql", "-c", query, "--format", "csv"]), "name,kwh\nx,1.5\ny,2.5\n");
}

#[test]
fn a_file_of_queries_answers_each() {
    let place = Workplace::new();
    place.write("two.sql", "SELECT 1 AS a;\n-- and\nSELECT 2 AS b;\n");
    let said = place.ok(&["sql", "-f", "two.sql", "--format", "csv"]);
    assert_eq!(said, "a\n1\nb\n2\n");
}

#[test]
fn tables_are_listed_and_described_as_in_psql() {
    let place = Workplace::new();
    assert!(place.ok(&["sql", "-c", r"\d"]).contains("sales_daily"));
    assert!(place.ok(&["sql", "-c", r"\d raw.meter_reads;"]).contains("energy_kwh"));
    assert!(place.fails(1, &["sql", "-c", r"\d custmers"]).contains("no table or view custmers"));
    assert!(place.fails(2, &["sql", "-c", r"\x"]).contains(r"\x is not known"));
}

/// Sixty days by the hour: a day's course, weekends lower.
fn hours() -> String {
    let mut csv = "t,y\n".to_owned();
    for hour in 0..60 * 24 {
        let (day, of_day) = (hour / 24, hour % 24);
        let weekend = if day % 7 >= 5 { 0.8 } else { 1.0 };
        let wave = (f64::from(of_day) / 24.0 * std::f64::consts::TAU).sin();
        let load = weekend * (100.0 + 30.0 * wave + f64::from(hour * 7919 % 13) / 10.0);
        let (month, date) = if day < 31 { (5, day + 1) } else { (6, day - 30) };
        csv += &format!("2026-{month:02}-{date:02}T{of_day:02}:00:00Z,{load}\n");
    }
    csv
}

#[test]
fn a_forecast_is_a_table() {
    let place = Workplace::new();
    place.write("load.csv", hours());
    let of = "query => 'SELECT * FROM ''load.csv''', time => 't', target => 'y'";
    let rows = place.query(&format!(
        "SELECT count(*) AS n, min(time) AS first, min(\"q0.9\" - \"q0.05\") >= 0 AS ordered,
            sum(f.forecast) AS kwh
         FROM forecast({of}, horizon => '48h', quantiles => '0.05,0.9') AS f WHERE forecast > 50"
    ));
    assert_eq!((&rows[0]["n"], &rows[0]["ordered"]), (&48.into(), &true.into()));
    assert!(rows[0]["first"].as_str().unwrap().starts_with("2026-06-30T00:00:00"), "{rows:?}");
    // The same as the command gives.
    let args = ["forecast", "--query", "SELECT * FROM 'load.csv'", "--time", "t", "--target", "y"];
    let told = place.ok(&[&args[..], &["--horizon", "48h", "--json"]].concat());
    let told: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap();
    let sum: f64 = told.iter().map(|row| row["forecast"].as_f64().unwrap()).sum();
    assert!((sum - rows[0]["kwh"].as_f64().unwrap()).abs() < 1e-6 * sum);
}

#[test]
fn a_forecast_that_cannot_be_made_says_why() {
    let place = Workplace::new();
    place.write("load.csv", hours());
    for (call, says) in [
        ("forecast('region=East')", "the lake has no consumption"),
        ("forecast('regon=East')", "the axes are"),
        ("forecast(horizont => '7d')", "there is no argument horizont"),
        ("forecast(horizon => 'soon')", "no span of time"),
        ("forecast(quantiles => '0.5,2')", "probabilities between 0 and 1"),
        ("forecast(horizon => now())", "must be text in quotes"),
        ("forecast(query => 'SELECT 1')", "go together"),
        ("forecast(query => 'DROP VIEW x', time => 't', target => 'y')", "DDL not supported"),
    ] {
        let said = place.fails(1, &["sql", "-c", &format!("SELECT * FROM {call}")]);
        assert!(said.contains(says), "{call}: {said}");
    }
}
