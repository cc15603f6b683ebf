//! The command routes: from a request to an order, from an outcome to a receipt.

mod answer;
mod body;
mod documented;
mod fields;
mod headers;
mod members;
mod noted;
mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use schema::{Currency, ProductId, Timestamp};
use serde_json::Value;
use web::api::{Api as Routes, Describe, Endpoint};
use web::{ClockAndIds, FieldError, Notes, Problem, ProblemKind, RequestContext, Scope};

use crate::execute::{Executor, Order};
use crate::idempotency::{IdempotencyKey, fingerprint, product_id};
use crate::product::Command;
use members::Members;

/// What the command routes need.
#[derive(Clone)]
pub struct CommandApi {
    /// Runs the commands.
    pub executor: Executor,
    /// Time and ids.
    pub clock_and_ids: ClockAndIds,
    /// The currency of a new product that names none.
    pub default_currency: Currency,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Replace,
    Patch,
    Delete,
    Restore,
}

type Api = State<Arc<CommandApi>>;
type Id = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Problem>;

/// The routes that write. [`web::finish`] has to be laid around them.
pub fn routes(api: CommandApi) -> Router {
    table().router().with_state(Arc::new(api))
}

/// What the routes say of themselves.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Routes<Arc<CommandApi>> {
    Routes::new()
        .on(Endpoint::Post("/products"), documented::create, create)
        .on(Endpoint::Put("/products/{id}"), documented::replace, replace)
        .on(Endpoint::Patch("/products/{id}"), documented::patch, patch)
        .on(Endpoint::Delete("/products/{id}"), documented::delete, delete)
        .on(Endpoint::Post("/products/{id}/restore"), documented::restore, restore)
}

async fn create(State(api): Api, context: RequestContext, request: Request) -> Answer {
    api.run(Verb::Create, None, &context, request).await
}

async fn replace(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(Verb::Replace, Some(id), &context, request).await
}

async fn patch(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(Verb::Patch, Some(id), &context, request).await
}

async fn delete(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(Verb::Delete, Some(id), &context, request).await
}

async fn restore(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(Verb::Restore, Some(id), &context, request).await
}

impl CommandApi {
    async fn run(&self, verb: Verb, id: Option<Id>, context: &RequestContext, request: Request) -> Answer {
        let notes = Notes::of(request.extensions());
        notes.write().command = Some(verb.name());
        let answer = self.carry_out(verb, id, context, request, &notes).await;
        noted::answered(&notes, verb, answer.as_ref().err());
        answer
    }

    async fn carry_out(
        &self,
        verb: Verb,
        id: Option<Id>,
        context: &RequestContext,
        request: Request,
        notes: &Notes,
    ) -> Answer {
        context.require(Scope::Write)?;
        let (parts, body) = request.into_parts();
        let body = body::read(body).await?;
        let id = id.map(path_id).transpose()?;
        let precondition = headers::precondition(&parts.headers, verb == Verb::Create)?;
        let key = headers::idempotency_key(&parts.headers)?;
        let occurred_in_query = occurred_in_query(verb, &parts, (self.clock_and_ids.clock)())?;
        let members = body::members(verb, &parts.headers, &body)?;
        let canonical = members.as_ref().map_or(Value::Null, Members::canonical);
        let (command, occurred_in_body) = self.command(verb, members)?;
        let idempotency = key.map(|key| identified(&parts, key, &canonical)).transpose()?;
        let product_id = match (id, &idempotency) {
            (Some(id), _) => id,
            (None, Some(given)) => product_id(&context.actor.name, &given.key),
            (None, None) => (self.clock_and_ids.ids)().into(),
        };
        notes.write().product_id = Some(product_id.to_string());
        let order = Order {
            product_id,
            command,
            precondition,
            idempotency,
            actor: context.actor.name.clone(),
            correlation_id: context.correlation_id.clone(),
            traceparent: context.traceparent.clone(),
            occurred_at: occurred_in_body.or(occurred_in_query),
        };
        let outcome = self.executor.execute(&order).await?;
        noted::carried_out(notes, &outcome);
        answer::receipt(outcome)
    }

    /// The command of the body, and when it happened; every fault at once.
    fn command(&self, verb: Verb, members: Option<Members>) -> Result<(Command, Option<Timestamp>), Problem> {
        let mut reader = fields::Reader::new(members.unwrap_or_default());
        let command = match verb {
            Verb::Create => reader.new_product(self.default_currency).map(Command::Create),
            Verb::Replace => reader.new_product(self.default_currency).map(Command::Replace),
            Verb::Patch => Some(Command::Patch(reader.patch())),
            Verb::Delete => Some(Command::Delete),
            Verb::Restore => Some(Command::Restore),
        };
        let occurred_at = reader.occurred_at((self.clock_and_ids.clock)());
        let faults = reader.faults();
        match command {
            Some(command) if faults.is_empty() => Ok((command, occurred_at)),
            _ => Err(Problem::invalid(faults)),
        }
    }
}

fn path_id(id: Id) -> Result<ProductId, Problem> {
    let Path(id) = id.map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    ProductId::new(id).map_err(|error| Problem::new(ProblemKind::Malformed, format!("{error}.")))
}

fn identified(parts: &Parts, key: String, body: &Value) -> Result<IdempotencyKey, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let fingerprint = fingerprint(parts.method.as_str(), parts.uri.path(), query, body)
        .map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    Ok(IdempotencyKey { key, fingerprint })
}

/// `occurred_at` is a query parameter where there is no body; no command takes any other.
fn occurred_in_query(verb: Verb, parts: &Parts, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| Problem::new(ProblemKind::Malformed, "The query cannot be decoded."))?;
    match (verb, pairs.as_slice()) {
        (_, []) => Ok(None),
        (Verb::Delete | Verb::Restore, [(name, value)]) if name == "occurred_at" => {
            let moment = Timestamp::parse(value)
                .map_err(|error| Problem::new(ProblemKind::Malformed, format!("occurred_at: {error}.")))?;
            within_bounds(moment, now).map(Some).map_err(|fault| Problem::invalid(vec![fault]))
        }
        _ => Err(Problem::new(ProblemKind::Malformed, format!("This request takes no such query: {query}"))),
    }
}

/// How far `occurred_at` may lie ahead of this clock, in milliseconds: the client's clock is another one.
const MOST_AHEAD_MS: i64 = 60_000;

/// A moment that has come, by a clock that may be a minute ahead, and that lies after the beginning of 1970.
fn within_bounds(moment: Timestamp, now: Timestamp) -> Result<Timestamp, FieldError> {
    let fault = |detail| Err(FieldError { pointer: "/occurred_at".into(), detail });
    if moment < Timestamp::EPOCH {
        return fault(format!("lies before {}", Timestamp::EPOCH));
    }
    if moment.millis() - now.millis() > MOST_AHEAD_MS {
        return fault(format!("lies more than a minute in the future; it is {now}"));
    }
    Ok(moment)
}
