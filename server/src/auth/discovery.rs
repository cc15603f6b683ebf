//! The issuer's endpoints for people who sign in, from the document that it publishes of itself (`OpenID` Connect Discovery 1.0).
//! Browsers often may not read it, so the server does.
//!
//! The promise: the start waits for one answer, within a limit of time. Without one the ledger is served to tokens, and the issuer
//! is asked again until it answers.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use web::about::explorer::{IssuerEndpoints, PeopleSignIn, WrongSignIn};

use super::issuer_url::{IssuerUrl, IssuerUrlError};

/// The time between two questions to an issuer that does not answer.
pub(super) const PAUSE: Duration = Duration::from_secs(30);

/// The document of an issuer.
#[derive(Debug, Clone)]
pub(super) struct Discovery {
    issuer: String,
    source: IssuerUrl,
}

/// Why the endpoints are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error(transparent)]
    Url(#[from] IssuerUrlError),
    #[error("is no document of an issuer: {0}")]
    NotADocument(#[from] serde_json::Error),
    #[error("is the document of another issuer: {0:?}")]
    Another(String),
    #[error("names no endpoint that can be used: {0}")]
    Endpoint(#[from] WrongSignIn),
}

/// What is read of the document.
#[derive(Deserialize)]
struct IssuerDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
}

impl Discovery {
    /// The document of the issuer that a token names.
    pub(super) fn of(issuer: &str) -> Result<Self, IssuerUrlError> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        Ok(Self { issuer: issuer.to_owned(), source: IssuerUrl::parse(&url)? })
    }

    /// Asks once; an issuer that does not answer is named in the log.
    pub(super) async fn ask(&self, sign_in: &PeopleSignIn) {
        match self.read().await {
            Ok(endpoints) => sign_in.found(endpoints),
            Err(error) => {
                let (error, issuer) = (anyhow::Error::from(error), &self.issuer);
                tracing::warn!(target: "ledger::auth",
                    "people cannot sign in at the issuer yet, because its endpoints are not known; it is asked again: \
                    {issuer}/.well-known/openid-configuration {error:#}");
            }
        }
    }

    /// Asks until the issuer has answered or `stopping` becomes true.
    pub(super) async fn keep_asking(
        self,
        sign_in: Arc<PeopleSignIn>,
        pause: Duration,
        mut stopping: watch::Receiver<bool>,
    ) {
        let asking = async {
            while !sign_in.is_ready() {
                tokio::time::sleep(pause).await;
                self.ask(&sign_in).await;
            }
        };
        tokio::select! {
            () = asking => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    async fn read(&self) -> Result<IssuerEndpoints, DiscoveryError> {
        let document: IssuerDocument = serde_json::from_slice(&self.source.read().await?)?;
        // Section 4.3: the issuer in the document is the one that was asked.
        if document.issuer != self.issuer {
            return Err(DiscoveryError::Another(document.issuer));
        }
        let end_session = document.end_session_endpoint.as_deref();
        Ok(IssuerEndpoints::new(&document.authorization_endpoint, &document.token_endpoint, end_session)?)
    }
}
