//! `loadstar catalog`: which views there are, and what their columns mean.

use anyhow::{Result, bail};
use arrow::datatypes::DataType;
use loadstar_sql::{Column, Query, SCHEMAS, session_views};
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use crate::UsageError;
use crate::cli::{CatalogArgs, Language};
use crate::commands::open_lake;
use crate::context::Context;
use crate::terminal::{fitted, padded, write_stdout};

/// What fits a page and a terminal.
const LINE: usize = 100;

/// Lists the views, or describes those of a name.
pub async fn run(args: CatalogArgs, context: Context) -> Result<()> {
    let Some(name) = args.name else {
        let text = if context.json { as_json(&views_as_json())? } else { listing(args.lang) };
        return write_stdout(&text);
    };
    let found = named(&name)?;
    let lake = open_lake(&context, false).await?;
    let session = lake.at(None).await?;
    let mut pages = Vec::new();
    for (schema, query) in found {
        let table = session.table_provider(format!("{schema}.{}", query.name)).await?;
        let types: Vec<(String, String)> = table
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), type_name(field.data_type())))
            .collect();
        pages.push(View { name: full_name(schema, query), query, types });
    }
    let text = if context.json {
        as_json(&pages.iter().map(View::as_json).collect::<Vec<_>>())?
    } else {
        pages.iter().map(|page| page.text(args.lang)).collect::<Vec<_>>().join("\n")
    };
    write_stdout(&text)
}

/// Views of this name, in whatever schema if it names none.
fn named(name: &str) -> Result<Vec<(&'static str, &'static Query)>> {
    let is_it = |(schema, query): &(&str, &Query)| {
        let full = format!("{schema}.{}", query.name);
        name.eq_ignore_ascii_case(query.name) || name.eq_ignore_ascii_case(&full)
    };
    let found: Vec<_> = session_views().filter(is_it).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let wanted = name.to_lowercase();
    let distance = |(schema, query): (&str, &Query)| {
        let alone = wanted.rsplit('.').next().unwrap_or(&wanted);
        let near = strsim::jaro_winkler(alone, query.name);
        (near.max(strsim::jaro_winkler(&wanted, query.name)), full_name(schema, query))
    };
    let mut near: Vec<(f64, String)> = session_views().map(distance).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let near: Vec<String> = near.into_iter().take(3).map(|(_, name)| name).collect();
    bail!(UsageError::new(format!(
        "there is no view {name}; nearest: {}. `loadstar catalog` lists them all",
        near.join(", ")
    )))
}

/// As queries name it: views of `public` without their schema.
fn full_name(schema: &str, query: &Query) -> String {
    if schema == "public" { query.name.to_owned() } else { format!("{schema}.{}", query.name) }
}

/// All views under the function they belong to.
fn listing(lang: Option<Language>) -> String {
    let longest = session_views().map(|(schema, query)| full_name(schema, query).len()).max();
    let indent = longest.unwrap_or_default() + 4;
    let mut text = String::new();
    let public = ("public", "Views over the tables", "基础视图");
    let functions = SCHEMAS.iter().map(|function| (function.name, function.en, function.zh));
    for (schema, en, zh) in [public].into_iter().chain(functions) {
        let mut views = session_views().filter(|(of, _)| *of == schema).peekable();
        if views.peek().is_none() {
            continue;
        }
        let title = match lang {
            Some(Language::En) => en.to_owned(),
            Some(Language::Zh) => zh.to_owned(),
            None => format!("{en}  {zh}"),
        };
        text.push_str(&format!("{schema}: {title}\n"));
        for (_, query) in views {
            let mut name = format!("  {}", full_name(schema, query));
            for line in fitted(&question(query, lang), LINE - indent) {
                text.push_str(&format!("{}{line}\n", padded(&name, indent)));
                name.clear();
            }
        }
        text.push('\n');
    }
    text.push_str(match lang {
        Some(Language::Zh) => "loadstar catalog NAME 显示视图的粒度、单位和各列含义。\n",
        _ => "loadstar catalog NAME tells a view's grain, units and columns.\n",
    });
    text
}

