//! The events that a function that follows a stream accepts.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use serde::Deserialize;

/// The schedule's event; the infrastructure reads the same file.
const RETRY_PARKED: &str = include_str!("../../../infra/lib/retry-parked.json");

#[derive(Debug, Deserialize)]
#[serde(try_from = "Raw")]
pub(super) enum Call {
    /// A batch of stream records.
    Batch(Event),
    /// The schedule's request to retry parked products.
    RetryParked,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "Records")]
    records: Option<Vec<EventRecord>>,
    #[serde(flatten)]
    scheduled: Scheduled,
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
            let mut batch = Event::default();
            batch.records = records;
            return Ok(Self::Batch(batch));
        }
        let expected: Scheduled = serde_json::from_str(RETRY_PARKED).map_err(|error| error.to_string())?;
        if raw.scheduled == expected {
            return Ok(Self::RetryParked);
        }
        Err("the event is neither a batch of stream records nor the schedule's event".into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(event: Value) -> Result<Call, serde_json::Error> {
        serde_json::from_value(event)
    }

    #[test]
    fn the_schedule_s_event_of_the_infrastructure_is_accepted() {
        assert!(matches!(serde_json::from_str(RETRY_PARKED), Ok(Call::RetryParked)));
    }

    #[test]
    fn a_batch_may_be_empty_and_other_sources_events_are_refused() {
        assert!(matches!(read(json!({"Records": []})), Ok(Call::Batch(batch)) if batch.records.is_empty()));
        let foreign = json!({"source": "aws.events", "detail-type": "RetryParked"});
        for other in
            [json!({}), json!([]), json!("Records"), json!({"Records": {}}), json!({"Records": [1]}), foreign]
        {
            assert!(read(other.clone()).is_err(), "{other}");
        }
    }
}
