//! Errors of stores. Which one when:
//!
//! - [`Unavailable`]: a read, or a write that is safe to repeat, failed. Repeat the call later; its documentation says what
//!   may have been written meanwhile.
//! - [`AppendError`]: an append failed. Each case tells what is known of the commit, and so what to do.
//! - [`ExportError`](crate::export::ExportError): an export cannot go on, because of the store or of what it holds.
//! - [`SealError`](crate::chain::SealError): the client's command makes a commit that is too large. No store was asked.
//! - [`CreateTableError`](crate::table::CreateTableError): the start of a program failed. Its text says what to check.
//! - [`DecodeError`](schema::DecodeError): the store answered, with what this build cannot read.

use std::error::Error;

/// A store failed, or its answer could not be understood: the text names the table or the file. Try again later.
#[derive(Debug, thiserror::Error)]
#[error("a table did not answer: {0}")]
pub struct Unavailable(#[source] pub Box<dyn Error + Send + Sync>);

impl Unavailable {
    /// The same, naming the table that did not answer.
    #[must_use]
    pub fn of(self, table: &str) -> Self {
        Self(format!("{table}: {}", self.0).into())
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlite::Error> for Unavailable {
    fn from(error: sqlite::Error) -> Self {
        Self(error.into())
    }
}

/// Why a commit was not, or perhaps not, appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A commit is at this key, perhaps this very one: read it and compare the commit id.
    #[error("a commit is already recorded at this sequence")]
    Occupied,
    /// The answer was lost or never came: read the key to learn whether the commit is there.
    #[error("whether the commit was recorded is not known")]
    Unknown(#[source] Unavailable),
    /// The store will never take this commit: it is too large, or the store is set up wrongly.
    #[error("the store refuses the commit")]
    Refused(#[source] Unavailable),
}

/// An error and its causes in one line, each text once: many errors repeat their cause in their own text.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_its_error_repeats_is_said_once() {
        let refused = std::io::Error::from_raw_os_error(13);
        let text = refused.to_string();
        let error = Unavailable(Box::new(refused));
        assert_eq!(causes(&error), format!("a table did not answer: {text}"));
    }
}
