//! Authentication of a server: JSON Web Tokens of one issuer for its audiences.
//!
//! The promise: with authentication, a request without a valid token reaches no route that knows of products; and the server
//! does not start unless it can tell which tokens are valid.

mod claims;
mod discovery;
mod issuer_url;
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
use web::about::explorer::{PeopleSignIn, PublicClient};

use claims::ClaimRules;
use discovery::Discovery;
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
    /// The client that the pages for people are at the issuer; `None`: they take a token that somebody has.
    pub client: Option<PublicClient>,
}

/// Verifies the tokens of requests.
pub struct Authentication {
    verifier: Arc<TokenVerifier>,
    people: Option<PeopleAtIssuer>,
}

/// The sign-in of people, and where its endpoints are found.
struct PeopleAtIssuer {
    sign_in: Arc<PeopleSignIn>,
    discovery: Discovery,
    pause: Duration,
}

impl Authentication {
    /// Reads the issuer's keys, and asks for its endpoints if people sign in there.
    ///
    /// # Errors
    /// When there is no usable key, or no place to ask for endpoints: the line names the option and what to correct.
    pub async fn new(settings: AuthSettings, clock: Clock) -> anyhow::Result<Self> {
        let AuthSettings { jwks, issuer, audiences, refresh_every, client } = settings;
        let named = || format!("--auth-jwks {jwks}");
        let source = KeySource::parse(&jwks).with_context(named)?;
        let usual = source.intervals();
        let intervals = RefreshIntervals { period: refresh_every.unwrap_or(usual.period), ..usual };
        let keys = KeyCache::load(source, intervals).await.with_context(named)?;
        let people = match client {
            Some(client) => Some(PeopleAtIssuer::asked(client, &issuer, refresh_every).await?),
            None => None,
        };
        let rules = ClaimRules { issuer, audiences };
        Ok(Self { verifier: Arc::new(TokenVerifier { keys, rules, clock }), people })
    }

    /// How people sign in at the issuer, if they do.
    #[must_use]
    pub fn sign_in(&self) -> Option<Arc<PeopleSignIn>> {
        self.people.as_ref().map(|people| people.sign_in.clone())
    }

    /// Wraps all routes in the verification of tokens; `opens` names paths that need none, beside those that never do.
    pub fn wrap(&self, routes: Router, opens: impl Fn(&str) -> bool + Send + Sync + 'static) -> Router {
        layer::wrap(routes, self.verifier.clone(), Arc::new(opens))
    }

    /// Refreshes the issuer's keys, and asks for its endpoints while they are not known, until `stopping` becomes true.
    pub fn keep_fresh(&self, stopping: watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
        let keys = self.verifier.keys.clone().keep_fresh(stopping.clone());
        let people = self.people.as_ref().map(|people| {
            people.discovery.clone().keep_asking(people.sign_in.clone(), people.pause, stopping)
        });
        async move {
            tokio::join!(keys, futures::future::OptionFuture::from(people));
        }
    }
}

impl PeopleAtIssuer {
    async fn asked(client: PublicClient, issuer: &str, pause: Option<Duration>) -> anyhow::Result<Self> {
        let named =
            || format!("--auth-client: the issuer is asked where people sign in, and --auth-issuer {issuer}");
        let discovery = Discovery::of(issuer).with_context(named)?;
        let sign_in = Arc::new(PeopleSignIn::of(client));
        discovery.ask(&sign_in).await;
        Ok(Self { sign_in, discovery, pause: pause.unwrap_or(discovery::PAUSE) })
    }
}
