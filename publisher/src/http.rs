//! `GET /events`: the local bus as server-sent events, from any point that is still kept.
//!
//! Its promise: a reader that comes back with its `Last-Event-ID` misses nothing the bus still keeps, and every stream
//! ends when the server does.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use event_store::Unavailable;
use futures::Stream;
use serde_json::json;
use tokio::sync::watch;
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example, header, query};
use web::{Problem, ProblemKind, RequestContext, Scope};

use crate::bus::local::{Kept, LocalBus};

/// How many entries are read at once.
const PAGE: u16 = 100;

/// What the route needs.
#[derive(Clone)]
pub struct EventsApi {
    /// The buses.
    pub bus: Arc<dyn LocalBus>,
    /// The bus that is shown.
    pub name: String,
    /// Becomes `true` when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// The route that shows the bus. [`web::finish`] has to be laid around it.
pub fn routes(api: EventsApi) -> Router {
    table().router().with_state(Arc::new(api))
}

/// What the route says of itself.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<Arc<EventsApi>> {
    Api::new().on(Endpoint::Get("/events"), described, events)
}

fn described(_: &mut Components) -> Operation {
    let last = header(
        "Last-Event-ID",
        "The last event that was seen; the stream goes on after it. From the oldest kept if it is not known.",
        &json!({"type": "string"}),
    );
    let sent = "id: 01M841K9DEZSCMB07FHNWPHHBZ\nevent: PRODUCT_CREATED\ndata: {\"detail-type\":\"PRODUCT_CREATED\"}\n\n";
    Operation::new("getEvents", "Events", "What the bus is sent, as it comes")
        .description(
            "Server-sent events without an end: `id` is the event's id, `event` its detail type, `data` the whole \
             entry as EventBridge delivers it. Only the program's own server has it.",
        )
        .scopes(&[Scope::Audit])
        .parameter(query("from", "`start`: from the oldest kept; otherwise from now on.", &json!({"const": "start"})))
        .parameter(last)
        .answer(
            200,
            OperationResponse::new("The stream.").content(
                "text/event-stream",
                &json!({"type": "string"}),
                &example("created", &json!(sent)),
            ),
        )
        .problems(&[ProblemKind::Unavailable])
}

async fn events(
    State(api): State<Arc<EventsApi>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    context.require(Scope::Audit)?;
    let last = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()));
    let last = last.as_deref().filter(|id| !id.is_empty());
    let from_start = query.is_some_and(|query| query.split('&').any(|pair| pair == "from=start"));
    let position = api.start(last, from_start).await.map_err(|error| {
        tracing::warn!(target: "ledger::publisher", %error, "the local bus cannot be read");
        Problem::unavailable("The bus cannot be read just now.")
    })?;
    Ok(Sse::new(follow(api, position)).keep_alive(KeepAlive::default()))
}

impl EventsApi {
    /// The position after which a stream begins. A browser that reconnects repeats the query, so the id comes first.
    async fn start(&self, last: Option<&str>, from_start: bool) -> Result<u64, Unavailable> {
        match last {
            Some(id) => Ok(self.bus.position_of(&self.name, id).await?.unwrap_or(0)),
            None if from_start => Ok(0),
            None => self.bus.newest(&self.name).await,
        }
    }
}

/// Entries after a position as they come, until the server stops or the bus cannot be read.
fn follow(api: Arc<EventsApi>, mut position: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    async_stream::stream! {
        let mut stopping = api.stopping.clone();
        let mut appended = api.bus.appended();
        while !*stopping.borrow() {
            let Ok(page) = api.bus.after(&api.name, position, PAGE).await else {
                break;
            };
            if page.is_empty() {
                tokio::select! {
                    _ = appended.changed() => continue,
                    _ = stopping.wait_for(|stopping| *stopping) => break,
                }
            }
            for kept in page {
                position = kept.position;
                yield Ok(sent(kept));
            }
        }
    }
}

fn sent(kept: Kept) -> Event {
    Event::default().id(kept.event_id).event(kept.detail_type).data(kept.entry)
}
