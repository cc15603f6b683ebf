//! Authentication of a server: JSON Web Tokens of one issuer for its audiences.
//!
//! The promise: with authentication, a request without a valid token reaches no route that knows of products; and the server
//! does not start unless it can tell which tokens are valid.

mod claims;
mod key_cache;
mod key_set;
mod key_source;
mod layer;
mod token;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use schema::Clock;
use tokio::sync::watch;

use claims::ClaimRules;
use key_cache::KeyCache;
use key_source::{KeySource, RefreshIntervals};
use token::TokenVerifier;

/// Which tokens are accepted.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// JSON Web Key Set of the issuer: a file or a URL.
    pub jwks: String,
    /// The required `iss` of a token.
    pub issuer: String,
    /// Of these a token has one as `aud`, or as one of several; a Cognito access token, which has none, as its `client_id`.
    pub audiences: Vec<String>,
    /// How often the key set is read again; by default every 5 minutes from a URL, every 5 seconds from a file.
    pub refresh_every: Option<Duration>,
}

/// Verifies the tokens of requests.
pub struct Authentication {
    verifier: Arc<TokenVerifier>,
}

impl Authentication {
    /// Reads the issuer's keys.
    ///
    /// # Errors
    /// When there is no usable key: the line names `--auth-jwks` and what to correct.
    pub async fn new(settings: AuthSettings, clock: Clock) -> anyhow::Result<Self> {
        let AuthSettings { jwks, issuer, audiences, refresh_every } = settings;
        let named = || format!("--auth-jwks {jwks}");
        let source = KeySource::parse(&jwks).with_context(named)?;
        let usual = source.intervals();
        let intervals = RefreshIntervals { period: refresh_every.unwrap_or(usual.period), ..usual };
        let keys = KeyCache::load(source, intervals).await.with_context(named)?;
        let rules = ClaimRules { issuer, audiences };
        Ok(Self { verifier: Arc::new(TokenVerifier { keys, rules, clock }) })
    }

    /// Wraps all routes in the verification of tokens; `opens` names paths that need none, beside those that never do.
    pub fn wrap(&self, routes: Router, opens: impl Fn(&str) -> bool + Send + Sync + 'static) -> Router {
        layer::wrap(routes, self.verifier.clone(), Arc::new(opens))
    }

    /// Refreshes the issuer's keys until `stopping` becomes true.
    pub fn keep_fresh(&self, stopping: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        self.verifier.keys.clone().keep_fresh(stopping)
    }
}
