//! Reads one shard page by page, from after a known record or from its oldest.
//!
//! The promise: a record that the shard no longer has is never skipped silently.

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::operation::get_records::GetRecordsError;
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use event_store::aws::describe;
use event_store::follow;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{event_record, sequence_number};
use super::settings::StreamEndpoint;

/// Why there is no next page.
#[derive(Debug)]
pub(super) enum ShardReadError {
    /// The shard is read to its end, and gets no more records.
    Finished,
    /// The stream does not find the shard.
    Gone {
        /// It finds it, and has lost records that were not read.
        lost: bool,
    },
    /// The record to go on from no longer exists: records after it may have been missed. The next page is the oldest one.
    Missed(String),
    /// Try again.
    Failed(String),
}

/// A position in a shard.
#[derive(Debug)]
pub(super) struct ShardReader {
    streams: Client,
    arn: String,
    shard: String,
    after: Option<String>,
    iterator: Iterator,
}

#[derive(Debug)]
enum Iterator {
    Unknown,
    At(String),
    End,
}

impl ShardReader {
    pub(super) fn new(source: &StreamEndpoint, arn: String, shard: String, after: Option<String>) -> Self {
        Self { streams: source.streams.clone(), arn, shard, after, iterator: Iterator::Unknown }
    }

    /// Whether the next record is the oldest that the shard has.
    pub(super) fn is_at_oldest(&self) -> bool {
        self.after.is_none()
    }

    /// The next records, at most `limit`; none if there is nothing new.
    pub(super) async fn next(&mut self, limit: u16) -> Result<Vec<EventRecord>, ShardReadError> {
        let iterator = match &self.iterator {
            Iterator::End => return Err(ShardReadError::Finished),
            Iterator::At(iterator) => iterator.clone(),
            Iterator::Unknown => self.find().await?,
        };
        let records = self.read(iterator, limit).await?;
        if let Some(last) = records.last().map(sequence_number).filter(|last| !last.is_empty()) {
            self.after = Some(last.to_owned());
        }
        Ok(records)
    }

    async fn read(&mut self, iterator: String, limit: u16) -> Result<Vec<EventRecord>, ShardReadError> {
        let page = self.streams.get_records().shard_iterator(iterator).limit(i32::from(limit)).send().await;
        let error = match page {
            Ok(page) => {
                self.iterator = page.next_shard_iterator.map_or(Iterator::End, Iterator::At);
                let records = page.records.unwrap_or_default().into_iter();
                return Ok(records.map(|record| event_record(record, &self.arn)).collect());
            }
            Err(error) => error,
        };
        if let Some(page) = error.raw_response().and_then(UnreadPage::of) {
            self.iterator = page.next.map_or(Iterator::End, Iterator::At);
            return Ok(follow::event(&page.records).records);
        }
        self.iterator = Iterator::Unknown;
        match error.as_service_error() {
            // After fifteen minutes; a new one goes on.
            Some(GetRecordsError::ExpiredIteratorException(_)) => Ok(Vec::new()),
            Some(GetRecordsError::TrimmedDataAccessException(_)) => Err(self.missed()),
            Some(GetRecordsError::ResourceNotFoundException(_)) => Err(ShardReadError::Gone { lost: false }),
            _ => Err(ShardReadError::Failed(describe(&error))),
        }
    }

    /// An iterator behind the record to go on from.
    async fn find(&mut self) -> Result<String, ShardReadError> {
        let kind = match self.after {
            None => ShardIteratorType::TrimHorizon,
            Some(_) => ShardIteratorType::AfterSequenceNumber,
        };
        self.iterator(kind).await
    }

    async fn iterator(&mut self, kind: ShardIteratorType) -> Result<String, ShardReadError> {
        let request = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(&self.shard);
        let after = self.after.clone().filter(|_| kind != ShardIteratorType::TrimHorizon);
        let answer = request.shard_iterator_type(kind).set_sequence_number(after.clone()).send().await;
        let error = match answer {
            Ok(found) => {
                let missing = || ShardReadError::Failed("GetShardIterator returned no iterator".to_owned());
                return found.shard_iterator.ok_or_else(missing);
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(GetShardIteratorError::TrimmedDataAccessException(_)) => Err(self.missed()),
            Some(GetShardIteratorError::ResourceNotFoundException(_)) => {
                Err(ShardReadError::Gone { lost: false })
            }
            Some(refused) if after.is_some() && refused.code() == Some("ValidationException") => {
                Err(self.missed())
            }
            _ => Err(ShardReadError::Failed(describe(&error))),
        }
    }

    /// The next page is the oldest one; where even that is gone, nothing is left to read for now.
    fn missed(&mut self) -> ShardReadError {
        self.iterator = Iterator::Unknown;
        match self.after.take() {
            Some(after) => ShardReadError::Missed(format!("the stream has no record {after:?}")),
            None => ShardReadError::Gone { lost: true },
        }
    }
}

/// A page that the SDK cannot read, for one strange record for example: its records are read one by one.
#[derive(Deserialize)]
struct UnreadPage {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
    #[serde(rename = "NextShardIterator")]
    next: Option<String>,
}

impl UnreadPage {
    fn of(response: &HttpResponse) -> Option<Self> {
        let body = response.body().bytes().filter(|_| response.status().is_success())?;
        serde_json::from_slice(body).ok()
    }
}
