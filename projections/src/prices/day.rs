//! A day of the calendar, which begins and ends with the clocks of a time zone.

use jiff::ToSpan;
use jiff::civil::Date;
use schema::Timestamp;

use super::window::{Zone, moment, start_of_day};

/// A date such as 2026-01-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarDay(Date);

impl CalendarDay {
    /// Reads `YYYY-MM-DD`; `None` if it is no day of the calendar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has_form = text.char_indices().all(|(at, letter)| match at {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
        let day = text.parse().ok().filter(|_| has_form && text.len() == 10);
        day.map(Self)
    }

    /// The first moment of the day; `None` at the end of the calendar.
    #[must_use]
    pub fn begins(self, zone: &Zone) -> Option<Timestamp> {
        moment(start_of_day(self.0, zone.rules())?.as_millisecond())
    }

    /// The last moment of the day, a millisecond before the next one begins; `None` at the end of the calendar.
    #[must_use]
    pub fn ends(self, zone: &Zone) -> Option<Timestamp> {
        let next = self.0.checked_add(1.day()).ok()?;
        moment(start_of_day(next, zone.rules())?.as_millisecond() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last moment of a day in a zone.
    fn moments(day: &str, zone: &str) -> (String, String) {
        let (day, zone) = (CalendarDay::parse(day).unwrap(), Zone::parse(zone).unwrap());
        (day.begins(&zone).unwrap().to_string(), day.ends(&zone).unwrap().to_string())
    }

    #[test]
    fn a_day_ends_a_millisecond_before_the_next_one_begins() {
        for (day, zone, begins, ends) in [
            ("2026-01-31", "UTC", "2026-01-31T00:00:00.000Z", "2026-01-31T23:59:59.999Z"),
            ("2024-02-29", "UTC", "2024-02-29T00:00:00.000Z", "2024-02-29T23:59:59.999Z"),
            ("2026-01-31", "Europe/Berlin", "2026-01-30T23:00:00.000Z", "2026-01-31T22:59:59.999Z"),
            // Clocks are set forward and back on these days.
            ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z", "2026-03-29T21:59:59.999Z"),
            ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000Z", "2026-10-25T22:59:59.999Z"),
            // And here over midnight, so that the day begins at one o'clock.
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z", "2018-11-05T01:59:59.999Z"),
        ] {
            assert_eq!(moments(day, zone), (begins.into(), ends.into()), "{day} {zone}");
        }
    }

    #[test]
    fn what_is_no_day_of_the_calendar_is_none() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "20260131",
            "2026-1-31",
            "2026-01-31T00:00:00",
            "+002026-01",
            "",
            "today",
            "２26-01-31",
        ] {
            assert_eq!(CalendarDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_the_calendar_has_days_without_moments() {
        let (last, zone) = (CalendarDay::parse("9999-12-31").unwrap(), Zone::parse("UTC").unwrap());
        assert_eq!((last.begins(&zone), last.ends(&zone)), (None, None));
        let first = CalendarDay::parse("0000-01-01").unwrap();
        assert_eq!(first.begins(&zone).unwrap().to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(first.begins(&Zone::parse("Asia/Tokyo").unwrap()), None, "before the year 0");
    }
}
