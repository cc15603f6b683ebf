//! Which requests are admitted, and how long they may take.
//!
//! The promise: the server never works on more than its limits allow, whatever is sent; only requests whose sender is known take
//! a slot; a rejected client is told when to retry; and an admitted command runs to its end even after its client is gone, and
//! is never aborted midway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use metrics::Gauge;
use projections::http::status::LimitUse;
use projections::http::{TABLES, feed};
use telemetry::meters::{HTTP_IN_FLIGHT, HTTP_SHED, HTTP_STREAMS};
use telemetry::usage::UsageCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tracing::Instrument;
use web::{Problem, ProblemKind};

use super::body;
use super::limits::{LONGEST_HEADERS, LONGEST_URI, Limits, MOST_HEADERS};

/// Admits requests. Clones share the slots.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    limits: Limits,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    page_streams: Arc<Semaphore>,
}

/// Which limit a request belongs to.
enum Kind {
    /// None: an overloaded server must stay observable, and these cost next to nothing.
    Observation,
    /// An event stream, a wait for the next commit, or an answer with a whole listing.
    Stream,
    /// The same, asked for by a web page: however many are open, subscribers are not shut out.
    PageStream,
    /// Anything else.
    Work,
}

/// The slot of a request or a stream.
struct Slot {
    _permit: OwnedSemaphorePermit,
    taken: Gauge,
}

/// A client that waits for its answer; dropped when it is gone or has been answered.
struct WaitingClient {
    work: AbortHandle,
    may_be_cut_short: bool,
    given_up: Arc<AtomicBool>,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        let slots = |most: u32| Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        Self {
            limits,
            requests: slots(limits.max_requests),
            streams: slots(limits.max_streams),
            page_streams: slots(limits.max_page_streams),
        }
    }

    /// Wraps all routes: a request is received, then authenticated, and only then given a slot.
    pub(super) fn wrap(&self, authenticated: impl FnOnce(Router) -> Router, routes: Router) -> Router {
        let admitted = routes.layer(from_fn_with_state(self.clone(), admit));
        authenticated(admitted).layer(from_fn_with_state(self.clone(), receive))
    }

    /// What of the limits on requests, on streams and on streams of pages is used now.
    pub(super) fn used(&self) -> [LimitUse; 3] {
        let Limits { max_requests, max_streams, max_page_streams, .. } = self.limits;
        let slots = [
            (&self.requests, max_requests),
            (&self.streams, max_streams),
            (&self.page_streams, max_page_streams),
        ];
        slots.map(|(slots, most)| {
            let free = u64::try_from(slots.available_permits()).unwrap_or(u64::MAX);
            LimitUse { open: u64::from(most).saturating_sub(free), most: most.into() }
        })
    }

    /// Waits until no request is in progress.
    pub(super) async fn idle(&self) {
        drop(self.requests.acquire_many(self.limits.max_requests).await);
    }

    /// The request, once all that work needs of it has arrived.
    async fn received(&self, request: Request) -> Result<Request, Problem> {
        check_sizes(&request)?;
        match Kind::of(&request) {
            Kind::Observation | Kind::Stream | Kind::PageStream => Ok(request),
            Kind::Work => body::read(request, self.limits.body_timeout).await,
        }
    }

    async fn pass(&self, request: Request, next: Next) -> Result<Response, Problem> {
        match Kind::of(&request) {
            Kind::Observation => Ok(next.run(request).await),
            Kind::Stream => self.stream((&self.streams, "streams"), request, next).await,
            Kind::PageStream => self.stream((&self.page_streams, "page_streams"), request, next).await,
            Kind::Work => self.work(request, next).await,
        }
    }

    async fn work(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let slot = Slot::take(&self.requests, "requests", metrics::gauge!(HTTP_IN_FLIGHT.name))?;
        let may_be_cut_short = request.method().is_safe();
        let given_up = Arc::new(AtomicBool::new(false));
        let work = run_to_the_end(next.run(request), slot, given_up.clone());
        let work = UsageCounter::current().unwrap_or_default().count(work);
        let mut work = tokio::spawn(work.in_current_span());
        let waiting = WaitingClient { work: work.abort_handle(), may_be_cut_short, given_up };
        let answer = timeout(self.limits.request_timeout, &mut work).await;
        drop(waiting);
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(Problem::new(ProblemKind::Internal, "Please report the correlation id.")),
            Err(_) => Err(Problem::took_too_long(may_be_cut_short)),
        }
    }

    async fn stream(
        &self,
        (slots, limit): (&Arc<Semaphore>, &'static str),
        request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        let slot = Slot::take(slots, limit, metrics::gauge!(HTTP_STREAMS.name))?;
        // A client that waits for the next commit may wait so long, and then gets its page.
        let limit = self.limits.request_timeout + feed::LONGEST_WAIT;
        let answer = timeout(limit, next.run(request)).await;
        let response = answer.map_err(|_| Problem::took_too_long(true))?;
        // The slot is freed when the stream is dropped.
        let keep = move |body: Body| {
            Body::from_stream(body.into_data_stream().inspect(move |_| {
                let _ = &slot;
            }))
        };
        Ok(response.map(keep))
    }
}

