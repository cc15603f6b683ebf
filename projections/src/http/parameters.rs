//! The values of query parameters.

use std::borrow::Cow;

use schema::Timestamp;
use schema::time::InvalidTimestamp;
use web::{Problem, ProblemKind};

/// A whole number, digits only, without leading zeros.
pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.ok_or("a whole number is expected")
}

/// The number of entries in a page if `limit` is left out.
pub(super) const DEFAULT_LIMIT: usize = 50;

/// The maximum number of entries in a page.
pub(super) fn limit(text: &str) -> Result<usize, String> {
    limit_to(100)(text)
}

/// The same where a page may have up to `most` entries.
pub(super) fn limit_to(most: usize) -> impl Fn(&str) -> Result<usize, String> {
    move |text| {
        let number = whole(text).ok().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| format!("a number from 1 to {most} is expected"))
    }
}

/// A parameter that switches something on.
pub(super) fn literally_true(text: &str) -> Result<(), &'static str> {
    if text == "true" { Ok(()) } else { Err("true is expected") }
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

pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}
