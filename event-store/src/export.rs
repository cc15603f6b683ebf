//! Every commit of the ledger as NDJSON: products in order of id, each by sequence, in memory that does not grow.
//!
//! A line is the canonical form (RFC 8785) of the stored commit, `hash` included, so equal ledgers give equal bytes.
//! Nothing is decoded: a damaged commit, or one of a later build, is exported as it is stored.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use schema::{ProductId, StoredCommit};

use crate::heads::Listing;
use crate::journal::{Journal, Unavailable, commits_after};

/// How many products' first commits are read ahead, so that the answers of a distant table overlap.
const AHEAD: usize = 8;

/// How many commits of a product are read ahead; most products have no more.
const FIRST: usize = 32;

/// The export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The event table did not answer: export again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The table holds a key that this ledger never wrote: `ledger verify` names it.
    #[error("the event table holds commits of {0:?}, which is no product id; ledger verify tells more")]
    ForeignKey(String),
}

/// All commits of the products that `listing` found.
pub fn everything(
    journal: Arc<dyn Journal>,
    listing: Listing,
) -> impl Stream<Item = Result<StoredCommit, ExportError>> + Send {
    let products = listing.heads().map_err(ExportError::from).and_then(|head| async move {
        ProductId::new(head.product_id.as_str()).map_err(|_| ExportError::ForeignKey(head.product_id))
    });
    let begun = products.map_ok(move |product| begin(journal.clone(), product));
    begun.try_buffered(AHEAD).try_flatten()
}

/// All commits of one product.
pub fn product(
    journal: Arc<dyn Journal>,
    product: ProductId,
) -> impl Stream<Item = Result<StoredCommit, ExportError>> + Send {
    commits_after(journal, product, 0).map_err(ExportError::from)
}

/// A commit in the canonical form.
///
/// # Errors
/// When the value cannot be written as canonical JSON; never for what came from a journal.
pub fn canonical(commit: &StoredCommit) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(&commit.0)
}

/// A commit's line, newline included.
///
/// # Errors
/// When the value cannot be written as canonical JSON; never for what came from a journal.
pub fn line(commit: &StoredCommit) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = canonical(commit)?;
    line.push(b'\n');
    Ok(line)
}

/// The first commits of a product, read now, and the rest as they are asked for.
async fn begin(
    journal: Arc<dyn Journal>,
    product: ProductId,
) -> Result<impl Stream<Item = Result<StoredCommit, ExportError>> + Send, ExportError> {
    let first = journal.page(&product, 0, FIRST).await?;
    let rest = match first.last().filter(|_| first.len() == FIRST) {
        Some(last) => {
            let after = last.sequence().map_err(|error| Unavailable(error.into()))?;
            commits_after(journal, product, after).map_err(ExportError::from).left_stream()
        }
        None => stream::empty().right_stream(),
    };
    Ok(stream::iter(first.into_iter().map(Ok)).chain(rest))
}