impl Kind {
    fn of(request: &Request) -> Self {
        match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            Some("/health" | "/metrics") => Self::Observation,
            Some("/events") => Self::stream_of(request),
            Some(feed::PATH) if names(request.uri(), "wait") => Self::stream_of(request),
            Some(path) if TABLES.contains(&path) && names(request.uri(), "all") => Self::stream_of(request),
            _ => Self::Work,
        }
    }

    /// Browsers say of each request how it came about, and pages cannot change that; programs do not.
    fn stream_of(request: &Request) -> Self {
        if request.headers().contains_key("sec-fetch-mode") { Self::PageStream } else { Self::Stream }
    }
}

/// Whether a query has this parameter.
fn names(uri: &Uri, wanted: &str) -> bool {
    let mut names = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    // An encoded name may be this one.
    names.any(|name| name == wanted || name.contains('%'))
}

async fn receive(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    match admission.received(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    admission.pass(request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Does the work in its slot, whether or not its client is still there.
async fn run_to_the_end(
    work: impl Future<Output = Response>,
    slot: Slot,
    given_up: Arc<AtomicBool>,
) -> Response {
    let response = work.await;
    drop(slot);
    if given_up.load(Ordering::Relaxed) {
        tracing::warn!(target: "ledger::server", status = response.status().as_u16(), "a request whose client was gone has ended");
    }
    response
}

fn check_sizes(request: &Request) -> Result<(), Problem> {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > LONGEST_URI {
        let detail = format!("Path and query may have at most {LONGEST_URI} bytes.");
        return Err(Problem::new(ProblemKind::UriTooLong, detail).loggable());
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > LONGEST_HEADERS {
        let detail =
            format!("A request may have at most {MOST_HEADERS} headers of {LONGEST_HEADERS} bytes together.");
        return Err(Problem::new(ProblemKind::HeadersTooLarge, detail).loggable());
    }
    Ok(())
}

impl Slot {
    fn take(slots: &Arc<Semaphore>, limit: &'static str, taken: Gauge) -> Result<Self, Problem> {
        let Ok(permit) = slots.clone().try_acquire_owned() else {
            metrics::counter!(HTTP_SHED.name, "limit" => limit).increment(1);
            let what = limit.replace('_', " ");
            let detail = format!(
                "The server is at its limit of concurrent {what}. Nothing was done; retry after the time in Retry-After."
            );
            return Err(Problem::new(ProblemKind::Overloaded, detail).loggable().retry_after(1));
        };
        taken.increment(1.0);
        Ok(Self { _permit: permit, taken })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.taken.decrement(1.0);
    }
}

impl Drop for WaitingClient {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if self.may_be_cut_short {
            self.work.abort();
        }
    }
}

#[cfg(test)]
mod tests;
