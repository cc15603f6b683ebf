//! The start of the window for a prior price: a number of days before a moment, as periods of 24 hours or as calendar days in
//! a time zone. Defined for every moment; uses the time zone database that is compiled in.

use chrono::DateTime;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp as Instant, ToSpan};
use schema::Timestamp;

const MILLIS_A_DAY: i64 = 24 * 60 * 60 * 1_000;

/// The calendar and the rules of time zones repeat after 400 years.
const MILLIS_OF_400_YEARS: i64 = 146_097 * MILLIS_A_DAY;

/// 0000-01-01T00:00:00Z, the earliest moment that can be represented.
const EARLIEST: i64 = -62_167_219_200_000;

/// 9000-01-01T00:00:00Z. Moments after it are computed 400 years earlier, since the calendar cannot compute with the end of
/// the year 9999.
const LATE: i64 = 221_845_392_000_000;

/// Not the name of a time zone.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the name of a time zone in the IANA database is expected, for example Europe/Berlin")]
pub struct UnknownTimeZone;

/// The length of the window for a prior price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceWindow {
    /// The number of days.
    pub days: u16,
    /// The time zone of calendar days; `None`: a day is 24 hours.
    pub zone: Option<Zone>,
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone with this name in the database that is compiled in, ignoring case.
    ///
    /// # Errors
    /// [`UnknownTimeZone`]: use a name of the IANA database.
    pub fn parse(name: &str) -> Result<Self, UnknownTimeZone> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| UnknownTimeZone)?;
        if zone.is_unknown() { Err(UnknownTimeZone) } else { Ok(Self(zone)) }
    }

    /// Universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Its rules.
    pub(super) fn rules(&self) -> &TimeZone {
        &self.0
    }
}

impl PriceWindow {
    /// The start of the window that ends at `to`: `days` times 24 hours earlier, or the start of the day `days` days before
    /// the day of `to`. Never before year 0.
    #[must_use]
    pub fn begins(&self, to: Timestamp) -> Timestamp {
        let by_hours = to.millis() - i64::from(self.days) * MILLIS_A_DAY;
        let by_calendar = self.zone.as_ref().and_then(|zone| calendar_days_before(to, self.days, &zone.0));
        let millis = by_calendar.unwrap_or(by_hours).max(EARLIEST);
        moment(millis).unwrap_or(to)
    }
}

/// The moment at this number of milliseconds since 1970, if it can be written.
pub(super) fn moment(millis: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(millis).and_then(|moment| Timestamp::new(moment).ok())
}

fn calendar_days_before(to: Timestamp, days: u16, zone: &TimeZone) -> Option<i64> {
    let shift = if to.millis() < LATE { 0 } else { MILLIS_OF_400_YEARS };
    let to = Instant::from_millisecond(to.millis() - shift).ok()?;
    let day = zone.to_datetime(to).date().checked_sub(i64::from(days).days()).ok()?;
    Some(start_of_day(day, zone)?.as_millisecond() + shift)
}

