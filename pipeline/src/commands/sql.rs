//! `loadstar sql`: one query, a file of queries, or a shell.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use futures::StreamExt;
use loadstar_sql::{LakeError, collect};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Editor, Helper, Highlighter, Hinter};

use crate::UsageError;
use crate::cli::{Format, SqlArgs};
use crate::commands::open_lake;
use crate::context::Context;
use crate::output::{Output, format_of};
use crate::time;
use crate::{forecast_function, risk_function};

/// How answers are given.
struct Answers {
    format: Option<Format>,
    output: Option<std::path::PathBuf>,
    json: bool,
    interactive: bool,
}

/// Answers what was asked, or opens the shell.
pub async fn run(args: SqlArgs, context: Context) -> Result<()> {
    let as_of = args.as_of.as_deref().map(time::instant).transpose()?;
    let since = args.since.as_deref().map(time::instant).transpose()?;
    let lake = Arc::new(open_lake(&context, true).await?);
    let session = match since {
        Some(since) => lake.between(since, as_of).await?,
        None => lake.at(as_of).await?,
    };
    forecast_function::register(&session, &lake, as_of)?;
    risk_function::register(&session, &lake);
    let mut answers = Answers {
        format: args.format,
        output: args.output,
        json: context.json,
        interactive: false,
    };
    let text = match (args.command, args.file) {
        (Some(sql), _) => Some(sql),
        (None, Some(file)) => Some(read_queries(&file)?),
        (None, None) => None,
    };
    match text {
        Some(text) => match Shorthand::of(&text) {
            Some(shorthand) => answer_shorthand(&session, shorthand, &answers).await.map(drop),
            None => answer_all(&session, &text, &answers).await,
        },
        None => {
            answers.interactive = true;
            shell(session, answers, lake.url().as_str()).await
        }
    }
}

