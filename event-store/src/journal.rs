//! The port to the event table: insert-only, ordered per product, every read consistent.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, Stream};
use schema::{ProductId, StoredCommit};
use serde_json::{Map, Value};

/// How many commits one page of a gap or a walk asks for.
const PAGE: usize = 100;

/// Where commits are kept.
///
/// The contract, which `tests/journal.rs` runs on every adapter:
/// - a key (product, first sequence) is written once; whatever is there is never changed or removed;
/// - a commit is there whole or not at all, and after `append` returned `Ok` every read sees it;
/// - reads answer exactly what was appended, field for field, known to this build or not;
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

    /// Some commits of all products, in no order of products but each product's by sequence; for maintenance.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later from the same position.
    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, Unavailable>;
}

/// Where a scan goes on; made by an adapter and understood by that adapter alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPosition(pub(crate) Map<String, Value>);

/// One page of a scan.
#[derive(Debug)]
pub struct ScanPage {
    /// The commits.
    pub commits: Vec<StoredCommit>,
    /// Where to go on, `None` at the end.
    pub next: Option<ScanPosition>,
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

/// The store did not answer, or its answer could not be understood.
#[derive(Debug, thiserror::Error)]
#[error("the event table did not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// All commits of a product with sequence above `after`, oldest first, read page by page as they are asked for.
/// After an error the stream ends.
pub fn commits_after(
    journal: Arc<dyn Journal>,
    product: ProductId,
    after: u64,
) -> impl Stream<Item = Result<StoredCommit, Unavailable>> + Send {
    stream::try_unfold(
        (after, Vec::new().into_iter(), false),
        move |(mut after, mut page, mut last)| {
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
        },
    )
}
