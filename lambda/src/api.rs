//! Invocation by API Gateway: the event becomes a request to the same routes that `serve` has, with the actor that the
//! gateway's authorizer identified. It is answered before Lambda ends the invocation.

mod answer;
mod event;
mod matched;
mod members;
mod request;

use std::convert::Infallible;
use std::time::Duration;

use aws_lambda_events::event::apigw::ApiGatewayProxyResponse;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use lambda_runtime::{LambdaEvent, Runtime};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tower::{ServiceExt, service_fn};
use web::{Actor, ClockAndIds, PageRules, Problem, finish_authenticated, is_public};

use crate::gateway;

use crate::Function;
use crate::invocation::around;
use crate::stream::time_left;
use event::GatewayEvent;

/// At most this much of an invocation's time is kept for writing the answer.
const RESERVE: Duration = Duration::from_secs(1);

/// When a request has to be answered, kept in its extensions.
#[derive(Clone, Copy)]
struct AnswerBy(Instant);

/// The event's `requestContext`, kept in the request's extensions.
#[derive(Clone)]
struct GatewayContext(Value);

impl Function {
    /// Answers requests with `routes`.
    ///
    /// # Errors
    /// Lambda's Runtime API cannot be reached: end the process.
    pub async fn answer(self, routes: Router) -> anyhow::Result<()> {
        self.answer_open(routes, |_| false).await
    }

    /// The same; paths of which `is_open` says so also answer requests that no authorizer has seen.
    ///
    /// # Errors
    /// As [`Function::answer`].
    pub async fn answer_open(
        self,
        routes: Router,
        is_open: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let Self { clock_and_ids, pages, metrics, .. } = &self;
        let routes = &layered(routes, pages, clock_and_ids.clone(), is_open);
        let called = service_fn(move |event: LambdaEvent<GatewayEvent>| async move {
            let (event, context) = event.into_parts();
            let time_left = time_left(context.deadline, (clock_and_ids.clock)());
            let answered = answered(routes, event, context.xray_trace_id.as_deref(), time_left);
            Ok::<_, Infallible>(around(metrics, clock_and_ids, &context, answered).await)
        });
        Runtime::new(called).run().await.map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// The routes within all layers. A preflight carries no token, so pages are judged first.
fn layered(
    routes: Router,
    pages: &PageRules,
    clock_and_ids: ClockAndIds,
    is_open: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> Router {
    let judged = from_fn(move |request, next| authenticated(is_open.clone(), request, next));
    let layers = |routes: Router| pages.wrap(routes.layer(from_fn(in_time)).layer(judged));
    finish_authenticated(layers, routes, clock_and_ids)
}

async fn answered(
    routes: &Router,
    event: GatewayEvent,
    xray: Option<&str>,
    time_left: Duration,
) -> ApiGatewayProxyResponse {
    let answer_by = Instant::now() + time_left.saturating_sub(RESERVE.min(time_left / 8));
    let ask = async |mut request: Request| {
        request.extensions_mut().insert(AnswerBy(answer_by));
        routes.clone().oneshot(request).await.into_response()
    };
    match event {
        GatewayEvent::Request(call) => {
            let mut invalid = call.without_content();
            let request = call.request(xray).unwrap_or_else(|problem| {
                invalid.extensions_mut().insert(problem);
                invalid
            });
            answer::written(ask(request).await).await
        }
        GatewayEvent::OtherFormat(other) => answer::written_for_http_api(ask(other.refused()).await).await,
    }
}

/// Accepts requests with an actor from the gateway's authorizer, and requests for public and open paths; answers an event that is no
/// request with its problem.
async fn authenticated(is_open: impl Fn(&str) -> bool + Send, mut request: Request, next: Next) -> Response {
    if let Some(problem) = request.extensions_mut().remove::<Problem>() {
        return problem.into_response();
    }
    let context = request.extensions_mut().remove::<GatewayContext>();
    let path = request.uri().path();
    let actor = if is_public(path) {
        Ok(Actor::unknown())
    } else {
        let actor = gateway::actor(&context.map_or(Value::Null, |context| context.0));
        // Somebody without scopes, for whom the route opens what is public of it.
        actor.or_else(|problem| if is_open(path) { Ok(Actor::unknown()) } else { Err(problem) })
    };
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Answers that it takes too long where it does; the work is given up, because Lambda would end it anyway.
async fn in_time(mut request: Request, next: Next) -> Response {
    let changes_nothing = request.method().is_safe();
    let Some(AnswerBy(end)) = request.extensions_mut().remove() else { return next.run(request).await };
    let answer = timeout_at(end, next.run(request)).await;
    answer.unwrap_or_else(|_| Problem::took_too_long(changes_nothing).into_response())
}

#[cfg(test)]
mod tests;