fn read_queries(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

async fn answer_all(session: &SessionContext, text: &str, answers: &Answers) -> Result<()> {
    let statements =
        DFParser::parse_sql(text).map_err(|error| LakeError::of_query(error, session))?;
    if statements.is_empty() {
        bail!(UsageError::new("there is no query in the text given"));
    }
    if answers.output.is_some() && statements.len() > 1 {
        bail!(UsageError::new("--output takes the result of one query; the text holds several"));
    }
    for statement in statements {
        answer(session, statement, answers).await?;
    }
    Ok(())
}

async fn answer(session: &SessionContext, statement: Statement, answers: &Answers) -> Result<()> {
    let told = |error| LakeError::of_query(error, session);
    let plan = session.state().statement_to_plan(statement).await.map_err(told)?;
    let frame = session.execute_logical_plan(plan).await.map_err(told)?;
    let mut stream = frame.execute_stream().await.map_err(told)?;
    let format = match (answers.format, &answers.output) {
        (Some(format), _) => format,
        (None, Some(path)) => format_of(path)?,
        (None, None) if answers.json => Format::Json,
        (None, None) => Format::Table,
    };
    if format == Format::Parquet && answers.output.is_none() {
        bail!(UsageError::new("Parquet goes into a file: add --output FILE.parquet"));
    }
    let since = std::time::Instant::now();
    let mut output = Output::create(answers.output.as_deref(), format, &stream.schema())?;
    while let Some(batch) = stream.next().await {
        output.write(&batch.map_err(told)?)?;
    }
    let rows = output.finish()?;
    if answers.interactive || answers.output.is_some() {
        let s = if rows == 1 { "" } else { "s" };
        eprintln!("{rows} row{s} in {:.2} s", since.elapsed().as_secs_f64());
    }
    Ok(())
}

const HELP: &str = "\
End a query with ; to run it. Tab completes names.
  \\d          tables and views          \\d NAME     columns of one
  \\q          leave (or Ctrl-D)         \\?          this help
Files are tables too: SELECT * FROM 'reads.csv.gz' LIMIT 5;
So are forecasts:     SELECT * FROM forecast('region=East', horizon => '7d');
";

async fn shell(session: SessionContext, answers: Answers, lake: &str) -> Result<()> {
    let mut editor: Editor<Words, _> = Editor::new()?;
    editor.set_helper(Some(Words { names: names(&session).await }));
    let history =
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/loadstar/history"));
    if let Some(history) = &history {
        // The first time there is none yet.
        let _ = editor.load_history(history);
    }
    eprintln!("The lake at {lake}. \\? for help.");
    loop {
        let line = match editor.readline("loadstar> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        editor.add_history_entry(line)?;
        let outcome = match Shorthand::of(line) {
            Some(shorthand) => answer_shorthand(&session, shorthand, &answers).await,
            None => answer_all(&session, line, &answers).await.map(|()| Go::On),
        };
        match outcome {
            Ok(Go::On) => {}
            Ok(Go::Out) => break,
            Err(error) => eprintln!("error: {error:#}"),
        }
    }
    if let Some(history) = &history {
        if let Some(folder) = history.parent() {
            std::fs::create_dir_all(folder)?;
        }
        editor.save_history(history)?;
    }
    Ok(())
}

/// A line that starts with a backslash, as in psql.
enum Shorthand<'a> {
    List,
    Describe(&'a str),
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Shorthand<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let word = line.trim().strip_prefix('\\')?.trim_end_matches(';').trim();
        Some(match (word, word.strip_prefix("d ")) {
            ("d" | "dt" | "dv", _) => Self::List,
            (_, Some(name)) => Self::Describe(name.trim()),
            ("?" | "h" | "help", _) => Self::Help,
            ("q", _) => Self::Quit,
            _ => Self::Unknown(word),
        })
    }
}

/// Whether the shell goes on.
enum Go {
    On,
    Out,
}

async fn answer_shorthand(
    session: &SessionContext,
    shorthand: Shorthand<'_>,
    answers: &Answers,
) -> Result<Go> {
    match shorthand {
        Shorthand::List => answer_all(session, LIST, answers).await?,
        Shorthand::Describe(name) => describe(session, name, answers).await?,
        Shorthand::Help => eprint!("{HELP}"),
        Shorthand::Quit => return Ok(Go::Out),
        Shorthand::Unknown(word) => {
            bail!(UsageError::new(format!("\\{word} is not known; \\? lists what is")))
        }
    }
    Ok(Go::On)
}

/// What was known earlier has schemas of its own, in the catalog `past`.
const LIST: &str = "SELECT CASE table_catalog WHEN 'past' THEN 'past.' ELSE '' END || table_schema \
                        AS table_schema, table_name, table_type \
                    FROM information_schema.tables \
                    WHERE table_schema <> 'information_schema' ORDER BY 1, 2";

async fn describe(session: &SessionContext, name: &str, answers: &Answers) -> Result<()> {
    let quoted = name.replace('\'', "''");
    let columns = format!(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
         WHERE (table_catalog <> 'past' \
                 AND '{quoted}' IN (table_name, table_schema || '.' || table_name)) \
             OR table_catalog || '.' || table_schema || '.' || table_name = '{quoted}' \
         ORDER BY ordinal_position"
    );
    if collect(session, &columns).await?.iter().all(|batch| batch.num_rows() == 0) {
        bail!("there is no table or view {name}; \\d lists them");
    }
    answer_all(session, &columns, answers).await
}

async fn names(session: &SessionContext) -> Vec<String> {
    let mut names: Vec<String> = KEYWORDS.iter().map(|word| (*word).to_owned()).collect();
    let query = "SELECT DISTINCT table_name FROM information_schema.tables \
                 UNION SELECT DISTINCT column_name FROM information_schema.columns";
    if let Ok(frame) = session.sql(query).await
        && let Ok(batches) = frame.collect().await
    {
        for batch in &batches {
            if let Ok(column) = datafusion::common::cast::as_string_view_array(batch.column(0)) {
                names.extend(column.iter().flatten().map(str::to_owned));
            } else if let Ok(column) = datafusion::common::cast::as_string_array(batch.column(0)) {
                names.extend(column.iter().flatten().map(str::to_owned));
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "DISTINCT",
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "WITH",
    "UNION ALL",
    "DATE",
    "TIMESTAMP",
    "INTERVAL",
    "EXPLAIN",
];

/// Completes the word under the cursor; a query goes on until its semicolon.
#[derive(Helper, Hinter, Highlighter)]
struct Words {
    names: Vec<String>,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = line[..position]
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |place| place + 1);
        let word = line[start..position].to_lowercase();
        if word.is_empty() {
            return Ok((start, Vec::new()));
        }
        let matching = self.names.iter().filter(|name| name.to_lowercase().starts_with(&word));
        let pairs = matching
            .map(|name| Pair { display: name.clone(), replacement: name.clone() })
            .collect();
        Ok((start, pairs))
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input().trim_end();
        let whole = input.is_empty() || input.ends_with(';') || input.starts_with('\\');
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}
