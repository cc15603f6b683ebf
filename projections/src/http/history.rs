//! `GET /products/{id}/history`: the commits as stored and hashed, each with the publication of its events.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use schema::{ProductId, StoredCommit};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, QueryParameters, RequestContext, Scope};

use super::answer::Stored;
use super::parameters::{DEFAULT_LIMIT, limit, whole};
use super::publication::{Publication, Publications, sequences};
use super::{Answer, Api, Id, Queries, answer, path_id};

/// Commits per read: each may be large, and the page ends near a megabyte.
const READ_AT_ONCE: usize = 25;

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
) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let after = parameters.optional("after", whole)?.unwrap_or(0);
    let limit = parameters.optional("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
    let min_version = parameters.optional("min_version", whole)?;
    if let Some(least) = min_version {
        queries.reached(&id, least).await?;
    }
    let page = queries.commits(&id, after, limit).await?;
    let next = match page.commits.last() {
        Some(last) if page.more => Some(sequences(&id, last)?.start),
        _ => None,
    };
    let published = queries.publications().of(&id, &page.commits.iter().collect::<Vec<_>>()).await?;
    let published = page.commits.into_iter().zip(published);
    let commits = published.map(|(commit, receipts)| PublishedCommit { commit, receipts }).collect();
    Ok(Json(HistoryBody { commits, next }).into_response())
}

impl Queries {
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
            let wanted = (limit + 1 - commits.len()).min(READ_AT_ONCE);
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
