//! Checkpoints (C2SP tlog-checkpoint): the origin, the size and the root of a log, as a signed note; and whose signature counts.
//!
//! The promise: a checkpoint is taken only from a note that a trusted key of its log signed; a signature of a trusted key that
//! does not verify refuses the whole note, one of an unknown key is ignored.

use std::fmt;
use std::str::FromStr;

use crate::key::{VerifierKey, VerifierKeyError};
use crate::note::{NoteError, SignedNote};
use crate::tree::{MOST_ENTRIES, TreeHash};

/// What a log says of itself: so many entries, with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCheckpoint {
    /// The name of the log, which is that of its key.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of their tree.
    pub root: TreeHash,
}

/// A note is not a checkpoint of a log with one of the trusted keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointFault {
    /// It is no signed note.
    #[error("the checkpoint {0}")]
    Note(#[from] NoteError),
    /// Its text is not that of a checkpoint.
    #[error("the checkpoint has another text than origin, size and root")]
    Text,
    /// A trusted key did not sign it, although it carries a signature of that name and id.
    #[error("the checkpoint carries a signature of {0} that does not verify")]
    Forged(String),
    /// No trusted key signed it.
    #[error("the checkpoint is not signed by a given key: {0}")]
    Unknown(String),
}

/// The keys of a log whose signatures count, each for the sizes that it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys(Vec<TrustedKey>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct TrustedKey {
    key: VerifierKey,
    from: u64,
    to: u64,
}

impl LogCheckpoint {
    /// Reads the text of a note. Further lines are ignored, as the format asks.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = TreeHash::parse(root)?;
        let size = number(size).filter(|size| *size <= MOST_ENTRIES)?;
        let is_whole = !origin.is_empty() && lines.all(|further| !further.is_empty());
        is_whole.then(|| Self { origin: origin.to_owned(), size, root })
    }
}

impl fmt::Display for LogCheckpoint {
    /// The text to sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

/// A decimal number in its only form: no sign, no leading zeros.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

impl TrustedKeys {
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(|TrustedKey { key, .. }| key)
    }

    /// The checkpoint in a note.
    ///
    /// # Errors
    /// [`CheckpointFault`]: it is none of a log with these keys.
    pub fn open(&self, note: &[u8]) -> Result<LogCheckpoint, CheckpointFault> {
        let note = SignedNote::read(note)?;
        let checkpoint = LogCheckpoint::read(&note.text).ok_or(CheckpointFault::Text)?;
        let mut is_signed = false;
        for signature in &note.signatures {
            for TrustedKey { key, from, to } in &self.0 {
                if (key.name(), key.id()) != (signature.name.as_str(), signature.key_id) {
                    continue;
                }
                if !key.has_signed(&note.text, &signature.signature) {
                    return Err(CheckpointFault::Forged(key.name().to_owned()));
                }
                let is_its_own = key.name() == checkpoint.origin;
                is_signed |= is_its_own && (*from..=*to).contains(&checkpoint.size);
            }
        }
        is_signed.then_some(checkpoint).ok_or_else(|| {
            let names: Vec<&str> = note.signatures.iter().map(|signature| signature.name.as_str()).collect();
            CheckpointFault::Unknown(format!("it carries signatures of {}", names.join(", ")))
        })
    }
}

/// The keys of one log in the order in which they followed each other.
impl TrustedKeys {
    /// The key that came last, which signs from its size on.
    #[must_use]
    pub fn newest(&self) -> Option<&VerifierKey> {
        self.0.last().map(|newest| &newest.key)
    }

    /// Whether one of them is this key.
    #[must_use]
    pub fn contains(&self, key: &VerifierKey) -> bool {
        self.0.iter().any(|trusted| trusted.key == *key)
    }

    /// Whether a checkpoint of this size counts if this key has signed it.
    #[must_use]
    pub fn counts(&self, key: &VerifierKey, size: u64) -> bool {
        self.0.iter().any(|trusted| trusted.key == *key && (trusted.from..=trusted.to).contains(&size))
    }

    /// The key before the newest one, while it has no last size.
    #[must_use]
    pub fn former(&self) -> Option<&VerifierKey> {
        let (_, before) = self.0.split_last()?;
        before.last().filter(|former| former.to == u64::MAX).map(|former| &former.key)
    }

    /// Adds a key that signs the checkpoint of this size and all later ones.
    pub fn add(&mut self, key: VerifierKey, from: u64) {
        self.0.push(TrustedKey { key, from, to: u64::MAX });
    }

    /// From now on the keys before the newest one count for checkpoints up to this size.
    pub fn end_former(&mut self, size: u64) {
        let Some((_, before)) = self.0.split_last_mut() else { return };
        for former in before.iter_mut().filter(|former| former.to == u64::MAX) {
            former.to = size;
        }
    }
}

impl FromStr for TrustedKeys {
    type Err = VerifierKeyError;

    /// One key a line: `VKEY`, `VKEY from SIZE` or `VKEY from SIZE to SIZE`, the sizes of the checkpoints for which it counts.
    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys = lines.map(trusted).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(VerifierKeyError::Form) } else { Ok(Self(keys)) }
    }
}

fn trusted(line: &str) -> Result<TrustedKey, VerifierKeyError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (key, sizes) = words.split_first().ok_or(VerifierKeyError::Form)?;
    let size = |text| number(text).ok_or(VerifierKeyError::Form);
    let (from, to) = match sizes {
        [] => (0, u64::MAX),
        ["from", from] => (size(from)?, u64::MAX),
        ["from", from, "to", to] => (size(from)?, size(to)?),
        _ => return Err(VerifierKeyError::Form),
    };
    Ok(TrustedKey { key: key.parse()?, from, to })
}

impl fmt::Display for TrustedKeys {
    /// One key a line, `VKEY from SIZE` or `VKEY from SIZE to SIZE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|TrustedKey { key, from, to }| match to {
            &u64::MAX => writeln!(f, "{key} from {from}"),
            to => writeln!(f, "{key} from {from} to {to}"),
        })
    }
}

impl From<VerifierKey> for TrustedKeys {
    fn from(key: VerifierKey) -> Self {
        Self(vec![TrustedKey { key, from: 0, to: u64::MAX }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_each_other_at_a_size() {
        let [one, two, three] =
            [1, 2, 3].map(|byte| VerifierKey::new("example.com/log", [byte; 32]).unwrap());
        let mut keys = TrustedKeys::from(one.clone());
        assert_eq!((keys.newest(), keys.former()), (Some(&one), None));
        keys.add(two.clone(), 7);
        assert_eq!((keys.newest(), keys.former()), (Some(&two), Some(&one)));
        keys.end_former(9);
        assert_eq!((keys.newest(), keys.former()), (Some(&two), None));
        keys.add(three.clone(), 12);
        keys.end_former(12);
        assert_eq!(keys.to_string(), format!("{one} from 0 to 9\n{two} from 7 to 12\n{three} from 12\n"));
        assert_eq!(keys.to_string().parse(), Ok(keys.clone()));
        assert!(keys.contains(&two));
    }
}
