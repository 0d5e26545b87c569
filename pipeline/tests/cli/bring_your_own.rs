//! The README's walk-through: 507 real buildings from their own CSV files.
//! The totals are computed again here, from the file's text alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use crate::command::Workplace;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bdg1");

/// 10⁻⁴ kWh by industry and by region, from the CSV files.
fn expected() -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let place: BTreeMap<String, [String; 2]> =
        records(File::open(Path::new(FOLDER).join("customers.csv")).unwrap())
            .map(|cells| (cells[0].to_owned(), [cells[1].to_owned(), cells[5].to_owned()]))
            .collect();
    let daily = File::open(Path::new(FOLDER).join("daily_kwh.csv.zst")).unwrap();
    let (mut industry, mut region) = (BTreeMap::new(), BTreeMap::new());
    for cells in records(zstd::Decoder::new(daily).unwrap()) {
        let kwh = (cells[2].parse::<f64>().unwrap() * 10_000.0).round() as i64;
        let [of, at] = &place[&cells[1]];
        *industry.entry(of.clone()).or_default() += kwh;
        *region.entry(at.clone()).or_default() += kwh;
    }
    (industry, region)
}

fn records(file: impl Read) -> impl Iterator<Item = csv::StringRecord> {
    csv::Reader::from_reader(file).into_records().map(Result::unwrap)
}

/// Runs a walk-through of the README as it stands there, but for what `changed`
/// does to a script; returns what the commands said on stderr.
pub(crate) fn walk_through(
    name: &str,
    place: &Workplace,
    changed: impl Fn(String) -> String,
) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let section = readme.split(&format!("<!-- {name}: begin -->")).nth(1).unwrap();
    let section = section.split(&format!("<!-- {name}: end -->")).next().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_loadstar"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut said = String::new();
    for block in section.split("```sh\n").skip(1) {
        let script = changed(block.split("```").next().unwrap().to_owned());
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
        said.push_str(&err);
    }
    said
}

#[test]
fn the_readme_walk_through_gives_the_files_own_totals() {
    let place = Workplace::new();
    std::fs::create_dir(place.path().join("bdg1")).unwrap();
    for name in ["customers.csv", "daily_kwh.csv.zst"] {
        std::fs::copy(Path::new(FOLDER).join(name), place.path().join("bdg1").join(name)).unwrap();
    }
    walk_through("bring your own", &place, |script| {
        script.replace("pipeline/tests/data/bdg1/", "bdg1/")
    });

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
