//! Who asks, and which conversation the request belongs to.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::{Kind, Problem};

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
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "products/read",
            Self::Write => "products/write",
            Self::Audit => "products/audit",
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

impl Actor {
    /// Anybody, where authentication is not configured.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: "anonymous".into(), scopes: None }
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
    /// A 403 that names the missing scope.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        let Some(scopes) = &self.actor.scopes else {
            return Ok(());
        };
        if scopes.iter().any(|held| held == scope.name()) {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, format!("This needs the scope {}.", scope.name())))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let correlation_id =
            parts.extensions.get::<CorrelationId>().map(|id| id.0.clone()).unwrap_or_default();
        let actor = parts.extensions.get::<Actor>().cloned().unwrap_or_else(Actor::anonymous);
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
    fn only_a_well_formed_trace_context_is_taken_over() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in ["", "00", &good[1..], &good.to_uppercase(), &format!("{good}-x"), zeros] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
