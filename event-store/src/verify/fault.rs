//! The faults that verification finds, each with its name, product and sequence.
//!
//! The promise: names of faults are stable.

mod text;

pub use text::{RECEIPTS_REMEDY, view_remedy};

use schema::{Hash, Timestamp};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::StoreError;

/// One fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFault {
    /// The product, as far as it can be read.
    pub product_id: String,
    /// Sequence of the commit's first event, or of the event, as far as it can be read.
    pub sequence: Option<u64>,
    /// The line of the export.
    pub line: Option<u64>,
    /// What it is.
    pub kind: FaultKind,
}

/// Where a witness comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WitnessSource {
    /// An export made earlier.
    EarlierExport,
    /// Receipts of publication.
    Receipts,
    /// A view.
    View,
    /// The log.
    Log,
}

/// What is wrong. [`FaultKind::name`] is relied on by others: never rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A line or a field cannot be read.
    Unreadable {
        /// The field, or `line`; empty where the reason says all.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a later build: hash, link and order were checked, its content was not. Upgrade, then verify again.
    NotUnderstood {
        /// What is too new.
        reason: String,
    },
    /// The commit is not what was hashed: a byte was changed.
    Changed {
        /// The hash it carries.
        carried: Hash,
        /// The hash computed from its content.
        computed: Hash,
    },
    /// A number that canonical JSON does not write exactly, so that a change of it might not be found.
    InexactNumber {
        /// The number.
        number: String,
    },
    /// Events are missing.
    Missing {
        /// The first one.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// No commit has these positions, although a later one is there.
    MissingPositions {
        /// The first one.
        from: i64,
        /// The last one.
        to: i64,
    },
    /// The commit begins inside the one before it.
    Overlap {
        /// Where it should begin.
        expected: u64,
    },
    /// The commit occurs twice.
    Duplicate,
    /// Two different commits at one sequence.
    Rival,
    /// The commit, or its product, is behind one that belongs behind it.
    OutOfOrder {
        /// What it is behind.
        after: String,
    },
    /// The commit does not link to the one before it.
    BrokenLink {
        /// The hash it links to.
        previous_hash: Hash,
        /// The hash of the commit before it.
        expected: Hash,
    },
    /// The commit belongs to another product.
    WrongProduct {
        /// The field with the other product.
        field: &'static str,
        /// The product it names.
        found: String,
        /// The product whose chain it is in.
        expected: String,
    },
    /// It was recorded before the commit before it.
    TimeBackwards {
        /// When it was recorded.
        recorded_at: Timestamp,
        /// When the commit before it was.
        previous: Timestamp,
    },
    /// The event cannot follow the events before it.
    Misfit {
        /// Why.
        reason: String,
    },
    /// The carried state is not the fold of the events.
    WrongState {
        /// Each field that differs: its name, its value by the events, its value in the carried state.
        fields: Vec<(String, String, String)>,
    },
    /// The event has no receipt of publication.
    Unpublished,
    /// The bus refused the event, and it has not been published since.
    PublicationFailed {
        /// The error of the bus.
        error: String,
    },
    /// The receipt is of another event.
    ForeignReceipt {
        /// The event id in the receipt.
        receipt: String,
        /// The event id in the commit.
        event: String,
    },
    /// A view does not show what the ledger has. The ledger may be in order.
    WrongView {
        /// The view.
        view: &'static str,
        /// What differs.
        what: String,
        /// Whether commits have faults too, so that a rebuild would lose what the view shows of them.
        restore_first: bool,
    },
    /// A row that this program never writes, outside the chains.
    Unexpected {
        /// The row, and what is wrong with it.
        what: String,
    },
    /// A witness saw another commit here: this one was written later, with all hashes recomputed.
    Rewritten {
        /// The witness.
        seen_by: WitnessSource,
        /// The hash or the field that it saw.
        seen: String,
        /// What the commit has instead.
        carried: String,
    },
    /// A witness saw events beyond the newest: the end was cut off.
    CutOff {
        /// The witness.
        seen_by: WitnessSource,
        /// The last event that it saw.
        seen: u64,
        /// The newest event of the chain, 0 without any.
        newest: u64,
    },
    /// The log has commits that follow the newest one, or a whole product, and the ledger has not.
    OnlyLogged {
        /// How many.
        commits: u64,
        /// The index of the first one's entry.
        index: u64,
        /// The hash of the first one.
        hash: String,
        /// The last event before them, 0 without any.
        newest: u64,
    },
    /// The log does not have the commit, although its checkpoint covers the position.
    NotLogged {
        /// The position.
        position: u64,
    },
    /// The commit is another entry of the log.
    LoggedElsewhere {
        /// Its position.
        position: u64,
        /// The index of its entry.
        index: u64,
    },
    /// The log itself is faulty.
    FaultyLog {
        /// In what.
        what: String,
    },
}

impl ChainFault {
    /// Whether something is wrong for certain; otherwise it could not be checked.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(self.kind, FaultKind::NotUnderstood { .. })
    }
}

