//! The README's walk-through: 507 real buildings from their own CSV files.
//! The totals are computed again here, from the file's text alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::command::Workplace;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bdg1");

/// 10⁻⁴ kWh by industry and by region, from the CSV files.
fn expected() -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let customers = std::fs::read_to_string(Path::new(FOLDER).join("customers.csv")).unwrap();
    let place: BTreeMap<&str, (&str, &str)> = customers
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0], (cells[1], cells[5]))
        })
        .collect();
    let daily = plain_csv();
    let (mut industry, mut region) = (BTreeMap::new(), BTreeMap::new());
    for line in daily.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let kwh = (cells[2].parse::<f64>().unwrap() * 10_000.0).round() as i64;
        let (of, at) = place[cells[1]];
        *industry.entry(of.to_owned()).or_default() += kwh;
        *region.entry(at.to_owned()).or_default() += kwh;
    }
    (industry, region)
}

/// The daily file, decompressed by `loadstar sql` row for row.
fn plain_csv() -> String {
    let place = Workplace::new();
    let query = format!("SELECT date, uid, kwh FROM '{FOLDER}/daily_kwh.csv.zst'");
    place.ok(&["sql", "-c", &query, "--format", "csv"])
}

/// The commands of the README's walk-through, as they stand there.
fn walk_through() -> Vec<String> {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let section = readme.split("<!-- bring your own: begin -->").nth(1).unwrap();
    let section = section.split("<!-- bring your own: end -->").next().unwrap();
    let mut scripts = Vec::new();
    for block in section.split("```sh\n").skip(1) {
        scripts.push(block.split("```").next().unwrap().to_owned());
    }
    scripts
}

#[test]
fn the_readme_walk_through_gives_the_files_own_totals() {
    let place = Workplace::new();
    std::fs::create_dir(place.path().join("bdg1")).unwrap();
    for name in ["customers.csv", "daily_kwh.csv.zst"] {
        std::fs::copy(Path::new(FOLDER).join(name), place.path().join("bdg1").join(name)).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_loadstar"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for script in walk_through() {
        let script = script.replace("pipeline/tests/data/bdg1/", "bdg1/");
        let done = Command::new("bash")
            .args(["-euc", &script])
            .current_dir(place.path())
            .env("PATH", &path)
            .env("HOME", place.path())
            .output()
            .unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{script}\n{out}\n{err}");
    }

    let (industry, region) = expected();
    for (axis, totals) in [("industry", industry), ("region", region)] {
        assert!(totals.len() >= 3, "{axis}");
        let rows = place.ok(&[
            "--lake",
            "bdg1/lake",
            "sql",
            "--json",
            "-c",
            &format!(
                "SELECT {axis}_code AS code, CAST(sum(energy_kwh) * 10000 AS BIGINT) AS kwh \
                 FROM sales_daily GROUP BY 1"
            ),
        ]);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).unwrap();
        let got: BTreeMap<String, i64> = rows
            .iter()
            .map(|row| (row["code"].as_str().unwrap().to_owned(), row["kwh"].as_i64().unwrap()))
            .collect();
        assert_eq!(got, totals, "{axis}");
    }
    let pages = std::fs::read_dir(place.path().join("bdg1/reports")).unwrap().count();
    assert!(pages >= 2, "a PDF and at least one picture");
}