/// The first moment of a day: the first of two midnights if clocks are set back over midnight, the moment of the change if they
/// are set forward over it.
pub(super) fn start_of_day(day: Date, zone: &TimeZone) -> Option<Instant> {
    let midnight = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0));
    match midnight.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => midnight.earlier().ok(),
        AmbiguousOffset::Gap { .. } => {
            // By the clock before the change, midnight is at the change or after it, and before the next change.
            let after = midnight.later().ok()?;
            let change = zone.preceding(after.checked_add(1.millisecond()).ok()?).next()?;
            Some(change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use schema::fixtures::at;

    use super::*;

    fn begins(to: &str, days: u16, zone: Option<&str>) -> String {
        let zone = zone.map(|name| Zone::parse(name).unwrap());
        PriceWindow { days, zone }.begins(at(to)).to_string()
    }

    #[test]
    fn without_a_zone_a_day_is_24_hours() {
        assert_eq!(begins("2026-11-27T08:00:00Z", 30, None), "2026-10-28T08:00:00.000Z");
        assert_eq!(begins("2026-03-01T00:00:00Z", 1, None), "2026-02-28T00:00:00.000Z");
        assert_eq!(begins("2025-03-01T00:00:00Z", 365, None), "2024-03-01T00:00:00.000Z");
    }

    #[test]
    fn in_a_zone_the_window_begins_with_a_day() {
        // 09:00 on November 27 in Berlin; October 28 is winter time too.
        assert_eq!(begins("2026-11-27T08:00:00Z", 30, Some("Europe/Berlin")), "2026-10-27T23:00:00.000Z");
        // 23:30 UTC is the next day in Berlin already.
        assert_eq!(begins("2026-11-26T23:30:00Z", 30, Some("Europe/Berlin")), "2026-10-27T23:00:00.000Z");
        assert_eq!(begins("2026-11-26T22:30:00Z", 30, Some("Europe/Berlin")), "2026-10-26T23:00:00.000Z");
        assert_eq!(begins("2026-11-27T08:00:00Z", 30, Some("UTC")), "2026-10-28T00:00:00.000Z");
    }

    #[test]
    fn a_window_over_the_change_to_winter_time_has_whole_days_and_an_hour_more() {
        // Summer time ends on October 25: 30 days before November 10 is October 11, two hours ahead of UTC.
        assert_eq!(begins("2026-11-09T23:00:00Z", 30, Some("Europe/Berlin")), "2026-10-10T22:00:00.000Z");
        assert_eq!(begins("2026-11-09T23:00:00Z", 30, None), "2026-10-10T23:00:00.000Z");
        // And the other way round: it begins on March 29.
        assert_eq!(begins("2026-04-09T22:00:00Z", 30, Some("Europe/Berlin")), "2026-03-10T23:00:00.000Z");
    }

    #[test]
    fn a_day_without_midnight_begins_when_the_clocks_are_set_forward() {
        // São Paulo, November 4, 2018: from 00:00 to 01:00.
        assert_eq!(begins("2018-12-04T12:00:00Z", 30, Some("America/Sao_Paulo")), "2018-11-04T03:00:00.000Z");
        // Toronto, March 30, 1919: from 23:30 to 00:30, so the 31st begins at 00:30.
        assert_eq!(begins("1919-04-10T12:00:00Z", 10, Some("America/Toronto")), "1919-03-31T04:30:00.000Z");
        // Samoa left December 30, 2011 out.
        assert_eq!(begins("2012-01-02T12:00:00Z", 4, Some("Pacific/Apia")), "2011-12-30T10:00:00.000Z");
    }

    #[test]
    fn a_day_with_two_midnights_begins_with_the_first() {
        // Havana, November 1, 2026: from 01:00 back to 00:00.
        assert_eq!(begins("2026-11-30T12:00:00Z", 29, Some("America/Havana")), "2026-11-01T04:00:00.000Z");
        // St. John's, October 30, 1994: at 00:01 back to 23:01 of the day before.
        assert_eq!(begins("1994-11-09T12:00:00Z", 10, Some("America/St_Johns")), "1994-10-30T02:30:00.000Z");
    }

    #[test]
    fn the_earliest_and_the_latest_moments_have_windows() {
        for zone in [None, Some("Europe/Berlin"), Some("Pacific/Kiritimati"), Some("Pacific/Pago_Pago")] {
            assert_eq!(begins("0000-01-02T00:00:00Z", 365, zone), "0000-01-01T00:00:00.000Z", "{zone:?}");
        }
        let last = "9999-12-31T23:59:59.999Z";
        assert_eq!(begins(last, 30, None), "9999-12-01T23:59:59.999Z");
        // It is January 1 in Berlin, and 30 days before is December 2.
        assert_eq!(begins(last, 30, Some("Europe/Berlin")), "9999-12-01T23:00:00.000Z");
        assert_eq!(begins(last, 30, Some("Pacific/Pago_Pago")), "9999-12-01T11:00:00.000Z");
        // Summer time goes on for ever.
        assert_eq!(begins("9999-08-01T00:00:00Z", 1, Some("Europe/Berlin")), "9999-07-30T22:00:00.000Z");
    }

    #[test]
    fn names_are_those_of_the_database() {
        for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC", "europe/berlin"] {
            assert!(Zone::parse(name).is_ok(), "{name}");
        }
        for name in
            ["", "Berlin", "Europe/Berlin ", "+02:00", "CEST", "Etc/Unknown", "../../etc/passwd", "Europe"]
        {
            assert_eq!(Zone::parse(name), Err(UnknownTimeZone), "{name}");
        }
    }
}
