//! What the routes of the log work on, and who may use them.

use std::str::FromStr;
use std::sync::Arc;

use event_store::{Feed, Journal, StoreError};
use ledger_log::{LogPath, TrustedKeys};
use tokio::sync::watch;
use web::{Problem, ProblemKind, RequestContext, Scope};

use crate::bound::BoundKeys;
use crate::store::LogStore;

/// Who may read the log without the scope `products/audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogPublic {
    /// Nobody.
    #[default]
    No,
    /// Everybody may read checkpoint, key and tiles of hashes, and nobody the entries.
    Hashes,
    /// Everybody may read everything.
    All,
}

/// The text names no part of a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("LEDGER_LOG_PUBLIC={0:?}: must be no, hashes or all")]
pub struct InvalidLogPublic(String);

impl FromStr for LogPublic {
    type Err = InvalidLogPublic;

    fn from_str(text: &str) -> Result<Self, InvalidLogPublic> {
        match text {
            "no" => Ok(Self::No),
            "hashes" => Ok(Self::Hashes),
            "all" => Ok(Self::All),
            other => Err(InvalidLogPublic(other.to_owned())),
        }
    }
}

impl LogPublic {
    /// Whether a path of the server is open.
    #[must_use]
    pub fn opens(self, path: &str) -> bool {
        let Some(within) = path.strip_prefix("/log/") else { return false };
        match self {
            Self::No => false,
            // What is not the path of a tile in its only form is no tile.
            Self::Hashes => {
                within == "key"
                    || matches!(within.parse::<LogPath>(), Ok(LogPath::Checkpoint | LogPath::Tile { .. }))
            }
            Self::All => true,
        }
    }
}

/// What the proof of a commit is made from, beside the log.
#[derive(Clone)]
pub struct ProofSources {
    /// The commits of products.
    pub journal: Arc<dyn Journal>,
    /// The commits by position.
    pub feed: Arc<dyn Feed>,
}

/// A log whose keys are known.
#[derive(Clone)]
pub struct ServedLog {
    /// Its files.
    pub store: Arc<dyn LogStore>,
    /// The keys that sign its checkpoints.
    pub keys: TrustedKeys,
}

/// The keys of a log that is served.
#[derive(Clone)]
pub enum ServedKeys {
    /// They are known.
    Known(TrustedKeys),
    /// One of them ends while the log is served.
    Changing(watch::Receiver<TrustedKeys>),
    /// They are on record, as soon as the log has begun.
    Bound(Arc<dyn BoundKeys>),
}

/// A log that can be read.
#[derive(Clone)]
pub struct KeptLog {
    /// Its files.
    pub store: Arc<dyn LogStore>,
    /// The keys that sign its checkpoints.
    pub keys: ServedKeys,
}

impl From<ServedLog> for KeptLog {
    fn from(ServedLog { store, keys }: ServedLog) -> Self {
        Self { store, keys: ServedKeys::Known(keys) }
    }
}

/// What the routes of the log work on.
#[derive(Clone)]
pub struct LogApi {
    /// The log and the commits in it, if one is kept.
    pub log: Option<(KeptLog, ProofSources)>,
    /// Who may read it without a scope.
    pub public: LogPublic,
}

impl LogApi {
    /// The files, for whoever may read this path of them.
    pub(super) fn files(&self, context: &RequestContext, path: &str) -> Result<Arc<dyn LogStore>, Problem> {
        if !self.public.opens(path) {
            context.require(Scope::Audit)?;
        }
        self.kept().map(|(log, _)| log.store.clone())
    }

    /// The keys, for whoever may read them.
    pub(super) async fn keys(&self, context: &RequestContext, path: &str) -> Result<TrustedKeys, Problem> {
        self.files(context, path)?;
        self.served().await.map(|log| log.keys)
    }

    /// The log and the commits in it, for auditors.
    pub(super) async fn provable(
        &self,
        context: &RequestContext,
    ) -> Result<(ServedLog, ProofSources), Problem> {
        context.require(Scope::Audit)?;
        let (_, sources) = self.kept()?;
        Ok((self.served().await?, sources.clone()))
    }

    async fn served(&self) -> Result<ServedLog, Problem> {
        let (KeptLog { store, keys }, _) = self.kept()?;
        let keys = match keys {
            ServedKeys::Known(keys) => keys.clone(),
            ServedKeys::Changing(keys) => keys.borrow().clone(),
            ServedKeys::Bound(bound) => {
                bound.keys().await.map_err(|error| unread(&error))?.ok_or_else(begins)?
            }
        };
        Ok(ServedLog { store: store.clone(), keys })
    }

    fn kept(&self) -> Result<&(KeptLog, ProofSources), Problem> {
        let none = "This server keeps no log: it is switched off, or no bucket is named for the log of a ledger in DynamoDB.";
        self.log.as_ref().ok_or_else(|| Problem::new(ProblemKind::NoLog, none))
    }
}

fn begins() -> Problem {
    Problem::new(
        ProblemKind::NoLog,
        "The log of this ledger has not begun yet; its sequencer does that when it first runs.",
    )
}

fn unread(error: &StoreError) -> Problem {
    tracing::warn!(target: "ledger::log", %error, "the keys of the log cannot be read");
    let detail = "The keys of the log cannot be read now; retry after the time in Retry-After.";
    Problem::new(ProblemKind::Unavailable, detail).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_opened_in_its_only_form() {
        let (hashes, entries) = ("/log/tile/0/000", "/log/tile/entries/000");
        for (public, path, is_open) in [
            (LogPublic::No, "/log/checkpoint", false),
            (LogPublic::Hashes, "/log/checkpoint", true),
            (LogPublic::Hashes, "/log/key", true),
            (LogPublic::Hashes, hashes, true),
            (LogPublic::Hashes, "/log/tile/0/x001/234.p/5", true),
            (LogPublic::Hashes, entries, false),
            (LogPublic::Hashes, "/log/tile/%65ntries/000", false),
            (LogPublic::Hashes, "/log/tile/0/../entries/000", false),
            (LogPublic::Hashes, "/log/tile/0/../../../products", false),
            (LogPublic::All, entries, true),
            (LogPublic::All, "/products", false),
            (LogPublic::All, "/logs", false),
            (LogPublic::All, "/log", false),
        ] {
            assert_eq!(public.opens(path), is_open, "{public:?} {path}");
        }
    }
}
