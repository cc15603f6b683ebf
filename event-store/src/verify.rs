//! Verification: proves that nothing was changed.
//!
//! The promise: it finds every fault that a chain of commits can show and names it with product and sequence; for faults that
//! a chain cannot show, it compares the chain with what witnesses saw.
//!
//! A pure library over any source of commits:
//! - [`examine()`] checks one commit alone (on any thread, in any order), [`Chain`] checks it against its neighbours;
//! - [`product`] verifies a stream of one product's commits, [`JournalVerifier`] all products of a journal, [`ExportVerifier`] the lines of an
//!   export.
//!
//! Of a commit of a later build hash, link, order and time are checked; then it is reported as `not_understood`. That is not
//! damage, but with such a commit the verdict is never that the ledger is whole.

mod chain;
mod examine;
mod export;
mod fault;
mod journal;
mod lines;
mod report;
mod shape;
mod state;
mod strict;
mod unpublished;
mod witness;

use futures::{Stream, TryStreamExt, pin_mut};
use schema::{ProductId, StoredCommit};

pub use chain::Chain;
pub use examine::{Decode, Examined, examine, examine_by};
pub use export::ExportVerifier;
pub use fault::{ChainFault, FaultKind, RECEIPTS_REMEDY, WitnessSource, view_remedy};
pub use journal::{JournalVerifier, VerifyProgress};
pub use lines::{ExaminedLine, LONGEST_LINE, LineBatch, LineLocation, LinePlace, guess, object};
pub use report::{MOST_FAULTS, ProductReport, Summary, Verdict, head_line};
pub use unpublished::{Unpublished, UnpublishedEvents};
pub use witness::{EventIdentity, Sighting, Witness, against};

/// Verifies all commits of a product, oldest first; a product that does not exist has no commits and no faults.
///
/// # Errors
/// The error of the stream: verify again later.
pub async fn product<E>(
    product: &ProductId,
    commits: impl Stream<Item = Result<StoredCommit, E>>,
) -> Result<ProductReport, E> {
    let mut chain = Chain::of(product.as_str());
    pin_mut!(commits);
    while let Some(commit) = commits.try_next().await? {
        chain.follow(&examine(&commit));
    }
    Ok(chain.end())
}
