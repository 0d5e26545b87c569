//! `loadstar dead-letters`: what could not be taken in, and a second chance.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{AsArray, RecordBatch};
use chrono::Utc;
use datafusion::prelude::SessionContext;
use loadstar_ingest::decode::writer::schema_id;
use loadstar_ingest::decode::{KnownCodes, PAYLOAD_LIMIT_BYTES};
use loadstar_ingest::{DeadLetter, Registry, Replay, ReplaySummary, replay, try_out};
use loadstar_schema::Table;
use loadstar_sql::collect;

use crate::UsageError;
use crate::cli::{DeadLettersAction, DeadLettersArgs, WhichLetters};
use crate::commands::{ingest, known_codes, lake_url, open_lake};
use crate::context::Context;
use crate::payload;
use crate::rows::rows;
use crate::terminal::{self, thousands, write_stdout};

/// Letters that have not landed by a replay.
const OPEN: &str = "SELECT * FROM dead_letters AS letter WHERE NOT EXISTS (
    SELECT 1 FROM dead_letter_replays AS replay
    WHERE replay.state = 'landed' AND replay.topic = letter.topic
        AND replay.partition = letter.partition AND replay.\"offset\" = letter.\"offset\")";

/// Replays that were interrupted between claim and landing.
const UNFINISHED: &str = "SELECT claim.replay_id, letter.topic, letter.partition,
        letter.\"offset\", letter.message_key, letter.payload
    FROM dead_letter_replays AS claim
    JOIN dead_letters AS letter ON letter.topic = claim.topic
        AND letter.partition = claim.partition AND letter.\"offset\" = claim.\"offset\"
    WHERE claim.state = 'claimed' AND NOT EXISTS (
        SELECT 1 FROM dead_letter_replays AS done
        WHERE done.state <> 'claimed' AND done.replay_id = claim.replay_id)
    ORDER BY 1, 2, 3, 4";

/// Lists, shows or replays.
pub async fn run(args: DeadLettersArgs, context: Context) -> Result<()> {
    let lake = open_lake(&context, false).await?;
    let session = lake.at(None).await?;
    match args.action {
        DeadLettersAction::List { which, limit } => list(&context, &session, &which, limit).await,
        DeadLettersAction::Show { topic, partition, offset } => {
            show(&context, &session, &topic, partition, offset).await
        }
        DeadLettersAction::Replay { which, table, dry_run } => {
            let table = table.map(|name| table_named(&name)).transpose()?;
            let second_chance = SecondChance {
                tables: by_topic(&context)?,
                table,
                codes: Arc::new(known_codes(&session).await?),
                registry: ingest::registry(&context.config)?,
                context: &context,
            };
            second_chance.give(&session, &which, dry_run).await
        }
    }
}

fn table_named(name: &str) -> Result<Table> {
    let tables =
        Table::LANDED.iter().copied().chain([Table::Reference, Table::Tariffs, Table::Calendar]);
    let known: Vec<&str> = tables.clone().map(Table::name).collect();
    match tables.into_iter().find(|table| table.name() == name) {
        Some(table) => Ok(table),
        None => bail!(UsageError::new(format!(
            "--table {name}: tables with messages are {}",
            known.join(", ")
        ))),
    }
}

fn by_topic(context: &Context) -> Result<BTreeMap<String, Table>> {
    let topics = ingest::topics(&context.config.kafka.topics)?;
    Ok(topics.into_iter().map(|(table, topic)| (topic, table)).collect())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl WhichLetters {
    fn condition(&self) -> String {
        let mut conditions = vec!["true".to_owned()];
        if let Some(topic) = &self.topic {
            conditions.push(format!("topic = {}", quoted(topic)));
        }
        if let Some(reason) = &self.reason {
            conditions.push(format!("reason = {}", quoted(reason)));
        }
        if let Some(partition) = self.partition {
            conditions.push(format!("partition = {partition}"));
        }
        if let Some(offset) = self.offset {
            conditions.push(format!("\"offset\" = {offset}"));
        }
        conditions.join(" AND ")
    }
}

async fn list(
    context: &Context,
    session: &SessionContext,
    which: &WhichLetters,
    limit: u32,
) -> Result<()> {
    let open = format!("SELECT * FROM ({OPEN}) WHERE {}", which.condition());
    let counts = format!(
        "SELECT topic, reason, count(*) AS letters, min(available_at) AS first_at,
            max(available_at) AS last_at
         FROM ({open}) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
    );
    let newest = format!(
        "SELECT topic, partition, \"offset\", reason, detail FROM ({open})
         ORDER BY available_at DESC, topic, partition, \"offset\" DESC LIMIT {limit}"
    );
    let (counts, newest) = (collect(session, &counts).await?, collect(session, &newest).await?);
    if context.json {
        let said = serde_json::json!({ "open": json(&counts)?, "newest": json(&newest)? });
        return write_stdout(&format!("{said}\n"));
    }
    if rows(&counts).next().is_none() {
        return write_stdout("no open dead letters\n");
    }
    write_stdout(&format!("{}\n", terminal::table(&counts)?))?;
    for letter in rows(&newest) {
        write_stdout(&format!(
            "{} {} {}  {}: {}\n",
            letter.text("topic")?.unwrap_or_default(),
            letter.int("partition")?.unwrap_or_default(),
            letter.int("offset")?.unwrap_or_default(),
            letter.text("reason")?.unwrap_or_default(),
            letter.text("detail")?.unwrap_or_default(),
        ))?;
    }
    eprintln!(
        "loadstar dead-letters show TOPIC PARTITION OFFSET prints one whole; once the cause is \
         mended, loadstar dead-letters replay takes in what fits"
    );
    Ok(())
}

/// Rows as JSON values.
fn json(batches: &[RecordBatch]) -> Result<serde_json::Value> {
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>())?;
    writer.finish()?;
    let text = writer.into_inner();
    Ok(if text.is_empty() { serde_json::json!([]) } else { serde_json::from_slice(&text)? })
}

