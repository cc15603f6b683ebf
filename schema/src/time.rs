//! Moments: RFC 3339, UTC, milliseconds, `Z`; one text for one moment, so that text order is time order.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Timelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment in UTC, cut to milliseconds, of the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "date-time"))]
pub struct Timestamp(DateTime<Utc>);

/// Where the time comes from: the system clock in the program, a fixed or stepped one in tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where new ids come from: random ids in the program, counted ones in tests.
pub type Ids = Arc<dyn Fn() -> ulid::Ulid + Send + Sync>;

/// The text is not an RFC 3339 moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a moment is written as RFC 3339, for example 2026-11-23T05:15:36.662Z")]
pub struct InvalidTimestamp;

/// 0000-01-01T00:00:00Z.
const EARLIEST_MS: i64 = -62_167_219_200_000;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// Cuts a moment to milliseconds.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] outside the years 0 to 9999, which RFC 3339 cannot write.
    pub fn new(moment: DateTime<Utc>) -> Result<Self, InvalidTimestamp> {
        // chrono keeps a leap second as nanoseconds above one second; the next second is what its text sorts as.
        let millis = moment.nanosecond() / 1_000_000 * 1_000_000;
        let cut = moment.with_nanosecond(millis.min(999_000_000)).ok_or(InvalidTimestamp)?;
        if (0..=9999).contains(&cut.year()) { Ok(Self(cut)) } else { Err(InvalidTimestamp) }
    }

    /// Reads RFC 3339 with any offset.
    ///
    /// # Errors
    /// [`InvalidTimestamp`]: write the moment as RFC 3339.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?;
        Self::new(moment.with_timezone(&Utc))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Seconds from this moment to a later one, for a metric; 0 where clocks disagree, at most 49 days.
    #[must_use]
    pub fn seconds_until(self, later: Self) -> f64 {
        let millis = later.millis().saturating_sub(self.millis()).max(0);
        f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1000.0
    }

    /// The moment `days` times 24 hours earlier, or the earliest moment that can be written.
    #[must_use]
    pub fn days_before(self, days: i64) -> Self {
        let earlier = TimeDelta::try_days(days).and_then(|days| self.0.checked_sub_signed(days));
        let earlier = earlier.and_then(|moment| Self::new(moment).ok());
        let earliest = || DateTime::from_timestamp_millis(EARLIEST_MS).map(Self);
        earlier.or_else(earliest).unwrap_or(self)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        Self::parse(text)
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_becomes_utc_and_precision_is_cut_to_milliseconds() {
        let moment = Timestamp::parse("2026-11-23T07:15:36.662999+02:00").unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T05:15:36.662Z");
    }

    #[test]
    fn what_rfc_3339_cannot_write_is_refused() {
        for text in ["", "2026-11-23", "2026-11-23T05:15:36", "0000-01-01T00:00:00+23:59", "yesterday"] {
            assert_eq!(Timestamp::parse(text), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn days_before_the_year_0_end_at_its_beginning() {
        let moment = Timestamp::parse("0000-01-03T12:00:00Z").unwrap();
        assert_eq!(moment.days_before(1).to_string(), "0000-01-02T12:00:00.000Z");
        for days in [30, i64::MAX] {
            assert_eq!(moment.days_before(days).to_string(), "0000-01-01T00:00:00.000Z");
        }
    }

    #[test]
    fn a_leap_second_is_accepted_and_reads_back() {
        let moment = Timestamp::parse("2016-12-31T23:59:60Z").unwrap();
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
    }
}
