//! The door of a server with authentication: who gives no good token gets no further, on any path but the public ones.
//!
//! The guard against web pages is not needed here: a foreign page has no token, and no browser adds one by itself as it
//! does with cookies.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use web::{Actor, Problem, ProblemKind, is_public};

use super::token::{Checker, Refusal};

/// Why there is no actor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NoActor {
    #[error("Send an access token: `Authorization: Bearer <token>`.")]
    NoToken,
    #[error("There is more than one Authorization header.")]
    Several,
    #[error("The token is refused: {0}.")]
    Refused(#[from] Refusal),
}

/// Lays the check around all routes, the unknown ones included: what exists is nobody's business without a token.
pub(super) fn around(routes: Router, checker: Arc<Checker>) -> Router {
    routes.layer(from_fn_with_state(checker, check))
}

async fn check(State(checker): State<Arc<Checker>>, mut request: Request, next: Next) -> Response {
    let actor = if is_public(request.uri().path()) {
        Ok(Actor::unknown())
    } else {
        identified(&checker, request.headers()).await
    };
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(reason) => unauthorized(&reason).into_response(),
    }
}

async fn identified(checker: &Checker, headers: &HeaderMap) -> Result<Actor, NoActor> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(NoActor::Several);
    }
    let token = first.and_then(bearer).ok_or(NoActor::NoToken)?;
    Ok(checker.actor(token).await?)
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// RFC 6750, section 3: an error is named only where a token was given.
fn unauthorized(reason: &NoActor) -> Problem {
    let challenge = match reason {
        NoActor::NoToken => "Bearer".to_owned(),
        NoActor::Several => r#"Bearer error="invalid_request""#.to_owned(),
        NoActor::Refused(refusal) => {
            format!(r#"Bearer error="invalid_token", error_description="{refusal}""#)
        }
    };
    let problem = Problem::new(ProblemKind::Unauthorized, reason.to_string());
    let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
    problem.header(header::WWW_AUTHENTICATE, challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stands_after_the_scheme_and_a_space() {
        for (value, token) in [
            ("Bearer a.b.c", Some("a.b.c")),
            ("bearer a.b.c", Some("a.b.c")),
            ("BEARER   a.b.c ", Some("a.b.c")),
            ("Bearer a b", Some("a b")),
            ("Bearer ", Some("")),
            ("Bearer", None),
            ("a.b.c", None),
            ("Basic a.b.c", None),
            ("DPoP a.b.c", None),
            ("", None),
        ] {
            assert_eq!(bearer(&HeaderValue::from_static(value)), token, "{value:?}");
        }
    }
}
