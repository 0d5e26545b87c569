//! `loadstar generate`: the synthetic utility as events, and its truth.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use loadstar_ingest::produce::{Producer, Record};
use loadstar_schema::synthetic::{DayOfEvents, Truth, Utility, UtilitySpec};

use crate::UsageError;
use crate::cli::GenerateArgs;
use crate::context::Context;
use crate::output::write_file;
use crate::terminal::{Stages, thousands, write_stdout};

/// Patience with the broker for the last acknowledgements.
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);

/// Where events go.
enum Target {
    Kafka(Box<Producer>),
    Folder { path: PathBuf, files: HashMap<&'static str, BufWriter<File>> },
}

/// Makes every event and the truth file.
pub async fn run(args: GenerateArgs, context: Context) -> Result<()> {
    // Sending waits; it must not hold up the runtime's own work.
    tokio::task::spawn_blocking(move || generate(args, &context)).await?
}

fn generate(args: GenerateArgs, context: &Context) -> Result<()> {
    if !(0.0..=0.5).contains(&args.defects) {
        return Err(UsageError::new("--defects is a share from 0 to 0.5").into());
    }
    if args.interval <= 0 || 1440 % args.interval != 0 {
        return Err(UsageError::new("--interval must divide a day: 15, 30 or 60 minutes").into());
    }
    let spec = UtilitySpec {
        customers: args.customers as usize,
        days: args.days,
        seed: args.seed,
        interval_min: args.interval,
        defect_rate: args.defects,
        ..UtilitySpec::default()
    };
    let (mut target, beside) = open(&args.to, context)?;
    let truth_file = args.truth.unwrap_or_else(|| beside.join("truth.json"));

    let utility = Utility::new(spec)?;
    let mut stages = Stages::new(1);
    let stage = stages.begin("generating");
    let total = u64::from(args.days);
    let (mut days, mut events) = (utility.days(), 0_u64);
    for (done, day) in days.by_ref().enumerate() {
        events += day.events.len() as u64;
        send(&mut target, &day)?;
        stage.set(done as u64 + 1, total, format!("{} {} events", day.day, thousands(events)));
    }
    match target {
        Target::Kafka(mut producer) => producer.flush(DELIVERED_WITHIN)?,
        Target::Folder { mut files, path } => {
            for file in files.values_mut() {
                file.flush().with_context(|| format!("cannot write into {}", path.display()))?;
            }
        }
    }
    let truth = days.truth();
    write_file(&truth_file, serde_json::to_string_pretty(&truth)?.as_bytes())?;
    stage.finish(format!("{} events", thousands(events)));
    tell(context, events, &args.to, &truth, &truth_file)
}

fn tell(context: &Context, events: u64, to: &str, truth: &Truth, file: &Path) -> Result<()> {
    if context.json {
        let said = serde_json::json!({
            "events": events, "to": to, "truth": file, "topics": truth.topics,
        });
        return write_stdout(&format!("{said}\n"));
    }
    write_stdout(&format!("{} events to {to}\ntruth: {}\n", thousands(events), file.display()))
}

fn open(to: &str, context: &Context) -> Result<(Target, PathBuf)> {
    if let Some(brokers) = to.strip_prefix("kafka://") {
        let producer = Producer::connect(brokers, &context.config.kafka_properties())?;
        return Ok((Target::Kafka(Box::new(producer)), PathBuf::from(".")));
    }
    if to.contains("://") {
        return Err(
            UsageError::new(format!("--to {to}: give kafka://host:port or a folder")).into()
        );
    }
    let path = PathBuf::from(to);
    std::fs::create_dir_all(&path)
        .with_context(|| format!("cannot make the folder {}", path.display()))?;
    Ok((Target::Folder { path: path.clone(), files: HashMap::new() }, path))
}

fn send(target: &mut Target, day: &DayOfEvents) -> Result<()> {
    match target {
        Target::Kafka(producer) => {
            for event in &day.events {
                producer.send(&Record {
                    topic: event.topic,
                    key: event.key.as_bytes(),
                    payload: &event.payload,
                    timestamp: event.timestamp,
                })?;
            }
        }
        Target::Folder { path, files } => {
            for event in &day.events {
                let file = match files.entry(event.topic) {
                    std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
                    std::collections::hash_map::Entry::Vacant(new) => {
                        let name = path.join(format!("{}.jsonl", event.topic));
                        let file = File::create(&name)
                            .with_context(|| format!("cannot write {}", name.display()))?;
                        new.insert(BufWriter::new(file))
                    }
                };
                file.write_all(&event.payload)
                    .and_then(|()| file.write_all(b"\n"))
                    .with_context(|| format!("cannot write into {}", path.display()))?;
            }
        }
    }
    Ok(())
}
