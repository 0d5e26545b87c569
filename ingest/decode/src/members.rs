//! The members of a JSON object as they stand in its text: for the messages
//! that bring more than was expected.

use std::borrow::Cow;

use super::explain::end_of_text;

/// Walks an object that a parser has accepted. Of anything else it may miss
/// members, and makes none up.
pub(super) struct Members<'a> {
    json: &'a [u8],
    at: usize,
}

/// A name and the text of its value, quotes included.
pub(super) struct Member<'a> {
    name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Members<'a> {
    pub(super) fn of(object: &'a [u8]) -> Self {
        Self { json: object, at: 0 }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let next = |from: usize, is: fn(&u8) -> bool| {
            Some(from + self.json.get(from..)?.iter().position(is)?)
        };
        let open = next(self.at, |byte| *byte == b'"')?;
        let named = end_of_text(self.json, open) + 1;
        let start = next(named, |byte| !byte.is_ascii_whitespace() && *byte != b':')?;
        let end = end_of_value(self.json, start);
        self.at = end;
        Some(Member { name: self.json.get(open..named)?, value: self.json.get(start..end)? })
    }
}

impl<'a> Member<'a> {
    /// Its name; `None` if it is no text at all.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        text(self.name)
    }
}

/// The text that a JSON string stands for.
pub(super) fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    if quoted.contains(&b'\\') {
        return serde_json::from_slice(quoted).ok().map(Cow::Owned);
    }
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(inner).ok().map(Cow::Borrowed)
}

/// Index past the value that begins at `start`.
fn end_of_value(json: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_text(json, at),
            b'{' | b'[' => depth += 1,
            // The end of the object around it.
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            byte if byte.is_ascii_whitespace() && depth == 0 => return at,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            break;
        }
    }
    at.min(json.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(json: &str) -> Vec<(String, String)> {
        let shown = |member: Member<'_>| {
            let value = String::from_utf8_lossy(member.value).into_owned();
            (member.name().expect("a name").into_owned(), value)
        };
        Members::of(json.as_bytes()).map(shown).collect()
    }

    #[test]
    fn members_are_found_as_they_stand() {
        let json = r#" { "a" : 1.50 ,"b\"\n":"x,}\"","c":{"a":[1,{"z":"]"}]},
            "电":[ ] , "e":-1e3,"f":null}"#;
        let expected = [
            ("a", "1.50"),
            ("b\"\n", r#""x,}\"""#),
            ("c", r#"{"a":[1,{"z":"]"}]}"#),
            ("电", "[ ]"),
            ("e", "-1e3"),
            ("f", "null"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(members(json), expected);
        assert_eq!(members("{}"), []);
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn they_are_what_a_parser_finds(
            object in prop::collection::btree_map(any::<String>(), value(), 0..6),
            pretty in any::<bool>(),
        ) {
            let object: serde_json::Map<_, _> = object.into_iter().collect();
            let json = if pretty {
                serde_json::to_string_pretty(&object)
            } else {
                serde_json::to_string(&object)
            };
            let found: serde_json::Map<_, _> = members(&json.expect("json"))
                .into_iter()
                .map(|(name, value)| (name, serde_json::from_str(&value).expect("a value")))
                .collect();
            prop_assert_eq!(found, object);
        }

        #[test]
        fn nothing_makes_them_stumble(json in prop::collection::vec(any::<u8>(), 0..100)) {
            for member in Members::of(&json) {
                let _name = member.name();
            }
        }
    }
}