async fn show(
    context: &Context,
    session: &SessionContext,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<()> {
    let place =
        format!("topic = {} AND partition = {partition} AND \"offset\" = {offset}", quoted(topic));
    let letter = collect(session, &format!("SELECT * FROM dead_letters WHERE {place}")).await?;
    let Some(found) = rows(&letter).next() else {
        bail!("there is no dead letter of {topic}, partition {partition}, offset {offset}");
    };
    let replays = format!(
        "SELECT available_at FROM dead_letter_replays
        WHERE state = 'landed' AND {place}"
    );
    let replays = collect(session, &replays).await?;
    let landed = rows(&replays).next().map(|row| row.text("available_at")).transpose()?.flatten();
    let bytes = letters(&letter)?.into_iter().next().and_then(|letter| letter.payload);
    let text = bytes.as_deref().and_then(payload::text);
    let binary = bytes.as_deref().filter(|_| text.is_none());
    let mut said = vec![
        ("topic", topic.into()),
        ("partition", partition.into()),
        ("offset", offset.into()),
        ("available_at", found.text("available_at")?.into()),
        ("message_key", found.text("message_key")?.into()),
        ("reason", found.text("reason")?.into()),
        ("detail", found.text("detail")?.into()),
        ("replayed_at", landed.into()),
        ("schema_id", bytes.as_deref().and_then(schema_id).into()),
        ("payload", text.into()),
    ];
    if context.json {
        said.push(("payload_hex", binary.map(payload::hex).into()));
        let said: serde_json::Map<_, _> =
            said.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        return write_stdout(&format!("{}\n", serde_json::Value::Object(said)));
    }
    for (name, value) in said {
        let value = match (value, binary) {
            (_, Some(bytes)) if name == "payload" => format!("\n{}", payload::dump(bytes)),
            (serde_json::Value::String(text), _) => text,
            (serde_json::Value::Null, _) => "-".to_owned(),
            (other, _) => other.to_string(),
        };
        let gap = if name == "payload" { "\n" } else { "" };
        write_stdout(&format!("{gap}{name:<13} {value}\n"))?;
    }
    Ok(())
}

/// Rows of `dead_letters` as ingest takes them.
fn letters(batches: &[RecordBatch]) -> Result<Vec<DeadLetter>> {
    let mut found = Vec::new();
    for batch in batches {
        let payloads = batch
            .column_by_name("payload")
            .map(|column| arrow::compute::cast(column, &arrow::datatypes::DataType::Binary));
        let payloads = payloads.transpose()?;
        let payloads = payloads.as_ref().map(|column| column.as_binary::<i32>());
        for (index, row) in rows(std::slice::from_ref(batch)).enumerate() {
            let payload = payloads.and_then(|column| column.iter().nth(index).flatten());
            found.push(DeadLetter {
                topic: row.text("topic")?.unwrap_or_default(),
                partition: i32::try_from(row.int("partition")?.unwrap_or_default())?,
                offset: row.int("offset")?.unwrap_or_default(),
                key: row.text("message_key")?,
                payload: payload.map(<[u8]>::to_vec),
            });
        }
    }
    Ok(found)
}

/// Letters on their way into the tables after all.
struct SecondChance<'a> {
    context: &'a Context,
    tables: BTreeMap<String, Table>,
    /// Asked for, in place of what the topic says.
    table: Option<Table>,
    codes: Arc<KnownCodes>,
    registry: Option<Registry>,
}

