//! The export: every commit of the ledger as NDJSON, products in order of id, each by sequence, in constant memory.
//!
//! The promise: a line is the canonical form (RFC 8785) of the stored commit, `hash` included, so equal ledgers give equal bytes.
//! Nothing is decoded: a damaged commit, or one of a later build, is exported as it is stored.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use schema::{ProductId, StoredCommit};

use crate::error::StoreError;
use crate::heads::ProductListing;
use crate::journal::{Journal, JournalRow, commits_after};

/// Products whose first commits are requested ahead, so that requests to a remote table overlap.
const AHEAD: usize = 8;

/// Commits of a product that are requested ahead; most products have no more.
const FIRST: usize = 32;

/// Rows of one page, where the store keeps lines.
const ROWS: usize = 500;

/// The export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The event table did not answer: export again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The store holds a key that this ledger never writes: run `ledger verify`, which names it.
    #[error("the event table holds commits of {0:?}, which is not a product id; run ledger verify")]
    ForeignKey(String),
    /// The stored line of a commit is not a single line: run `ledger verify`, which names it.
    #[error("the line of commit {1} of product {0} cannot be exported; run ledger verify")]
    BrokenLine(String, u64),
    /// A position has nothing that could be exported, so those behind it would take its place.
    #[error(
        "position {0} has neither a commit that can be exported nor an entry of the log; run ledger verify. Without --by position the rest \
         can be exported"
    )]
    Gap(u64),
}

/// A part of an export.
#[derive(Debug, Default)]
pub struct ExportPart {
    /// Lines, each with its end.
    pub lines: Vec<u8>,
    /// How many.
    pub commits: u64,
    /// Keys that this ledger never writes; their commits are left out.
    pub foreign: Vec<ExportError>,
}

/// The lines of a store that keeps them, byte for byte, up to a position.
pub fn kept(
    journal: Arc<dyn Journal>,
    up_to: u64,
) -> impl Stream<Item = Result<ExportPart, ExportError>> + Send {
    stream::try_unfold((journal, Some(None)), move |(journal, from)| async move {
        let Some(after) = from else { return Ok::<_, ExportError>(None) };
        let rows = journal.rows(up_to, after, ROWS).await?.unwrap_or_default();
        let last = rows.last().filter(|_| rows.len() == ROWS);
        let next = last.map(|row| Some((row.product_id.clone(), row.sequence)));
        Ok(Some((part(&rows), (journal, next))))
    })
}

/// Whatever somebody made of a stored line, it never becomes more than one line of the export.
fn part(rows: &[JournalRow]) -> ExportPart {
    let mut part = ExportPart::default();
    let mut foreign: Option<&str> = None;
    for row in rows {
        if foreign == Some(&row.product_id) {
            continue;
        }
        if row.line.contains('\n') {
            part.foreign.push(ExportError::BrokenLine(row.product_id.clone(), row.sequence));
            continue;
        }
        if ProductId::new(row.product_id.as_str()).is_err() {
            foreign = Some(&row.product_id);
            part.foreign.push(ExportError::ForeignKey(row.product_id.clone()));
            continue;
        }
        part.lines.extend_from_slice(row.line.as_bytes());
        part.lines.push(b'\n');
        part.commits += 1;
    }
    part
}

/// All commits of the products that `listing` found.
pub fn everything(
    journal: Arc<dyn Journal>,
    listing: ProductListing,
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
            let after = last.sequence().map_err(|error| StoreError::new(error.into()))?;
            commits_after(journal, product, after).map_err(ExportError::from).left_stream()
        }
        None => stream::empty().right_stream(),
    };
    Ok(stream::iter(first.into_iter().map(Ok)).chain(rest))
}
