//! The journal, the port to the event table.
//!
//! The promise: insert-only, ordered within a product, every read consistent.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, Stream};
use schema::{ProductId, StoredCommit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{AppendError, StoreError};

/// Commits per request when all of a product are read.
const PAGE: usize = 100;

/// The store of commits.
///
/// The contract, which `tests/contract/journal` runs on every adapter:
/// - a key (product, first sequence) is written once; nothing is ever changed or removed;
/// - a commit without a valid key (a product id that is text, a sequence that is a positive whole number below 2^53) is refused
///   for good;
/// - a commit is stored whole or not at all, and after `append` returned `Ok` every read sees it;
/// - reads return exactly what was appended, field for field, known to this build or not, with numbers as canonical JSON
///   writes them;
/// - a scan returns every commit that was there when it began, and none twice, whatever is appended meanwhile;
/// - of two appends at one key exactly one succeeds.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Inserts a commit at its key, where there is none.
    ///
    /// # Errors
    /// [`AppendError`]: each case says what the caller should do.
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError>;

    /// The newest commit of a product whose first sequence is at most `at_most`: one request at any length.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError>;

    /// Up to `limit` commits of a product with a sequence above `after`, oldest first; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError>;

    /// A page of the commits of all products, products in any order, each product's by sequence; for maintenance. `limit` is
    /// at least 1; a page may be shorter, or empty, although more follow.
    ///
    /// # Errors
    /// [`StoreError`]: try again later from the same position.
    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError>;

    /// As [`Journal::scan`], but only the keys of the commits; for lists of products and heads.
    ///
    /// # Errors
    /// [`StoreError`]: try again later from the same position.
    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, StoreError> {
        let page = self.scan(from, limit).await?;
        let keys = page.commits.iter().map(CommitKey::of).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, next: page.next })
    }

    /// Up to `limit` products with an id above `after`, in order of id; `None` where the store cannot list them in order.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn heads(&self, after: &str, limit: usize) -> Result<Option<Vec<Head>>, StoreError> {
        let _ = (after, limit);
        Ok(None)
    }

    /// Up to `limit` products behind `after` (empty at first), each once, in the store's own order, which never changes; fewer only
    /// at the end. For maintenance: on `DynamoDB` it costs about one read unit for each product, however long its history is.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn products(&self, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        if let Some(heads) = self.heads(after, limit).await? {
            return Ok(heads.into_iter().map(|head| head.product_id).collect());
        }
        let (mut products, mut from) = (BTreeSet::new(), None);
        loop {
            let page = self.scan_keys(from, PAGE).await?;
            let behind = page.keys.into_iter().map(|key| key.product_id).filter(|id| id.as_str() > after);
            products.extend(behind);
            from = page.next;
            if from.is_none() {
                return Ok(products.into_iter().take(limit).collect());
            }
        }
    }

    /// Up to `limit` rows at positions up to `up_to` and behind `after` (product and sequence), in the order of an export;
    /// `None` where the store does not keep lines.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn rows(
        &self,
        up_to: u64,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Option<Vec<JournalRow>>, StoreError> {
        let _ = (up_to, after, limit);
        Ok(None)
    }

    /// The newest position; `None` where the store has no [`Journal::rows`].
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_row(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

/// A commit in a store that keeps the bytes of its line, not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Column of the product.
    pub product_id: String,
    /// Column of the first event's sequence.
    pub sequence: u64,
    /// Column of the commit id.
    pub commit_id: String,
    /// Column of the time of recording.
    pub recorded_at: String,
    /// Column of the hash.
    pub hash: String,
    /// The line of an export, without the newline.
    pub line: String,
}

/// Where a scan continues; opaque but to the adapter that made it. Stored by those whose scan takes several runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScanPosition(pub(crate) Map<String, Value>);

#[cfg(feature = "sqlite")]
impl ScanPosition {
    /// A position of these parts.
    pub(crate) fn of<const N: usize>(parts: [(&str, Value); N]) -> Self {
        Self(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A part that is text; empty where it is not.
    pub(crate) fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A part that is a number; 0 where it is not.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.0.get(name).and_then(Value::as_i64).unwrap_or_default()
    }
}

/// One page of a scan.
#[derive(Debug)]
pub struct ScanPage {
    /// The commits.
    pub commits: Vec<StoredCommit>,
    /// Where to continue, `None` at the end.
    pub next: Option<ScanPosition>,
}

/// The key of a commit. The product is text because a damaged table may hold what is not a product id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitKey {
    /// The stream.
    pub product_id: String,
    /// Sequence of the commit's first event.
    pub sequence: u64,
    /// Sequence of its last event, from its state; `sequence` where the state cannot be read.
    pub version: u64,
}

/// The newest version of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The product; text because a damaged table may hold what is not a product id.
    pub product_id: String,
    /// Sequence of its newest event.
    pub version: u64,
    /// How many commits it has.
    pub commits: u64,
}

/// One page of a scan of keys.
#[derive(Debug)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<CommitKey>,
    /// Where to continue, `None` at the end.
    pub next: Option<ScanPosition>,
}

impl CommitKey {
    /// The key of a commit, of which only `product_id`, `sequence` and the state's `version` have to be there.
    ///
    /// # Errors
    /// [`StoreError`] when the key itself cannot be read, which a table never holds.
    pub fn of(commit: &StoredCommit) -> Result<Self, StoreError> {
        let unreadable = |error: schema::DecodeError| StoreError::new(error.into());
        let sequence = commit.sequence().map_err(unreadable)?;
        let version = commit.0.get("state").and_then(|state| state["version"].as_u64());
        Ok(Self {
            product_id: commit.text("product_id").map_err(unreadable)?.to_owned(),
            sequence,
            version: version.unwrap_or(sequence),
        })
    }
}

/// All commits of a product with a sequence above `after`, oldest first, read page by page on demand.
/// After an error the stream ends.
pub fn commits_after(
    journal: Arc<dyn Journal>,
    product: ProductId,
    after: u64,
) -> impl Stream<Item = Result<StoredCommit, StoreError>> + Send {
    stream::try_unfold((after, Vec::new().into_iter(), false), move |(mut after, mut page, mut last)| {
        let (journal, product) = (journal.clone(), product.clone());
        async move {
            loop {
                if let Some(commit) = page.next() {
                    return Ok(Some((commit, (after, page, last))));
                }
                if last {
                    return Ok(None);
                }
                let commits = journal.page(&product, after, PAGE).await?;
                last = commits.len() < PAGE;
                if let Some(commit) = commits.last() {
                    after = commit.sequence().map_err(|error| StoreError::new(error.into()))?;
                }
                page = commits.into_iter();
            }
        }
    })
}
