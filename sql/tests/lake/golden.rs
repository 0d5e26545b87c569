//! Every `.sql` file answers as it did: each has a golden result on the
//! village, or on a town where the village has no answer, and a missing one
//! fails, as does one without rows. `LOADSTAR_GOLDEN=write` writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_sql::{Features, REPORTS, SCHEMAS, VeeScope, Week, catalogue, report};

use crate::utility::landed_with_reads_of;
use crate::village::{LAST_DAY, village};
use crate::written::{Written, at, date, pretty, rows};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Whether a folder holds views by name, or queries of another kind.
fn is_view(folder: &str) -> bool {
    ["views", "rollups"].contains(&folder) || SCHEMAS.iter().any(|function| function.name == folder)
}

/// Some two hundred rows, evenly from the first to the last.
fn thinned(answer: &[RecordBatch]) -> Vec<RecordBatch> {
    let all = concat_batches(&answer[0].schema(), answer).expect("one batch");
    let step = all.num_rows().div_ceil(200);
    let picked: UInt64Array = (0..all.num_rows() as u64).step_by(step).collect();
    vec![take_record_batch(&all, &picked).expect("rows")]
}

fn is_empty(answer: &[RecordBatch]) -> bool {
    answer.iter().all(|batch| batch.num_rows() == 0)
}

fn compare(folder_name: &str, name: &str, answer: &str) -> Result<(), String> {
    let path = folder("tests/golden").join(folder_name).join(format!("{name}.txt"));
    if std::env::var_os("LOADSTAR_GOLDEN").is_some_and(|mode| mode == "write") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, format!("{answer}\n")).expect("written");
    }
    let golden = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; it answered\n{answer}", path.display()))?;
    if golden.trim_end() == answer.trim_end() {
        return Ok(());
    }
    Err(format!("{folder_name}/{name} answered\n{answer}\ninstead of\n{golden}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_answers_as_it_did() {
    // All of them would be half a million reads; three are of thieves.
    let wanted =
        |meter: &str| meter <= "M000060" || ["M000079", "M000176", "M000258"].contains(&meter);
    let (town, _) = landed_with_reads_of(TOWN, wanted).await;
    answers(&village().await, Some(&town.now().await)).await;
}

/// As [`every_query_answers_as_it_did`], where the village is kept otherwise; of
/// views that have no answer in it, that they still have none.
pub(crate) async fn all_answer_as_they_did(written: &Written) {
    answers(written, None).await;
}

/// Ten weeks of a small utility: enough for changes from month to month, and for
/// somebody to steal, complain twice and wait to be connected.
const TOWN: UtilitySpec = UtilitySpec {
    customers: 300,
    days: 75,
    seed: 21,
    end: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
    interval_min: 60,
    defect_rate: 0.02,
};

/// A view in all its rows, in the order of its columns; of a long one its last
/// day, or some two hundred rows of it.
async fn view(ctx: &SessionContext, schema: &str, name: &str) -> Vec<RecordBatch> {
    let business = SCHEMAS.iter().any(|function| function.name == schema);
    let name = if business { format!("{schema}.{name}") } else { name.to_owned() };
    let columns = ctx.table(&name).await.expect(&name).schema().fields().len();
    let order: Vec<String> = (1..=columns).map(|column| column.to_string()).collect();
    let order = order.join(", ");
    let answer = rows(ctx, &format!("SELECT * FROM {name} ORDER BY {order}")).await;
    let long = answer.iter().map(RecordBatch::num_rows).sum::<usize>() > 400;
    match (long, business) {
        (false, _) => answer,
        // Hours of all classes would make a long file: its last day says enough.
        (true, false) => {
            let last =
                format!("SELECT * FROM {name} WHERE day = DATE '{LAST_DAY}' ORDER BY {order}");
            rows(ctx, &last).await
        }
        (true, true) => thinned(&answer),
    }
}

async fn answers(written: &Written, town: Option<&SessionContext>) {
    let ctx = written.now().await;
    let week = Week::of(date(LAST_DAY));
    let gap = VeeScope::Days(date("2026-11-13"), date("2026-11-13"));
    let work = written.lake.vee_work(gap, date(LAST_DAY)).await.expect("work");
    let batch = work.batch(work.batches().last().expect("days")).await.expect("suspects");
    let mut wrong = Vec::new();
    for (kind, query) in catalogue() {
        let answer = match (kind, query.name) {
            (schema, name) if is_view(schema) => {
                let answer = view(&ctx, schema, name).await;
                match (is_empty(&answer), town) {
                    (false, _) => answer,
                    (true, Some(town)) => view(town, schema, name).await,
                    (true, None) => continue,
                }
            }
            ("features", "arrears") => {
                let instants = [at("2026-10-15", 0), at("2026-11-15", 0)];
                written.lake.features(Features::Arrears, &instants).await.expect("features")
            }
            // Both files of a kind speak in one answer.
            ("features", name) => {
                let kind =
                    if name.starts_with("churn") { Features::Churn } else { Features::Theft };
                let instants = [at("2026-08-01", 0), at("2026-11-19", 0)];
                written.lake.features(kind, &instants).await.expect("features")
            }
            ("since", name) => {
                // Of bills since before some were issued anew, of reads since later.
                let mut answer = Vec::new();
                for (since, of) in [
                    (at("2026-10-10", 0), "source = 'bills'"),
                    (at("2026-11-14", 12), "day < DATE '2026-11-16'"),
                ] {
                    let between = written.lake.between(since, None).await.expect("a session");
                    let order = "ORDER BY source, id, channel, day, rule, reason";
                    let sql = format!("SELECT * FROM {name} WHERE {of} {order}");
                    answer.extend(rows(&between, &sql).await);
                }
                answer
            }
            ("analyst", _) => rows(&ctx, query.sql).await,
            ("vee", "suspects") => batch.suspects.clone(),
            ("vee", "outages") => batch.outages.clone(),
            ("vee", "known") => batch.known.clone(),
            ("vee", _) => batch.reads().await.expect("reads").try_collect().await.expect("reads"),
            (_, name) => {
                let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
                let parameters = [("scope", text("total")), ("model", text("arrears"))];
                report(&ctx, name, week, &parameters).await.expect(name)
            }
        };
        assert!(!is_empty(&answer), "{kind}/{} has no rows to go by", query.name);
        wrong.extend(compare(kind, query.name, &pretty(&answer)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_file_is_in_the_catalogue_and_says_what_it_is() {
    let known: BTreeSet<String> =
        catalogue().iter().map(|(kind, query)| format!("{kind}/{}.sql", query.name)).collect();
    let mut found = BTreeSet::new();
    let used = SCHEMAS.iter().filter(|function| !function.views.is_empty());
    let functions = used.map(|function| function.name);
    let folders = ["views", "rollups", "features", "reports", "since", "vee", "analyst"];
    for kind in folders.into_iter().chain(functions) {
        for file in std::fs::read_dir(folder("queries").join(kind)).expect("a folder") {
            let name = file.expect("a file").file_name();
            found.insert(format!("{kind}/{}", name.to_string_lossy()));
        }
    }
    assert_eq!(known, found);
    for (kind, query) in catalogue() {
        let about = query.about().join("\n");
        for part in ["Question:", "Grain:", "Units:", "Month:"] {
            assert!(about.contains(part), "{kind}/{} does not say its {part}", query.name);
        }
    }
    assert!(REPORTS.len() >= 8);
}
