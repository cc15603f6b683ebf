//! What becomes of the log of an export by position: it goes on here, or another one begins.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use server::directory::DataDirectory;
use server::log::{
    ContinueError, ContinuedLog, LOG_DIRECTORY, LOG_KEY, LogSettings, LogStartError, bound_keys, continued,
    is_origin, logged, on_files,
};
use web::ClockAndIds;

use crate::counts::counted;
use crate::exit::Refused;
use crate::export_file::{ExportedCheckpoint, PositionIndex};
use crate::text_table::escaped;
use crate::trusted;

/// What is known of the log.
#[derive(Debug, Args)]
pub(super) struct RestoredLogArgs {
    /// Begin another log under this name, such as `ledger.example.com/log-2`, because the private key of the export's log is not
    /// at hand.
    #[arg(long, value_name = "NAME", value_parser = origin)]
    log_origin: Option<String>,
    /// Verifier keys of the export's log, as ledger log key prints them; the newest is that of the private key in DIR/log.key.
    #[arg(long, value_name = "VKEY|FILE", conflicts_with = "log_origin")]
    key: Option<String>,
}

fn origin(text: &str) -> Result<String, String> {
    let what = "the name of a log is like the beginning of a URL without its scheme, such as ledger.example.com/log-2";
    is_origin(text).then(|| text.to_owned()).ok_or_else(|| what.to_owned())
}

/// What becomes of the log.
pub(super) enum RestoredLog {
    /// The export says nothing about one, or the ledger has its own.
    AsItIs,
    /// That of the export goes on.
    GoesOn(Box<ContinuedLog>),
    /// Another one begins.
    Begins(String),
}

impl RestoredLogArgs {
    /// Decides before anything is written.
    ///
    /// # Errors
    /// The key is not at hand and no name was given, or they do not fit; [`Refused`] inside if there is a longer log already.
    pub(super) async fn decide(
        &self,
        positions: Option<&PositionIndex>,
        data: &Path,
        directory: Option<&DataDirectory>,
    ) -> anyhow::Result<RestoredLog> {
        let Some(checkpoint) = positions.and_then(|index| index.checkpoint.as_ref()) else {
            anyhow::ensure!(
                self.log_origin.is_none() && self.key.is_none(),
                "--log-origin and --key are for an export with the checkpoint of a log (ledger export --by position); \
                 a log that begins is named at the first start (ledger serve --log-origin)"
            );
            return Ok(RestoredLog::AsItIs);
        };
        let bound = match directory {
            Some(directory) => bound_keys(&directory.ledger).await?,
            None => None,
        };
        let bound = bound.as_ref().and_then(|keys| Some((keys, keys.newest()?.name().to_owned())));
        let origin = &checkpoint.says.origin;
        if let Some((_, own)) = bound.as_ref().filter(|(_, own)| own != origin) {
            return match &self.log_origin {
                Some(wanted) if wanted != own => {
                    let (wanted, origin) = (wanted.clone(), own.clone());
                    Err(LogStartError::OtherOrigin { wanted, origin }.into())
                }
                _ => Ok(RestoredLog::AsItIs),
            };
        }
        if let Some(directory) = directory.filter(|_| bound.is_some() && checkpoint.says.size > 0)
            && logged(data, &directory.ledger).await? >= checkpoint.says.size
        {
            return Ok(RestoredLog::AsItIs);
        }
        let given = self.key.as_deref().map(trusted::keys).transpose()?;
        let of_ledger =
            bound.map(|(keys, _)| keys).filter(|keys| keys.open(checkpoint.note.as_bytes()).is_ok());
        let goes_on = continued(data, &checkpoint.note, given.as_ref().or(of_ledger));
        match (goes_on.map_err(refused)?, &self.log_origin) {
            (Some(log), wanted) if wanted.as_ref().is_none_or(|wanted| wanted == origin) => {
                log.follows(data).map_err(refused)?;
                Ok(RestoredLog::GoesOn(Box::new(log)))
            }
            (Some(_), _) => anyhow::bail!(
                "--log-origin: {} is the private key of the log {}, which goes on; leave the option out, or move the file away",
                data.join(LOG_KEY).display(),
                escaped(origin)
            ),
            (None, Some(wanted)) if wanted != origin => {
                let file = data.join(LOG_DIRECTORY).join("checkpoint");
                let there = std::fs::read_to_string(&file).ok();
                // One of this name was begun by a restore that was interrupted.
                let is_begun = there.is_none_or(|note| note.lines().next() == Some(wanted.as_str()));
                anyhow::ensure!(
                    is_begun,
                    "{} is of another log; move it away for one that begins",
                    file.display()
                );
                Ok(RestoredLog::Begins(wanted.clone()))
            }
            (None, _) => Err(not_at_hand(checkpoint, &data.join(LOG_KEY))),
        }
    }
}

fn not_at_hand(checkpoint: &ExportedCheckpoint, file: &Path) -> anyhow::Error {
    let (origin, file) = (escaped(&checkpoint.says.origin), file.display().to_string());
    anyhow::anyhow!(
        "the export has the checkpoint of the log {origin}, and {file} is not the private key that signed it; put that key there, or name \
         another log with --log-origin; for a log that was handed over to the key that is there, name the keys with --key"
    )
}

/// What cannot go on because of what is there is exit code 1.
fn refused(error: ContinueError) -> anyhow::Error {
    match error {
        ahead @ ContinueError::Ahead { .. } => Refused(format!("{ahead}; nothing was written")).into(),
        other => other.into(),
    }
}

impl RestoredLog {
    /// Writes the log, and answers with what became of it.
    ///
    /// # Errors
    /// It could not be written; the restore can be repeated.
    pub(super) async fn write(
        self,
        data: &Path,
        directory: &DataDirectory,
    ) -> anyhow::Result<Option<String>> {
        match self {
            Self::AsItIs => Ok(None),
            Self::GoesOn(log) => {
                let (name, size) = (escaped(&log.checkpoint.origin), log.checkpoint.size);
                log.write(data, &directory.ledger).await?;
                Ok(Some(format!("the log {name} goes on behind {}", counted(size, "entry"))))
            }
            Self::Begins(origin) => {
                let settings = LogSettings {
                    origin: Some(origin.clone()),
                    interval: Duration::from_secs(1),
                    keep: None,
                    witnesses: Vec::new(),
                    quorum: 0,
                };
                let clock = ClockAndIds::system().clock;
                on_files(data, &directory.ledger, &settings, &clock)
                    .await
                    .with_context(|| format!("the log {origin} cannot be begun"))?;
                Ok(Some(format!("the log {} begins at the next start", escaped(&origin))))
            }
        }
    }
}
