//! What others saw of a product. A chain alone cannot show that its end was cut off, or that a suffix was written anew
//! with every hash recomputed; who saw it before can.

use schema::{Hash, PublicationRecord};

use super::fault::{FaultKind, Source};

/// One sighting of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The event's sequence.
    pub sequence: u64,
    /// The hash its commit had, where the witness knows it; a view knows only how far the product had got.
    pub hash: Option<Hash>,
    /// Who saw it.
    pub seen_by: Source,
}

/// An event of a commit, as far as a receipt tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The event's id.
    pub event_id: &'a str,
    /// The hash its commit carries.
    pub hash: &'a Hash,
}

/// What a publication record, or its absence, says against an event.
#[must_use]
pub fn against(event: Published<'_>, record: Option<&PublicationRecord>) -> Vec<FaultKind> {
    let (receipt, hash) = match record {
        None => return vec![FaultKind::Unpublished],
        Some(PublicationRecord::Failure(failure)) => {
            return vec![FaultKind::PublicationFailed {
                error: failure.error.clone(),
            }];
        }
        Some(PublicationRecord::Receipt(receipt)) => (&receipt.event_id, &receipt.hash),
    };
    let mut faults = Vec::new();
    if receipt != event.event_id {
        let (receipt, event) = (receipt.clone(), event.event_id.to_owned());
        faults.push(FaultKind::ForeignReceipt { receipt, event });
    }
    if hash != event.hash {
        let (seen, carried) = (hash.clone(), event.hash.clone());
        faults.push(FaultKind::Rewritten {
            seen_by: Source::Receipts,
            seen,
            carried,
        });
    }
    faults
}
