//! An entry of the log: a commit, the acceptance of a restore, or something of a later build.

use schema::Hash;
use serde::{Deserialize, Serialize};

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

/// Forks that one entry names: each takes less than 200 bytes, and an entry has at most 65,535.
const FORKS: usize = 300;

/// The longest reason for a restore, in characters.
pub const LONGEST_REASON: usize = 500;

/// The object of an entry; the names are in the order of RFC 8785.
#[derive(Serialize)]
struct WrittenRestore<'a> {
    forks: Vec<WrittenFork<'a>>,
    part: usize,
    parts: usize,
    reason: &'a str,
}

/// A fork in it.
#[derive(Serialize)]
struct WrittenFork<'a> {
    hash: &'a Hash,
    head: &'a Option<Hash>,
    lost: u64,
}

impl AcceptedRestore {
    /// The entries that name these forks, at least one, each with the number of forks that it names.
    ///
    /// # Errors
    /// Never for texts; writing JSON is fallible.
    pub fn entries(reason: &str, forks: &[NamedFork]) -> Result<Vec<(Vec<u8>, usize)>, serde_json::Error> {
        let parts: Vec<&[NamedFork]> =
            if forks.is_empty() { vec![&[]] } else { forks.chunks(FORKS).collect() };
        let entry = |(part, forks): (usize, &&[NamedFork])| {
            let written =
                forks.iter().map(|NamedFork { lost, hash, head }| WrittenFork { hash, head, lost: *lost });
            let restore = WrittenRestore { forks: written.collect(), part, parts: parts.len(), reason };
            Ok(([RESTORE_ACCEPTED, &serde_json::to_vec(&restore)?].concat(), forks.len()))
        };
        (1..).zip(&parts).map(entry).collect()
    }
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
    fn many_forks_are_named_in_entries_that_a_bundle_can_hold() {
        let hash = Hash::of_digest(&[0xff; 32]);
        let fork = |lost| NamedFork { hash: hash.clone(), head: Some(hash.clone()), lost: (1 << 53) - lost };
        let forks: Vec<NamedFork> = (0..=FORKS as u64 * 2).map(fork).collect();
        let reason = "\u{1}".repeat(LONGEST_REASON);
        let entries = AcceptedRestore::entries(&reason, &forks).unwrap();
        let mut named = Vec::new();
        for (part, (entry, count)) in (1..).zip(&entries) {
            assert!(entry.len() <= 65_535 && entry.len() != 64, "{}", entry.len());
            let Entry::AcceptedRestore(restore) = Entry::read(entry) else { panic!("it is an acceptance") };
            assert_eq!((restore.part, restore.parts, &restore.reason), (part, 3, &reason));
            assert_eq!(restore.forks.len(), *count);
            named.extend(restore.forks);
        }
        assert_eq!(named, forks);
        let entries = AcceptedRestore::entries("r", &forks[..1]).unwrap();
        let expected = format!(
            r#"{{"forks":[{{"hash":"{hash}","head":"{hash}","lost":9007199254740992}}],"part":1,"parts":1,"reason":"r"}}"#
        );
        assert_eq!(entries, [([RESTORE_ACCEPTED, expected.as_bytes()].concat(), 1)]);
        let (empty, _) = AcceptedRestore::entries("r", &[]).unwrap().remove(0);
        assert!(empty.ends_with(br#"{"forks":[],"part":1,"parts":1,"reason":"r"}"#));
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
