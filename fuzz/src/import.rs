//! A line of an import. Promised: what can be sent is one request to its product, with every member as it was written; the
//! line has one key, whatever blanks stand around it.

use std::collections::BTreeMap;

use axum::http::{Request, Uri};
use cli::import::line::Line;
use schema::ProductId;
use serde_json::value::RawValue;

use crate::front::{Front, json};

/// A line without its end.
pub fn check(data: &[u8]) -> bool {
    let Ok(line) = Line::parse(1, data) else {
        return false;
    };
    let (method, path, body) = line.request();
    let uri: Uri = path.parse().unwrap();
    assert_eq!(uri.query(), None);
    assert_eq!(uri.path().split('/').nth(2), Some(line.product_id.as_str()));
    assert!(ProductId::new(&*line.product_id).is_ok());
    let written: BTreeMap<String, &RawValue> = serde_json::from_slice(data.trim_ascii()).unwrap();
    let sent: BTreeMap<String, &RawValue> =
        body.as_deref().map_or(Ok(BTreeMap::new()), serde_json::from_str).unwrap();
    assert_eq!(sent.len() + 2, written.len());
    for (name, value) in &sent {
        assert_eq!(written[name].get(), value.get());
    }
    let key = line.idempotency_key();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let padded = [b" ", data, b"\t\r"].concat();
    assert_eq!(Line::parse(7, &padded).unwrap().idempotency_key(), key);
    assert!(line.worker(16) < 16);
    let request = json(Request::builder().method(method.as_str()).uri(uri)).header("idempotency-key", key);
    Front::of_commands().send(request, body.unwrap_or_default()).status.is_success()
}