fn question(query: &Query, lang: Option<Language>) -> String {
    if lang == Some(Language::Zh) { query.question_zh() } else { query.says("Question") }
}

fn as_json(value: &[serde_json::Value]) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn views_as_json() -> Vec<serde_json::Value> {
    let view = |(schema, query): (&str, &Query)| {
        json!({"schema": schema, "view": query.name, "question": query.says("Question"),
            "question_zh": query.question_zh()})
    };
    session_views().map(view).collect()
}

/// A view with what it says of itself.
struct View {
    name: String,
    query: &'static Query,
    /// Names and types of its columns.
    types: Vec<(String, String)>,
}

impl View {
    /// The columns in their order, with labels where the view's file has them.
    fn columns<'a>(&'a self) -> Vec<(&'a str, &'a str, &'static str, &'static str)> {
        let labels = self.query.columns();
        let column = |(name, kind): &'a (String, String)| {
            let label = labels.iter().find(|label| label.name == name);
            let (en, zh) = label.map_or(("", ""), |&Column { en, zh, .. }| (en, zh));
            (name.as_str(), kind.as_str(), en, zh)
        };
        self.types.iter().map(column).collect()
    }

    fn as_json(&self) -> serde_json::Value {
        let columns = self.columns().into_iter().map(|(name, kind, en, zh)| {
            json!({"column": name, "type": kind, "comment_en": en, "comment_zh": zh})
        });
        json!({
            "view": self.name, "question": self.query.says("Question"),
            "grain": self.query.says("Grain"), "units": self.query.says("Units"),
            "month": self.query.says("Month"), "notes": self.query.notes(),
            "columns": columns.collect::<Vec<_>>(),
        })
    }

    fn text(&self, lang: Option<Language>) -> String {
        let mut text = format!("{}\n", self.name);
        let words = if lang == Some(Language::Zh) {
            ["问题", "粒度", "单位", "月份", "说明"]
        } else {
            ["Question", "Grain", "Units", "Month", "Notes"]
        };
        let said = [
            question(self.query, lang),
            self.query.says("Grain"),
            self.query.says("Units"),
            self.query.says("Month"),
            self.query.notes(),
        ];
        for (word, said) in words.iter().zip(said) {
            let mut word = format!("  {word}");
            for line in fitted(&said, LINE - 12) {
                text.push_str(&format!("{}{line}\n", padded(&word, 12)));
                word.clear();
            }
        }
        text.push('\n');
        self.table_of_columns(lang, &mut text);
        text
    }

    /// Name, type and labels, the English one on as many lines as it needs.
    fn table_of_columns(&self, lang: Option<Language>, text: &mut String) {
        let columns = self.columns();
        type Shown<'a> = (&'a str, &'a str, &'a str, &'a str);
        let widest =
            |of: &dyn Fn(&Shown<'_>) -> usize| columns.iter().map(of).max().unwrap_or_default();
        let names = widest(&|column| column.0.width()) + 4;
        let kinds = widest(&|column| column.1.width()) + 2;
        let chinese = widest(&|column| column.3.width());
        let left = LINE.saturating_sub(names + kinds);
        let english = match lang {
            None => left.saturating_sub(chinese + 2),
            Some(_) => left,
        };
        for (name, kind, en, zh) in columns {
            let mut head =
                format!("{}{}", padded(&format!("  {name}"), names), padded(kind, kinds));
            let label = if lang == Some(Language::Zh) { zh } else { en };
            let mut zh = if lang.is_none() { zh } else { "" };
            let lines = fitted(label, english.max(20));
            for line in if lines.is_empty() { vec![String::new()] } else { lines } {
                let line = if zh.is_empty() {
                    format!("{}{line}", padded(&head, names + kinds))
                } else {
                    format!("{}{}{zh}", padded(&head, names + kinds), padded(&line, english + 2))
                };
                text.push_str(line.trim_end());
                text.push('\n');
                head.clear();
                zh = "";
            }
        }
    }
}

/// A column's type as SQL names it.
fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        DataType::Int64 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Int16 | DataType::Int32 | DataType::UInt32 => "int".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal128(digits, scale) => format!("decimal({digits},{scale})"),
        other => other.to_string().to_lowercase(),
    }
}
