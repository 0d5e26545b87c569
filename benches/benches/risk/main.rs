//! Risk models beside LightGBM and scikit-learn, on five stratified folds of any
//! table: the same rows are learnt from and judged, and all measures are taken
//! by scikit-learn.
//!
//! `LOADSTAR_TEST_READERS=PYTHON cargo bench --workspace --bench risk -- FILE ID LABEL [SEEDS]`
//! with a Python that has lightgbm, pandas and scikit-learn. FILE is a CSV, as it is or
//! compressed; LABEL is 0 or 1; SEEDS (1) are joined by commas. Settings are the defaults of
//! everyone, and one of LightGBM's with small trees.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use loadstar_models::risk::{MethodKind, RiskSpec, RiskTable, fit};
use loadstar_sql::{Lake, LakeOptions, collect};

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const FOLDS: usize = 5;
const METHODS: [(&str, Option<MethodKind>); 3] = [
    ("trees", Some(MethodKind::Boosted)),
    ("scorecard", Some(MethodKind::Scorecard)),
    ("chosen", None),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (Some(python), [file, id, label, seeds @ ..]) =
        (std::env::var_os("LOADSTAR_TEST_READERS"), &args[..])
    else {
        println!("risk: LOADSTAR_TEST_READERS=PYTHON … -- FILE ID LABEL [SEEDS]; left out");
        return ExitCode::SUCCESS;
    };
    let peers = Peers { python: python.into() };
    let seeds = seeds.first().map_or("1", String::as_str);
    match run(&peers, file, id, label, seeds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("risk: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Peers {
    python: PathBuf,
}

impl Peers {
    fn run(&self, args: &[&str]) -> Result<(), Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/risk/peers.py");
        let status = Command::new(&self.python).arg("-Wignore").arg(script).args(args).status()?;
        if status.success() { Ok(()) } else { Err(format!("peers.py ended with {status}").into()) }
    }
}

fn run(peers: &Peers, file: &str, id: &str, label: &str, seeds: &str) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (dealt, ours) = (path("folds.csv"), path("ours.csv"));
    peers.run(&["folds", file, label, seeds, &dealt])?;
    let (rows, folds) = read(file, &dealt)?;
    println!(
        "{}: {} rows, {} columns, seeds {seeds}",
        name_of(file),
        rows.num_rows(),
        rows.num_columns()
    );

    let mut header = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (seed, fold_of) in seeds.split(',').zip(&folds) {
        for (name, method) in METHODS {
            let since = Instant::now();
            let (held, last) = out_of_fold(&rows, id, label, fold_of, method)?;
            println!(
                "{name}, seed {seed}: {:.1} s for five folds; {last}",
                since.elapsed().as_secs_f64()
            );
            header.push(format!("{name} {seed}"));
            columns.push(held);
        }
    }
    let mut text = header.join(",");
    for row in 0..rows.num_rows() {
        let cells: Vec<String> = columns.iter().map(|column| column[row].to_string()).collect();
        text.push('\n');
        text.push_str(&cells.join(","));
    }
    std::fs::write(&ours, text)?;
    peers.run(&["judge", file, id, label, &dealt, &ours])
}

fn name_of(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// All rows in the order of the file, and by seed the fold of each.
fn read(file: &str, dealt: &str) -> Result<(RecordBatch, Vec<Vec<usize>>), Failure> {
    let folds = std::fs::read_to_string(dealt)?;
    let mut lines = folds.lines();
    let mut by_seed = vec![Vec::new(); lines.next().unwrap_or_default().split(',').count()];
    for line in lines {
        for (folds, fold) in by_seed.iter_mut().zip(line.split(',')) {
            folds.push(fold.parse()?);
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let rows = runtime.block_on(async {
        let empty = tempfile::tempdir()?;
        let url = format!("file://{}", empty.path().display());
        // One partition keeps the order of the file.
        let options = LakeOptions {
            files_in_place: true,
            target_partitions: Some(1),
            ..LakeOptions::default()
        };
        let lake = Lake::open(&url, options).await?;
        let session = lake.at(None).await?;
        let batches = collect(&session, &format!("SELECT * FROM '{file}'")).await?;
        let first = batches.first().ok_or("the file has no rows")?;
        Ok::<_, Failure>(concat_batches(&first.schema(), &batches)?)
    })?;
    Ok((rows, by_seed))
}

/// The probability of each row by a model that saw the other folds, and how the
/// last of them came about.
fn out_of_fold(
    rows: &RecordBatch,
    id: &str,
    label: &str,
    fold_of: &[usize],
    method: Option<MethodKind>,
) -> Result<(Vec<f64>, String), Failure> {
    let mut held = vec![0.0; rows.num_rows()];
    let mut told = String::new();
    for fold in 0..FOLDS {
        let part = |inside: bool| -> Result<RiskTable, Failure> {
            let mask: BooleanArray =
                fold_of.iter().map(|of| Some((*of == fold) == inside)).collect();
            let batch = filter_record_batch(rows, &mask)?;
            Ok(RiskTable::from_batches(&[batch], id, Some(label))?)
        };
        let mut spec = RiskSpec::new("bench");
        if let Some(method) = method {
            spec = spec.method(method);
        }
        let model = fit(&part(false)?, &spec)?;
        let scores = model.score_only(&part(true)?)?;
        let places = fold_of.iter().enumerate().filter(|(_, of)| **of == fold);
        for ((place, _), score) in places.zip(scores) {
            held[place] = score.probability;
        }
        told = model.choice.text_en();
    }
    Ok((held, told))
}
