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
