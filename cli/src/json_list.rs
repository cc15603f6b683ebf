//! A JSON object with one long list, printed entry by entry: `{"products":[…],"next":…}`.

use std::fmt::Display;
use std::io;

use crate::out::{self, Output};

/// The list, as far as it is printed.
pub(crate) struct JsonList {
    name: &'static str,
    is_begun: bool,
}

impl JsonList {
    /// An empty list under this name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, is_begun: false }
    }

    /// Prints the next entry.
    ///
    /// # Errors
    /// That of standard output, unless nobody reads it any more.
    pub(crate) fn print(&mut self, entry: impl Display) -> io::Result<Output> {
        let text = format!("{}{entry}", self.before());
        out::print(&text)
    }

    /// Prints the end of the list and the object's other members, such as `"next":null`.
    ///
    /// # Errors
    /// That of standard output, unless nobody reads it any more.
    pub(crate) fn end(mut self, members: impl Display) -> io::Result<Output> {
        let begin = if self.is_begun { String::new() } else { self.before() };
        out::line(format_args!("{begin}],{members}}}"))
    }

    /// What comes before an entry.
    fn before(&mut self) -> String {
        if std::mem::replace(&mut self.is_begun, true) {
            ",".to_owned()
        } else {
            format!("{{\"{}\":[", self.name)
        }
    }
}
