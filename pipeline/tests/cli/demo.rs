//! `loadstar demo` of a utility that is younger than its models need.

use serde_json::Value;

use crate::command::Workplace;

#[test]
fn a_short_history_leaves_the_risk_scores_out_and_nothing_else() {
    let place = Workplace::new();
    let args = ["demo", "--customers", "20", "--days", "90", "--dir", "young", "--json"];
    let finished = place.run(&args);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let said: Value = serde_json::from_str(&finished.stdout).unwrap();
    let outcome = |stage: &str| -> String {
        let stages = said["stages"].as_array().unwrap().iter();
        let found = stages.clone().find(|done| done["stage"] == stage);
        found.unwrap_or_else(|| panic!("{stage}"))["outcome"].as_str().unwrap().to_owned()
    };
    let risk = outcome("risk");
    for model in ["arrears", "churn"] {
        let why = format!("{model}: left out, not enough history: outcomes are known ");
        assert!(risk.contains(&why), "{risk}");
    }
    assert!(finished.stderr.contains("left out, not enough history"), "{}", finished.stderr);
    assert!(outcome("forecast").contains("day-ahead MAPE"), "{}", outcome("forecast"));
    assert!(outcome("report").contains("PDF and PNG files"), "{}", outcome("report"));
    let reports = std::fs::read_dir(place.path().join("young/reports")).unwrap();
    let names = reports.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".pdf")).count(), 2);
    let lake = ["--lake", "young/lake", "--json"];
    let count = "SELECT count(*) AS n FROM risk_scores";
    let scored = place.run(&[&["sql", "-c", count][..], &lake].concat());
    assert!(scored.code == 1 || scored.stdout.contains("\"n\":0"), "{}", scored.stdout);
}
