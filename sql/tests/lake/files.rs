//! Files queried in place and read for `load --map`.

use std::io::Write;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use loadstar_schema::Table;
use loadstar_sql::{LakeError, LakeOptions, Mapping, map_file};

use crate::written::{Written, cells, pretty};

const CSV: &str = "date,uid,kwh\n2014-01-01,U1,12.5\n2014-01-02,U1,13.25\n";

/// The CSV above under a name of each kind.
async fn files(written: &Written) -> Vec<PathBuf> {
    let path = |name: &str| written.path().join(name);
    std::fs::write(path("x.csv"), CSV).expect("written");
    let json = "{\"date\":\"2014-01-01\",\"uid\":\"U1\",\"kwh\":12.5}\n{\"date\":\"2014-01-02\",\"uid\":\"U1\",\"kwh\":13.25}\n";
    std::fs::write(path("x.jsonl"), json).expect("written");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(CSV.as_bytes()).expect("compressed");
    std::fs::write(path("x.csv.gz"), gz.finish().expect("compressed")).expect("written");
    std::fs::write(path("x.csv.zst"), zstd::encode_all(CSV.as_bytes(), 1).expect("compressed"))
        .expect("written");
    let ctx = written.now().await;
    let copy = format!(
        "COPY (SELECT * FROM '{}') TO '{}'",
        path("x.csv").display(),
        path("x.parquet").display()
    );
    cells(&ctx, &copy).await;
    ["x.csv", "x.jsonl", "x.csv.gz", "x.csv.zst", "x.parquet"].map(path).to_vec()
}

async fn lake_with_files() -> Written {
    Written::with(LakeOptions { files_in_place: true, ..LakeOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_answers_to_its_name() {
    let written = lake_with_files().await;
    for path in files(&written).await {
        let sql = format!("SELECT count(*), sum(kwh), max(date) FROM '{}'", path.display());
        let answer = cells(&written.now().await, &sql).await;
        assert_eq!(answer, [["2", "25.75", "2014-01-02"]], "{}", path.display());
    }
    let error = loadstar_sql::collect(&written.now().await, "SELECT * FROM 'gone.csv.gz'").await;
    assert!(error.expect_err("no file").to_string().contains("there is no file gone.csv.gz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_layout_is_mapped() {
    let written = lake_with_files().await;
    let mappings: Vec<Mapping> = [
        "meter_id = uid",
        "day=CAST(date AS DATE)",
        "read_at = day_start(CAST(date AS DATE)) + INTERVAL '1 day'",
        "interval_min=1440",
        "energy_kwh=CAST(kwh AS DECIMAL(18, 4))",
    ]
    .map(|text| text.parse().expect("a mapping"))
    .to_vec();
    for path in files(&written).await {
        let rows = map_file(&path, Table::MeterReads, &mappings).await.expect("a stream");
        let rows: Vec<RecordBatch> = rows.try_collect().await.expect("rows");
        let expected = "\
+----------+------------+----------------------+--------------+------------+
| meter_id | day        | read_at              | interval_min | energy_kwh |
+----------+------------+----------------------+--------------+------------+
| U1       | 2014-01-01 | 2014-01-01T16:00:00Z | 1440         | 12.5000    |
| U1       | 2014-01-02 | 2014-01-02T16:00:00Z | 1440         | 13.2500    |
+----------+------------+----------------------+--------------+------------+";
        assert_eq!(pretty(&rows), expected, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_mapping_is_named() {
    let written = lake_with_files().await;
    let path = files(&written).await.remove(0);
    let map = |text: &str| {
        let mapping: Mapping = text.parse().expect("a mapping");
        let path = path.clone();
        async move {
            let error =
                map_file(&path, Table::MeterReads, &[mapping]).await.err().expect("refused");
            assert!(matches!(error, LakeError::Mapping { .. }));
            error.to_string()
        }
    };
    assert!(map("energy_kwh=kw").await.contains("energy_kwh = kw:"));
    assert!(map("energy_kwh=kw").await.contains("kwh"));
    let unnameable = map("Energy-kWh=kwh").await;
    assert!(unnameable.contains("has no column Energy-kWh") && unnameable.contains("a-z"));
    let of_reference: Mapping = "energy=kwh".parse().expect("a mapping");
    let error = map_file(&path, Table::Reference, &[of_reference]).await.err().expect("refused");
    assert!(error.to_string().contains("has no column energy"), "{error}");
    assert!("energy_kwh".parse::<Mapping>().is_err());
    let nothing = written.path().join("nothing.csv");
    assert!(matches!(map_file(&nothing, Table::Bills, &[]).await, Err(LakeError::File { .. })));
}
