//! What the newest checkpoint of a log says of it, for whoever tells how the log does. Its signature is for readers to check.

use std::io;

use async_trait::async_trait;
use ledger_log::{LogCheckpoint, SignedNote};
use schema::Timestamp;

/// A checkpoint that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// When it was published, if that is known.
    pub published_at: Option<Timestamp>,
    /// The witnesses that cosigned it.
    pub witnesses: Vec<String>,
}

/// Where the newest checkpoint is.
#[async_trait]
pub trait PublishedCheckpoints: Send + Sync {
    /// The newest checkpoint; `None` before the first.
    ///
    /// # Errors
    /// It cannot be read, or is no checkpoint.
    async fn newest(&self) -> io::Result<Option<PublishedCheckpoint>>;
}

impl PublishedCheckpoint {
    /// The checkpoint of a signed note; `None` if it is none.
    #[must_use]
    pub fn read(note: &[u8], published_at: Option<Timestamp>) -> Option<Self> {
        let note = SignedNote::read(note).ok()?;
        let LogCheckpoint { origin, size, .. } = LogCheckpoint::read(&note.text)?;
        let others = note.signatures.into_iter().map(|signature| signature.name);
        let witnesses = others.filter(|name| *name != origin).collect();
        Some(Self { size, published_at, witnesses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_tells_its_size_and_who_cosigned_it() {
        let note = "ledger.example/log\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\
                    \u{2014} ledger.example/log AAAAAAAA\n\u{2014} witness.example AAAAAAAA\n";
        let read = PublishedCheckpoint::read(note.as_bytes(), None).unwrap();
        assert_eq!((read.size, read.witnesses), (3, vec!["witness.example".to_owned()]));
        assert_eq!(PublishedCheckpoint::read(b"three\n", None), None);
    }
}
