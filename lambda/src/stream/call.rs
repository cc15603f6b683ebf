//! The events that a function that follows a stream accepts. The records of a batch stay unread: one of a strange shape must
//! not fail the others.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The events of the schedules; the infrastructure reads the same files.
const RETRY_PARKED: &str = include_str!("../../../infra/lib/retry-parked.json");
const RECONCILE: &str = include_str!("../../../infra/lib/reconcile.json");

#[derive(Debug, Deserialize)]
#[serde(try_from = "Raw")]
pub(super) enum Call {
    /// A batch of stream records, each as its JSON.
    Batch(Vec<Box<RawValue>>),
    /// A schedule's request to retry parked products.
    RetryParked,
    /// A schedule's request to go on comparing with the event table.
    Reconcile,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "Records")]
    records: Option<Vec<Box<RawValue>>>,
    // Not flattened, which a raw value does not survive.
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
}

#[derive(Deserialize, PartialEq)]
struct Scheduled {
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
}

impl TryFrom<Raw> for Call {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if let Some(records) = raw.records {
            return Ok(Self::Batch(records));
        }
        let scheduled = Scheduled { source: raw.source, detail_type: raw.detail_type };
        for (event, call) in [(RETRY_PARKED, Self::RetryParked), (RECONCILE, Self::Reconcile)] {
            let expected: Scheduled = serde_json::from_str(event).map_err(|error| error.to_string())?;
            if scheduled == expected {
                return Ok(call);
            }
        }
        Err("the event is neither a batch of stream records nor one of a schedule".into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(event: &Value) -> Result<Call, serde_json::Error> {
        serde_json::from_str(&event.to_string())
    }

    #[test]
    fn the_events_of_the_infrastructures_schedules_are_accepted() {
        assert!(matches!(serde_json::from_str(RETRY_PARKED), Ok(Call::RetryParked)));
        assert!(matches!(serde_json::from_str(RECONCILE), Ok(Call::Reconcile)));
    }

    #[test]
    fn a_batch_may_be_empty_and_other_sources_events_are_refused() {
        assert!(matches!(read(&json!({"Records": []})), Ok(Call::Batch(batch)) if batch.is_empty()));
        let foreign = json!({"source": "aws.events", "detail-type": "RetryParked"});
        for other in [json!({}), json!([]), json!("Records"), json!({"Records": {}}), foreign] {
            assert!(read(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_records_of_a_batch_are_handed_on_as_they_are() {
        let records = r#"{"Records": [{"dynamodb":  {"SizeBytes": "x"}}, 1, null], "more": 1e400}"#;
        let Ok(Call::Batch(batch)) = serde_json::from_str(records) else { panic!("a batch") };
        let texts: Vec<&str> = batch.iter().map(|record| record.get()).collect();
        assert_eq!(texts, [r#"{"dynamodb":  {"SizeBytes": "x"}}"#, "1", "null"]);
    }
}
