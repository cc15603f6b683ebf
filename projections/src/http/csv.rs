//! Answers as CSV (RFC 4180), for spreadsheets: pages with a link to the next one, and whole listings in one answer.
//!
//! The promise: no text from the ledger is run as a formula, and an answer that is not complete is cut off or has a link.

use std::borrow::Cow;

use ::csv::{Terminator, WriterBuilder};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::watch;
use web::{Problem, ProblemKind, QueryParameters, wrong_parameter};

use super::Answer;
use super::parameters::{limit_to, literally_true};

/// The most entries of a page.
pub(super) const MOST_ENTRIES: usize = 10_000;

/// The most bytes of a page, unless its first entry alone is larger.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

const MEDIA_TYPE: &str = "text/csv";

const CONTENT_TYPE: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/csv; charset=utf-8");

/// The most parts of a page, so that it ends however large its entries are in the store.
const MOST_PARTS: usize = 32;

/// The entries of a part when everything is read.
pub(super) const PART: usize = 1_000;

/// A row.
pub(super) type Row = Vec<String>;

/// A listing that is read part by part.
#[async_trait]
pub(super) trait CsvListing: Send + 'static {
    /// The name of the file that a browser keeps everything in.
    const FILE: &'static str;

    /// The names of the columns.
    fn columns() -> Vec<&'static str>;

    /// The query parameter with which the next page begins.
    fn next_parameter(&self) -> &'static str;

    /// Reads up to `limit` further entries, 1 at least.
    ///
    /// # Errors
    /// Any problem of a page of JSON.
    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem>;
}

/// A part of a listing.
pub(super) struct CsvPart {
    pub(super) entries: Vec<CsvEntry>,
    /// Where the listing goes on; `None` at its end.
    pub(super) next: Option<String>,
    /// Whether a page ends here, however few entries it has.
    pub(super) ends_page: bool,
}

/// What stands in one or more rows and is never divided.
pub(super) struct CsvEntry {
    pub(super) rows: Vec<Row>,
    /// Where the listing goes on behind it.
    pub(super) place: String,
}

/// What a client wants as CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CsvRequest {
    /// A page.
    Page { limit: usize },
    /// Everything in one answer.
    Everything,
}

impl CsvRequest {
    /// Reads `limit` and `all`, if the client wants CSV at all.
    ///
    /// # Errors
    /// 400 for one that cannot be read, or both; for `all` without CSV, or where no answer can be so long.
    pub(super) fn read(
        parameters: &mut QueryParameters,
        headers: &HeaderMap,
        can_be_whole: bool,
    ) -> Result<Option<Self>, Problem> {
        let all = parameters.optional("all", literally_true)?.is_some();
        if !is_wanted(headers) {
            return if all {
                Err(wrong_parameter("all", &"goes with Accept: text/csv alone"))
            } else {
                Ok(None)
            };
        }
        let limit = parameters.optional("limit", limit_to(MOST_ENTRIES))?;
        match (all, limit) {
            (false, limit) => Ok(Some(Self::Page { limit: limit.unwrap_or(MOST_ENTRIES) })),
            (true, Some(_)) => Err(wrong_parameter("all", &"cannot be combined with limit")),
            (true, None) if can_be_whole => Ok(Some(Self::Everything)),
            (true, None) => {
                let why = "no answer can be so long here; follow Link from page to page";
                Err(wrong_parameter("all", &why))
            }
        }
    }

    /// The answer. A listing that is sent whole is cut off when `stopping` becomes true.
    ///
    /// # Errors
    /// That of the first part.
    pub(super) async fn answer<L: CsvListing>(
        self,
        listing: L,
        uri: &Uri,
        stopping: Option<watch::Receiver<bool>>,
    ) -> Answer {
        match self {
            Self::Page { limit } => page(listing, limit, uri).await,
            Self::Everything => everything(listing, stopping).await,
        }
    }
}

/// Whether the client prefers CSV to JSON.
fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, f32)> = accepted.flat_map(|value| value.split(',')).map(media_range).collect();
    let quality = |name: &str| ranges.iter().find(|(range, _)| range == name).map(|(_, quality)| *quality);
    let csv = quality(MEDIA_TYPE).unwrap_or(0.0);
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

/// A page of up to `limit` entries, cut at [`MOST_BYTES`], with the link to the next one.
async fn page<L: CsvListing>(mut listing: L, limit: usize, uri: &Uri) -> Answer {
    let mut text = header_row::<L>()?;
    let (mut entries, mut next) = (0, None);
    'page: for _ in 0..MOST_PARTS {
        let part = listing.part(limit - entries).await?;
        for entry in part.entries {
            let rows = written(&entry.rows)?;
            if entries > 0 && text.len() + rows.len() > MOST_BYTES {
                break 'page;
            }
            text.extend(rows);
            entries += 1;
            next = Some(entry.place);
        }
        next = part.next;
        if next.is_none() || part.ends_page || entries >= limit || text.len() >= MOST_BYTES {
            break;
        }
    }
    let mut response = ([CONTENT_TYPE], text).into_response();
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", next_page(uri, listing.next_parameter(), &next));
        let link = HeaderValue::from_str(&link).map_err(|error| internal(&error))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Everything, part by part.
