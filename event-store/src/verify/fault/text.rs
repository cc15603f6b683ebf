//! The texts of faults.
//!
//! The promise: one printable line for each fault, whatever the commit contains.

use std::fmt;

use super::{ChainFault, FaultKind, WitnessSource};

/// `product 694215b7 sequence 3: changed: …`, one line whatever the commit contains.
impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        // What is not known, or is no event, is left out.
        match (self.product_id.as_str(), self.sequence.filter(|sequence| *sequence > 0)) {
            ("", None) if self.line.is_some() => {}
            ("", None) => f.write_str("ledger: ")?,
            ("", Some(sequence)) => write!(f, "sequence {sequence}: ")?,
            (product, None) => write!(f, "product {}: ", printable(product))?,
            (product, Some(sequence)) => write!(f, "product {} sequence {sequence}: ", printable(product))?,
        }
        write!(f, "{}: {}", self.kind.name(), printable(&self.kind.to_string()))
    }
}

/// The text with everything escaped that could move the cursor, end the line or change the direction of writing.
fn printable(text: &str) -> String {
    let shown = |letter: char| match letter {
        '"' | '\'' | '\\' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// What to do about a publication record or a mark of a restore that cannot be read: nothing else has it.
pub const RECEIPTS_REMEDY: &str = "put back a backup of the receipts";

/// What to do about a view that is wrong. A rebuild builds it from the commits, so where these have faults, what it still shows
/// of them would be lost. It may also be the view alone that is wrong.
#[must_use]
pub fn view_remedy(view: &str, restore_first: bool) -> String {
    let first = if restore_first {
        "restore the commits that other faults name, if they were recorded; only then "
    } else {
        ""
    };
    format!("{first}run: ledger rebuild {view}")
}

impl fmt::Display for WitnessSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EarlierExport => "the earlier export",
            Self::Receipts => "the receipts",
            Self::View => "the view",
            Self::Log => "the log",
        })
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { field, reason } if field.is_empty() => f.write_str(reason),
            Self::Unreadable { field, reason } => write!(f, "{field} {reason}"),
            Self::NotUnderstood { reason } => write!(f, "{reason}; hash, link and order were checked"),
            Self::Changed { carried, computed } => {
                write!(f, "the commit carries the hash {carried} but hashes to {computed}")
            }
            Self::InexactNumber { number } => write!(f, "{number} is not a whole number below 2^53"),
            Self::Missing { from, to } if from == to => write!(f, "event {from} is missing"),
            Self::Missing { from, to } => write!(f, "events {from} to {to} are missing"),
            Self::MissingPositions { from, to } if from == to => {
                write!(f, "no commit has the position {from}")
            }
            Self::MissingPositions { from, to } => write!(f, "no commit has the positions {from} to {to}"),
            Self::Overlap { expected } => {
                write!(f, "it begins inside the commit before it and should begin at {expected}")
            }
            Self::Duplicate => f.write_str("the commit occurs twice"),
            Self::Rival => f.write_str("another commit is at this sequence"),
            Self::OutOfOrder { after } => write!(f, "it is behind {after}"),
            Self::BrokenLink { previous_hash, expected } => {
                write!(f, "it links to {previous_hash}, but the hash of the commit before it is {expected}")
            }
            Self::WrongProduct { field, found, expected } => {
                write!(f, "{field} is {found:?} in the chain of product {expected:?}")
            }
            Self::TimeBackwards { recorded_at, previous } => {
                write!(f, "it was recorded at {recorded_at}, the commit before it at {previous}")
            }
            Self::Misfit { reason } => f.write_str(reason),
            Self::WrongState { fields } => {
                for (n, (field, given, carried)) in fields.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "; " };
                    write!(f, "{comma}{field}: the events give {given}, the commit carries {carried}")?;
                }
                Ok(())
            }
            Self::Unpublished => f.write_str("the event has no publication receipt"),
            Self::PublicationFailed { error } => write!(f, "the event was not published: {error}"),
            Self::ForeignReceipt { receipt, event } => {
                write!(f, "the receipt is of event {receipt}, but the event is {event}")
            }
            Self::WrongView { view, what, restore_first } => {
                write!(f, "the view {view} {what}; {}", view_remedy(view, *restore_first))
            }
            Self::Rewritten { seen_by, seen, carried } => {
                write!(f, "{seen_by} saw {seen}, here is {carried}")
            }
            Self::Unexpected { what } | Self::FaultyLog { what } => f.write_str(what),
            Self::CutOff { seen_by, seen, newest: 0 } => {
                write!(f, "{seen_by} saw event {seen}, and there is no commit of the product")
            }
            Self::CutOff { seen_by, seen, newest } => {
                write!(f, "{seen_by} saw event {seen}, the newest here is {newest}")
            }
            Self::OnlyLogged { commits, index, hash, newest } => {
                only_logged(f, *commits, *newest, (*index, hash))
            }
            Self::NotLogged { position } => {
                write!(
                    f,
                    "the log does not have the commit, although its checkpoint covers position {position}"
                )
            }
            Self::LoggedElsewhere { position, index } => {
                write!(f, "it has position {position} and is entry {index} of the log")
            }
        }
    }
}

fn only_logged(
    f: &mut fmt::Formatter<'_>,
    commits: u64,
    newest: u64,
    (index, hash): (u64, &str),
) -> fmt::Result {
    let behind = if newest == 0 { String::new() } else { format!(" behind event {newest}") };
    let (are, first) = if commits == 1 { ("commit", "") } else { ("commits", "the first is ") };
    write!(
        f,
        "the log has {commits} {are}{behind} that the ledger has not, {first}entry {index} with the hash {hash}"
    )
}
