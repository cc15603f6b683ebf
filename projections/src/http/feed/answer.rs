//! What `GET /commits` answers: a page as JSON, and the problems.

use event_store::feed_reader::PageEntry;
use event_store::{FeedError, LogEntryKind};
use schema::{ProductId, StoredCommit};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, ProblemKind};

use crate::http::answer::{Stored, failed};
use crate::http::publication::Publication;

/// A page of the feed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommitFeed")]
pub(super) struct FeedBody {
    /// In the requested order.
    pub(super) commits: Vec<FeedItem>,
    /// The value of `after` (in descending order of `before`) for the next page, if anything is left to look at.
    pub(super) next: Option<u64>,
    /// The newest position when the page was read; `null` in an empty ledger.
    pub(super) newest: Option<u64>,
}

/// What is at a position.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedItem")]
pub(super) struct FeedItem {
    /// The place in the order of recording, from 0.
    pub(super) position: u64,
    /// Whether the commit states a price of a time before the newest one that was stated until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retroactive: Option<bool>,
    /// One entry per event, in order, as in the history; absent without the scope `products/audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipts: Option<Vec<Publication>>,
    /// The commit as stored and hashed; `null` if it is gone.
    pub(super) commit: Option<StoredCommit>,
    /// What is known of a commit that is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<MissingCommit>,
    /// The entry of the log at this position, if it is no commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<OtherEntry>,
}

/// An entry of the log that is no commit.
#[derive(Serialize, JsonSchema)]
struct OtherEntry {
    /// `restore-accepted`, or `unknown` for one of a later build.
    kind: &'static str,
    /// Why a restore was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl OtherEntry {
    fn restore_accepted(reason: String) -> Self {
        Self { kind: "restore-accepted", reason: Some(reason) }
    }
}

/// A commit that is gone.
#[derive(Serialize, JsonSchema, Default)]
struct MissingCommit {
    /// Its product, if known.
    product_id: Option<String>,
    /// The sequence of its first event, if known.
    sequence: Option<u64>,
    /// Its hash, if known.
    hash: Option<String>,
}

impl FeedItem {
    pub(super) fn of(entry: PageEntry) -> Self {
        let position = entry.position;
        let Some(selected) = entry.commit else {
            let found = entry.entry.as_ref();
            let (missing, entry) = match found.map(|found| LogEntryKind::of(&found.entry)) {
                None => (Some(MissingCommit::default()), None),
                Some(LogEntryKind::Lost(hash)) => {
                    let of = found.and_then(|found| found.of.clone());
                    let (product, sequence) = of.unzip();
                    let product_id = product.map(|product| product.to_string());
                    (Some(MissingCommit { product_id, sequence, hash: Some(hash) }), None)
                }
                Some(LogEntryKind::RestoreAccepted(reason)) => {
                    (None, Some(OtherEntry::restore_accepted(reason)))
                }
                Some(LogEntryKind::Unknown) => (None, Some(OtherEntry { kind: "unknown", reason: None })),
            };
            return Self { position, retroactive: None, receipts: None, commit: None, missing, entry };
        };
        Self {
            position,
            retroactive: Some(selected.retroactive),
            receipts: None,
            commit: Some(selected.commit),
            missing: None,
            entry: None,
        }
    }
}

/// The problem of a page that cannot be read.
pub(super) fn problem(error: FeedError) -> Problem {
    match error {
        FeedError::NotReached { newest } => {
            let detail = match newest {
                Some(newest) => {
                    format!("The newest position is {newest}; ask for what comes after it, or before.")
                }
                None => "The ledger is empty; ask without `after`.".to_owned(),
            };
            Problem::new(ProblemKind::PositionNotReached, detail).loggable().with("newest", newest)
        }
        FeedError::Unreadable { position, product, reason } => {
            tracing::error!(target: "ledger::query", position, reason, "a commit cannot be read");
            unreadable(position, product.as_ref())
        }
        FeedError::Store(error) => failed(Stored::Commits, None)(error),
    }
}

/// A commit that cannot be read, which no other attempt changes.
pub(super) fn unreadable(position: u64, product: Option<&ProductId>) -> Problem {
    let product = product.map(|product| format!(" {product}")).unwrap_or_default();
    let detail = format!(
        "The commit at position {position} cannot be read; `ledger verify{product}` says why. The others are read on with \
         after={position}, or before={position} in descending order."
    );
    Problem::new(ProblemKind::Internal, detail)
}
