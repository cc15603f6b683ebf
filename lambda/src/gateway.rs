//! The actor of a request behind API Gateway, from what the authorizer put into the request context.
//!
//! The gateway has checked the token. Without an authorizer, or with a subject that cannot be stored, the request is
//! rejected: a route that was deployed without its authorizer is closed, not open.

use axum::http::{HeaderValue, header};
use serde_json::{Map, Value};

use web::{Actor, Problem, ProblemKind};

/// The actor of a request, from the event's `requestContext`.
///
/// Supported are the Cognito authorizer of a REST API (`authorizer.claims`, also what HTTP APIs send in payload 1.0), the
/// JWT authorizer of an HTTP API (`authorizer.jwt`), and Lambda authorizers of both (`authorizer.principalId` and
/// `authorizer.lambda`), whose context names the scopes in `scope`.
///
/// # Errors
/// A 401: answer with it.
pub fn actor(request_context: &Value) -> Result<Actor, Problem> {
    identified(&request_context["authorizer"]).ok_or_else(|| {
        Problem::new(ProblemKind::Unauthorized, "The request was not authenticated; send an access token.")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    })
}

fn identified(authorizer: &Value) -> Option<Actor> {
    if let Some(jwt) = authorizer.get("jwt") {
        return access_token(jwt["claims"].as_object()?, &jwt["scopes"]);
    }
    if let Some(claims) = authorizer.get("claims") {
        return access_token(claims.as_object()?, &authorizer["scopes"]);
    }
    let context = authorizer.get("lambda").unwrap_or(authorizer).as_object()?;
    let subject = context.get("principalId").or_else(|| context.get("sub"))?.as_str()?;
    Actor::subject(subject, context.get("scope").map(scopes).unwrap_or_default()).ok()
}

/// The actor of an access token. On a method without scopes a REST API's Cognito authorizer also accepts id tokens, which
/// identify a user but permit nothing.
fn access_token(claims: &Map<String, Value>, matched: &Value) -> Option<Actor> {
    if claims.get("token_use").is_some_and(|kind| kind != "access") {
        return None;
    }
    // `scopes` next to the claims holds only those that the route requires, and is null if it requires none.
    let scopes = scopes(claims.get("scope").unwrap_or(matched));
    Actor::subject(claims.get("sub")?.as_str()?, scopes).ok()
}

/// The words of a text, which an HTTP API writes as `[a b]` if the claim was an array, or the texts of an array.
fn scopes(value: &Value) -> Vec<String> {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    match value {
        Value::String(text) => {
            let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            words(list.unwrap_or(text))
        }
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