async fn everything<L: CsvListing>(mut listing: L, stopping: Option<watch::Receiver<bool>>) -> Answer {
    // The first part, before the status is sent.
    let first = listing.part(PART).await?;
    let (mut text, is_read) = (header_row::<L>()?, first.next.is_none());
    text.extend(written(&first.rows())?);
    let rest = Rest { listing, stopping, text: Some(text), is_read };
    let body = Body::from_stream(stream::try_unfold(rest, Rest::further));
    let file = format!("attachment; filename=\"{}\"", L::FILE);
    let headers = [CONTENT_TYPE, (header::CONTENT_DISPOSITION, &file)];
    Ok::<Response, Problem>((StatusCode::OK, headers, body).into_response())
}

/// The rest of an answer with everything.
struct Rest<L> {
    listing: L,
    stopping: Option<watch::Receiver<bool>>,
    /// What was read and not sent.
    text: Option<Vec<u8>>,
    is_read: bool,
}

impl<L: CsvListing> Rest<L> {
    /// The next part of the text; an error cuts the answer off, so that nobody takes it for the whole.
    async fn further(mut self) -> Result<Option<(Vec<u8>, Self)>, std::io::Error> {
        if let Some(text) = self.text.take() {
            return Ok(Some((text, self)));
        }
        if self.is_read {
            return Ok(None);
        }
        if self.stopping.as_ref().is_some_and(|stopping| *stopping.borrow()) {
            return Err(std::io::Error::other("the server stops"));
        }
        let text = self.part().await.map_err(|problem| {
            let reason = problem.to_json("", "")["detail"].to_string();
            tracing::warn!(target: "ledger::query", reason, "an answer with everything was cut off");
            std::io::Error::other("the listing cannot be read on")
        })?;
        Ok(Some((text, self)))
    }

    async fn part(&mut self) -> Result<Vec<u8>, Problem> {
        let part = self.listing.part(PART).await?;
        self.is_read = part.next.is_none();
        written(&part.rows())
    }
}

impl CsvPart {
    fn rows(self) -> Vec<Row> {
        self.entries.into_iter().flat_map(|entry| entry.rows).collect()
    }
}

/// The path and query of the next page; `parameter` is the last one.
fn next_page(uri: &Uri, parameter: &str, next: &str) -> String {
    let is_other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(parameter);
    let others = uri.query().unwrap_or_default().split('&').filter(is_other);
    let pairs: Vec<String> = others.map(str::to_owned).chain([format!("{parameter}={next}")]).collect();
    format!("{}?{}", uri.path(), pairs.join("&"))
}

fn header_row<L: CsvListing>() -> Result<Vec<u8>, Problem> {
    written(&[L::columns().into_iter().map(str::to_owned).collect()])
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

/// A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe, and so does one that begins with
/// an apostrophe, so that taking one off gives the text again.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
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
        let next = |uri: &'static str, name| next_page(&Uri::from_static(uri), name, "7");
        assert_eq!(next("/commits", "after"), "/commits?after=7");
        assert_eq!(
            next("/commits?after=1&actor=a%20b&before=9", "after"),
            "/commits?actor=a%20b&before=9&after=7"
        );
        assert_eq!(next("/commits?before=9&order=desc", "before"), "/commits?order=desc&before=7");
    }

    /// A listing of one row each, in parts.
    struct Given(Vec<CsvPart>);

    #[async_trait]
    impl CsvListing for Given {
        const FILE: &'static str = "given.csv";

        fn columns() -> Vec<&'static str> {
            vec!["text"]
        }

        fn next_parameter(&self) -> &'static str {
            "after"
        }

        async fn part(&mut self, _: usize) -> Result<CsvPart, Problem> {
            Ok(self.0.remove(0))
        }
    }

    fn part(places: std::ops::Range<usize>, bytes: usize, next: Option<&str>) -> CsvPart {
        let entry = |place: usize| CsvEntry { rows: vec![vec!["x".repeat(bytes)]], place: place.to_string() };
        let next = next.map(str::to_owned);
        CsvPart { entries: places.map(entry).collect(), next, ends_page: false }
    }

    async fn answered(parts: Vec<CsvPart>, limit: usize) -> (usize, Option<String>) {
        let response = page(Given(parts), limit, &Uri::from_static("/given")).await.unwrap();
        let link = response.headers().get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (std::str::from_utf8(&body).unwrap().lines().count() - 1, link)
    }

    #[tokio::test]
    async fn a_page_goes_on_over_parts_to_its_limit_its_size_or_the_end() {
        let link = |place: &str| Some(format!("</given?after={place}>; rel=\"next\""));
        let parts = || vec![part(0..2, 1, Some("1")), part(2..2, 1, Some("5")), part(6..7, 1, None)];
        assert_eq!(answered(parts(), 9).await, (3, None));
        assert_eq!(answered(parts(), 2).await, (2, link("1")));
        // A part without entries leads on all the same.
        let mut parts = vec![part(0..0, 1, Some("5"))];
        parts[0].ends_page = true;
        assert_eq!(answered(parts, 9).await, (0, link("5")));
        // The fourth entry does not fit, so the page ends behind the third.
        assert_eq!(answered(vec![part(0..5, MOST_BYTES / 3 - 9, None)], 9).await, (3, link("2")));
        assert_eq!(answered(vec![part(0..2, MOST_BYTES + 1, None)], 9).await, (1, link("0")));
    }
}
