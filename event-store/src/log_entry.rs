//! Entries of the log at positions without a commit: the leaf of a commit that a restore lost, or the acceptance of that restore.

use std::fmt::Write;

use schema::ProductId;
use serde_json::Value;

/// The bytes of a leaf: the hash of the commit before it, and its own.
const LEAF_BYTES: usize = 64;

/// The first line of an entry that accepts a restore. Stored; never changed.
pub const RESTORE_ACCEPTED: &[u8] = b"product-ledger/restore-accepted@v1\n";

/// An entry at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place in the order of recording, which is its index in the log.
    pub position: u64,
    /// As it is in the log.
    pub entry: Vec<u8>,
    /// Product and sequence of the lost commit, where they are known.
    pub of: Option<(ProductId, u64)>,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntryKind {
    /// A commit that is lost, by its hash.
    Lost(String),
    /// A restore was accepted, for this reason.
    RestoreAccepted(String),
    /// It is of a form that this build does not know.
    Unknown,
}

impl LogEntryKind {
    /// Reads an entry.
    #[must_use]
    pub fn of(entry: &[u8]) -> Self {
        if let Some(hash) = entry.get(LEAF_BYTES / 2..).filter(|_| entry.len() == LEAF_BYTES) {
            let hex = |mut hex: String, byte: &u8| {
                let _ = write!(hex, "{byte:02x}");
                hex
            };
            return Self::Lost(hash.iter().fold(String::new(), hex));
        }
        let object =
            entry.strip_prefix(RESTORE_ACCEPTED).and_then(|json| serde_json::from_slice::<Value>(json).ok());
        match object.as_ref().and_then(|object| object["reason"].as_str()) {
            Some(reason) => Self::RestoreAccepted(reason.to_owned()),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_commit_is_told_from_the_acceptance_of_its_loss() {
        let leaf = [[1; 32], [2; 32]].concat();
        assert_eq!(LogEntryKind::of(&leaf), LogEntryKind::Lost("02".repeat(32)));
        let accepted = [RESTORE_ACCEPTED, br#"{"forks":[],"part":1,"parts":1,"reason":"disk"}"#].concat();
        assert_eq!(LogEntryKind::of(&accepted), LogEntryKind::RestoreAccepted("disk".to_owned()));
        for unknown in [&b""[..], &[0; 63], &[0; 65], RESTORE_ACCEPTED] {
            assert_eq!(LogEntryKind::of(unknown), LogEntryKind::Unknown);
        }
    }
}
