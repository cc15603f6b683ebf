//! Invocation by API Gateway: the event becomes a request to the same routes that `serve` has, with the actor that the
//! gateway's authorizer identified.

mod answer;
mod event;
mod matched;
mod members;
mod request;

use std::convert::Infallible;

use aws_lambda_events::event::apigw::ApiGatewayProxyResponse;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use lambda_runtime::{LambdaEvent, Runtime};
use serde_json::Value;
use tower::{ServiceExt, service_fn};
use web::{Actor, ClockAndIds, PageRules, Problem, finish_authenticated, is_public};

use crate::gateway;

use crate::Function;
use crate::invocation::around;
use event::GatewayEvent;

/// The event's `requestContext`, kept in the request's extensions.
#[derive(Clone)]
struct GatewayContext(Value);

impl Function {
    /// Answers requests with `routes`.
    ///
    /// # Errors
    /// Lambda's Runtime API cannot be reached: end the process.
    pub async fn answer(self, routes: Router) -> anyhow::Result<()> {
        let Self { clock_and_ids, pages, metrics, .. } = &self;
        let routes = &layered(routes, pages, clock_and_ids.clone());
        let called = service_fn(move |event: LambdaEvent<GatewayEvent>| async move {
            let (event, context) = event.into_parts();
            let answered = answered(routes, event, context.xray_trace_id.as_deref());
            Ok::<_, Infallible>(around(metrics, clock_and_ids, &context, answered).await)
        });
        Runtime::new(called).run().await.map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// The routes within all layers. A preflight carries no token, so pages are judged first.
fn layered(routes: Router, pages: &PageRules, clock_and_ids: ClockAndIds) -> Router {
    let layers = |routes: Router| pages.wrap(routes.layer(from_fn(authenticated)));
    finish_authenticated(layers, routes, clock_and_ids)
}

async fn answered(routes: &Router, event: GatewayEvent, xray: Option<&str>) -> ApiGatewayProxyResponse {
    let ask = async |request: Request| routes.clone().oneshot(request).await.into_response();
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

/// Accepts requests with an actor from the gateway's authorizer and requests for public paths; answers an event that is no
/// request with its problem.
async fn authenticated(mut request: Request, next: Next) -> Response {
    if let Some(problem) = request.extensions_mut().remove::<Problem>() {
        return problem.into_response();
    }
    let context = request.extensions_mut().remove::<GatewayContext>();
    let actor = if is_public(request.uri().path()) {
        Ok(Actor::unknown())
    } else {
        gateway::actor(&context.map_or(Value::Null, |context| context.0))
    };
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests;
