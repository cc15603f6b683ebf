//! A line of an import. Properties: a valid line is one request to its product, with every member as it was written; its key
//! does not depend on surrounding blanks or a byte order mark and contains the position of the line.

use std::collections::BTreeMap;

use axum::http::{Request, Uri};
use cli::import::identity::{ImportId, LineMark};
use cli::import::line::{ImportLine, worker};
use serde_json::value::RawValue;

use crate::routes::{TestRoutes, json};

/// The byte order mark, which some programs put before a file.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// The bytes are a line without its newline.
pub fn check(data: &[u8]) -> bool {
    let Ok(line) = ImportLine::parse(data) else {
        return false;
    };
    let (method, path, body) = line.request();
    let uri: Uri = path.parse().unwrap();
    assert_eq!(uri.query(), None);
    assert_eq!(uri.path().split('/').nth(2), Some(line.product_id.as_str()));
    let text = data.strip_prefix(MARK).unwrap_or(data);
    let mark = &data[..data.len() - text.len()];
    let written: BTreeMap<String, &RawValue> = serde_json::from_slice(text.trim_ascii()).unwrap();
    let sent: BTreeMap<String, &RawValue> = body.map_or(Ok(BTreeMap::new()), serde_json::from_str).unwrap();
    assert_eq!(sent.len() + 2, written.len());
    for (name, value) in &sent {
        assert_eq!(written[name].get(), value.get());
    }
    let padded = [mark, b" ", text, b"\t\r"].concat();
    assert_eq!(ImportLine::parse(&padded).unwrap().hash(), line.hash());
    let import = ImportId::Batch("fuzz".parse().unwrap());
    let mark = LineMark { place: data.len() as u64, command: line.hash() };
    let key = import.key(&mark);
    assert_eq!(import.mark(&key), Some(mark));
    assert!(worker(&line.product_id, 16) < 16);
    let request = json(Request::builder().method(method.as_str()).uri(uri)).header("idempotency-key", key);
    TestRoutes::of_commands().send(request, body.unwrap_or_default().to_owned()).status.is_success()
}