impl SecondChance<'_> {
    async fn give(
        &self,
        session: &SessionContext,
        which: &WhichLetters,
        dry_run: bool,
    ) -> Result<()> {
        let mut total = ReplaySummary::default();
        if !dry_run {
            self.finish(session, &mut total).await?;
        }
        let open = format!(
            "SELECT * FROM ({OPEN}) WHERE {} ORDER BY topic, partition, \"offset\"",
            which.condition()
        );
        // Sees what has just been finished.
        let fresh = open_lake(self.context, false).await?.at(None).await?;
        let session = if dry_run { session } else { &fresh };
        let open = letters(&collect(session, &open).await?)?;
        for (stream, letters) in self.by_table(open)? {
            let replayed = if dry_run {
                try_out(&lake_url(self.context)?, &self.replay(stream, letters, None)).await?
            } else {
                self.land(stream, letters, None).await?
            };
            add(&mut total, replayed);
        }
        self.tell(&total, dry_run)
    }

    /// Brings replays to their end that were interrupted.
    async fn finish(&self, session: &SessionContext, total: &mut ReplaySummary) -> Result<()> {
        let claimed = collect(session, UNFINISHED).await?;
        let ids: Vec<String> = rows(&claimed)
            .map(|row| Ok(row.text("replay_id")?.unwrap_or_default()))
            .collect::<Result<_>>()?;
        let mut by_id: BTreeMap<String, Vec<DeadLetter>> = BTreeMap::new();
        for (id, letter) in ids.into_iter().zip(letters(&claimed)?) {
            by_id.entry(id).or_default().push(letter);
        }
        for (id, letters) in by_id {
            for (stream, letters) in self.by_table(letters)? {
                add(total, self.land(stream, letters, Some(id.clone())).await?);
            }
        }
        Ok(())
    }

    fn by_table(&self, letters: Vec<DeadLetter>) -> Result<BTreeMap<Table, Vec<DeadLetter>>> {
        let mut by_table: BTreeMap<Table, Vec<DeadLetter>> = BTreeMap::new();
        for letter in letters {
            let Some(table) = self.table.or_else(|| self.tables.get(&letter.topic).copied()) else {
                bail!(UsageError::new(format!(
                    "which table's messages come from {:?}? name it with --table, and the letters \
                     with --topic",
                    letter.topic
                )));
            };
            by_table.entry(table).or_default().push(letter);
        }
        Ok(by_table)
    }

    fn replay(
        &self,
        stream: Table,
        letters: Vec<DeadLetter>,
        unfinished: Option<String>,
    ) -> Replay {
        Replay {
            stream,
            letters,
            codes: self.codes.clone(),
            registry: self.registry.clone(),
            at: Utc::now(),
            unfinished,
            faults: None,
        }
    }

    async fn land(
        &self,
        stream: Table,
        letters: Vec<DeadLetter>,
        unfinished: Option<String>,
    ) -> Result<ReplaySummary> {
        let wanted = self.replay(stream, letters, unfinished);
        Ok(replay(&lake_url(self.context)?, wanted).await?)
    }

    fn tell(&self, total: &ReplaySummary, dry_run: bool) -> Result<()> {
        if self.context.json {
            let refused: Vec<_> = (total.refused.iter())
                .map(|reject| {
                    serde_json::json!({
                        "topic": reject.topic, "partition": reject.partition,
                        "offset": reject.offset, "reason": reject.reason.code(),
                        "detail": reject.detail,
                    })
                })
                .collect();
            let said = serde_json::json!({
                "landed": total.landed, "rows": total.rows, "refused": refused,
                "dry_run": dry_run,
            });
            return write_stdout(&format!("{said}\n"));
        }
        let verb = if dry_run { "that would land" } else { "landed" };
        write_stdout(&format!(
            "letters {verb}: {}, as rows: {}; letters that still do not fit: {}\n",
            thousands(total.landed),
            thousands(total.rows),
            thousands(total.refused.len() as u64)
        ))?;
        for reject in total.refused.iter().take(10) {
            let (topic, partition, offset) = (&reject.topic, reject.partition, reject.offset);
            let cut = reject.payload.as_ref().is_some_and(|p| p.len() >= PAYLOAD_LIMIT_BYTES);
            let cut =
                if cut { " (the letter holds only the beginning of the message)" } else { "" };
            write_stdout(&format!(
                "{topic} {partition} {offset}  {}: {}{cut}\n",
                reject.reason.code(),
                reject.detail
            ))?;
        }
        Ok(())
    }
}

fn add(total: &mut ReplaySummary, more: ReplaySummary) {
    total.landed += more.landed;
    total.rows += more.rows;
    total.refused.extend(more.refused);
}
