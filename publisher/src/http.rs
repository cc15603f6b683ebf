//! `GET /events`: the local bus as server-sent events, from any entry that is still retained.
//!
//! Its promise: a reader that reconnects with its `Last-Event-ID` misses no entry that the bus still retains, not even if it has
//! received none yet, and every stream ends when the server stops.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use event_store::StoreError;
use futures::Stream;
use schema::ProductId;
use schema::message::EVENT_NAMES;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use web::api::{Api, Describe, Endpoint};
use web::openapi::inlined;
use web::operation::{Components, Operation, OperationResponse, example, header, query};
use web::{Problem, ProblemKind, QueryParameters, RequestContext, Scope};

use crate::bus::local::{LocalBus, RetainedEntry};

/// How many entries are read at a time.
const PAGE: u16 = 100;

/// The state of the route.
#[derive(Clone)]
pub struct EventsApi {
    /// The buses.
    pub bus: Arc<dyn LocalBus>,
    /// The name of the bus to stream.
    pub name: String,
    /// Becomes `true` when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// The route. The caller wraps it with [`web::finish`].
pub fn routes(api: EventsApi) -> Router {
    table().router().with_state(Arc::new(api))
}

/// The OpenAPI description of the route.
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
        "The id received last; the stream continues after it. If the id is unknown, the stream begins with the oldest retained \
         event.",
        &json!({"type": "string"}),
    );
    let sent = "id: 01M841K9DEZSCMB07FHNWPHHBZ\nevent: PRODUCT_CREATED\ndata: {\"detail-type\":\"PRODUCT_CREATED\"}\n\n";
    Operation::new("getEvents", "Events", "Stream the events that are put on the bus")
        .description(
            "An endless stream of server-sent events: `id` is the event's id, `event` its detail type, `data` the \
             whole entry as EventBridge delivers it. A stream that begins with the next event first sends an `id` without `data`: it \
             is no event, and sent back as `Last-Event-ID` it continues from there. Only `ledger serve` has this route.",
        )
        .scopes(&[Scope::Subscribe, Scope::Audit])
        .parameter(query("from", "`start`: begin with the oldest retained event; otherwise begin with the next event.", &json!({"type": "string", "enum": ["start"]})))
        .parameter(query("product", "Only the events of this product.", &inlined::<ProductId>()))
        .parameter(query(
            "type",
            "Only events of this detail type; given several times, of one of them.",
            &json!({"type": "array", "items": {"type": "string", "enum": EVENT_NAMES}}),
        ))
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
    mut parameters: QueryParameters,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    context.require(Scope::Subscribe)?;
    let last = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()));
    let last = last.as_deref().filter(|id| !id.is_empty());
    let from_start = parameters.optional("from", start)?.is_some();
    let filter = EntryFilter {
        product: parameters.optional("product", |text| ProductId::new(text))?,
        types: parameters.each("type", event_name)?,
    };
    let start = api.start(last, from_start).await.map_err(|error| {
        unreadable(&error);
        Problem::unavailable("The bus cannot be read at the moment.")
    })?;
    Ok(Sse::new(follow(api, start, filter)).keep_alive(KeepAlive::default()))
}

/// Where a stream begins.
struct StreamStart {
    /// The position before its first entry.
    position: u64,
    /// Whether the reader does not know this place: it has no id of an event yet.
    is_new: bool,
}

impl StreamStart {
    /// Before the id of a place; ids of events do not begin with it.
    const MARK: char = '@';

    /// The id by which a reader comes back to a place where it has received no event.
    fn id(&self) -> String {
        format!("{}{}", Self::MARK, self.position)
    }

    /// The position in such an id.
    fn position_in(id: &str) -> Option<u64> {
        id.strip_prefix(Self::MARK)?.parse().ok()
    }
}

fn unreadable(error: &StoreError) {
    tracing::warn!(target: "ledger::publisher", %error, "the local bus cannot be read");
}

/// The entries that a reader wants.
struct EntryFilter {
    product: Option<ProductId>,
    /// None: all.
    types: Vec<&'static str>,
}

/// The part of an entry that names its product.
#[derive(Deserialize)]
struct EntryResources {
    resources: Vec<String>,
}

impl EntryFilter {
    fn admits(&self, retained: &RetainedEntry) -> bool {
        if !self.types.is_empty() && !self.types.contains(&retained.detail_type.as_str()) {
            return false;
        }
        let Some(product) = &self.product else { return true };
        let entry = serde_json::from_str::<EntryResources>(&retained.entry);
        entry.is_ok_and(|entry| entry.resources.iter().any(|resource| resource == product.as_str()))
    }
}

fn start(text: &str) -> Result<(), &'static str> {
    if text == "start" { Ok(()) } else { Err("start is expected") }
}

fn event_name(text: &str) -> Result<&'static str, String> {
    let known = EVENT_NAMES.into_iter().find(|name| *name == text);
    known.ok_or_else(|| format!("one of {} is expected", EVENT_NAMES.join(", ")))
}

impl EventsApi {
    /// Where a stream begins. A browser that reconnects repeats the query, so the id takes precedence.
    async fn start(&self, last: Option<&str>, from_start: bool) -> Result<StreamStart, StoreError> {
        let known = |position| Ok(StreamStart { position, is_new: false });
        match (last, last.and_then(StreamStart::position_in)) {
            (_, Some(position)) => {
                // Beyond the newest entry it is a place of another bus.
                let newest = self.bus.newest(&self.name).await?;
                known(Some(position).filter(|position| *position <= newest).unwrap_or(0))
            }
            (Some(id), None) => known(self.bus.position_of(&self.name, id).await?.unwrap_or(0)),
            (None, None) if from_start => known(0),
            (None, None) => Ok(StreamStart { position: self.bus.newest(&self.name).await?, is_new: true }),
        }
    }
}

/// The admitted entries after a place as they are appended, until the server stops or the bus cannot be read.
fn follow(
    api: Arc<EventsApi>,
    start: StreamStart,
    filter: EntryFilter,
) -> impl Stream<Item = Result<Event, Infallible>> {
    async_stream::stream! {
        let mut stopping = api.stopping.clone();
        let mut appended = api.bus.appended();
        if start.is_new {
            yield Ok(Event::default().id(start.id()));
        }
        let mut position = start.position;
        while !*stopping.borrow() {
            let page = match api.bus.after(&api.name, position, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    unreadable(&error);
                    break;
                }
            };
            if page.is_empty() {
                tokio::select! {
                    _ = appended.changed() => continue,
                    _ = stopping.wait_for(|stopping| *stopping) => break,
                }
            }
            for retained in page {
                position = retained.position;
                if filter.admits(&retained) {
                    yield Ok(sent(retained));
                }
            }
        }
    }
}

fn sent(retained: RetainedEntry) -> Event {
    Event::default().id(retained.event_id).event(retained.detail_type).data(retained.entry)
}
