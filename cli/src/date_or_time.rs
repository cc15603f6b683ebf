//! Times on the command line: RFC 3339, or a date, which is a day in the time zone of `--time-zone`.
//!
//! The promise: a date that ends something, such as "as of", counts to its last moment, and one that begins something from its
//! first.

use std::str::FromStr;

use anyhow::Context;
use projections::prices::{CalendarDay, UnknownTimeZone, Zone};
use schema::Timestamp;

/// A time or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrTime {
    /// A moment.
    Time(Timestamp),
    /// A day.
    Date(CalendarDay),
}

/// Neither a time nor a date.
#[derive(Debug, thiserror::Error)]
#[error("a time is written as 2026-01-31T09:30:00Z (RFC 3339), a date as 2026-01-31")]
pub struct NoDateOrTime;

/// The time zone of dates; UTC by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZoneName {
    /// As it was given.
    pub name: String,
    zone: Zone,
}

impl FromStr for DateOrTime {
    type Err = NoDateOrTime;

    fn from_str(text: &str) -> Result<Self, NoDateOrTime> {
        let date = CalendarDay::parse(text).map(Self::Date);
        date.or_else(|| Timestamp::parse(text).ok().map(Self::Time)).ok_or(NoDateOrTime)
    }
}

impl DateOrTime {
    /// The time, or the first moment of the day.
    ///
    /// # Errors
    /// At the end of the calendar.
    pub fn first_moment(self, zone: Option<&TimeZoneName>) -> anyhow::Result<Timestamp> {
        self.moment(zone, CalendarDay::begins)
    }

    /// The time, or the last moment of the day.
    ///
    /// # Errors
    /// At the end of the calendar.
    pub fn last_moment(self, zone: Option<&TimeZoneName>) -> anyhow::Result<Timestamp> {
        self.moment(zone, CalendarDay::ends)
    }

    fn moment(
        self,
        zone: Option<&TimeZoneName>,
        of_day: fn(CalendarDay, &Zone) -> Option<Timestamp>,
    ) -> anyhow::Result<Timestamp> {
        match self {
            Self::Time(moment) => Ok(moment),
            Self::Date(day) => {
                let zone = zone.map_or_else(Zone::utc, |zone| zone.zone.clone());
                of_day(day, &zone).context("the date is at an end of the calendar; give a time")
            }
        }
    }
}

impl FromStr for TimeZoneName {
    type Err = UnknownTimeZone;

    fn from_str(name: &str) -> Result<Self, UnknownTimeZone> {
        Ok(Self { name: name.to_owned(), zone: Zone::parse(name)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_begins_and_ends_with_the_clocks_of_its_zone_and_a_time_is_itself() {
        let berlin: TimeZoneName = "Europe/Berlin".parse().unwrap();
        let told = |text: &str, zone: Option<&TimeZoneName>| {
            let given: DateOrTime = text.parse().unwrap();
            [given.first_moment(zone), given.last_moment(zone)].map(|moment| moment.unwrap().to_string())
        };
        assert_eq!(told("2026-01-31", None), ["2026-01-31T00:00:00.000Z", "2026-01-31T23:59:59.999Z"]);
        assert_eq!(
            told("2026-07-31", Some(&berlin)),
            ["2026-07-30T22:00:00.000Z", "2026-07-31T21:59:59.999Z"]
        );
        let time = "2026-01-31T09:30:00+01:00";
        assert_eq!(told(time, Some(&berlin)), ["2026-01-31T08:30:00.000Z", "2026-01-31T08:30:00.000Z"]);
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["yesterday", "2026-02-30", "31.01.2026", "2026-01-31 09:30", "2026-01-31T09:30:00"] {
            let refused = text.parse::<DateOrTime>().unwrap_err().to_string();
            assert!(refused.contains("2026-01-31T09:30:00Z") && refused.contains("a date as"), "{refused}");
        }
        assert!("Mars/Olympus".parse::<TimeZoneName>().is_err());
        let last: DateOrTime = "9999-12-31".parse().unwrap();
        assert!(last.last_moment(None).unwrap_err().to_string().contains("give a time"));
    }
}
