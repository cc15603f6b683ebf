//! The source of an issuer's keys: a file, or a URL that is read within limits of time and size.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::issuer_url::{IssuerUrl, IssuerUrlError, MOST_BYTES, TIME_LIMIT};
use super::key_set::{KeySet, KeySetError};

/// Where an issuer publishes its keys.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    File(PathBuf),
    Url(IssuerUrl),
}

/// Why the keys could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySourceError {
    #[error("cannot be read")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Url(#[from] IssuerUrlError),
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
        Ok(Self::Url(IssuerUrl::parse(text)?))
    }

    /// How often to read unless configured: a file costs nothing, an issuer also serves others.
    pub(super) fn intervals(&self) -> RefreshIntervals {
        match self {
            Self::File(_) => {
                RefreshIntervals { period: Duration::from_secs(5), pause: Duration::from_secs(1) }
            }
            Self::Url(_) => {
                RefreshIntervals { period: Duration::from_mins(5), pause: Duration::from_secs(10) }
            }
        }
    }

    /// Reads the keys.
    pub(super) async fn read(&self) -> Result<KeySet, KeySourceError> {
        let bytes = match self {
            Self::File(path) => {
                tokio::time::timeout(TIME_LIMIT, file(path)).await.map_err(|_| IssuerUrlError::TooSlow)??
            }
            Self::Url(url) => url.read().await?,
        };
        Ok(KeySet::parse(&bytes)?)
    }
}

async fn file(path: &PathBuf) -> Result<Vec<u8>, KeySourceError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    tokio::fs::File::open(path).await?.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
    if bytes.len() > MOST_BYTES { Err(IssuerUrlError::TooLarge.into()) } else { Ok(bytes) }
}
