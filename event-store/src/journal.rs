//! The port to the event table: insert-only, ordered per product, every read consistent.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, Stream};
use schema::{ProductId, StoredCommit};
use serde_json::{Map, Value};

use crate::heads::Head;

/// How many commits one page of a gap or a walk asks for.
const PAGE: usize = 100;

/// Where commits are kept.
///
/// The contract, which `tests/contract/journal` runs on every adapter:
/// - a key (product, first sequence) is written once; whatever is there is never changed or removed;
/// - what has no key, a product id that is a text and a positive whole number below 2^53, is refused for good;
/// - a commit is there whole or not at all, and after `append` returned `Ok` every read sees it;
/// - reads answer exactly what was appended, field for field, known to this build or not, with numbers as canonical JSON
///   has them;
/// - a scan meets every commit that was there when it began, and none twice, whatever is appended meanwhile;
/// - of two appends at one key exactly one succeeds.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes a commit where none is.
    ///
    /// # Errors
    /// [`AppendError`]: each case says what the caller has to do.
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError>;

    /// The newest commit of a product whose first sequence is at most `at_most`: one request at any length.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, Unavailable>;

    /// Up to `limit` commits of a product with sequence above `after`, oldest first; fewer only at the end.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, Unavailable>;

    /// Some commits of all products, in no order of products but each product's by sequence; for maintenance. `limit` is
    /// at least 1, and a page may be shorter or empty though more follow.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later from the same position.
    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, Unavailable>;

    /// What [`Journal::scan`] walks, of each commit only what names it; for lists of products and heads.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later from the same position.
    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, Unavailable> {
        let page = self.scan(from, limit).await?;
        let keys = page.commits.iter().map(CommitKey::of).collect::<Result<_, _>>()?;
        Ok(KeyPage { keys, next: page.next })
    }

    /// Up to `limit` products with an id above `after`, in order of id; `None` where the store keeps no such order.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn heads(&self, after: &str, limit: usize) -> Result<Option<Vec<Head>>, Unavailable> {
        let _ = (after, limit);
        Ok(None)
    }

    /// Up to `limit` rows at positions up to `up_to` and behind `after` (product and sequence), in the order of an export;
    /// `None` where the store keeps no such order.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn rows(
        &self,
        up_to: u64,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, Unavailable> {
        let _ = (up_to, after, limit);
        Ok(None)
    }

    /// The newest position, where the store keeps [`Journal::rows`].
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn newest_row(&self) -> Result<Option<u64>, Unavailable> {
        Ok(None)
    }
}

/// A commit as a store that keeps the bytes of its line has it: nothing is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The stream, as the row says.
    pub product_id: String,
    /// Sequence of its first event, as the row says.
    pub sequence: u64,
    /// The commit's id, as the row says.
    pub commit_id: String,
    /// When it was recorded, as the row says.
    pub recorded_at: String,
    /// Its hash, as the row says.
    pub hash: String,
    /// The line of an export, without its end.
    pub line: String,
}

/// Where a scan goes on; made by an adapter and understood by that adapter alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPosition(pub(crate) Map<String, Value>);

#[cfg(feature = "sqlite")]
impl ScanPosition {
    /// A position of these parts.
    pub(crate) fn of<const N: usize>(parts: [(&str, Value); N]) -> Self {
        Self(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A part that is a text; empty where it is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A part that is a number; 0 where it is none.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.0.get(name).and_then(Value::as_i64).unwrap_or_default()
    }
}

/// One page of a scan.
#[derive(Debug)]
pub struct ScanPage {
    /// The commits.
    pub commits: Vec<StoredCommit>,
    /// Where to go on, `None` at the end.
    pub next: Option<ScanPosition>,
}

/// What names a commit. The product is text because a damaged table may hold what is no product id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitKey {
    /// The stream.
    pub product_id: String,
    /// Sequence of the commit's first event.
    pub sequence: u64,
    /// Sequence of its last event, as its state says; the first one's where the state cannot be read.
    pub version: u64,
}

/// One page of a scan of keys.
#[derive(Debug)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<CommitKey>,
    /// Where to go on, `None` at the end.
    pub next: Option<ScanPosition>,
}

impl CommitKey {
    /// The key of a commit, of which only `product_id`, `sequence` and the state's `version` have to be there.
    ///
    /// # Errors
    /// [`Unavailable`] when the key itself cannot be read, which no event table holds.
    pub fn of(commit: &StoredCommit) -> Result<Self, Unavailable> {
        let unreadable = |error: schema::DecodeError| Unavailable(error.into());
        let sequence = commit.sequence().map_err(unreadable)?;
        let version = commit.0.get("state").and_then(|state| state["version"].as_u64());
        Ok(Self {
            product_id: commit.text("product_id").map_err(unreadable)?.to_owned(),
            sequence,
            version: version.unwrap_or(sequence),
        })
    }
}

/// Why a commit was not, or perhaps not, written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A commit is at this key, perhaps this very one: read it and compare the commit id.
    #[error("a commit is already recorded at this sequence")]
    Occupied,
    /// The answer was lost or never came: read the key to learn whether the commit is there.
    #[error("whether the commit was recorded is not known")]
    Unknown(#[source] Unavailable),
    /// The store will never take this commit: it is too large or the store is set up wrongly.
    #[error("the store refuses the commit")]
    Refused(#[source] Unavailable),
}

/// A table did not answer, or its answer could not be understood: the text names it, the event table or another.
#[derive(Debug, thiserror::Error)]
#[error("a table did not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl Unavailable {
    /// The same, naming the table that did not answer.
    #[must_use]
    pub(crate) fn of(self, table: &str) -> Self {
        Self(format!("{table}: {}", self.0).into())
    }
}

/// All commits of a product with sequence above `after`, oldest first, read page by page as they are asked for.
/// After an error the stream ends.
pub fn commits_after(
    journal: Arc<dyn Journal>,
    product: ProductId,
    after: u64,
) -> impl Stream<Item = Result<StoredCommit, Unavailable>> + Send {
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
                    after = commit.sequence().map_err(|error| Unavailable(error.into()))?;
                }
                page = commits.into_iter();
            }
        }
    })
}
