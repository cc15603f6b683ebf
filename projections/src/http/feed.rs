//! `GET /commits`: all commits in the order of recording, those that the filters select, each with the publication of its events.
//!
//! The promise: a reader that follows `next`, and at the end asks again from `newest`, gets every commit that its filters select
//! once and in order; it may wait for the next one, and no wait outlasts its bound or the server.

mod answer;
mod days;
mod documented;
mod request;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use axum::{Json, Router};
use event_store::feed_reader::PageEntry;
use event_store::{FeedPage, FeedQuery, FeedReader, Journal, Receipts};
use schema::ProductId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use web::api::{Api, Describe, Endpoint};
use web::{Problem, QueryParameters, RequestContext, Scope, wrong_parameter};

use super::Answer;
use super::csv::CsvRequest;
use super::publication::Publications;
use answer::{FeedBody, FeedItem};
use request::FeedRequest;
use table::CommitTable;

/// The path of the route, which a server has only where commits have positions.
pub const PATH: &str = "/commits";

/// The longest wait for the next commit.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The longest wait in a function, for which API Gateway waits half a minute at most and every second of which is paid for.
pub const LONGEST_WAIT_IN_A_FUNCTION: Duration = Duration::from_secs(5);

/// The dependencies of the routes.
#[derive(Clone)]
pub struct FeedApi {
    /// The commits by position.
    pub feed: FeedReader,
    /// The commits by product.
    pub journal: Arc<dyn Journal>,
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
    /// Becomes `true` when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// The routes, and where they are answered.
#[derive(Clone)]
struct FeedRoute {
    api: Arc<FeedApi>,
    is_function: bool,
}

/// The routes, to be wrapped in [`web::finish`].
pub fn routes(api: FeedApi) -> Router {
    table().router().with_state(FeedRoute { api: Arc::new(api), is_function: false })
}

/// The same in a function: it waits for [`LONGEST_WAIT_IN_A_FUNCTION`] at most, and has no download of everything.
pub fn routes_in_a_function(api: FeedApi) -> Router {
    table().router().with_state(FeedRoute { api: Arc::new(api), is_function: true })
}

/// The OpenAPI descriptions of the routes.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<FeedRoute> {
    Api::new().on(Endpoint::Get(PATH), documented::commits, commits).on(
        Endpoint::Get("/commits/days"),
        days::documented,
        days::days,
    )
}

async fn commits(
    State(FeedRoute { api, is_function }): State<FeedRoute>,
    context: RequestContext,
    mut parameters: QueryParameters,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    context.require(Scope::Subscribe)?;
    let with_receipts = context.require(Scope::Audit).is_ok();
    let mut request = FeedRequest::read(&mut parameters, &headers)?;
    if is_function {
        request.wait = request.wait.min(LONGEST_WAIT_IN_A_FUNCTION);
        if matches!(request.csv, Some(CsvRequest::Everything)) {
            let instead = "is answered by ledger serve alone; follow Link to the next page";
            return Err(wrong_parameter("all", &instead));
        }
    }
    // The first page, before the status is sent.
    let page = api.page(&request).await?;
    if let Some(csv) = request.csv {
        let stopping = api.stopping.clone();
        let listing = CommitTable::from(page, api, request.query, with_receipts);
        return csv.answer(listing, &uri, Some(stopping)).await;
    }
    let items = api.items(page.entries, with_receipts).await?;
    Ok(Json(FeedBody { commits: items, next: page.next, newest: page.newest }).into_response())
}

impl FeedApi {
    /// The page, after a wait if there is nothing newer yet.
    async fn page(&self, request: &FeedRequest) -> Result<FeedPage, Problem> {
        let deadline = Instant::now() + request.wait;
        let mut appended = self.feed.appended();
        let mut stopping = self.stopping.clone();
        loop {
            // Before the page is read: a commit that is recorded meanwhile must end the wait.
            appended.mark_unchanged();
            let page = self.read(&request.query).await?;
            let is_over = request.wait.is_zero() || Instant::now() >= deadline || *stopping.borrow();
            if is_over || page.newest > request.query.after || is_bounded(&request.query, &page) {
                return Ok(page);
            }
            tokio::select! {
                changed = appended.changed() => if changed.is_err() {
                    // Nobody appends any more.
                    sleep_until(deadline).await;
                },
                () = sleep_until(deadline) => {}
                () = stopped(&mut stopping) => {}
            }
        }
    }

    async fn read(&self, query: &FeedQuery) -> Result<FeedPage, Problem> {
        self.feed.page(query).await.map_err(answer::problem)
    }

    /// The entries of a page, with the publication of their events if the reader may see it.
    async fn items(&self, entries: Vec<PageEntry>, with_receipts: bool) -> Result<Vec<FeedItem>, Problem> {
        let mut items: Vec<FeedItem> = entries.into_iter().map(FeedItem::of).collect();
        if !with_receipts {
            return Ok(items);
        }
        let publications = Publications { journal: &*self.journal, receipts: &*self.receipts };
        for (product, places) in runs(&items)? {
            let commits: Vec<_> = places.iter().filter_map(|place| items[*place].commit.as_ref()).collect();
            let receipts = publications.of(&product, &commits).await?;
            for (place, receipts) in places.into_iter().zip(receipts) {
                items[place].receipts = Some(receipts);
            }
        }
        Ok(items)
    }
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let is_known = stopping.wait_for(|stopping| *stopping).await.is_ok();
    if !is_known {
        // Nobody would say so.
        std::future::pending::<()>().await;
    }
}

/// Whether no newer commit could be on the page.
fn is_bounded(query: &FeedQuery, page: &FeedPage) -> bool {
    let next = page.newest.map_or(0, |newest| newest + 1);
    query.before.is_some_and(|before| before <= next)
}

/// The places of commits that follow one another in their product, so that the receipts of a run are one read, however far its
/// product's runs lie apart.
fn runs(items: &[FeedItem]) -> Result<Vec<(ProductId, Vec<usize>)>, Problem> {
    let mut products: BTreeMap<ProductId, Vec<(u64, u64, usize)>> = BTreeMap::new();
    for (place, commit) in
        items.iter().enumerate().filter_map(|(place, item)| Some((place, item.commit.as_ref()?)))
    {
        let id = commit.text("product_id").ok().and_then(|id| ProductId::new(id).ok());
        let id = id.ok_or_else(|| answer::unreadable(items[place].position, None))?;
        let events = commit.sequences().map_err(|_| answer::unreadable(items[place].position, Some(&id)))?;
        products.entry(id).or_default().push((events.start, events.end, place));
    }
    let mut runs: Vec<(ProductId, Vec<usize>)> = Vec::new();
    for (product, mut commits) in products {
        commits.sort_unstable();
        let mut behind = None;
        for (first, end, place) in commits {
            match runs.last_mut() {
                Some((_, run)) if behind == Some(first) => run.push(place),
                _ => runs.push((product.clone(), vec![place])),
            }
            behind = Some(end);
        }
    }
    Ok(runs)
}
