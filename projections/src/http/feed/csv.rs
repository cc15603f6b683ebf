//! `GET /commits` as CSV (RFC 4180), for spreadsheets: a row for each field that an event changed, and one for an event without
//! fields.
//!
//! The promise: no text from the ledger is run as a formula.

use std::borrow::Cow;
use std::sync::Arc;

use ::csv::{Terminator, WriterBuilder};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;
use event_store::FeedQuery;
use futures::stream;
use schema::StoredCommit;
use serde_json::Value;
use web::{Problem, ProblemKind};

use super::answer::FeedItem;
use super::changed_fields::{self, ChangedField};
use super::{FeedApi, PATH};
use crate::http::Answer;

/// The most bytes of a page, unless its first commit alone is larger.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

const CONTENT_TYPE: &str = "text/csv";

const HEADER: [&str; 16] = [
    "position",
    "retroactive",
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

type Row = [String; HEADER.len()];

/// Whether the client prefers CSV to JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, f32)> = accepted.flat_map(|value| value.split(',')).map(media_range).collect();
    let quality = |name: &str| ranges.iter().find(|(range, _)| range == name).map(|(_, quality)| *quality);
    let csv = quality(CONTENT_TYPE).unwrap_or(0.0);
    csv > 0.0 && csv >= quality("application/json").unwrap_or(0.0)
}

/// A media range with its quality.
fn media_range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality =
        parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |quality| quality.parse().ok());
    (range, quality.unwrap_or(0.0))
}

/// A page, cut at [`MOST_BYTES`], with the link to the next one.
pub(super) fn page(items: &[FeedItem], next: Option<u64>, uri: &Uri, newest_first: bool) -> Answer {
    let mut text = written(&[HEADER.map(str::to_owned)])?;
    let mut next = next;
    for (place, item) in items.iter().enumerate() {
        let rows = written(&rows(item))?;
        if place > 0 && text.len() + rows.len() > MOST_BYTES {
            next = Some(items[place - 1].position);
            break;
        }
        text.extend(rows);
    }
    let mut response = ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response();
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", next_page(uri, next, newest_first));
        let link = HeaderValue::from_str(&link).map_err(|error| internal(&error))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Everything up to the newest commit of this moment, page by page.
pub(super) async fn everything(api: Arc<FeedApi>, mut query: FeedQuery, with_receipts: bool) -> Answer {
    // The first page, before the status is sent.
    let first = api.read(&query).await?;
    let behind = first.newest.map_or(0, |newest| newest.saturating_add(1));
    query.before = Some(query.before.unwrap_or(behind).min(behind));
    let head = written(&[HEADER.map(str::to_owned)])?;
    let begin = Part { api, query, with_receipts, head: Some(head), is_last: false };
    let body = Body::from_stream(stream::try_unfold(begin, Part::written));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"commits.csv\""),
    ];
    Ok((StatusCode::OK, headers, body).into_response())
}

/// The rest of a stream.
struct Part {
    api: Arc<FeedApi>,
    query: FeedQuery,
    with_receipts: bool,
    head: Option<Vec<u8>>,
    is_last: bool,
}

impl Part {
    /// The next part of the text; an error cuts the answer off, so that nobody takes it for the whole.
    async fn written(mut self) -> Result<Option<(Vec<u8>, Self)>, std::io::Error> {
        if self.is_last {
            return Ok(None);
        }
        if *self.api.stopping.borrow() {
            return Err(std::io::Error::other("the server stops"));
        }
        let text = self.page().await.map_err(|problem| {
            let reason = problem.to_json("", "")["detail"].to_string();
            tracing::warn!(target: "ledger::query", reason, "an answer with all commits was cut off");
            std::io::Error::other("the commits cannot be read on")
        })?;
        Ok(Some((text, self)))
    }

    async fn page(&mut self) -> Result<Vec<u8>, Problem> {
        let page = self.api.read(&self.query).await?;
        let mut text = self.head.take().unwrap_or_default();
        for item in self.api.items(page.entries, self.with_receipts).await? {
            text.extend(written(&rows(&item))?);
        }
        match page.next {
            Some(next) if self.query.newest_first => self.query.before = Some(next),
            Some(next) => self.query.after = Some(next),
            None => self.is_last = true,
        }
        Ok(text)
    }
}

/// The path and query of the next page.
fn next_page(uri: &Uri, next: u64, newest_first: bool) -> String {
    let name = if newest_first { "before" } else { "after" };
    let is_other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(name);
    let others = uri.query().unwrap_or_default().split('&').filter(is_other);
    let pairs: Vec<String> = others.map(str::to_owned).chain([format!("{name}={next}")]).collect();
    format!("{PATH}?{}", pairs.join("&"))
}

fn written(rows: &[Row]) -> Result<Vec<u8>, Problem> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| internal(&error))?;
    }
    writer.into_inner().map_err(|error| internal(&error))
}

fn internal(error: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::Internal, format!("The table cannot be written: {error}."))
}

/// The rows of a commit; of one that is gone its position alone.
fn rows(item: &FeedItem) -> Vec<Row> {
    let Some(commit) = &item.commit else {
        return vec![std::array::from_fn(|column| {
            if column == 0 { item.position.to_string() } else { String::new() }
        })];
    };
    let events = commit.0.get("events").and_then(Value::as_array);
    let first = commit.sequence().unwrap_or_default();
    let mut rows = Vec::new();
    for (place, event) in events.into_iter().flatten().enumerate() {
        let mut fields = changed_fields::of(event);
        if fields.is_empty() {
            fields.push(ChangedField::default());
        }
        let published = item.receipts.as_ref().and_then(|receipts| receipts.get(place)?.published_at());
        for field in fields {
            rows.push(row(item, commit, first + place as u64, event, field, published.as_deref()));
        }
    }
    rows
}

fn row(
    item: &FeedItem,
    commit: &StoredCommit,
    sequence: u64,
    event: &Value,
    field: ChangedField,
    published: Option<&str>,
) -> Row {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_commit = |name: &str| text(commit.0.get(name));
    let of_metadata = |name: &str| text(commit.0.get("metadata").and_then(|metadata| metadata.get(name)));
    [
        item.position.to_string(),
        item.retroactive.unwrap_or_default().to_string(),
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
    ]
}

/// A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe, and so does one that begins with
/// an apostrophe, so that taking one off gives the text again.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_begins_like_a_formula_gets_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'x"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "x", "1", "a=b", "\nx", " =1"] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn csv_is_wanted_by_name_and_not_less_than_json() {
        let wanted = |accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            is_wanted(&headers)
        };
        for accept in
            ["text/csv", "TEXT/CSV; q=0.5", "text/csv, application/json", "a/b,text/csv;header=present"]
        {
            assert!(wanted(accept), "{accept}");
        }
        let others = ["", "*/*", "text/*", "text/csv;q=0", "text/csv;q=0.1, application/json", "text/csvx"];
        for accept in others {
            assert!(!wanted(accept), "{accept}");
        }
    }

    #[test]
    fn the_next_page_has_the_same_filters() {
        let next = |uri: &'static str, newest_first| next_page(&Uri::from_static(uri), 7, newest_first);
        assert_eq!(next("/commits", false), "/commits?after=7");
        assert_eq!(
            next("/commits?after=1&actor=a%20b&before=9", false),
            "/commits?actor=a%20b&before=9&after=7"
        );
        assert_eq!(next("/commits?before=9&order=desc", true), "/commits?order=desc&before=7");
    }
}
