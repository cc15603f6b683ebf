//! `GET /products/{id}/messages`: the messages of a product's events, made from its commits, for subscribers that missed some.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Json, Router};
use event_store::Journal;
use schema::message::MessageSource;
use schema::{Message, ProductId, StoredCommit};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example, query};
use web::{Problem, ProblemKind, QueryParameters, RequestContext, Scope};

use super::answer::{self, Stored};
use super::documented::{self, examples, number, of_product};
use super::parameters::{DEFAULT_LIMIT, limit, whole};
use super::publication::sequences;
use super::{Answer, Id, path_id};

/// A page is cut behind the entry that reaches this, so it has one at least.
const MOST_BYTES: usize = 1024 * 1024;

/// The most commits of a read.
const READ_AT_ONCE: usize = 25;

/// The dependencies of the route.
pub struct MessagesApi {
    /// The commits by product.
    pub journal: Arc<dyn Journal>,
    /// What all messages name as their source.
    pub source: MessageSource,
}

/// The route, to be wrapped in [`web::finish`].
pub fn routes(api: MessagesApi) -> Router {
    table().router().with_state(Arc::new(api))
}

/// The OpenAPI description of the route.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<Arc<MessagesApi>> {
    Api::new().on(Endpoint::Get("/products/{id}/messages"), described, messages)
}

fn described(components: &mut Components) -> Operation {
    of_product("getMessages", "Events", "Get the messages of a product", &[Scope::Subscribe, Scope::Audit])
        .description(
            "What subscribers missed: a message for each event after a sequence, oldest first, as the bus delivers it, whether \
             it was published or not. The messages are made from the commits at the time of the request, with consistent reads: events of earlier \
             versions have their newest version, and the product is never left out. Deleted products have messages too. A page is cut at 1 MB. \
             Without more events the list is empty.",
        )
        .parameter(query("after", "Only events with a greater sequence.", &number(0)))
        .parameter(documented::limit())
        .problems(&[ProblemKind::VersionNotFound])
        .answer(
            200,
            OperationResponse::new("A page.")
                .json(&components.of::<MessagesBody>(), &example("page", &examples::messages()))
                .link(
                    "NextPage",
                    "getMessages",
                    &json!({"id": "$request.path.id", "after": "$response.body#/next"}),
                ),
        )
}

/// A page of messages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Messages")]
pub(super) struct MessagesBody {
    /// One for each event, in the order of the sequences.
    messages: Vec<MessageEntry>,
    /// The value of `after` for the next page, if there is one.
    next: Option<u64>,
}

/// A message as the bus delivers it, with what identifies it for a rule.
#[derive(Serialize, JsonSchema)]
pub(super) struct MessageEntry {
    /// The event's sequence.
    sequence: u64,
    /// The configured source.
    source: String,
    /// The event's name in upper snake case.
    #[serde(rename = "detail-type")]
    detail_type: String,
    /// The product's id.
    resources: [String; 1],
    /// The message, of the JSON schema of its detail type.
    #[schemars(with = "Map<String, Value>")]
    detail: Message,
}

async fn messages(
    State(api): State<Arc<MessagesApi>>,
    id: Id,
    mut parameters: QueryParameters,
    context: RequestContext,
) -> Answer {
    context.require(Scope::Subscribe)?;
    let id = path_id(id)?;
    let after = parameters.optional("after", whole)?.unwrap_or(0);
    let limit = parameters.optional("limit", limit)?.unwrap_or(DEFAULT_LIMIT);
    Ok(Json(api.page(&id, after, limit).await?).into_response())
}

impl MessagesApi {
    /// The messages of the events after a sequence.
    async fn page(&self, id: &ProductId, after: u64, limit: usize) -> Result<MessagesBody, Problem> {
        let mut commits = vec![self.commit_around(id, after).await?];
        let (mut messages, mut bytes, mut last, mut ends) = (Vec::new(), 0, after, false);
        loop {
            for stored in &commits {
                last = sequences(id, stored)?.end - 1;
                for entry in self.entries(id, stored)? {
                    let Some(previous) = entry.sequence.checked_sub(1).filter(|previous| *previous >= after)
                    else {
                        continue;
                    };
                    if messages.len() == limit || bytes >= MOST_BYTES {
                        return Ok(MessagesBody { messages, next: Some(previous) });
                    }
                    bytes += serde_json::to_vec(&entry).map_or(0, |json| json.len());
                    messages.push(entry);
                }
            }
            if ends {
                return Ok(MessagesBody { messages, next: None });
            }
            // One event more than the page tells whether another page follows, and each commit has one at least.
            let wanted = (limit + 1 - messages.len()).min(READ_AT_ONCE);
            let read = self.journal.page(id, last, wanted).await;
            commits = read.map_err(answer::failed(Stored::Commits, Some(id)))?;
            ends = commits.len() < wanted;
        }
    }

    /// The commit with the sequence that follows, or with this one if it is the newest.
    async fn commit_around(&self, id: &ProductId, after: u64) -> Result<StoredCommit, Problem> {
        let found = self.journal.newest(id, after.saturating_add(1)).await;
        let found = found.map_err(answer::failed(Stored::Commits, Some(id)))?;
        let found = found.ok_or_else(|| answer::unknown(id))?;
        let newest = sequences(id, &found)?.end - 1;
        if after <= newest {
            return Ok(found);
        }
        let detail = format!("The product has no sequence {after} yet; its newest is {newest}.");
        Err(Problem::new(ProblemKind::VersionNotFound, detail).loggable().with("current_version", newest))
    }

    /// The message of each event of a commit, of the newest version that this build knows, as the publisher sends it.
    fn entries(&self, id: &ProductId, stored: &StoredCommit) -> Result<Vec<MessageEntry>, Problem> {
        let commit = stored.decode().map_err(|error| answer::unreadable(id, &error))?;
        let entries = commit.numbered().map(|(sequence, recorded)| {
            let message = Message::of(&commit, (sequence, recorded), &self.source, None)?;
            Ok(MessageEntry {
                sequence,
                source: message.metadata.event_source.clone(),
                detail_type: message.metadata.event_name.clone(),
                resources: [commit.product_id.to_string()],
                detail: message,
            })
        });
        let entries = entries.collect::<Result<_, serde_json::Error>>();
        entries.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
    }
}
