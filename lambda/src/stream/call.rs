//! The events that a function that follows a stream accepts. The records of a batch stay unread: one of a strange shape must
//! not fail the others.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The schedule's event; the infrastructure reads the same file.
const RETRY_PARKED: &str = include_str!("../../../infra/lib/retry-parked.json");

#[derive(Debug, Deserialize)]
#[serde(try_from = "Raw")]
pub(super) enum Call {
    /// A batch of stream records, each as its JSON.
    Batch(Vec<Box<RawValue>>),
    /// The schedule's request to retry parked products.
    RetryParked,
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
        let expected: Scheduled = serde_json::from_str(RETRY_PARKED).map_err(|error| error.to_string())?;
        if expected == (Scheduled { source: raw.source, detail_type: raw.detail_type }) {
            return Ok(Self::RetryParked);
        }
        Err("the event is neither a batch of stream records nor the schedule's event".into())
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
    fn the_schedule_s_event_of_the_infrastructure_is_accepted() {
        assert!(matches!(serde_json::from_str(RETRY_PARKED), Ok(Call::RetryParked)));
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
