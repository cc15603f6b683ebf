//! The query parameters of a request, read strictly: an unknown, doubled or malformed one is refused and named.

use std::collections::BTreeMap;
use std::fmt::Display;

use axum::extract::Query;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use schema::Timestamp;
use schema::time::InvalidTimestamp;
use web::{Problem, ProblemKind};

/// The parameters that were not read yet.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads the query.
    ///
    /// # Errors
    /// 400 for a parameter that is not `allowed` or appears twice.
    pub(super) fn of(uri: &Uri, allowed: &[&str]) -> Result<Self, Problem> {
        let undecodable = || malformed("The query cannot be decoded.");
        // What is not UTF-8 would be read as replacement characters, and answered as if it had been asked.
        let text = percent_decode_str(uri.query().unwrap_or_default()).decode_utf8();
        text.map_err(|_| undecodable())?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| undecodable())?;
        let mut known = BTreeMap::new();
        for (name, value) in pairs {
            if !allowed.contains(&name.as_str()) {
                let known = if allowed.is_empty() { "none".into() } else { allowed.join(", ") };
                let detail = format!("There is no query parameter {name:?} here; there are: {known}.");
                return Err(malformed(detail).fault(&name, "does not exist here"));
            }
            if known.insert(name.clone(), value).is_some() {
                let detail = format!("The query parameter {name} appears twice.");
                return Err(malformed(detail).fault(&name, "appears twice"));
            }
        }
        Ok(Self(known))
    }

    /// A parameter, if it was given.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let value = self.0.remove(name);
        let read = value.map(|value| read(&value));
        read.transpose().map_err(|error| wrong(name, &error))
    }

    /// Refuses what is left: parameters that are known here but do not go with the others.
    ///
    /// # Errors
    /// 400 that names the first of them.
    pub(super) fn nothing_else(self, why: &str) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let detail = format!("The query parameter {name} does not go with this query: {why}.");
                Err(malformed(detail).fault(name, why))
            }
        }
    }
}

/// A whole number, in digits alone and none too many.
pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or("a whole number is expected")
}

/// How many entries a page may have.
pub(super) fn limit(text: &str) -> Result<usize, &'static str> {
    let number = whole(text).ok().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| (1..=100).contains(number)).ok_or("a number from 1 to 100 is expected")
}

/// A moment. A `+` in a query means a blank, and stands for the plus of an offset here.
pub(super) fn moment(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    Timestamp::parse(&text.replace(' ', "+"))
}

/// How many days a window has.
pub(super) fn days(text: &str) -> Result<u16, &'static str> {
    let number = whole(text).ok().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| (1..=365).contains(number)).ok_or("a number from 1 to 365 is expected")
}

/// A parameter that cannot be read.
pub(super) fn wrong(name: &str, error: &dyn Display) -> Problem {
    malformed(format!("The query parameter {name}: {error}.")).fault(name, error.to_string())
}

pub(super) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}
