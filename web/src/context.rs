//! The context of a request: who sent it, with which scopes, and the correlation id and trace that it belongs to.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, header};

use super::notes::Notes;
use super::problem::{Problem, ProblemKind};

/// The actor in commits that were written without authentication.
const ANONYMOUS: &str = "anonymous";

/// The greatest length of a subject in ASCII characters (`OpenID` Connect Core, section 2).
const LONGEST_SUBJECT: usize = 255;

/// What a token can permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// GET and LIST.
    Read,
    /// Commands.
    Write,
    /// The feed of commits without receipts, and the events of the bus. [`Scope::Audit`] includes it.
    Subscribe,
    /// History, prices, verification, past versions, receipts.
    Audit,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Subscribe, Self::Audit];

    /// The scope's name in a token.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "products/read",
            Self::Write => "products/write",
            Self::Subscribe => "products/subscribe",
            Self::Audit => "products/audit",
        }
    }

    /// Whether a token with `held` has this scope.
    fn is_within(self, held: &str) -> bool {
        held == self.name() || (self == Self::Subscribe && held == Self::Audit.name())
    }

    /// The `WWW-Authenticate` challenge for a token without the scope.
    fn challenge(self) -> &'static str {
        match self {
            Self::Read => r#"Bearer error="insufficient_scope", scope="products/read""#,
            Self::Write => r#"Bearer error="insufficient_scope", scope="products/write""#,
            Self::Subscribe => r#"Bearer error="insufficient_scope", scope="products/subscribe""#,
            Self::Audit => r#"Bearer error="insufficient_scope", scope="products/audit""#,
        }
    }
}

/// The sender of a request; the authentication layer puts it into the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's `sub`.
    pub name: String,
    /// The token's scopes; `None` without authentication, where everything is allowed.
    pub scopes: Option<Vec<String>>,
}

/// The subject cannot be stored as the name of an actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a subject is 1 to 255 visible ASCII characters, and not `anonymous`")]
pub struct InvalidSubject;

impl Actor {
    /// The sender of every request without authentication; may do everything.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), scopes: None }
    }

    /// The sender of a request whose token was not checked; may do nothing that needs a scope.
    #[must_use]
    pub fn unknown() -> Self {
        Self { name: ANONYMOUS.into(), scopes: Some(Vec::new()) }
    }

    /// The subject of a valid token, with the token's scopes.
    ///
    /// # Errors
    /// [`InvalidSubject`]: reject the token. The name is stored in every commit for good, so its length is limited, and the
    /// name that means "without authentication" is reserved.
    pub fn subject(subject: &str, scopes: Vec<String>) -> Result<Self, InvalidSubject> {
        if !is_visible(subject, LONGEST_SUBJECT) || subject == ANONYMOUS {
            return Err(InvalidSubject);
        }
        Ok(Self { name: subject.to_owned(), scopes: Some(scopes) })
    }
}

/// The request's correlation id, set by [`super::finish`].
#[derive(Debug, Clone)]
pub(super) struct CorrelationId(pub(super) String);

/// The correlation id of a request.
#[must_use]
pub fn correlation_id(extensions: &Extensions) -> Option<&str> {
    extensions.get::<CorrelationId>().map(|id| id.0.as_str())
}

/// What a handler knows about the request besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// Who sent the request.
    pub actor: Actor,
    /// Sent by the client or generated.
    pub correlation_id: String,
    /// The W3C trace context, if the request carries a well-formed one.
    pub traceparent: Option<String>,
}

impl RequestContext {
    /// Checks that the actor has the scope.
    ///
    /// # Errors
    /// A 403 that names the missing scope, also in `WWW-Authenticate` (RFC 6750, section 3): answer with it.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        let Some(scopes) = &self.actor.scopes else {
            return Ok(());
        };
        if scopes.iter().any(|held| scope.is_within(held)) {
            return Ok(());
        }
        let problem = Problem::new(ProblemKind::Forbidden, format!("This needs the scope {}.", scope.name()));
        Err(problem.loggable().header(header::WWW_AUTHENTICATE, HeaderValue::from_static(scope.challenge())))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let correlation_id =
            parts.extensions.get::<CorrelationId>().map(|id| id.0.clone()).unwrap_or_default();
        let actor = parts.extensions.get::<Actor>().cloned().unwrap_or_else(Actor::unknown);
        Notes::of(&parts.extensions).write().actor = Some(actor.name.clone());
        let traceparent = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        let traceparent = traceparent.filter(|text| is_traceparent(text)).map(str::to_owned);
        Ok(Self { actor, correlation_id, traceparent })
    }
}

/// Whether this is a W3C trace context of version 00: `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeros.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let [version, trace, parent, flags] = parts.as_slice() else {
        return false;
    };
    let ids = [(*trace, 32), (*parent, 16)];
    *version == "00"
        && hex(flags, 2)
        && ids.iter().all(|(id, length)| hex(id, *length) && id.bytes().any(|byte| byte != b'0'))
}

/// Whether the text is 1 to `most` visible ASCII characters.
pub(super) fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_that_cannot_be_stored_or_means_nobody_is_refused() {
        let longest = "x".repeat(LONGEST_SUBJECT);
        for good in ["9b1d0c5e-7a51-4cc4-9f0e-31f6b2f4a2d0", "auth0|5f7c", "a", &longest] {
            assert_eq!(Actor::subject(good, vec![]).unwrap().name, good);
        }
        let too_long = "x".repeat(LONGEST_SUBJECT + 1);
        for bad in ["", " ", "two words", "tab\t", "line\n", "Zo\u{eb}", ANONYMOUS, &too_long] {
            assert_eq!(Actor::subject(bad, vec![]), Err(InvalidSubject), "{bad:?}");
        }
    }

    #[test]
    fn each_scope_allows_itself_and_audit_what_subscribe_does() {
        for held in Scope::ALL {
            let actor = Actor::subject("s", vec![held.name().into()]).unwrap();
            let context = RequestContext { actor, correlation_id: String::new(), traceparent: None };
            for needed in Scope::ALL {
                let allowed = held == needed || (held, needed) == (Scope::Audit, Scope::Subscribe);
                assert_eq!(context.require(needed).is_ok(), allowed, "{held:?} {needed:?}");
                assert!(needed.challenge().contains(needed.name()));
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_was_not_authenticated_may_do_nothing() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let Ok(context) = RequestContext::from_request_parts(&mut parts, &()).await;
        for scope in Scope::ALL {
            assert!(context.require(scope).is_err(), "{scope:?}");
        }
    }

    #[test]
    fn only_a_well_formed_trace_context_is_taken_over() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in ["", "00", &good[1..], &good.to_uppercase(), &format!("{good}-x"), zeros] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
