//! `loadstar forecast --what-if`: the load under other circumstances.

use serde_json::Value;

use crate::command::Workplace;

/// 200 days by the hour of a town that draws 3 kW more for each degree, and two
/// days of the weather to come.
fn town(place: &Workplace) {
    let start = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let mut text = "time,load,temperature\n".to_owned();
    for hour in 0..202_i64 * 24 {
        let time = start + chrono::TimeDelta::hours(hour);
        // Days come as they like: no load before tells of the next one's weather.
        let day = ((hour / 24 + 1) as f64 * 0.618_033_988_749_895 * 7.0).fract();
        let day = (day * 12.9898).sin() * 43_758.545;
        let temperature =
            7.0 + 16.0 * (day - day.floor()) + 4.0 * ((hour % 24) as f64 * 0.26).sin();
        let load = 100.0 + 3.0 * temperature;
        let load = if hour < 200 * 24 { format!("{load:.3}") } else { String::new() };
        text += &format!("{time},{load},{temperature:.3}\n");
    }
    place.write("town.csv", text);
}

fn ask(place: &Workplace, more: &[&str]) -> crate::command::Finished {
    let query = "SELECT * FROM 'town.csv'";
    let args = ["forecast", "--lake", "lake", "--query", query, "--horizon", "48h", "--json"];
    let columns = ["--time", "time", "--target", "load", "--known", "temperature"];
    place.run(&[&args[..], &columns, more].concat())
}

#[test]
fn warmer_weather_and_less_load_are_set_beside_what_is_expected() {
    let place = Workplace::new();
    town(&place);
    let finished = ask(&place, &["--what-if", "temperature=+2"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let rows: Value = serde_json::from_str(&finished.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 48);
    let sum = |name: &str| rows.iter().map(|row| row[name].as_f64().unwrap()).sum::<f64>();
    let mean = sum("difference") / 48.0;
    assert!((5.0..7.0).contains(&mean), "{mean}");
    assert!((sum("what_if") - sum("forecast") - sum("difference")).abs() < 1e-6);
    assert!(finished.stderr.contains("what if: sum "), "{}", finished.stderr);

    let finished = ask(&place, &["--what-if", "temperature=0", "--what-if", "load=-10.5"]);
    let rows: Value = serde_json::from_str(&finished.stdout).unwrap();
    for row in rows.as_array().unwrap() {
        assert!((row["difference"].as_f64().unwrap() + 10.5).abs() < 1e-9, "{row}");
    }
}

#[test]
fn what_is_not_known_ahead_cannot_be_moved() {
    let place = Workplace::new();
    town(&place);
    for (asked, why) in [
        ("price=+2", "no price is known ahead; there is temperature, load"),
        ("temperature", "write NAME=±X, such as temperature=+2 or load=-150"),
        ("temperature=warm", "write NAME=±X"),
    ] {
        let finished = ask(&place, &["--what-if", asked]);
        assert_ne!(finished.code, 0, "{asked}");
        assert!(finished.stderr.contains(why), "{asked}: {}", finished.stderr);
    }
}
