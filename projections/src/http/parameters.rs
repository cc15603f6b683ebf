//! Query parameters, parsed strictly: an unknown, repeated or malformed parameter is refused by name.

use std::collections::BTreeMap;
use std::fmt::Display;

use axum::extract::Query;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use schema::Timestamp;
use schema::time::InvalidTimestamp;
use web::{Problem, ProblemKind};

/// The parameters that have not been read yet.
pub(super) struct QueryParameters(BTreeMap<String, String>);

impl QueryParameters {
    /// Parses the query.
    ///
    /// # Errors
    /// 400 for a parameter that is not `allowed` or is given twice.
    pub(super) fn of(uri: &Uri, allowed: &[&str]) -> Result<Self, Problem> {
        let undecodable = || malformed("The query cannot be decoded.");
        // Invalid UTF-8 would become replacement characters and be answered as if the client had sent them.
        let text = percent_decode_str(uri.query().unwrap_or_default()).decode_utf8();
        text.map_err(|_| undecodable())?;
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| undecodable())?;
        let mut known = BTreeMap::new();
        for (name, value) in pairs {
            if !allowed.contains(&name.as_str()) {
                let known = if allowed.is_empty() { "none".into() } else { allowed.join(", ") };
                let detail = format!("Unknown query parameter {name:?}; known parameters: {known}.");
                return Err(malformed(detail).fault(&name, "is unknown"));
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
    /// 400 if it cannot be parsed.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let value = self.0.remove(name);
        let read = value.map(|value| read(&value));
        read.transpose().map_err(|error| wrong(name, &error))
    }

    /// Refuses the parameters that are left: they are known but cannot be combined with the others.
    ///
    /// # Errors
    /// 400 for the first of them.
    pub(super) fn nothing_else(self, why: &str) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let detail = format!("The query parameter {name} cannot be combined with the others: {why}.");
                Err(malformed(detail).fault(name, why))
            }
        }
    }
}

/// A whole number, digits only, without leading zeros.
pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or("a whole number is expected")
}

/// The maximum number of entries in a page.
pub(super) fn limit(text: &str) -> Result<usize, &'static str> {
    let number = whole(text).ok().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| (1..=100).contains(number)).ok_or("a number from 1 to 100 is expected")
}

/// A timestamp. A `+` in a query decodes to a space, so a space stands for the plus sign of an offset.
pub(super) fn moment(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    Timestamp::parse(&text.replace(' ', "+"))
}

/// The number of days in a window.
pub(super) fn days(text: &str) -> Result<u16, &'static str> {
    let number = whole(text).ok().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| (1..=365).contains(number)).ok_or("a number from 1 to 365 is expected")
}

/// A parameter that cannot be parsed.
pub(super) fn wrong(name: &str, error: &dyn Display) -> Problem {
    malformed(format!("The query parameter {name}: {error}.")).fault(name, error.to_string())
}

pub(super) fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}
