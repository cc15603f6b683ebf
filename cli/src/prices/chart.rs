//! The prices over time as one line of blocks, for a terminal that shows them.

use schema::Timestamp;
use serde_json::Value;

/// From the lowest price to the highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The widest line of blocks; a longer one shows no more.
const WIDEST: usize = 100;

/// The narrowest line of blocks.
const NARROWEST: usize = 10;

/// The dates at both ends of the line, each with a space.
const ENDS: usize = 22;

/// A price in force, in milliseconds since 1970.
struct Step<'a> {
    from: i64,
    to: i64,
    price: &'a str,
    height: f64,
}

/// A line of blocks from the first price to `until`, and a line that says what the lowest and the highest block mean. Each
/// block is the price in force at the end of its share of the time; where there is none, or one of another currency than that
/// of the newest price, the line has a gap. `None` if all prices are equal, or the terminal is too narrow.
pub(super) fn chart(prices: &Value, until: Timestamp, width: usize) -> Option<String> {
    let currency = prices["currency"].as_str()?;
    let steps = steps(prices, currency, until.millis());
    let by_height = |one: &&Step, other: &&Step| one.height.total_cmp(&other.height);
    let (lowest, highest) = (steps.iter().min_by(by_height)?, steps.iter().max_by(by_height)?);
    let columns = width.saturating_sub(ENDS).min(WIDEST);
    if lowest.height >= highest.height || columns < NARROWEST {
        return None;
    }
    let (begin, end) = (steps.iter().map(|step| step.from).min()?, steps.iter().map(|step| step.to).max()?);
    let block = |column: usize| {
        let at = begin + share(end - begin, column + 1, columns);
        let step = steps.iter().rev().find(|step| step.from < at && at <= step.to);
        step.map_or(' ', |step| {
            BLOCKS[level((step.height - lowest.height) / (highest.height - lowest.height))]
        })
    };
    let line: String = (0..columns).map(block).collect();
    let day =
        |millis: i64| chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default().format("%Y-%m-%d");
    let (lowest, highest) = (lowest.price, highest.price);
    Some(format!("{} {line} {}\n▁ {lowest} {currency}  █ {highest} {currency}\n\n", day(begin), day(end)))
}

/// The periods with a price of the currency that last, oldest first.
fn steps<'a>(prices: &'a Value, currency: &str, until: i64) -> Vec<Step<'a>> {
    let periods = prices["timeline"].as_array().into_iter().flatten();
    let of_currency = periods.filter(|period| period["currency"] == currency);
    let moment =
        |value: &Value| value.as_str().and_then(|text| Timestamp::parse(text).ok()).map(Timestamp::millis);
    let step = |period: &'a Value| {
        let (from, price) = (moment(&period["from"])?, period["price"].as_str()?);
        let to = moment(&period["to"]).unwrap_or(until.max(from + 1));
        Some(Step { from, to, price, height: price.parse().ok().filter(|height: &f64| height.is_finite())? })
    };
    of_currency.filter_map(step).filter(|step| step.from < step.to).collect()
}

/// A part of a span of time.
fn share(span: i64, part: usize, of: usize) -> i64 {
    let share = i128::from(span) * part as i128 / of as i128;
    i64::try_from(share).unwrap_or(span)
}

/// The block of a height between 0 and 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
fn level(height: f64) -> usize {
    (height * 7.0).round().clamp(0.0, 7.0) as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn period(price: &str, currency: &str, from: &str, to: Option<&str>) -> Value {
        let moment = |day: &str| format!("{day}T00:00:00.000Z");
        json!({"price": price, "currency": currency, "from": moment(from), "to": to.map(moment), "sequence": 1})
    }

    fn drawn(timeline: &[Value], columns: usize) -> Option<String> {
        let prices = json!({"currency": "USD", "timeline": timeline});
        chart(&prices, at("2026-01-21T00:00:00Z"), columns + ENDS)
    }

    #[test]
    fn each_block_is_the_price_at_the_end_of_its_share_of_the_time_and_nothing_stands_in_a_gap() {
        let timeline = [
            period("10.00", "USD", "2026-01-01", Some("2026-01-05")),
            period("17.00", "USD", "2026-01-05", Some("2026-01-07")),
            // Deleted for four days, and in another currency for two.
            period("99.00", "EUR", "2026-01-11", Some("2026-01-13")),
            period("13.00", "USD", "2026-01-13", Some("2026-01-13")),
            period("14.00", "USD", "2026-01-13", None),
        ];
        assert_eq!(
            drawn(&timeline, 10).unwrap(),
            "2026-01-01 ▁▁█   ▅▅▅▅ 2026-01-21\n▁ 10.00 USD  █ 17.00 USD\n\n"
        );
    }

    #[test]
    fn one_price_is_no_chart_and_neither_is_a_narrow_terminal() {
        let one = period("10.00", "USD", "2026-01-01", Some("2026-01-05"));
        let again = period("10.00", "USD", "2026-01-05", None);
        assert_eq!(drawn(&[one.clone(), again], 40), None);
        assert_eq!(drawn(&[], 40), None);
        let other = period("11.00", "USD", "2026-01-05", None);
        assert!(drawn(&[one.clone(), other.clone()], NARROWEST).is_some());
        assert_eq!(drawn(&[one, other], NARROWEST - 1), None);
    }

    #[test]
    fn the_line_is_no_wider_than_the_terminal_and_what_a_server_answers_breaks_nothing() {
        let far = json!({"price": "1", "currency": "USD", "from": "0000-01-01T00:00:00.000Z", "to": "9999-12-31T23:59:59.999Z"});
        let near = period("999999999999.9999", "USD", "2026-01-05", None);
        for columns in [10, 58, 178, 10_000] {
            let drawn = drawn(&[far.clone(), near.clone()], columns).unwrap();
            let width = console::measure_text_width(drawn.lines().next().unwrap());
            assert_eq!(width, columns.min(WIDEST) + ENDS);
        }
        for wrong in [
            json!({}),
            json!({"price": "x", "currency": "USD"}),
            json!(["a"]),
            json!({"price": "inf", "currency": "USD", "from": "2026-01-01T00:00:00Z"}),
        ] {
            assert_eq!(drawn(&[wrong], 40), None);
        }
    }
}
