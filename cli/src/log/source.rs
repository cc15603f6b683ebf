//! Where the files of a log are read: a directory, a web server that serves one, or the bucket of a ledger on AWS.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ledger_log::{LogPath, LogSource};
use sequencer::{LogStore, S3Log};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::remote::LedgerClient;
use crate::retry::asked;

/// A log's files.
pub(crate) enum LogPlace {
    Directory(PathBuf),
    Server(LedgerClient),
    Bucket(S3Log),
}

impl LogPlace {
    /// The files at a URL or in a directory.
    ///
    /// # Errors
    /// One line: it is not a URL of a web server, or there is no such directory.
    pub(super) fn at(place: &str) -> anyhow::Result<Self> {
        let is_url = ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme));
        if is_url {
            return Ok(Self::Server(LedgerClient::new(place)?));
        }
        anyhow::ensure!(Path::new(place).is_dir(), "{place} is neither a directory nor an http or https URL");
        Ok(Self::Directory(place.into()))
    }
}

impl LogSource for LogPlace {
    type Error = anyhow::Error;

    async fn read(&self, path: LogPath) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Directory(directory) => of_directory(&directory.join(path.to_string()), path).await,
            Self::Bucket(files) => {
                let files = files.clone();
                let read = tokio::task::spawn_blocking(move || files.read(path)).await?;
                read.with_context(|| format!("{path} cannot be read from the bucket"))
            }
            Self::Server(client) => {
                let path = path.to_string();
                let segments: Vec<&str> = path.split('/').collect();
                let answer = asked(client, &segments, &[]).await?;
                if answer.status == 404 {
                    return Ok(None);
                }
                client.accepted(answer).map(Some).map_err(|refused| anyhow::anyhow!("{refused}"))
            }
        }
    }
}

async fn of_directory(file: &Path, path: LogPath) -> anyhow::Result<Option<Vec<u8>>> {
    let unreadable = || format!("{} cannot be read", file.display());
    let metadata = match tokio::fs::metadata(file).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata.with_context(unreadable)?,
    };
    // A pipe would be waited for.
    anyhow::ensure!(metadata.is_file(), "{} is not a file", file.display());
    let mut bytes = Vec::new();
    let opened = File::open(file).await.with_context(unreadable)?;
    opened.take(path.most_bytes() as u64 + 1).read_to_end(&mut bytes).await.with_context(unreadable)?;
    Ok(Some(bytes))
}
