//! The size of an item by `DynamoDB`'s published rule, and the capacity units of writing and reading it.
//!
//! Rule: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.

use serde_json::{Map, Value};

/// The bytes of an item in `DynamoDB`'s JSON: names and values.
#[must_use]
pub fn item(item: &Map<String, Value>) -> usize {
    item.iter().map(|(name, value)| name.len() + attribute(value)).sum()
}

/// The write units of an item of this size: one for each KB or part of one.
#[must_use]
pub fn write_units(bytes: usize) -> f64 {
    whole(bytes.div_ceil(1024).max(1))
}

/// The read units of a strongly consistent response of this size: one for each 4 KB or part of one.
#[must_use]
pub fn read_units(bytes: usize) -> f64 {
    whole(bytes.div_ceil(4096).max(1))
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn attribute(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return 0;
    };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => number(digits),
        // Base64 of the bytes.
        ("B", Value::String(text)) => text.trim_end_matches('=').len() * 3 / 4,
        ("M", Value::Object(map)) => 3 + map.len() + item(map),
        ("L", Value::Array(list)) => 3 + list.len() + list.iter().map(attribute).sum::<usize>(),
        ("SS", Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::len).sum(),
        ("NS", Value::Array(list)) => list.iter().filter_map(Value::as_str).map(number).sum(),
        _ => 1,
    }
}

/// About one byte for two significant digits, plus one.
fn number(digits: &str) -> usize {
    let significant: String = digits.chars().filter(char::is_ascii_digit).collect();
    let significant = significant.trim_matches('0').len();
    significant.div_ceil(2) + 1 + usize::from(digits.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_its_names_and_values_with_three_bytes_for_each_nesting_and_one_for_each_element() {
        let sized = |value: Value| item(value.as_object().unwrap());
        assert_eq!(sized(json!({"id": {"S": "äb"}})), 2 + 3);
        assert_eq!(sized(json!({"n": {"N": "1200"}})), 1 + 2);
        assert_eq!(sized(json!({"n": {"N": "-12345"}})), 1 + 5);
        assert_eq!(sized(json!({"b": {"B": "AAAA"}})), 1 + 3);
        assert_eq!(sized(json!({"b": {"B": "AAA="}})), 1 + 2);
        assert_eq!(sized(json!({"t": {"BOOL": true}, "u": {"NULL": true}})), 2 + 2);
        assert_eq!(sized(json!({"m": {"M": {"a": {"S": "xy"}}}})), 1 + 3 + 1 + 1 + 2);
        assert_eq!(sized(json!({"l": {"L": [{"S": "xy"}, {"N": "1"}]}})), 1 + 3 + 2 + 2 + 2);
    }

    #[test]
    fn a_part_of_a_unit_is_a_unit() {
        assert_eq!([0, 1024, 1025].map(write_units), [1.0, 1.0, 2.0]);
        assert_eq!([0, 4096, 4097].map(read_units), [1.0, 1.0, 2.0]);
    }
}
