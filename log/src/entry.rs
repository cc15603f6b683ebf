//! An entry of the log: a commit, the acceptance of a restore, or something of a later build.

use schema::Hash;
use serde::Deserialize;

use crate::leaf::Leaf;

/// The first line of an entry that accepts a restore. Stored; never changed.
pub const RESTORE_ACCEPTED: &[u8] = b"product-ledger/restore-accepted@v1\n";

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A commit.
    Commit(Leaf),
    /// The acceptance of a restore of the ledger to an earlier moment.
    AcceptedRestore(AcceptedRestore),
    /// An entry of another form, as a later build may write it.
    NotUnderstood,
}

/// That the ledger was restored to an earlier moment, and which commits it lost thereby; large ones have several parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AcceptedRestore {
    /// Which part this is, from 1.
    pub part: u64,
    /// How many parts there are.
    pub parts: u64,
    /// Why the ledger was restored, in the operator's words.
    pub reason: String,
    /// Where products go on from an earlier commit.
    pub forks: Vec<NamedFork>,
}

/// The first of the commits that a product lost. Another one may follow the same commit after this entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedFork {
    /// The index of its entry.
    pub lost: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the product's newest commit after the restore; none if unknown, or if the product is gone.
    pub head: Option<Hash>,
}

impl Entry {
    /// Reads an entry.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        if let Some(leaf) = Leaf::read(bytes) {
            return Self::Commit(leaf);
        }
        let restore = bytes.strip_prefix(RESTORE_ACCEPTED).map(serde_json::from_slice);
        match restore {
            Some(Ok(restore)) => Self::AcceptedRestore(restore),
            Some(Err(_)) | None => Self::NotUnderstood,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(json: &str) -> Entry {
        Entry::read(&[RESTORE_ACCEPTED, json.as_bytes()].concat())
    }

    #[test]
    fn entries_are_told_apart_by_their_length_and_their_first_line() {
        let (lost, head) = ("ab".repeat(32), "cd".repeat(32));
        let forks = format!(
            r#"[{{"hash":"{lost}","head":"{head}","lost":7}},{{"hash":"{lost}","head":null,"lost":8}}]"#
        );
        let Entry::AcceptedRestore(restore) =
            accepted(&format!(r#"{{"forks":{forks},"part":1,"parts":2,"reason":"backup of May"}}"#))
        else {
            panic!("it is an accepted restore")
        };
        assert_eq!((restore.part, restore.parts, restore.reason.as_str()), (1, 2, "backup of May"));
        let hash = |text: &str| Hash::try_from(text.to_owned()).unwrap();
        assert_eq!(restore.forks[0], NamedFork { lost: 7, hash: hash(&lost), head: Some(hash(&head)) });
        assert_eq!(restore.forks[1].head, None);
        assert!(matches!(Entry::read(&[1; 64]), Entry::Commit(_)));
        for bytes in [&b""[..], &[1; 63], b"product-ledger/restore-accepted@v2\n{}"] {
            assert_eq!(Entry::read(bytes), Entry::NotUnderstood);
        }
    }

    #[test]
    fn an_acceptance_that_cannot_be_read_accepts_nothing() {
        for json in [
            "",
            "{}",
            r#"{"forks":[],"part":1,"parts":1}"#,
            r#"{"forks":[],"part":1,"part":2,"parts":1,"reason":""}"#,
            r#"{"forks":[{"lost":1,"hash":"AB","head":null}],"part":1,"parts":1,"reason":""}"#,
            r#"{"forks":[{"lost":-1,"hash":"","head":null}],"part":1,"parts":1,"reason":""}"#,
        ] {
            assert_eq!(accepted(json), Entry::NotUnderstood, "{json}");
        }
    }
}
