//! The idempotency keys of an import, which name the import and a line's place in it: with them, a product's history shows how
//! far the import got.
//!
//! The keys are stored in commits, and the API documents their form: never change it.

use std::fmt;
use std::str::FromStr;

use schema::Hash;

/// The longest name of a batch: with it, a key stays within the 255 characters that the server accepts.
const LONGEST_NAME: usize = 128;

/// The name of an import, which makes it another one than the same input without that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchName(String);

/// The text is not a name of a batch; the message says what is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a batch has a name of 1 to {LONGEST_NAME} visible ASCII characters, for example sale-2026-11-29")]
pub struct InvalidBatchName;

impl FromStr for BatchName {
    type Err = InvalidBatchName;

    fn from_str(text: &str) -> Result<Self, InvalidBatchName> {
        let fits =
            (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidBatchName) }
    }
}

/// What identifies an import: runs with the same one are the same import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportId {
    /// The SHA-256 of the whole input.
    Input(Hash),
    /// The name of `--batch`.
    Batch(BatchName),
}

/// What a commit's key says about the line that it records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMark {
    /// The line's place among those of its product, from 1.
    pub place: u64,
    /// [`super::line::ImportLine::hash`] of the command.
    pub command: Hash,
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(hash) => write!(f, "sha256:{hash}"),
            Self::Batch(name) => write!(f, "batch:{}", name.0),
        }
    }
}

impl ImportId {
    /// The idempotency key of the line with this mark.
    #[must_use]
    pub fn key(&self, mark: &LineMark) -> String {
        format!("import/{self}/{}/{}", mark.place, mark.command)
    }

    /// Whether its input may have changed since an earlier run, so that a recorded place may now have another command.
    #[must_use]
    pub fn input_may_differ(&self) -> bool {
        match self {
            Self::Input(_) => false,
            Self::Batch(_) => true,
        }
    }

    /// The mark in a key, if the key is of this import.
    #[must_use]
    pub fn mark(&self, key: &str) -> Option<LineMark> {
        let (place, command) = key
            .strip_prefix("import/")?
            .strip_prefix(&self.to_string())?
            .strip_prefix('/')?
            .split_once('/')?;
        let mark = LineMark { place: place.parse().ok()?, command: Hash::try_from(command.to_owned()).ok()? };
        (mark.place > 0 && self.key(&mark) == key).then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(place: u64) -> LineMark {
        LineMark { place, command: Hash::of_digest(&[7; 32]) }
    }

    fn batch(name: &str) -> ImportId {
        ImportId::Batch(name.parse().unwrap())
    }

    #[test]
    fn the_stored_form_of_a_key_stays() {
        let (input, command) = (Hash::of_digest(&[0xab; 32]), "07".repeat(32));
        let key = ImportId::Input(input.clone()).key(&mark(12));
        assert_eq!(key, format!("import/sha256:{input}/12/{command}"));
        assert_eq!(batch("sale/2").key(&mark(1)), format!("import/batch:sale/2/1/{command}"));
    }

    #[test]
    fn a_key_says_its_place_to_its_own_import_alone() {
        let longest = batch(&"x".repeat(LONGEST_NAME));
        let all = [batch("a"), batch("a/3"), batch("a/3/1"), ImportId::Input(Hash::genesis()), longest];
        for one in &all {
            for other in &all {
                let said = other.mark(&one.key(&mark(3)));
                assert_eq!(said, (one == other).then(|| mark(3)), "{one} asked by {other}");
            }
            assert!(one.key(&mark(u64::MAX)).len() <= 255);
        }
    }

    #[test]
    fn a_key_of_another_form_has_no_mark() {
        let (import, hash) = (batch("a"), "0".repeat(64));
        for key in ["", "import/", "import/batch:a", "import/batch:a/3", "import/batch:a/3/beef"] {
            assert_eq!(import.mark(key), None, "{key}");
        }
        for place in ["0", "03", "-1", "+3", "", "18446744073709551616"] {
            assert_eq!(import.mark(&format!("import/batch:a/{place}/{hash}")), None, "{place}");
        }
    }

    #[test]
    fn a_name_is_visible_ascii_within_its_length() {
        for name in ["", "a b", "März", "a\u{7f}", &"x".repeat(LONGEST_NAME + 1)] {
            assert_eq!(name.parse::<BatchName>(), Err(InvalidBatchName), "{name}");
        }
    }
}
