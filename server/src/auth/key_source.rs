//! The source of an issuer's keys: a file, or a URL that is read within limits of time and size.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Url, redirect};
use tokio::io::AsyncReadExt;

use super::key_set::{KeySet, KeySetError};

/// Enough for hundreds of keys.
const MOST_BYTES: usize = 256 * 1024;
/// From connecting to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Where an issuer publishes its keys.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    File(PathBuf),
    Url(Url, Client),
}

/// Why the keys could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySourceError {
    #[error("is plain http, so anybody on the network could replace the keys; use https")]
    Plain,
    #[error("is not a URL")]
    NotAUrl,
    #[error("cannot be read")]
    File(#[from] std::io::Error),
    #[error("cannot be fetched")]
    Http(#[from] reqwest::Error),
    #[error("answers {0}")]
    Status(reqwest::StatusCode),
    #[error("is larger than 256 KB")]
    TooLarge,
    #[error("does not answer within {} seconds", TIME_LIMIT.as_secs())]
    TooSlow,
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

/// How often the keys are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefreshIntervals {
    /// Time between reads: a key that was withdrawn is accepted no longer than this.
    pub(super) period: Duration,
    /// The least time between two reads because of unknown keys.
    pub(super) pause: Duration,
}

impl KeySource {
    /// A URL if it begins like one, otherwise a file.
    pub(super) fn parse(text: &str) -> Result<Self, KeySourceError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Ok(Self::File(text.into()));
        }
        let url: Url = text.parse().map_err(|_| KeySourceError::NotAUrl)?;
        if url.scheme() == "http" && !is_this_machine(&url) {
            return Err(KeySourceError::Plain);
        }
        // A redirect would lead to a source that nobody has configured.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(TIME_LIMIT);
        Ok(Self::Url(url, client.build()?))
    }

    /// How often to read unless configured: a file costs nothing, an issuer also serves others.
    pub(super) fn intervals(&self) -> RefreshIntervals {
        match self {
            Self::File(_) => {
                RefreshIntervals { period: Duration::from_secs(5), pause: Duration::from_secs(1) }
            }
            Self::Url(..) => {
                RefreshIntervals { period: Duration::from_mins(5), pause: Duration::from_secs(10) }
            }
        }
    }

    /// Reads the keys.
    pub(super) async fn read(&self) -> Result<KeySet, KeySourceError> {
        let read = async {
            match self {
                Self::File(path) => file(path).await,
                Self::Url(url, client) => fetched(url, client).await,
            }
        };
        let bytes = tokio::time::timeout(TIME_LIMIT, read).await.map_err(|_| KeySourceError::TooSlow)??;
        Ok(KeySet::parse(&bytes)?)
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn file(path: &PathBuf) -> Result<Vec<u8>, KeySourceError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    tokio::fs::File::open(path).await?.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
    if bytes.len() > MOST_BYTES { Err(KeySourceError::TooLarge) } else { Ok(bytes) }
}

async fn fetched(url: &Url, client: &Client) -> Result<Vec<u8>, KeySourceError> {
    let answer = client.get(url.clone()).header("accept", "application/json").send().await?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(KeySourceError::Status(answer.status()));
    }
    let mut chunks = answer.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > MOST_BYTES {
            return Err(KeySourceError::TooLarge);
        }
    }
    Ok(bytes)
}
