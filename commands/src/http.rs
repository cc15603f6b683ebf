//! The command routes: HTTP requests to commands, outcomes to receipts.

mod answer;
mod body;
mod documented;
mod fields;
mod headers;
mod kind;
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
use web::{ClockAndIds, Notes, Problem, ProblemKind, QueryParameters, RequestContext, Scope};

use crate::execute::{CarriedFields, CommandRequest, Executor};
use crate::idempotency::{IdempotencyKey, fingerprint, product_id};
use crate::problem::invalid;
use crate::product::Command;
use fields::within_bounds;
use kind::CommandKind;
use members::Members;

/// The state of the command routes.
#[derive(Clone)]
pub struct CommandApi {
    /// Executes the commands.
    pub executor: Executor,
    /// Time and ids.
    pub clock_and_ids: ClockAndIds,
    /// The currency of a new product whose command names none.
    pub default_currency: Currency,
}

type Api = State<Arc<CommandApi>>;
type Id = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Problem>;

/// The routes that write; wrap them in [`web::finish`].
pub fn routes(api: CommandApi) -> Router {
    table().router().with_state(Arc::new(api))
}

/// The OpenAPI descriptions of the routes.
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
    api.run(CommandKind::Create, None, &context, request).await
}

async fn replace(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(CommandKind::Replace, Some(id), &context, request).await
}

async fn patch(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(CommandKind::Patch, Some(id), &context, request).await
}

async fn delete(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(CommandKind::Delete, Some(id), &context, request).await
}

async fn restore(State(api): Api, id: Id, context: RequestContext, request: Request) -> Answer {
    api.run(CommandKind::Restore, Some(id), &context, request).await
}

impl CommandApi {
    async fn run(
        &self,
        kind: CommandKind,
        id: Option<Id>,
        context: &RequestContext,
        request: Request,
    ) -> Answer {
        let notes = Notes::of(request.extensions());
        notes.write().command = Some(kind.name());
        let answer = self.perform(kind, id, context, request, &notes).await;
        noted::answered(&notes, kind, answer.as_ref().err());
        answer
    }

    async fn perform(
        &self,
        kind: CommandKind,
        id: Option<Id>,
        context: &RequestContext,
        request: Request,
        notes: &Notes,
    ) -> Answer {
        context.require(Scope::Write)?;
        let (mut parts, body) = request.into_parts();
        let body = body::read(body).await?;
        let id = id.map(path_id).transpose()?;
        let precondition = headers::precondition(&parts.headers, kind == CommandKind::Create)?;
        let key = headers::idempotency_key(&parts.headers)?;
        let query = QueryParameters::take(&mut parts.extensions);
        let occurred_in_query = occurred_in_query(query, (self.clock_and_ids.clock)())?;
        let members = body::members(kind, &parts.headers, &body)?;
        let canonical = members.as_ref().map_or(Value::Null, Members::canonical);
        let read = self.command(kind, id.as_ref(), members)?;
        let idempotency = key.map(|key| identified(&parts, key, &canonical)).transpose()?;
        let product_id = match (id, &idempotency) {
            (Some(id), _) => id,
            (None, Some(given)) => product_id(&context.actor.name, &given.key),
            (None, None) => (self.clock_and_ids.ids)().into(),
        };
        notes.write().product_id = Some(product_id.to_string());
        let request = CommandRequest {
            product_id,
            command: read.command,
            precondition,
            carried: read.carried,
            idempotency,
            actor: context.actor.name.clone(),
            correlation_id: context.correlation_id.clone(),
            traceparent: context.traceparent.clone(),
            occurred_at: read.occurred_at.or(occurred_in_query),
        };
        let outcome = self.executor.execute(&request).await?;
        noted::executed(notes, &outcome);
        answer::receipt(outcome)
    }

    /// The command in the body, with the other fields; all faults at once.
    fn command(
        &self,
        kind: CommandKind,
        id: Option<&ProductId>,
        members: Option<Members>,
    ) -> Result<ReadCommand, Problem> {
        let mut reader = fields::FieldReader::new(members.unwrap_or_default());
        let carried = match (kind, id) {
            (CommandKind::Replace | CommandKind::Patch, Some(id)) => reader.carried(id),
            _ => CarriedFields::default(),
        };
        let command = match kind {
            CommandKind::Create => reader.new_product(self.default_currency).map(Command::Create),
            CommandKind::Replace => reader.new_product(self.default_currency).map(Command::Replace),
            CommandKind::Patch => Some(Command::Patch(reader.patch())),
            CommandKind::Delete => Some(Command::Delete),
            CommandKind::Restore => Some(Command::Restore),
        };
        let occurred_at = reader.occurred_at((self.clock_and_ids.clock)());
        let faults = reader.faults();
        match command {
            Some(command) if faults.is_empty() => Ok(ReadCommand { command, carried, occurred_at }),
            _ => Err(invalid(faults)),
        }
    }
}

/// What a body says.
struct ReadCommand {
    command: Command,
    carried: CarriedFields,
    occurred_at: Option<Timestamp>,
}

fn path_id(id: Id) -> Result<ProductId, Problem> {
    let Path(id) = id.map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    ProductId::new(id).map_err(|error| Problem::new(ProblemKind::Malformed, format!("{error}.")).loggable())
}

fn identified(parts: &Parts, key: String, body: &Value) -> Result<IdempotencyKey, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let fingerprint = fingerprint(parts.method.as_str(), parts.uri.path(), query, body)
        .map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    Ok(IdempotencyKey { key, fingerprint })
}

/// `occurred_at` as a query parameter, for commands that need no body.
fn occurred_in_query(mut query: QueryParameters, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    // A `+` in a query decodes to a space, so a space stands for the plus sign of an offset.
    let moment = query.optional("occurred_at", |text| Timestamp::parse(&text.replace(' ', "+")))?;
    let moment = moment.map(|moment| within_bounds(moment, now)).transpose();
    moment.map_err(|fault| invalid(vec![fault]))
}
