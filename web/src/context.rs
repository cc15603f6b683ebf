//! Who asks, and which conversation the request belongs to.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use super::finish::is_visible;
use super::notes::Notes;
use super::problem::{Kind, Problem};

/// What commits carry that were written where authentication is not configured.
const ANONYMOUS: &str = "anonymous";

/// `OpenID` Connect Core, section 2: a subject has at most so many ASCII characters.
const LONGEST_SUBJECT: usize = 255;

/// What a token may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// GET and LIST.
    Read,
    /// Commands.
    Write,
    /// History, prices, verification, past versions, the bus.
    Audit,
}

impl Scope {
    /// The scope as tokens carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "products/read",
            Self::Write => "products/write",
            Self::Audit => "products/audit",
        }
    }

    /// What a client is told whose token lacks the scope.
    fn challenge(self) -> &'static str {
        match self {
            Self::Read => r#"Bearer error="insufficient_scope", scope="products/read""#,
            Self::Write => r#"Bearer error="insufficient_scope", scope="products/write""#,
            Self::Audit => r#"Bearer error="insufficient_scope", scope="products/audit""#,
        }
    }
}

/// Who sent the request; put into the request's extensions by whatever checked the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's `sub`.
    pub name: String,
    /// The token's scopes; `None` where authentication is not configured and everything is allowed.
    pub scopes: Option<Vec<String>>,
}

/// The subject cannot be stored as the name of an actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a subject is 1 to 255 visible ASCII characters, and not `anonymous`")]
pub struct InvalidSubject;

impl Actor {
    /// Anybody, where authentication is not configured.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), scopes: None }
    }

    /// Somebody whom nobody has asked for a token, so they may do nothing that needs a scope.
    #[must_use]
    pub fn unknown() -> Self {
        Self { name: ANONYMOUS.into(), scopes: Some(Vec::new()) }
    }

    /// The subject of a token that was checked, with the scopes the token carries.
    ///
    /// # Errors
    /// [`InvalidSubject`]: refuse the token. The name is stored for ever in every commit, so it is bounded, and nobody
    /// may take the one that means "without authentication".
    pub fn subject(subject: &str, scopes: Vec<String>) -> Result<Self, InvalidSubject> {
        if !is_visible(subject, LONGEST_SUBJECT) || subject == ANONYMOUS {
            return Err(InvalidSubject);
        }
        Ok(Self { name: subject.to_owned(), scopes: Some(scopes) })
    }
}

/// The id of the conversation, as [`super::finish`] settled it.
#[derive(Debug, Clone)]
pub(super) struct CorrelationId(pub(super) String);

/// What a handler knows of the request besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// Who asks.
    pub actor: Actor,
    /// Given by the client or made for it.
    pub correlation_id: String,
    /// W3C trace context, if the request carries a well-formed one.
    pub traceparent: Option<String>,
}

impl RequestContext {
    /// Whether the actor may do this.
    ///
    /// # Errors
    /// A 403 that names the missing scope, also in `WWW-Authenticate` as RFC 6750, section 3 has it.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        let Some(scopes) = &self.actor.scopes else {
            return Ok(());
        };
        if scopes.iter().any(|held| held == scope.name()) {
            return Ok(());
        }
        let problem = Problem::new(Kind::Forbidden, format!("This needs the scope {}.", scope.name()));
        Err(problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(scope.challenge())))
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

/// W3C Trace Context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeros.
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
    fn each_scope_allows_itself_alone_and_is_named_where_it_is_missing() {
        let all = [Scope::Read, Scope::Write, Scope::Audit];
        for held in all {
            let actor = Actor::subject("s", vec![held.name().into()]).unwrap();
            let context = RequestContext { actor, correlation_id: String::new(), traceparent: None };
            for needed in all {
                assert_eq!(context.require(needed).is_ok(), held == needed, "{held:?} {needed:?}");
                assert!(needed.challenge().contains(needed.name()));
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_nobody_let_in_may_do_nothing() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let Ok(context) = RequestContext::from_request_parts(&mut parts, &()).await;
        for scope in [Scope::Read, Scope::Write, Scope::Audit] {
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
