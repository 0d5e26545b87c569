//! What inspections came to, against the truth of who stole.

use std::collections::{BTreeMap, BTreeSet};

use loadstar_schema::Table;
use loadstar_schema::event::InspectionCase;
use loadstar_schema::synthetic::{Truth, Utility, UtilitySpec};

use crate::utility;
use crate::written::{Written, cells};

/// The cases of a utility in a lake, the truth, and the newest version of each
/// case as basis, place, points in hundredths, customer and outcome.
async fn inspected(defect_rate: f64) -> (Written, Truth, BTreeMap<String, Told>) {
    let spec = UtilitySpec { customers: 900, days: 150, defect_rate, ..UtilitySpec::default() };
    let utility = Utility::new(spec).expect("a utility");
    let mut days = utility.days();
    let (mut rows, mut newest) = (Vec::new(), BTreeMap::<String, Told>::new());
    for event in days.by_ref().flat_map(|day| day.events) {
        let Some((Table::InspectionCases, landed)) = utility::rows(&event) else { continue };
        rows.extend(landed);
        let case: InspectionCase<'_> = serde_json::from_slice(&event.payload).expect("a case");
        let told = Told {
            version: case.version,
            kind: case.kind.to_string(),
            basis: case.basis.to_string(),
            place: case.place,
            score: case.score.map(|score| score.0),
            customer_id: case.customer_id.as_deref().unwrap_or_default().to_owned(),
            outcome: case.outcome.as_deref().unwrap_or_default().to_owned(),
        };
        let kept = newest.entry(case.case_id.to_string()).or_insert_with(|| told.clone());
        if told.version > kept.version {
            *kept = told;
        }
    }
    let written = Written::new().await;
    written.land(Table::InspectionCases, &rows).await;
    (written, days.truth(), newest)
}

#[derive(Clone, Debug)]
struct Told {
    version: i32,
    kind: String,
    basis: String,
    place: Option<i32>,
    score: Option<i128>,
    customer_id: String,
    outcome: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_those_of_the_truth() {
    for defect_rate in [0.0, 0.1] {
        let (written, truth, cases) = inspected(defect_rate).await;
        let ctx = written.now().await;
        let told = "SELECT to_char(month, '%Y-%m'), kind, opened_count, inspected_count, confirmed_count,
                cleared_count, no_access_count, hit_rate, recovered_energy_kwh, recovered_amount, penalty_amount
            FROM inspection.outcomes ORDER BY 1, 2";
        let mut expected: Vec<Vec<String>> = truth
            .inspections
            .iter()
            .map(|month| {
                let inspected = month.confirmed + month.cleared;
                vec![
                    month.month.clone(),
                    month.kind.clone(),
                    month.opened.to_string(),
                    inspected.to_string(),
                    month.confirmed.to_string(),
                    month.cleared.to_string(),
                    month.no_access.to_string(),
                    rate(month.confirmed, inspected),
                    month.recovered_kwh.clone(),
                    month.recovered.clone(),
                    month.penalties.clone(),
                ]
            })
            .collect();
        expected.sort();
        assert_eq!(cells(&ctx, told).await, expected);
        let facts = "SELECT count(*) FROM inspection_cases";
        assert_eq!(cells(&ctx, facts).await, [[cases.len().to_string()]]);
        assert_eq!(truth.tables["inspection_cases"].facts, cases.len() as u64);

        // Only who steals is found stealing, and none of them is cleared of it.
        let thieves: BTreeSet<&str> =
            truth.thieves.iter().map(|thief| thief.customer_id.as_str()).collect();
        let of_theft = |outcome: &str| {
            let of = cases.values().filter(|case| case.kind == "theft" && case.outcome == outcome);
            of.map(|case| case.customer_id.as_str()).collect::<BTreeSet<&str>>()
        };
        assert!(of_theft("confirmed").is_subset(&thieves) && !of_theft("confirmed").is_empty());
        assert!(of_theft("cleared").is_disjoint(&thieves) && !of_theft("cleared").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hit_rates_count_each_case_under_its_basis_and_rank() {
    let (written, _, cases) = inspected(0.0).await;
    let mut expected = Vec::new();
    let basiss: BTreeSet<&str> = cases.values().map(|case| case.basis.as_str()).collect();
    for basis in basiss {
        let mut row = |cut: &str, low: Option<i32>, high: Option<i32>| {
            let inside = |case: &&Told| match (cut, low, high) {
                ("place", _, Some(high)) => case.place.is_some_and(|place| place <= high),
                ("score", Some(low), Some(high)) => case.score.is_some_and(|score| {
                    let (low, high) = (i128::from(low) * 100, i128::from(high) * 100);
                    score >= low && (score < high || high == 10_000)
                }),
                _ => true,
            };
            let of_basis = cases.values().filter(|case| case.basis == basis);
            let of: Vec<&Told> = of_basis.filter(inside).collect();
            let count = |outcome: &str| of.iter().filter(|case| case.outcome == outcome).count();
            let inspected = count("confirmed") + count("cleared");
            let bound = |bound: Option<i32>| bound.map(|bound| bound.to_string());
            if !of.is_empty() {
                expected.push(vec![
                    basis.to_owned(),
                    cut.to_owned(),
                    bound(low).unwrap_or_default(),
                    bound(high).unwrap_or_default(),
                    of.len().to_string(),
                    count("").to_string(),
                    count("no_access").to_string(),
                    inspected.to_string(),
                    count("confirmed").to_string(),
                    rate(count("confirmed") as u64, inspected as u64),
                ]);
            }
        };
        row("all", None, None);
        for first in [10, 20, 50, 100] {
            row("place", Some(1), Some(first));
        }
        for low in [0, 20, 40, 60, 80] {
            row("score", Some(low), Some(low + 20));
        }
    }
    let told = "SELECT * FROM inspection.hit_rate ORDER BY basis, cut, lowest, highest";
    assert_eq!(cells(&written.now().await, told).await, expected);
}

/// A share in millionths as the views have it, half up; empty of nothing.
fn rate(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let millionths = (2_000_000 * part + whole) / (2 * whole);
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}
