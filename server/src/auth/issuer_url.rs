//! A URL of the issuer, which is read within limits of time and size.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, StatusCode, Url, redirect};
use web::about::explorer::is_secure;

/// Enough for hundreds of keys.
pub(super) const MOST_BYTES: usize = 256 * 1024;
/// From connecting to the last byte.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A URL, with the client that reads it.
#[derive(Debug, Clone)]
pub(super) struct IssuerUrl {
    url: Url,
    client: Client,
}

/// Why nothing could be read from the issuer.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerUrlError {
    #[error("is plain http, so anybody on the network could replace what it answers; use https")]
    Plain,
    #[error("is not a URL")]
    NotAUrl,
    #[error("cannot be fetched")]
    Http(#[from] reqwest::Error),
    #[error("answers {0}")]
    Status(StatusCode),
    #[error("is larger than 256 KB")]
    TooLarge,
    #[error("does not answer within {} seconds", TIME_LIMIT.as_secs())]
    TooSlow,
}

impl IssuerUrl {
    /// A URL of https, or of this machine.
    pub(super) fn parse(text: &str) -> Result<Self, IssuerUrlError> {
        let url: Url = text.parse().map_err(|_| IssuerUrlError::NotAUrl)?;
        if url.scheme() == "http" && !is_secure(&url) {
            return Err(IssuerUrlError::Plain);
        }
        if !is_secure(&url) {
            return Err(IssuerUrlError::NotAUrl);
        }
        // A redirect would lead to a source that nobody has configured.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(TIME_LIMIT);
        Ok(Self { url, client: client.build()? })
    }

    /// What it answers.
    pub(super) async fn read(&self) -> Result<Vec<u8>, IssuerUrlError> {
        tokio::time::timeout(TIME_LIMIT, self.fetched()).await.map_err(|_| IssuerUrlError::TooSlow)?
    }

    async fn fetched(&self) -> Result<Vec<u8>, IssuerUrlError> {
        let answer = self.client.get(self.url.clone()).header("accept", "application/json").send().await?;
        if answer.status() != StatusCode::OK {
            return Err(IssuerUrlError::Status(answer.status()));
        }
        let mut chunks = answer.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() > MOST_BYTES {
                return Err(IssuerUrlError::TooLarge);
            }
        }
        Ok(bytes)
    }
}
