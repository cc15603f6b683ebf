//! `GET /status`: how the ledger does, for people and for pages that watch it. What a server cannot know is `null`.

mod function;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Json, Router};
use event_store::Parked;
use schema::settings::VARIABLES;
use schema::{ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example};
use web::{FieldError, Problem, ProblemKind, RequestContext, Scope};

use super::Answer;

pub use function::{FunctionStatus, MOST_REQUESTS, StatusPorts};

/// What knows how the ledger does.
#[async_trait]
pub trait StatusSource: Send + Sync {
    /// The status of this moment.
    ///
    /// # Errors
    /// A store does not answer: 503.
    async fn status(&self) -> Result<LedgerStatus, Problem>;
}

/// How the ledger does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LedgerStatus {
    /// How many commits it has.
    pub commits: Option<u64>,
    /// When the first one was recorded.
    pub first_recorded_at: Option<Timestamp>,
    /// When the newest one was recorded.
    pub newest_recorded_at: Option<Timestamp>,
    /// How many products it has.
    pub products: Option<CountedProducts>,
    /// How far each view is behind.
    pub views: ViewLags,
    /// How far the bus is behind.
    pub bus: ConsumerLag,
    /// The products that wait for an attempt or for an operator.
    pub parked: Option<Vec<ParkedProduct>>,
    /// The log; `null` where none is kept.
    pub log: Option<LogState>,
    /// How often a commit was found changed, removed or recorded again since the start.
    pub tampering: Option<u64>,
    /// The build.
    pub build: BuildInfo,
    /// The settings, without secrets.
    pub settings: Vec<SettingInfo>,
    /// The commands since the start.
    pub commands: Option<CommandCounts>,
    /// What the server is at work on, and how much it may.
    pub load: Option<ServerLoad>,
    /// The last 100 problems, the newest first.
    pub refused: Option<Vec<RefusedRequest>>,
}

/// The number of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CountedProducts {
    /// Those that are in the catalogue.
    pub active: u64,
    /// Those that were deleted.
    pub deleted: u64,
    /// When they were counted.
    pub counted_at: Timestamp,
}

/// How far each view is behind.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct ViewLags {
    /// The catalogue.
    pub products: ConsumerLag,
    /// The price history.
    pub prices: ConsumerLag,
}

/// How far a consumer is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConsumerLag {
    /// How long the newest commit took, in milliseconds.
    pub lag_ms: Option<u64>,
    /// How old the oldest commit is that was not handled yet, in milliseconds; 0 if all were.
    pub oldest_behind_ms: Option<u64>,
}

/// A product that waits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ParkedProduct {
    /// The product.
    pub product_id: ProductId,
    /// Who cannot process it.
    pub consumer: String,
    /// The first event that was not processed.
    pub sequence: u64,
    /// Why.
    pub reason: String,
    /// Whether the schedule tries it again; otherwise it waits for an operator.
    pub retryable: bool,
    /// Since when it is parked.
    pub since: Timestamp,
    /// When the schedule tries it next, if that is known.
    pub next_try: Option<Timestamp>,
}

/// The state of the log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LogState {
    /// The size of the newest checkpoint.
    pub size: u64,
    /// When it was signed, if that is known.
    pub signed_at: Option<Timestamp>,
    /// How many commits it does not cover.
    pub unlogged: u64,
    /// How old the oldest of them is, in milliseconds.
    pub oldest_unlogged_ms: u64,
    /// The names of the witnesses that cosigned it.
    pub witnesses: Vec<String>,
}

/// A build.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// The commit it was built from, if the build was told it.
    pub commit: Option<&'static str>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingInfo {
    /// A flag or a variable of the environment.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Where the value is from.
    pub from: SettingOrigin,
}

/// Where the value of a setting is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingOrigin {
    /// A flag of the command line.
    Flag,
    /// A variable of the environment.
    Variable,
    /// Neither.
    Default,
}

/// The commands since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct CommandCounts {
    /// Those that were recorded.
    pub recorded: u64,
    /// Those that changed nothing, or were recorded before.
    pub without_effect: u64,
    /// The others, by the kind of the problem.
    pub refused: BTreeMap<String, u64>,
    /// Within how many milliseconds nine of ten requests to change something were answered, rounded up to a bucket of the
    /// metrics; `null` before the first, and above the largest bucket.
    pub p90_ms: Option<f64>,
}

/// What a server is at work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServerLoad {
    /// Requests, without those that wait for news.
    pub requests: LimitUse,
    /// Streams and waits of subscribers.
    pub streams: LimitUse,
    /// Streams and waits of web pages.
    pub page_streams: LimitUse,
    /// Requests that were turned away since the start because a limit was reached.
    pub turned_away: u64,
    /// Requests to tables that were throttled since the start; `null` without tables.
    pub throttled: Option<u64>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitUse {
    /// What is used now.
    pub open: u64,
    /// The most.
    pub most: u64,
}

