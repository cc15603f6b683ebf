//! The authentication layer: on every path but the public ones, a request without a valid token is answered 401.
//!
//! The guard of names is not needed with it: a page under another name has no token, and browsers do not add one by themselves as
//! they do with cookies.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use web::{Actor, Problem, ProblemKind, is_public};

use super::key_cache::KeyUndecided;
use super::token::{TokenError, TokenVerifier};

/// Why a request has no actor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unauthenticated {
    #[error("Send an access token: `Authorization: Bearer <token>`.")]
    NoToken,
    #[error("There is more than one Authorization header.")]
    Several,
    #[error("The token is refused: {0}.")]
    Refused(#[from] TokenError),
}

/// Further paths that need no token.
type Opens = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Wraps all routes in the check, unknown ones included: without a token nobody learns which exist.
pub(super) fn wrap(routes: Router, verifier: Arc<TokenVerifier>, opens: Opens) -> Router {
    routes.layer(from_fn_with_state((verifier, opens), check))
}

async fn check(
    State((verifier, opens)): State<(Arc<TokenVerifier>, Opens)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let actor = if is_public(path) || opens(path) {
        Ok(Actor::unknown())
    } else {
        identified(&verifier, request.headers()).await
    };
    match actor {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(Unauthenticated::Refused(TokenError::Undecided(why))) => undecided(why).into_response(),
        Err(reason) => unauthorized(&reason).into_response(),
    }
}

/// It is not known whether the token is valid.
fn undecided(why: KeyUndecided) -> Problem {
    match why {
        KeyUndecided::TooManyWaiting => {
            let detail = "The token names a key that is not known yet. The issuer's keys are being read, and too many requests \
                          wait for them. Nothing was done; retry after the time in Retry-After.";
            Problem::new(ProblemKind::Overloaded, detail).retry_after(1)
        }
        KeyUndecided::NotRead { again_in } => {
            let detail = "The token names a key that is not known yet, and the issuer's keys cannot be read now. Nothing was \
                          done; retry after the time in Retry-After.";
            let seconds = u16::try_from(again_in.as_secs()).unwrap_or(u16::MAX).saturating_add(1);
            Problem::new(ProblemKind::Unavailable, detail).retry_after(seconds)
        }
    }
}

async fn identified(verifier: &TokenVerifier, headers: &HeaderMap) -> Result<Actor, Unauthenticated> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        return Err(Unauthenticated::Several);
    }
    let token = first.and_then(bearer).ok_or(Unauthenticated::NoToken)?;
    Ok(verifier.actor(token).await?)
}

/// The token of `Bearer <token>`; the scheme is case-insensitive (RFC 9110, section 11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// RFC 6750, section 3: the challenge names an error only if the request had a token.
fn unauthorized(reason: &Unauthenticated) -> Problem {
    let challenge = match reason {
        Unauthenticated::NoToken => "Bearer".to_owned(),
        Unauthenticated::Several => r#"Bearer error="invalid_request""#.to_owned(),
        Unauthenticated::Refused(refusal) => {
            format!(r#"Bearer error="invalid_token", error_description="{refusal}""#)
        }
    };
    let problem = Problem::new(ProblemKind::Unauthorized, reason.to_string()).loggable();
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
