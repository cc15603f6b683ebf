//! Where an issuer's keys come from: a file, or a URL asked within limits of time and size.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Url, redirect};
use tokio::io::AsyncReadExt;

use super::current::Pace;
use super::keys::{Keys, NoKeys};

/// Hundreds of keys fit.
const MOST_BYTES: usize = 256 * 1024;
/// For all of it: connecting, the answer, the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Where the keys are published.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Url(Url, Client),
}

/// The keys cannot be had from there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("comes over plain http, so that anybody on the way could put in keys; use https")]
    Plain,
    #[error("is no URL")]
    NoUrl,
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
    NoKeys(#[from] NoKeys),
}

impl Source {
    /// A URL if it begins as one, else a file.
    pub(super) fn parse(text: &str) -> Result<Self, Unread> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Ok(Self::File(text.into()));
        }
        let url: Url = text.parse().map_err(|_| Unread::NoUrl)?;
        if url.scheme() == "http" && !is_this_machine(&url) {
            return Err(Unread::Plain);
        }
        // Whoever is redirected somewhere else trusts somebody else.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(TIME_LIMIT);
        Ok(Self::Url(url, client.build()?))
    }

    /// How often to read: a file costs nothing, an issuer serves others too.
    pub(super) fn pace(&self) -> Pace {
        match self {
            Self::File(_) => Pace { period: Duration::from_secs(5), pause: Duration::from_secs(1) },
            Self::Url(..) => Pace { period: Duration::from_mins(5), pause: Duration::from_secs(10) },
        }
    }

    /// Reads the keys, now.
    pub(super) async fn read(&self) -> Result<Keys, Unread> {
        let read = async {
            match self {
                Self::File(path) => file(path).await,
                Self::Url(url, client) => fetched(url, client).await,
            }
        };
        let bytes = tokio::time::timeout(TIME_LIMIT, read).await.map_err(|_| Unread::TooSlow)??;
        Ok(Keys::parse(&bytes)?)
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn file(path: &PathBuf) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    tokio::fs::File::open(path).await?.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
    if bytes.len() > MOST_BYTES { Err(Unread::TooLarge) } else { Ok(bytes) }
}

async fn fetched(url: &Url, client: &Client) -> Result<Vec<u8>, Unread> {
    let answer = client.get(url.clone()).header("accept", "application/json").send().await?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(Unread::Status(answer.status()));
    }
    let mut chunks = answer.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > MOST_BYTES {
            return Err(Unread::TooLarge);
        }
    }
    Ok(bytes)
}
