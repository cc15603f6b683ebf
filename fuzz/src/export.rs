//! The lines of an export and their commits. Properties: every line is a commit or reported as unreadable; the canonical form
//! of a commit parses to the same commit; a decoded commit survives being encoded again.

use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch, ProductReport};
use schema::StoredCommit;
use serde_json::Value;

/// The bytes are an export file.
pub fn check(data: &[u8]) -> bool {
    let mut reader = data;
    let (mut export, mut lines, mut whole) = (ExportVerifier::default(), 0, true);
    while let Some(batch) = LineBatch::read(&mut reader).unwrap() {
        for line in batch.examine() {
            lines += 1;
            whole &= matches!(line, ExaminedLine::Commit(_));
            export.line(&line);
        }
    }
    let expected =
        data.split(|byte| *byte == b'\n').count() - usize::from(data.ends_with(b"\n") || data.is_empty());
    assert_eq!(lines, expected);
    let reports = export.end();
    data.split(|byte| *byte == b'\n').for_each(survives);
    lines > 0 && whole && reports.iter().all(ProductReport::is_valid)
}

fn survives(line: &[u8]) {
    let Ok(stored) = serde_json::from_slice::<StoredCommit>(line) else {
        return;
    };
    if !has_float(&stored) {
        let canonical = event_store::export::line(&stored).unwrap();
        assert_eq!(serde_json::from_slice::<StoredCommit>(&canonical).unwrap(), stored);
    }
    if let Ok(commit) = stored.decode() {
        let mut written = commit.unsealed.to_json().unwrap();
        written.insert("hash".into(), commit.hash.as_str().into());
        assert_eq!(StoredCommit(written).decode().unwrap(), commit);
    }
}

/// Whether a number is not an integer below 2^53; a commit has no others, and they may lose precision.
pub(crate) fn has_float(commit: &StoredCommit) -> bool {
    fn any(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.as_u64().is_none_or(|number| number >= 1 << 53),
            Value::Array(values) => values.iter().any(any),
            Value::Object(fields) => fields.values().any(any),
            _ => false,
        }
    }
    commit.0.values().any(any)
}
