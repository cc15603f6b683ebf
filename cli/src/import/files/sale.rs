//! The dates of sale prices, as files write them.
//!
//! The promise: a sale price counts from the beginning of its first day to the end of its last, in the time zone that was asked
//! for, and not outside of them.

use schema::Timestamp;

use crate::date_or_time::{DateOrTime, TimeZoneName};

/// Whether a sale price counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaleState {
    /// Now.
    InForce,
    /// From then on.
    Future,
    /// No longer.
    Ended,
}

/// The dates of a sale; an empty text is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SaleDates {
    pub(super) from: String,
    pub(super) to: String,
}

impl SaleDates {
    /// Whether the sale is in force at a moment; without dates it always is.
    ///
    /// # Errors
    /// Why a date cannot be read, for people.
    pub(super) fn state(&self, now: Timestamp, zone: Option<&TimeZoneName>) -> Result<SaleState, String> {
        let begins = date(&self.from)?.map(|date| date.first_moment(zone)).transpose();
        let ends = date(&self.to)?.map(|date| date.last_moment(zone)).transpose();
        let (begins, ends) =
            (begins.map_err(|error| error.to_string())?, ends.map_err(|error| error.to_string())?);
        if let (Some(begins), Some(ends)) = (begins, ends)
            && ends < begins
        {
            return Err(format!("its sale ends before it begins: {} to {}", self.from, self.to));
        }
        Ok(match (begins, ends) {
            (Some(begins), _) if now < begins => SaleState::Future,
            (_, Some(ends)) if now > ends => SaleState::Ended,
            _ => SaleState::InForce,
        })
    }
}

/// A date or time; `None` for an empty text or a date of zeros.
fn date(text: &str) -> Result<Option<DateOrTime>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(None);
    }
    let unread =
        || format!("the date of its sale {text:?} is neither 2026-01-31 nor 2026-01-31T09:30:00+01:00");
    if let Ok(read) = text.parse() {
        return Ok(Some(read));
    }
    if let Some(read) = with_an_offset(text) {
        return Ok(Some(read));
    }
    let day = text.split(['T', ' ', ',']).next().unwrap_or_default();
    let rest = text[day.len()..].trim_matches(['T', ' ', ',']);
    // The time of a date without a zone: shops write midnight, or the last second of the day, for the day itself.
    let is_a_day = matches!(rest, "" | "00:00" | "00:00:00" | "12:00 AM" | "23:59:59" | "23:59" | "11:59 PM");
    if !is_a_day {
        return Err(format!("{}; {rest:?} is a time without a zone", unread()));
    }
    day.parse().map(Some).map_err(|_| unread())
}

/// A time with minutes alone, or with an offset without a colon, as ISO 8601 allows it.
fn with_an_offset(text: &str) -> Option<DateOrTime> {
    let (day, time) = text.split_once(['T', ' '])?;
    let sign = time.rfind(['+', '-', 'Z'])?;
    let (clock, offset) = time.split_at(sign);
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let offset = match offset.len() {
        5 if offset != "Z" => format!("{}:{}", offset.get(..3)?, offset.get(3..)?),
        3 => format!("{offset}:00"),
        _ => offset.to_owned(),
    };
    format!("{day}T{clock}{offset}").parse().ok()
}

/// A date of month, day and year, parted by slashes, as the others; anything else stays as it is.
pub(super) fn from_american(text: &str) -> String {
    let date = text.split([',', ' ']).next().unwrap_or_default();
    american(date).map_or_else(|| text.to_owned(), |day| format!("{day}{}", &text[date.len()..]))
}

fn american(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [month, day, year] = parts.as_slice() else { return None };
    let number = |text: &str| text.parse::<u16>().ok();
    let year = if year.len() == 2 { number(year)? + 2000 } else { number(year)? };
    Some(format!("{year:04}-{:02}-{:02}", number(month)?, number(day)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(from: &str, to: &str, now: &str, zone: Option<&str>) -> Result<SaleState, String> {
        let dates = SaleDates { from: from.to_owned(), to: to.to_owned() };
        dates.state(Timestamp::parse(now).unwrap(), zone.map(|zone| zone.parse().unwrap()).as_ref())
    }

    #[test]
    fn a_sale_counts_from_its_first_day_to_the_end_of_its_last_in_the_time_zone() {
        use SaleState::{Ended, Future, InForce};
        let berlin = Some("Europe/Berlin");
        for (from, to, now, zone, expected) in [
            ("", "", "2026-01-01T00:00:00Z", None, InForce),
            ("2026-06-01", "2026-06-03", "2026-05-31T23:59:59.999Z", None, Future),
            ("2026-06-01", "2026-06-03", "2026-06-01T00:00:00Z", None, InForce),
            ("2026-06-01", "2026-06-03", "2026-06-03T23:59:59.999Z", None, InForce),
            ("2026-06-01", "2026-06-03", "2026-06-04T00:00:00Z", None, Ended),
            ("2026-06-01", "2026-06-03", "2026-05-31T22:00:00Z", berlin, InForce),
            ("2026-06-01", "2026-06-03", "2026-06-03T22:00:00Z", berlin, Ended),
            ("2026-06-01 00:00:00", "2026-06-03 23:59:59", "2026-06-03T23:59:59Z", None, InForce),
            (
                &from_american("6/1/26"),
                &from_american("6/3/2026, 12:00 AM"),
                "2026-06-03T12:00:00Z",
                None,
                InForce,
            ),
            ("0000-00-00", "2026-06-03", "2026-06-04T12:00:00Z", None, Ended),
            ("2026-06-01T10:00+0200", "2026-06-01T12:00+0200", "2026-06-01T09:00:00Z", None, InForce),
            ("2026-06-01T10:00+0200", "2026-06-01T12:00+0200", "2026-06-01T07:59:59Z", None, Future),
            ("", "2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z", None, Ended),
        ] {
            assert_eq!(state(from, to, now, zone), Ok(expected), "{from} to {to} at {now}");
        }
    }

    #[test]
    fn a_date_that_cannot_be_read_is_no_sale_and_no_price() {
        for (from, to) in [
            ("soon", ""),
            ("2026-02-30", ""),
            ("6/1/26", ""),
            (&from_american("13/1/26"), ""),
            ("2026-06-01 10:30:00", ""),
            ("2026-06-03", "2026-06-01"),
        ] {
            assert!(state(from, to, "2026-06-02T00:00:00Z", None).is_err(), "{from} to {to}");
        }
    }
}
