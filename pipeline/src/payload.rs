//! Payloads for people: text as it is, anything else byte by byte.

use std::fmt::Write as _;

const LINE_BYTES: usize = 16;
/// Lines of bytes that are shown; the table holds the rest.
const LINES: usize = 64;

/// The payload as text, if it is some.
pub fn text(payload: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok()?;
    let binary = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    (!text.contains(binary)).then_some(text)
}

/// Bytes as two digits each.
pub fn hex(payload: &[u8]) -> String {
    payload.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Offset, bytes, and what of them can be printed, sixteen a line.
pub fn dump(payload: &[u8]) -> String {
    let mut said = String::new();
    for (line, bytes) in payload.chunks(LINE_BYTES).take(LINES).enumerate() {
        let mut digits = String::new();
        for (index, byte) in bytes.iter().enumerate() {
            let gap = if index == LINE_BYTES / 2 { " " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(digits, "{gap}{byte:02x} ");
        }
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let shown: String = bytes.iter().map(shown).collect();
        let _ = writeln!(said, "{:06x}  {digits:<49} {shown}", line * LINE_BYTES);
    }
    let left = payload.len().saturating_sub(LINES * LINE_BYTES);
    if left > 0 {
        let _ = writeln!(said, "… and {left} bytes more; --json has them all");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_beside_their_characters() {
        let dumped = dump(b"\0\0\0\0\x07\x04M1\xff and more");
        assert_eq!(
            dumped,
            "000000  00 00 00 00 07 04 4d 31  ff 20 61 6e 64 20 6d 6f  ......M1. and mo\n\
             000010  72 65                                             re\n"
        );
        assert!(dump(&[0; 1025]).ends_with("… and 1 bytes more; --json has them all\n"));
        assert_eq!(dump(b""), "");
    }

    #[test]
    fn text_is_what_has_no_control_characters() {
        assert_eq!(text("{\"a\":\n\"电\"}".as_bytes()), Some("{\"a\":\n\"电\"}"));
        assert_eq!(text(b"\0\0\0\0\x07"), None);
        assert_eq!(text(b"\xff"), None);
        assert_eq!(hex(b"\0\xff"), "00ff");
    }
}
