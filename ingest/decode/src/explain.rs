//! What serde says about a message, told to a person: which field, what was
//! found there, what was expected.

use serde_json::error::Category;

use super::reject::{Fault, RejectReason};

/// Levels of nesting and characters of a name that a path shows.
const PATH_LEVELS: usize = 6;
const NAME_CHARS: usize = 40;

/// The fault that a parse error of `payload` is. The field is found by walking
/// the message up to the place where the parser stopped.
pub(super) fn explain(error: &serde_json::Error, payload: &[u8]) -> Fault {
    let (line, column) = (error.line(), error.column());
    let full = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = full.strip_suffix(&place).unwrap_or(&full);
    let reason = reason(error, message);
    let path = path_at(&payload[..offset_of(payload, line, column)]);
    let detail = match (reason, path) {
        (RejectReason::MissingField, Some(path)) if message.starts_with("invalid type: null") => {
            format!("{path} is null; it must have a value{}", expectation(message))
        }
        (RejectReason::MissingField, path) => {
            let field = message.split('`').nth(1).unwrap_or("a field");
            let inside = path.map(|path| format!(" in {path}")).unwrap_or_default();
            format!("{field} is missing{inside}")
        }
        (RejectReason::MalformedJson, Some(path)) => {
            format!("not a JSON object: {message} at {path} (line {line}, column {column})")
        }
        (RejectReason::MalformedJson, None) => {
            format!("not a JSON object: {message} (line {line}, column {column})")
        }
        (_, Some(path)) => format!("{path}: {}", readable(message)),
        (_, None) => format!("{} (line {line}, column {column})", readable(message)),
    };
    Fault::new(reason, detail)
}

fn reason(error: &serde_json::Error, message: &str) -> RejectReason {
    let is = |start: &str| message.starts_with(start);
    match error.classify() {
        _ if is("number out of range") => RejectReason::ImpossibleValue,
        Category::Syntax | Category::Eof | Category::Io => RejectReason::MalformedJson,
        Category::Data if is("missing field") || is("invalid type: null") => {
            RejectReason::MissingField
        }
        Category::Data if is("duplicate field") => RejectReason::MalformedJson,
        Category::Data if is("invalid value: integer") || is("more than 18") => {
            RejectReason::ImpossibleValue
        }
        Category::Data => RejectReason::WrongType,
    }
}

/// Serde's sentence with its type names in words.
fn readable(message: &str) -> String {
    let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let found = found
        .strip_prefix("invalid type: ")
        .or_else(|| found.strip_prefix("invalid value: "))
        .map_or_else(|| found.to_owned(), |found| format!("found {}", json_name(found)));
    format!("{found}{}", if expected.is_empty() { String::new() } else { expectation(message) })
}

fn json_name(found: &str) -> String {
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "string" => format!("the text {value}"),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        "integer" | "boolean" => format!("the {kind} {value}"),
        "floating" => format!("the number {}", value.trim_start_matches("point ")),
        _ => found.to_owned(),
    }
}

fn expectation(message: &str) -> String {
    let Some((_, expected)) = message.rsplit_once(", expected ") else { return String::new() };
    let words = match expected {
        "i16" => "a whole number of at most 32767",
        "i32" => "a whole number of at most 2147483647",
        "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    };
    format!("; expected {words}")
}

/// Index of the first byte past the parser's place; serde_json counts lines
/// from 1 and the bytes consumed of a line from 0.
fn offset_of(payload: &[u8], line: usize, column: usize) -> usize {
    let before: usize = payload
        .split_inclusive(|&byte| byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column).min(payload.len())
}

enum Level<'a> {
    Object { name: Option<&'a [u8]>, at_name: bool },
    List { index: usize },
}

/// The path of the value that `read`, the beginning of a JSON text, ends in or
/// has just completed: `lines[2].amount`. `None` at the top level.
fn path_at(read: &[u8]) -> Option<String> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while at < read.len() {
        match read[at] {
            b'{' => levels.push(Level::Object { name: None, at_name: true }),
            b'[' => levels.push(Level::List { index: 0 }),
            b'}' | b']' => drop(levels.pop()),
            b',' => match levels.last_mut() {
                Some(Level::Object { at_name, .. }) => *at_name = true,
                Some(Level::List { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let end = end_of_text(read, at);
                if let Some(Level::Object { name, at_name: at_name @ true }) = levels.last_mut() {
                    *name = Some(&read[at + 1..end.max(at + 1)]);
                    *at_name = false;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    // A list refused as a whole: the parser stands behind its bracket.
    if read.last() == Some(&b'[') {
        levels.pop();
    }
    let mut path = String::new();
    for level in levels.iter().take(PATH_LEVELS) {
        match level {
            Level::Object { name: Some(name), .. } => {
                let name = String::from_utf8_lossy(name);
                path.push_str(if path.is_empty() { "" } else { "." });
                path.extend(name.chars().filter(|char| !char.is_control()).take(NAME_CHARS));
            }
            Level::Object { name: None, .. } => {}
            Level::List { index } => path.push_str(&format!("[{index}]")),
        }
    }
    (!path.is_empty()).then_some(path)
}

/// Index of the quote that closes the text opened at `open`, or of the end.
pub(super) fn end_of_text(read: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < read.len() && read[at] != b'"' {
        at += if read[at] == b'\\' { 2 } else { 1 };
    }
    at.min(read.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_value_just_read() {
        for (read, path) in [
            (r#"{"a":"x""#, Some("a")),
            (r#"{"a":"x","b":{"c":[1,2,"#, Some("b.c[2]")),
            (r#"{"a":{"b":1}"#, Some("a")),
            (r#"{"a":["#, Some("a")),
            (r#"{"a\"]":["q\\","#, Some(r#"a\"][1]"#)),
            (r#"{"a":1}"#, None),
            ("", None),
            (r#"{"un"#, Some("un")),
            ("]]}}", None),
        ] {
            assert_eq!(path_at(read.as_bytes()).as_deref(), path, "{read}");
        }
    }

    #[test]
    fn lines_and_columns_become_offsets() {
        assert_eq!(offset_of(b"ab\ncd\nef", 2, 1), 4);
        assert_eq!(offset_of(b"ab", 9, 9), 2);
        assert_eq!(offset_of(b"", 1, 0), 0);
    }
}
