//! Counts the requests through the proxy and their capacity units by operation, with failed conditional writes as `DynamoDB`
//! charges them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::size;

/// The counts of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// HTTP requests, including retries.
    pub requests: u64,
    /// Requests with an error response.
    pub refused: u64,
    /// Capacity units of all tables and indexes together.
    pub units: f64,
}

/// The counts by operation since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metered(pub BTreeMap<String, Tally>);

/// The counters. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Metered>>);

impl Meter {
    /// The counts since the last `take`; resets them.
    #[must_use]
    pub fn take(&self) -> Metered {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request and its response.
    pub fn count(&self, operation: &str, request: &Value, status: u16, answer: &Value) {
        let named = if operation == "ExecuteStatement" && !selects(request) {
            "ExecuteStatement (write)"
        } else {
            operation
        };
        let mut metered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = metered.0.entry(named.to_owned()).or_default();
        tally.requests += 1;
        if status == 200 {
            tally.units += consumed(answer);
        } else {
            tally.refused += 1;
            tally.units += refused(operation, request, answer);
        }
    }
}

impl Metered {
    /// All reads.
    #[must_use]
    pub fn reads(&self) -> Tally {
        self.sum(|operation| !writes(operation))
    }

    /// All writes.
    #[must_use]
    pub fn writes(&self) -> Tally {
        self.sum(writes)
    }

    fn sum(&self, counts: impl Fn(&str) -> bool) -> Tally {
        let counted = self.0.iter().filter(|(operation, _)| counts(operation));
        counted.fold(Tally::default(), |sum, (_, tally)| Tally {
            requests: sum.requests + tally.requests,
            refused: sum.refused + tally.refused,
            units: sum.units + tally.units,
        })
    }
}

/// Whether the response to this operation can contain capacity units.
#[must_use]
pub fn metered(operation: &str) -> bool {
    writes(operation)
        || matches!(
            operation,
            "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" | "ExecuteStatement"
        )
}

fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "BatchWriteItem"
            | "TransactWriteItems"
            | "ExecuteStatement (write)"
    )
}

fn selects(request: &Value) -> bool {
    let verb = request["Statement"].as_str().unwrap_or_default().trim_start().get(..6);
    verb.is_some_and(|verb| verb.eq_ignore_ascii_case("SELECT"))
}

/// The capacity units in a response: an object for one table, or one for each table.
fn consumed(answer: &Value) -> f64 {
    let units = |table: &Value| table["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(units).sum(),
        one => units(one),
    }
}

/// An error contains no units, but a failed condition costs as much as the write, twice that in a transaction.
fn refused(operation: &str, request: &Value, answer: &Value) -> f64 {
    let code = answer["__type"].as_str().unwrap_or_default();
    let condition =
        ["ConditionalCheckFailedException", "DuplicateItemException", "TransactionCanceledException"];
    if !condition.iter().any(|condition| code.ends_with(condition)) {
        return 0.0;
    }
    let write =
        |action: &Value| action["Item"].as_object().map_or(1.0, |item| size::write_units(size::item(item)));
    match request["TransactItems"].as_array() {
        Some(actions) if operation == "TransactWriteItems" => {
            let puts = actions.iter().filter_map(|action| action.as_object()?.values().next());
            puts.map(|action| 2.0 * write(action)).sum()
        }
        _ => write(request),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn units_are_summed_over_tables_and_split_into_reads_and_writes() {
        let meter = Meter::default();
        let two = json!({"ConsumedCapacity": [{"CapacityUnits": 2.0}, {"CapacityUnits": 1.5}]});
        meter.count("BatchGetItem", &json!({}), 200, &two);
        meter.count("TransactWriteItems", &json!({}), 200, &two);
        let one = json!({"ConsumedCapacity": {"CapacityUnits": 1.0}});
        meter.count("ExecuteStatement", &json!({"Statement": "INSERT INTO t VALUE {}"}), 200, &one);
        meter.count("ExecuteStatement", &json!({"Statement": " select * FROM t"}), 200, &one);
        let metered = meter.take();
        assert_eq!(metered.reads(), Tally { requests: 2, refused: 0, units: 4.5 });
        assert_eq!(metered.writes(), Tally { requests: 2, refused: 0, units: 4.5 });
        assert_eq!(meter.take(), Metered::default());
    }

    #[test]
    fn a_failed_condition_costs_the_write_and_another_error_nothing() {
        let meter = Meter::default();
        let put = json!({"Item": {"id": {"S": "x".repeat(1023)}}});
        let answer = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"});
        meter.count("PutItem", &put, 400, &answer);
        let canceled = json!({"__type": "x#TransactionCanceledException"});
        meter.count("TransactWriteItems", &json!({"TransactItems": [{"Put": put}]}), 400, &canceled);
        meter.count("PutItem", &put, 400, &json!({"__type": "x#ValidationException"}));
        assert_eq!(meter.take().writes(), Tally { requests: 3, refused: 3, units: 2.0 + 4.0 });
    }
}