/// A request that was answered with a problem.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RefusedRequest {
    /// When it was answered.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its route, such as `/products/{id}`.
    pub route: String,
    /// The status of the answer.
    pub status: u16,
    /// The kind of the problem, such as `invalid`.
    pub kind: String,
    /// What happened and what to do.
    pub detail: String,
    /// What is wrong in the input.
    pub errors: Vec<FieldError>,
    /// Its correlation id.
    pub correlation_id: String,
}

/// Parked products that are told, of each consumer.
pub const MOST_PARKED: usize = 100;

impl ParkedProduct {
    /// A parking row, with the time of the next turn of the schedule.
    #[must_use]
    pub fn of(row: Parked, next_turn: Option<Timestamp>) -> Self {
        Self {
            product_id: row.product_id,
            consumer: row.consumer,
            sequence: row.from_sequence,
            reason: row.reason,
            retryable: row.retryable,
            since: row.parked_at,
            next_try: next_turn.filter(|_| row.retryable),
        }
    }
}

/// The variables with settings that `lookup` knows, and the defaults of the others. The policies that are deployed are no settings
/// that anybody chose.
pub fn variables(lookup: impl Fn(&str) -> Option<String>) -> Vec<SettingInfo> {
    let chosen = VARIABLES.iter().filter(|variable| !variable.name.ends_with("_PROTECTION"));
    let setting = chosen.map(|variable| match lookup(variable.name) {
        Some(value) => {
            SettingInfo { name: variable.name.to_owned(), value: Some(value), from: SettingOrigin::Variable }
        }
        None => SettingInfo {
            name: variable.name.to_owned(),
            value: variable.default.map(str::to_owned),
            from: SettingOrigin::Default,
        },
    });
    setting.collect()
}

/// The route, to be wrapped in [`web::finish`].
pub fn routes(source: Arc<dyn StatusSource>) -> Router {
    table().router().with_state(source)
}

/// The OpenAPI description of the route.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<Arc<dyn StatusSource>> {
    Api::new().on(Endpoint::Get("/status"), described, status)
}

async fn status(State(source): State<Arc<dyn StatusSource>>, context: RequestContext) -> Answer {
    context.require(Scope::Audit)?;
    Ok(Json(source.status().await?).into_response())
}

fn described(components: &mut Components) -> Operation {
    let shown = json!({
        "commits": 705, "first_recorded_at": "2026-11-23T11:10:28.270Z",
        "newest_recorded_at": "2026-11-30T08:15:00.000Z",
        "products": {"active": 503, "deleted": 1, "counted_at": "2026-11-30T08:15:30.000Z"},
        "views": {"products": {"lag_ms": 4, "oldest_behind_ms": 0}, "prices": {"lag_ms": 5, "oldest_behind_ms": 0}},
        "bus": {"lag_ms": 6, "oldest_behind_ms": 0},
        "parked": [{"product_id": "helmet", "consumer": "publisher", "sequence": 4, "reason": "the bus does not answer",
                    "retryable": true, "since": "2026-11-30T08:14:00.000Z", "next_try": "2026-11-30T08:16:00.000Z"}],
        "log": {"size": 705, "signed_at": "2026-11-30T08:15:01.000Z", "unlogged": 0, "oldest_unlogged_ms": 0, "witnesses": []},
        "tampering": 0, "build": {"version": env!("CARGO_PKG_VERSION"), "commit": null},
        "settings": [{"name": "--max-requests", "value": "128", "from": "default"}],
        "commands": {"recorded": 705, "without_effect": 2, "refused": {"invalid": 1}, "p90_ms": 5.0},
        "load": {"requests": {"open": 1, "most": 128}, "streams": {"open": 2, "most": 64}, "page_streams": {"open": 1, "most": 64},
                 "turned_away": 0, "throttled": null},
        "refused": [{"at": "2026-11-30T08:12:00.000Z", "method": "PUT", "route": "/products/{id}", "status": 422, "kind": "invalid",
                     "detail": "Correct every error listed in `errors` and send the request again.",
                     "errors": [{"pointer": "/name", "detail": "has 0 characters; 1 to 200 are allowed"}],
                     "correlation_id": "01M841K9DC3M5ZQYPS2Y3BRKSE"}],
    });
    Operation::new("getStatus", "Service", "How the ledger does")
        .description(
            "What the server does not know is `null`: on AWS, where a function answers, `views`, `tampering`, `commands`, `load` and \
             `refused`. There an answer is at most 10 seconds old, and products are those that the last scheduled reconcile \
             counted; elsewhere they are counted at most 60 seconds before the answer. `commands` and `refused` are those of this \
             process since its start.",
        )
        .scopes(&[Scope::Audit])
        .problems(&[ProblemKind::Malformed, ProblemKind::Unavailable])
        .answer(
            200,
            OperationResponse::new("The status.").json(&components.of::<LedgerStatus>(), &example("status", &shown)),
        )
}
