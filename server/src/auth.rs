//! Authentication of `ledger serve`: JSON Web Tokens of one issuer for one audience, or none at all.
//!
//! Its promise: where it is configured, a request without a valid token reaches no route that knows of products; and the
//! server does not start while it cannot tell which tokens are valid.

mod claims;
mod current;
mod keys;
mod layer;
mod source;
mod token;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use schema::Clock;
use tokio::sync::watch;

use claims::Rules;
use current::{Current, Pace};
use source::Source;
use token::Checker;

/// Whose tokens are believed; without, there is no authentication and only this machine is served.
#[derive(Debug, Args)]
pub struct AuthArgs {
    /// JSON Web Key Set of the issuer, a file or a URL.
    #[arg(long = "auth-jwks", value_name = "FILE|URL", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["issuer", "audience"])]
    jwks: Option<String>,
    /// What `iss` of a token must be.
    #[arg(long = "auth-issuer", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["jwks", "audience"])]
    issuer: Option<String>,
    /// What `aud` of a token must be or contain; of a Cognito access token, which has none, `client_id`.
    #[arg(long = "auth-audience", value_parser = NonEmptyStringValueParser::new())]
    #[arg(requires_all = ["jwks", "issuer"])]
    audience: Option<String>,
    /// How often the key set is read again, in seconds [default: 300 from a URL, 5 from a file].
    #[arg(long = "auth-refresh-every", value_name = "SECONDS", requires = "jwks")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    refresh_every: Option<u64>,
}

/// The configured authentication.
pub struct Authentication {
    checker: Arc<Checker>,
}

impl Authentication {
    /// Reads the issuer's keys; nothing where no authentication is asked for.
    ///
    /// # Errors
    /// When there is no usable key: the line says what to correct.
    pub async fn configured(arguments: &AuthArgs, clock: Clock) -> anyhow::Result<Option<Self>> {
        let (Some(jwks), Some(issuer), Some(audience)) =
            (&arguments.jwks, &arguments.issuer, &arguments.audience)
        else {
            return Ok(None);
        };
        let named = || format!("--auth-jwks {jwks}");
        let source = Source::parse(jwks).with_context(named)?;
        let usual = source.pace();
        let period = arguments.refresh_every.map_or(usual.period, Duration::from_secs);
        let keys = Current::load(source, Pace { period, ..usual }).await.with_context(named)?;
        let rules = Rules { issuer: issuer.clone(), audience: audience.clone() };
        Ok(Some(Self { checker: Arc::new(Checker { keys, rules, clock }) }))
    }

    /// Lays the check of tokens around all routes.
    pub fn around(&self, routes: Router) -> Router {
        layer::around(routes, self.checker.clone())
    }

    /// Keeps the issuer's keys fresh until `stopping` becomes true.
    pub fn keep_fresh(&self, stopping: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        self.checker.keys.clone().keep_fresh(stopping)
    }
}
