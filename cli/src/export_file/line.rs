//! What a line of an export by position can be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_store::LogEntry;
use event_store::verify::{guess, object};
use ledger_log::Leaf;
use serde_json::Value;

/// The member of the first line.
const CHECKPOINT: &str = "checkpoint";

/// The members of a position without a commit.
const POSITION: &str = "position";
const ENTRY: &str = "entry";

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExportLine {
    /// The checkpoint of the log.
    Checkpoint(String),
    /// An entry of the log at a position without a commit; none if it is not in base64.
    Entry { position: u64, entry: Option<Vec<u8>> },
    /// Something else, which has to be a commit: its product and its entry in the log, as far as they can be read.
    Commit { product: Option<String>, leaf: Option<Leaf> },
}

/// Reads a line; `None` is one that is too long.
pub(super) fn read(line: Option<&[u8]>) -> ExportLine {
    let Some(line) = line else { return ExportLine::Commit { product: None, leaf: None } };
    let Ok(object) = object(line) else {
        return ExportLine::Commit { product: guess(line).0, leaf: None };
    };
    let fields = &object.0;
    match (fields.len(), fields.get(CHECKPOINT), fields.get(POSITION), fields.get(ENTRY)) {
        (1, Some(Value::String(note)), ..) => ExportLine::Checkpoint(note.clone()),
        (2, None, Some(Value::Number(position)), Some(Value::String(entry))) if position.is_u64() => {
            let position = position.as_u64().unwrap_or_default();
            ExportLine::Entry { position, entry: STANDARD.decode(entry).ok() }
        }
        _ => {
            let product = object.text("product_id").ok().map(str::to_owned);
            ExportLine::Commit { product, leaf: Leaf::of(&object).ok() }
        }
    }
}

/// The first line of an export by position, with its end.
pub(crate) fn checkpoint_line(note: &str) -> Vec<u8> {
    format!("{{{}:{}}}\n", Value::from(CHECKPOINT), Value::from(note)).into_bytes()
}

/// The line of a position without a commit, with its end.
pub(crate) fn entry_line(entry: &LogEntry) -> Vec<u8> {
    let encoded = STANDARD.encode(&entry.entry);
    format!("{{\"{POSITION}\":{},\"{ENTRY}\":\"{encoded}\"}}\n", entry.position).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_are_written() {
        let entry = LogEntry { position: 7, entry: vec![0, 255, 3], of: None };
        assert_eq!(entry_line(&entry), b"{\"position\":7,\"entry\":\"AP8D\"}\n");
        assert_eq!(
            read(Some(entry_line(&entry).trim_ascii_end())),
            ExportLine::Entry { position: 7, entry: Some(entry.entry) }
        );
        let note = "example.com/log\n1\nAA==\n\n\u{2014} example.com/log \"x\n";
        assert_eq!(
            read(Some(checkpoint_line(note).trim_ascii_end())),
            ExportLine::Checkpoint(note.to_owned())
        );
        let damaged = br#"{"position":7,"entry":"*"}"#;
        assert_eq!(read(Some(damaged)), ExportLine::Entry { position: 7, entry: None });
        for other in [&br#"{"position":-1,"entry":"AA=="}"#[..], br#"{"checkpoint":1}"#, b"[]", b"\xff"] {
            assert_eq!(read(Some(other)), ExportLine::Commit { product: None, leaf: None });
        }
    }
}
