//! Which requests are let in, and for how long they are waited for.
//!
//! Its promise: the server never works on more than its limits allow, whatever is sent; who is turned away is told to come
//! again; and a command that was let in is carried to its end even if nobody waits for it any more, so that its answer is
//! never a guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use metrics::Gauge;
use telemetry::meters::{HTTP_IN_FLIGHT, HTTP_SHED, HTTP_STREAMS, HTTP_TIMEOUTS};
use telemetry::usage::UsageCounter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tracing::Instrument;
use web::{Problem, ProblemKind};

use super::body;
use super::limits::{LONGEST_HEADERS, LONGEST_URI, Limits, MOST_HEADERS};

/// Lets requests in. Clones share the places.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    limits: Limits,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// A place that a request or a stream takes up.
struct Place {
    _permit: OwnedSemaphorePermit,
    taken: Gauge,
}

/// Somebody waits for a request to be answered.
struct Waiting {
    work: AbortHandle,
    may_be_cut_short: bool,
    given_up: Arc<AtomicBool>,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        let places = |most: u32| Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        Self { limits, requests: places(limits.max_requests), streams: places(limits.max_streams) }
    }

    /// Lays itself around all routes.
    pub(super) fn around(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), admit))
    }

    /// Ends when nothing is worked on.
    pub(super) async fn idle(&self) {
        drop(self.requests.acquire_many(self.limits.max_requests).await);
    }

    async fn pass(&self, request: Request, next: Next) -> Result<Response, Problem> {
        check_sizes(&request)?;
        match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            // Whoever watches an overloaded server has to see it; both cost next to nothing.
            Some("/health" | "/metrics") => Ok(next.run(request).await),
            Some("/events") => self.stream(request, next).await,
            _ => self.work(request, next).await,
        }
    }

    async fn work(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let request = body::read(request, self.limits.body_timeout()).await?;
        let place = Place::take(&self.requests, "requests", metrics::gauge!(HTTP_IN_FLIGHT.name))?;
        let may_be_cut_short = request.method().is_safe();
        let given_up = Arc::new(AtomicBool::new(false));
        let work = carried_to_its_end(next.run(request), place, given_up.clone());
        let work = UsageCounter::current().unwrap_or_default().count(work);
        let mut work = tokio::spawn(work.in_current_span());
        let waiting = Waiting { work: work.abort_handle(), may_be_cut_short, given_up };
        let answer = timeout(self.limits.request_timeout(), &mut work).await;
        drop(waiting);
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(Problem::new(ProblemKind::Internal, "Please report the correlation id.")),
            Err(_) => Err(took_too_long(may_be_cut_short)),
        }
    }

    async fn stream(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let place = Place::take(&self.streams, "streams", metrics::gauge!(HTTP_STREAMS.name))?;
        let answer = timeout(self.limits.request_timeout(), next.run(request)).await;
        let response = answer.map_err(|_| took_too_long(true))?;
        // The place is given back when the stream is dropped.
        let keep = move |body: Body| {
            Body::from_stream(body.into_data_stream().inspect(move |_| {
                let _ = &place;
            }))
        };
        Ok(response.map(keep))
    }
}

async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    admission.pass(request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Does the work in its place, counted for its request, also when nobody waits for it any more.
async fn carried_to_its_end(
    work: impl Future<Output = Response>,
    place: Place,
    given_up: Arc<AtomicBool>,
) -> Response {
    let response = work.await;
    drop(place);
    if given_up.load(Ordering::Relaxed) {
        tracing::warn!(target: "ledger::server", status = response.status().as_u16(), "a request nobody waited for any more has ended");
    }
    response
}

fn check_sizes(request: &Request) -> Result<(), Problem> {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > LONGEST_URI {
        let detail = format!("Path and query have at most {LONGEST_URI} bytes.");
        return Err(Problem::new(ProblemKind::UriTooLong, detail));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || bytes > LONGEST_HEADERS {
        let detail =
            format!("A request has at most {MOST_HEADERS} headers with together {LONGEST_HEADERS} bytes.");
        return Err(Problem::new(ProblemKind::HeadersTooLarge, detail));
    }
    Ok(())
}

fn took_too_long(changed_nothing: bool) -> Problem {
    metrics::counter!(HTTP_TIMEOUTS.name, "waited_for" => "answer").increment(1);
    Problem::unavailable(if changed_nothing {
        "The answer takes too long; ask again later, or for less."
    } else {
        "Whether the command was recorded is not known; repeating it with the same Idempotency-Key is safe."
    })
}

impl Place {
    fn take(places: &Arc<Semaphore>, limit: &'static str, taken: Gauge) -> Result<Self, Problem> {
        let Ok(permit) = places.clone().try_acquire_owned() else {
            metrics::counter!(HTTP_SHED.name, "limit" => limit).increment(1);
            let detail = format!("This server takes no more {limit} just now; nothing was done, come again.");
            return Err(Problem::new(ProblemKind::Overloaded, detail).retry_after(1));
        };
        taken.increment(1.0);
        Ok(Self { _permit: permit, taken })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.decrement(1.0);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if self.may_be_cut_short {
            self.work.abort();
        }
    }
}

#[cfg(test)]
mod tests;
