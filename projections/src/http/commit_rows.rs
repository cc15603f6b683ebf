//! The rows of a commit in tables: one for each field that an event changed, and one for an event without fields.

use schema::StoredCommit;
use serde_json::Value;

use super::changed_fields::{self, ChangedField};
use super::csv::{Row, harmless};
use super::publication::Publication;

/// The names of the columns.
pub(super) const COLUMNS: [&str; 14] = [
    "recorded_at",
    "occurred_at",
    "actor",
    "product_id",
    "sequence",
    "commit_id",
    "type",
    "field",
    "from",
    "to",
    "currency",
    "correlation_id",
    "published_at",
    "hash",
];

/// The rows of a commit; without `receipts` nothing is said about its publication.
pub(super) fn commit_rows(commit: &StoredCommit, receipts: Option<&[Publication]>) -> Vec<Row> {
    let events = commit.0.get("events").and_then(Value::as_array);
    let first = commit.sequence().unwrap_or_default();
    let mut rows = Vec::new();
    for (place, event) in events.into_iter().flatten().enumerate() {
        let mut fields = changed_fields::of(event);
        if fields.is_empty() {
            fields.push(ChangedField::default());
        }
        let published = receipts.and_then(|receipts| receipts.get(place)?.published_at());
        for field in fields {
            rows.push(row(commit, first + place as u64, event, field, published.as_deref()));
        }
    }
    rows
}

fn row(
    commit: &StoredCommit,
    sequence: u64,
    event: &Value,
    field: ChangedField,
    published: Option<&str>,
) -> Row {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_commit = |name: &str| text(commit.0.get(name));
    let of_metadata = |name: &str| text(commit.0.get("metadata").and_then(|metadata| metadata.get(name)));
    let row: [String; COLUMNS.len()] = [
        of_commit("recorded_at"),
        of_metadata("occurred_at"),
        harmless(&of_metadata("actor")).into_owned(),
        of_commit("product_id"),
        sequence.to_string(),
        of_commit("commit_id"),
        text(event.get("type")),
        harmless(&field.field).into_owned(),
        harmless(&field.from).into_owned(),
        harmless(&field.to).into_owned(),
        field.currency,
        harmless(&of_metadata("correlation_id")).into_owned(),
        published.unwrap_or_default().to_owned(),
        of_commit("hash"),
    ];
    row.into()
}
