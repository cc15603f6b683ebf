//! Witnesses: what an earlier export, the receipts or a view saw of a product. A chain alone cannot show that its end was cut off,
//! or that it was rewritten with all hashes recomputed; who saw it before can.

use schema::{Hash, Product, PublicationRecord};

use super::examine::Examined;
use super::fault::{FaultKind, Source};
use super::state::differing;

/// What somebody saw of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The event's sequence.
    pub sequence: u64,
    /// What was seen.
    pub seen: Seen,
    /// Who saw it.
    pub seen_by: Source,
}

/// What was seen of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// That the event was there.
    Event,
    /// The hash of its commit.
    Hash(Hash),
    /// The product after it.
    Product(Box<Product>),
}

impl Witness {
    /// The fault that it shows in a commit, if the event is in it.
    pub(super) fn against(&self, commit: &Examined) -> Option<FaultKind> {
        let (begin, end) = (commit.sequence?, commit.end()?);
        if !(begin..end).contains(&self.sequence) {
            return None;
        }
        let (seen, carried) = match &self.seen {
            Seen::Event => return None,
            Seen::Hash(hash) => {
                let carried = commit.carried.as_ref().filter(|carried| *carried != hash)?;
                (format!("the commit {hash}"), carried.to_string())
            }
            // The state between the events of a commit is not carried.
            Seen::Product(_) if self.sequence + 1 < end => return None,
            Seen::Product(product) => {
                let (field, seen, carried) =
                    differing(product, &commit.state.as_ref()?.fields).into_iter().next()?;
                (format!("{field} {seen}"), carried)
            }
        };
        Some(FaultKind::Rewritten { seen_by: self.seen_by, seen, carried })
    }
}

/// An event of a commit, as a receipt identifies it.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The event's id.
    pub event_id: &'a str,
    /// The hash its commit carries.
    pub hash: &'a Hash,
}

/// The faults that an event's publication record, or its absence, shows.
#[must_use]
pub fn against(event: Published<'_>, record: Option<&PublicationRecord>) -> Vec<FaultKind> {
    let (receipt, hash) = match record {
        None => return vec![FaultKind::Unpublished],
        Some(PublicationRecord::Failure(failure)) => {
            return vec![FaultKind::PublicationFailed { error: failure.error.clone() }];
        }
        Some(PublicationRecord::Receipt(receipt)) => (&receipt.event_id, &receipt.hash),
    };
    let mut faults = Vec::new();
    if receipt != event.event_id {
        let (receipt, event) = (receipt.clone(), event.event_id.to_owned());
        faults.push(FaultKind::ForeignReceipt { receipt, event });
    }
    if hash != event.hash {
        let (seen, carried) = (format!("the commit {hash}"), event.hash.to_string());
        faults.push(FaultKind::Rewritten { seen_by: Source::Receipts, seen, carried });
    }
    faults
}
