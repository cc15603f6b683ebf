//! `GET /products/{id}/history`: the commits as stored and hashed, each with the publication of its events.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use schema::{ProductId, StoredCommit};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, QueryParameters, RequestContext, Scope};

use super::answer::Stored;
use super::commit_rows::{COLUMNS, commit_rows};
use super::csv::{CsvEntry, CsvListing, CsvPart, CsvRequest};
use super::parameters::{DEFAULT_LIMIT, limit_to, whole};
use super::publication::{Publication, Publications, sequences};
use super::{Answer, Api, Id, Queries, answer, path_id};

/// The maximum number of commits in a page.
const MOST_COMMITS: usize = 1_000;

/// Commits of the first read, and the most of a further one: each may be large, and the page ends near a megabyte.
const READ_FIRST: usize = 25;
const READ_AT_ONCE: usize = 100;

const MOST_BYTES: usize = 1024 * 1024;

/// A page of commits of a product.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
pub(super) struct HistoryBody {
    /// Oldest first.
    commits: Vec<PublishedCommit>,
    /// The value of `after` for the next page, if there is one.
    next: Option<u64>,
}

/// A commit with the publication of its events.
#[derive(Serialize, JsonSchema)]
struct PublishedCommit {
    #[serde(flatten)]
    commit: StoredCommit,
    /// One entry per event, in order: the receipt of the bus, why there is none, that the event was restored, or `null`.
    receipts: Vec<Publication>,
}

/// A page of commits, and whether more follow.
struct CommitPage {
    commits: Vec<StoredCommit>,
    more: bool,
}

pub(super) async fn history(
    State(queries): Api,
    id: Id,
    mut parameters: QueryParameters,
    context: RequestContext,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let stopping = queries.api.stopping.clone();
    let csv = CsvRequest::read(&mut parameters, &headers, stopping.is_some())?;
    let after = parameters.optional("after", whole)?.unwrap_or(0);
    let limit = parameters.optional("limit", limit_to(MOST_COMMITS))?.unwrap_or(DEFAULT_LIMIT);
    let min_version = parameters.optional("min_version", whole)?;
    if let Some(least) = min_version {
        queries.reached(&id, least).await?;
    }
    if let Some(csv) = csv {
        return csv.answer(HistoryTable { queries, id, after }, &uri, stopping).await;
    }
    Ok(Json(queries.history(&id, after, limit).await?).into_response())
}

/// The commits of a product as a table.
struct HistoryTable {
    queries: Arc<Queries>,
    id: ProductId,
    after: u64,
}

#[async_trait]
impl CsvListing for HistoryTable {
    const FILE: &'static str = "history.csv";

    fn columns() -> Vec<&'static str> {
        COLUMNS.into()
    }

    fn next_parameter(&self) -> &'static str {
        "after"
    }

    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem> {
        let page = self.queries.history(&self.id, self.after, limit.min(MOST_COMMITS)).await?;
        let entries = page.commits.iter().map(|published| {
            let rows = commit_rows(&published.commit, Some(&published.receipts));
            let place = sequences(&self.id, &published.commit)?.start.to_string();
            Ok(CsvEntry { rows, place })
        });
        let entries = entries.collect::<Result<_, Problem>>()?;
        self.after = page.next.unwrap_or(self.after);
        Ok(CsvPart { entries, next: page.next.map(|next| next.to_string()), ends_page: false })
    }
}

impl Queries {
    /// A page of the commits after a sequence, with the publication of their events.
    async fn history(&self, id: &ProductId, after: u64, limit: usize) -> Result<HistoryBody, Problem> {
        let page = self.commits(id, after, limit).await?;
        let next = match page.commits.last() {
            Some(last) if page.more => Some(sequences(id, last)?.start),
            _ => None,
        };
        let published = self.publications().of(id, &page.commits.iter().collect::<Vec<_>>()).await?;
        let published = page.commits.into_iter().zip(published);
        let commits = published.map(|(commit, receipts)| PublishedCommit { commit, receipts }).collect();
        Ok(HistoryBody { commits, next })
    }

    fn publications(&self) -> Publications<'_> {
        Publications { journal: &*self.api.journal, receipts: &*self.api.receipts }
    }

    /// Checks that the product has this version. Reads of the event table are consistent, so later reads are not older.
    ///
    /// # Errors
    /// 409 if it does not.
    pub(super) async fn reached(&self, id: &ProductId, least: u64) -> Result<(), Problem> {
        let newest = self.api.journal.newest(id, u64::MAX).await;
        let newest =
            newest.map_err(answer::failed(Stored::Commits, Some(id)))?.ok_or_else(|| answer::unknown(id))?;
        let newest = sequences(id, &newest)?.end - 1;
        if newest >= least { Ok(()) } else { Err(answer::not_reached(newest)) }
    }

    async fn commits(&self, id: &ProductId, mut after: u64, limit: usize) -> Result<CommitPage, Problem> {
        let mut commits: Vec<StoredCommit> = Vec::new();
        let mut bytes = 0;
        loop {
            // One commit more than the page tells whether another page follows.
            let wanted = (limit + 1 - commits.len()).min(read_next(commits.len(), bytes));
            let read = self.api.journal.page(id, after, wanted).await;
            let read = read.map_err(answer::failed(Stored::Commits, Some(id)))?;
            let last = read.len() < wanted;
            for commit in read {
                if commits.len() == limit || bytes > MOST_BYTES {
                    return Ok(CommitPage { commits, more: true });
                }
                bytes += serde_json::to_vec(&commit).map_or(0, |json| json.len());
                after = sequences(id, &commit)?.start;
                commits.push(commit);
            }
            if last {
                break;
            }
        }
        let known = !commits.is_empty() || self.is_known(id).await?;
        if known { Ok(CommitPage { commits, more: false }) } else { Err(answer::unknown(id)) }
    }

    async fn is_known(&self, id: &ProductId) -> Result<bool, Problem> {
        let newest = self.api.journal.newest(id, u64::MAX).await;
        Ok(newest.map_err(answer::failed(Stored::Commits, Some(id)))?.is_some())
    }
}

/// How many commits to read at once, by the number and the bytes of those before.
fn read_next(commits: usize, bytes: usize) -> usize {
    match bytes.checked_div(commits) {
        None => READ_FIRST,
        Some(each) => (MOST_BYTES.saturating_sub(bytes) / each.max(1) + 1).min(READ_AT_ONCE),
    }
}