impl FaultKind {
    /// A publication record or a mark of a restore cannot be read, as the error says; nothing but a backup has it.
    pub(super) fn unreadable(error: &StoreError) -> Self {
        let reason = format!("{error}; {RECEIPTS_REMEDY}");
        Self::Unreadable { field: String::new(), reason }
    }

    /// Whether it says that commits are missing or are not what was recorded.
    #[must_use]
    pub fn is_of_commits(&self) -> bool {
        match self {
            // What is unreadable beside the commits has a reason alone.
            Self::Unreadable { field, .. } => !field.is_empty(),
            Self::Changed { .. }
            | Self::InexactNumber { .. }
            | Self::Missing { .. }
            | Self::MissingPositions { .. }
            | Self::Overlap { .. }
            | Self::Duplicate
            | Self::Rival
            | Self::OutOfOrder { .. }
            | Self::BrokenLink { .. }
            | Self::WrongProduct { .. }
            | Self::TimeBackwards { .. }
            | Self::Misfit { .. }
            | Self::WrongState { .. }
            | Self::Rewritten { .. }
            | Self::CutOff { .. }
            | Self::OnlyLogged { .. }
            | Self::NotLogged { .. }
            | Self::LoggedElsewhere { .. } => true,
            Self::NotUnderstood { .. }
            | Self::Unpublished
            | Self::PublicationFailed { .. }
            | Self::ForeignReceipt { .. }
            | Self::WrongView { .. }
            | Self::Unexpected { .. }
            | Self::FaultyLog { .. } => false,
        }
    }

    /// The stable name in responses.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Changed { .. } => "changed",
            Self::InexactNumber { .. } => "inexact_number",
            Self::Missing { .. } | Self::MissingPositions { .. } => "missing",
            Self::Overlap { .. } => "overlap",
            Self::Duplicate => "duplicate",
            Self::Rival => "rival",
            Self::OutOfOrder { .. } | Self::LoggedElsewhere { .. } => "out_of_order",
            Self::BrokenLink { .. } => "broken_link",
            Self::WrongProduct { .. } => "wrong_product",
            Self::TimeBackwards { .. } => "time_backwards",
            Self::Misfit { .. } => "misfit",
            Self::WrongState { .. } => "wrong_state",
            Self::Unpublished => "unpublished",
            Self::PublicationFailed { .. } => "publication_failed",
            Self::ForeignReceipt { .. } => "foreign_receipt",
            Self::WrongView { .. } => "wrong_view",
            Self::Unexpected { .. } => "unexpected",
            Self::Rewritten { .. } => "rewritten",
            Self::CutOff { .. } | Self::OnlyLogged { .. } => "cut_off",
            Self::NotLogged { .. } => "omitted",
            Self::FaultyLog { .. } => "log",
        }
    }
}

impl Serialize for ChainFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fault = serializer.serialize_struct("Fault", 5)?;
        fault.serialize_field("product_id", &self.product_id)?;
        fault.serialize_field("sequence", &self.sequence)?;
        if let Some(line) = self.line {
            fault.serialize_field("line", &line)?;
        } else {
            fault.skip_field("line")?;
        }
        fault.serialize_field("fault", self.kind.name())?;
        fault.serialize_field("detail", &self.kind.to_string())?;
        fault.end()
    }
}
