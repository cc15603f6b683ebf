//! Errors of stores. Which one when:
//!
//! - [`StoreError`]: a read, or a write that is safe to repeat, failed. Repeat the call later; its documentation says what
//!   may have been written meanwhile.
//! - [`AppendError`]: an append failed. Each case tells what is known of the commit, and so what to do.
//! - [`ExportError`](crate::export::ExportError): an export cannot go on, because of the store or of what it holds.
//! - [`SealError`](crate::chain::SealError): the client's command makes a commit that is too large. No store was asked.
//! - [`CreateTableError`](crate::table::CreateTableError): the start of a program failed. Its text says what to check.
//! - [`DecodeError`](schema::DecodeError): the store answered, with what this build cannot read.

use std::error::Error;
use std::fmt;

/// A store failed: try again later. Or it answered with a row that cannot be read, which another attempt does not change
/// ([`StoreError::is_unreadable`]). The text names the table or the file.
#[derive(Debug)]
pub struct StoreError {
    store: Option<&'static str>,
    source: Box<dyn Error + Send + Sync>,
    is_unreadable: bool,
}

impl StoreError {
    /// The error of a store that its cause names, as that of a file does, or that has no name.
    #[must_use]
    pub fn new(source: Box<dyn Error + Send + Sync>) -> Self {
        Self { store: None, source, is_unreadable: false }
    }

    /// The store answered with a row that cannot be read; the text of `source` names the row.
    #[must_use]
    pub fn unreadable(source: Box<dyn Error + Send + Sync>) -> Self {
        Self { store: None, source, is_unreadable: true }
    }

    /// Whether the store answered with a row that cannot be read: somebody else wrote or changed it.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// The same, naming the store: `the event table`.
    #[must_use]
    pub fn of(self, store: &'static str) -> Self {
        Self { store: Some(store), ..self }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.store {
            Some(store) if self.is_unreadable => write!(f, "{store}: {}", self.source),
            Some(store) => write!(f, "{store} failed: {}", self.source),
            None => self.source.fmt(f),
        }
    }
}

impl Error for StoreError {
    /// Its text has that of its cause already, whose own causes follow.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlite::Error> for StoreError {
    fn from(error: sqlite::Error) -> Self {
        Self { is_unreadable: error.is_unreadable(), ..Self::new(error.into()) }
    }
}

/// Why a commit was not, or perhaps not, appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A commit is at this key, perhaps this very one: read it and compare the commit id.
    #[error("a commit is already recorded at this sequence")]
    Occupied,
    /// The commit was not recorded, and may be later: the store has too much to do, or does not accept the credentials. Give up
    /// now, and say that it may be sent again.
    #[error("the store does not take the commit now")]
    NotNow(#[source] StoreError),
    /// The answer was lost or never came: read the key to learn whether the commit is there.
    #[error("whether the commit was recorded is not known")]
    Unknown(#[source] StoreError),
    /// The store will never take this commit: it is too large, or the store is set up wrongly.
    #[error("the store refuses the commit")]
    Refused(#[source] StoreError),
}

/// An error and its causes in one line. Many errors repeat their cause at the end of their own text, or in brackets; it is said
/// once.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut before = error.to_string();
    let mut line = before.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !before.ends_with(&text) && !before.contains(&format!("({text})")) {
            line.push_str(": ");
            line.push_str(&text);
        }
        before = text;
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
        let error = StoreError::new(Box::new(refused));
        assert_eq!(causes(&error), text);
        let unknown = AppendError::Unknown(error.of("the event table"));
        let line = format!("whether the commit was recorded is not known: the event table failed: {text}");
        assert_eq!(causes(&unknown), line);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn a_cause_is_left_out_only_where_the_text_before_has_it_at_its_end_or_in_brackets() {
        let told = |texts: &[&'static str]| {
            let chain = texts.iter().rev().fold(None, |cause, text| Some(Box::new(Said(text, cause))));
            causes(&*chain.unwrap())
        };
        assert_eq!(told(&["cannot read", "no"]), "cannot read: no");
        assert_eq!(
            told(&["the file not-there: denied", "not", "denied"]),
            "the file not-there: denied: not: denied"
        );
        assert_eq!(told(&["read: denied", "denied"]), "read: denied");
        assert_eq!(
            told(&["cannot be read (denied); try again", "denied"]),
            "cannot be read (denied); try again"
        );
        assert_eq!(told(&["denied (is said); why", "denied"]), "denied (is said); why: denied");
        assert_eq!(told(&["denied", "denied", "denied"]), "denied");
    }
}
