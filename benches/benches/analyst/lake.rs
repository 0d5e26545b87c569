//! The lake that is asked, made once in its folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Days, Utc};
use futures::TryStreamExt as _;
use loadstar_benches::folder_bytes;
use loadstar_ingest::{LakeUrl, LoadSource, compact, load_rows};
use loadstar_schema::Table;
use loadstar_sql::{Lake, LakeOptions, RollupScope};

use crate::Failure;
use crate::utility::{City, DAYS, first_day};

/// Days that have corrected reads, from the first of July on.
const REVISED_DAYS: std::ops::Range<u64> = 181..186;

/// The lake of so many customers, made if it is not there yet.
pub(crate) async fn made(folder: &Path, customers: u64) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("lake-{customers}"));
    let complete = path.join("complete");
    if !complete.exists() {
        let started = Instant::now();
        let city = Arc::new(City::new(customers));
        let lake = LakeUrl::folder(&path)?;
        load(&lake, Table::Customers, "customers", city.customers()?).await?;
        // Two at a time: one sorts and encodes while the other puts and commits.
        futures::stream::iter((0..DAYS).map(Ok::<u64, Failure>))
            .try_for_each_concurrent(2, |number| {
                let (city, lake) = (Arc::clone(&city), lake.clone());
                async move {
                    let of_day = first_day() + Days::new(number);
                    let task = tokio::spawn(async move {
                        let reads = city.reads(of_day)?;
                        load(&lake, Table::MeterReads, &of_day.to_string(), reads).await
                    });
                    task.await?
                }
            })
            .await?;
        std::fs::write(complete, [])?;
        said("made reads", customers * DAYS, started);
    }
    let started = Instant::now();
    let lake = Lake::open(&path.to_string_lossy(), options(folder)).await?;
    let outcome = lake.roll_up(RollupScope::Changed, &|done, of| {
        if done % 50 == 0 && of > 0 {
            eprintln!("rolled up {done} of {of} days");
        }
    });
    let outcome = outcome.await?;
    if outcome.days > 0 {
        said(&format!("rolled up to {} rows", outcome.rows), customers * DAYS, started);
    }
    for table in [
        Table::MeterReads,
        Table::ConsumptionDaily,
        Table::ConsumptionHourly,
        Table::ConsumptionByAxes,
        Table::ConsumptionByAxesMonthly,
    ] {
        let name = table.name();
        if path.join(name).exists() {
            println!("{name}: {} MiB", folder_bytes(&path.join(name))? >> 20);
        }
    }
    Ok(path)
}

fn said(what: &str, rows: u64, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    println!("{what}: {rows} reads in {seconds:.0} s, {:.2} M/s", rows as f64 / seconds / 1e6);
}

/// Two cores and 4 GiB, beyond which queries spill.
pub(crate) fn options(folder: &Path) -> LakeOptions {
    LakeOptions {
        memory_limit_bytes: Some(4 << 30),
        spill_dir: Some(folder.to_owned()),
        target_partitions: Some(2),
        ..LakeOptions::default()
    }
}

async fn load(
    lake: &LakeUrl,
    table: Table,
    name: &str,
    rows: arrow::array::RecordBatch,
) -> Result<(), Failure> {
    let (name, digest) = (name.to_owned(), name.to_owned());
    let source = LoadSource { name, digest, available_at: DateTime::<Utc>::UNIX_EPOCH };
    load_rows(lake, table, &source, vec![rows], false).await?;
    Ok(())
}

/// The same reads in a lake of their own, and some of them corrected.
pub(crate) async fn revised(folder: &Path, of: &Path, customers: u64) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("lake-{customers}-revised"));
    if path.exists() {
        std::fs::remove_dir_all(&path)?;
    }
    let name = Table::MeterReads.name();
    link(&of.join(name), &path.join(name))?;
    let (city, lake) = (City::new(customers), LakeUrl::folder(&path)?);
    for number in REVISED_DAYS {
        let of_day = first_day() + Days::new(number);
        let name = format!("{of_day} corrected");
        load(&lake, Table::MeterReads, &name, city.revised(of_day)?).await?;
    }
    Ok(path)
}

/// Merges the corrections with what they correct.
pub(crate) async fn compacted(path: &Path) -> Result<(), Failure> {
    let summary = compact(&LakeUrl::folder(path)?, Table::MeterReads, Default::default()).await?;
    assert_eq!(summary.files_after as usize, REVISED_DAYS.count());
    Ok(())
}

/// A folder whose files are the same on disk: nobody writes into one.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link(&entry.path(), &to)?;
        } else {
            std::fs::hard_link(entry.path(), to)?;
        }
    }
    Ok(())
}
