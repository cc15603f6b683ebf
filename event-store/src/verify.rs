//! Proof that nothing changed: finds every fault that a chain of commits can show, names it with product and sequence,
//! and holds the chain against what others saw for those it cannot show.
//!
//! A pure library over any source of commits:
//! - [`examine()`] says what one commit alone tells (any thread, any order), [`Chain`] what follows from its neighbours;
//! - [`product`] verifies a stream of one product's commits, [`Ledger`] all products of a journal, [`Export`] the lines
//!   of an export.
//!
//! A commit of a later build has its hash, link, order and time checked and is then reported as `not_understood`: no
//! damage, but a verification that met one never says that the ledger is whole.

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
pub use export::Export;
pub use fault::{Fault, FaultKind, Source};
pub use journal::{Ledger, Progress};
pub use lines::{Batch, LONGEST_LINE, Line, Place};
pub use report::{MOST_FAULTS, ProductReport, Summary, Verdict, head_line};
pub use unpublished::{Patience, Settled, Unpublished, Waiting};
pub use witness::{Published, Seen, Witness, against};

/// Verifies all commits of a product, oldest first; one that does not exist has no commits and no faults.
///
/// # Errors
/// That of the stream: verify again later.
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
