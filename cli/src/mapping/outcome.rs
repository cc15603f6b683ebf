//! What a function's answer says about the records it was given, exactly as Lambda reads it.

use std::fmt::Display;

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::streams::DynamoDbEventResponse;

use super::record::sequence_number;

/// What became of the records of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All are done.
    Done,
    /// Those before this place are done; this one failed.
    FailedFrom(usize),
    /// Some failed, and nobody knows which.
    Failed(String),
}

impl Outcome {
    /// Reads the `answer` to a call with `sent`.
    pub(super) fn of<E: Display>(answer: Result<DynamoDbEventResponse, E>, sent: &[EventRecord]) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Self::Failed(format!("{error:#}")),
        };
        let mut lowest: Option<usize> = None;
        for failure in &response.batch_item_failures {
            let id = failure.item_identifier.as_deref().unwrap_or_default();
            let place = sent.iter().position(|record| sequence_number(record) == id && !id.is_empty());
            let Some(place) = place else {
                return Self::Failed(format!("it reported {id:?}, which is no sequence number of its batch"));
            };
            lowest = Some(lowest.map_or(place, |lowest| lowest.min(place)));
        }
        lowest.map_or(Self::Done, Self::FailedFrom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::event::streams::DynamoDbBatchItemFailure;

    fn sent() -> Vec<EventRecord> {
        let record = |number: &str| {
            let mut record = EventRecord::default();
            record.change.sequence_number = Some(number.to_owned());
            record
        };
        vec![record("9"), record("10"), record("11")]
    }

    fn reported(ids: &[&str]) -> Outcome {
        let mut response = DynamoDbEventResponse::default();
        for id in ids {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some((*id).to_owned());
            response.batch_item_failures.push(failure);
        }
        Outcome::of(Ok::<_, String>(response), &sent())
    }

    #[test]
    fn an_empty_list_is_success() {
        assert_eq!(reported(&[]), Outcome::Done);
    }

    #[test]
    fn the_lowest_sequence_number_counts_not_the_first_nor_the_lowest_text() {
        assert_eq!(reported(&["11", "10"]), Outcome::FailedFrom(1));
        assert_eq!(reported(&["10", "9"]), Outcome::FailedFrom(0));
    }

    #[test]
    fn an_empty_missing_or_unknown_id_or_an_error_fails_the_whole_batch() {
        assert!(matches!(reported(&[""]), Outcome::Failed(_)));
        assert!(matches!(reported(&["10", "12"]), Outcome::Failed(_)));
        let nameless: DynamoDbEventResponse = serde_json::from_str(r#"{"batchItemFailures":[{}]}"#).unwrap();
        assert!(matches!(Outcome::of(Ok::<_, String>(nameless), &sent()), Outcome::Failed(_)));
        assert_eq!(Outcome::of(Err("no"), &sent()), Outcome::Failed("no".to_owned()));
    }
}
