//! Reading one shard page by page: from after a known record, or from its oldest when there is none or it is no
//! longer kept.

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::operation::get_records::GetRecordsError;
use aws_sdk_dynamodbstreams::operation::get_shard_iterator::GetShardIteratorError;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;

use super::record::{event_record, sequence_number};

/// Why there is no page.
#[derive(Debug)]
pub(super) enum NoPage {
    /// Everything in the shard was read, and nothing more will come.
    Finished,
    /// The stream or the shard is not there any more.
    Gone,
    /// Try again.
    Failed(String),
}

/// A place in a shard.
#[derive(Debug)]
pub(super) struct Pages {
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

impl Pages {
    pub(super) fn new(streams: Client, arn: String, shard: String, after: Option<String>) -> Self {
        Self { streams, arn, shard, after, iterator: Iterator::Unknown }
    }

    /// The next records, at most `limit`; none when there is nothing new.
    pub(super) async fn next(&mut self, limit: u16) -> Result<Vec<EventRecord>, NoPage> {
        let iterator = match &self.iterator {
            Iterator::End => return Err(NoPage::Finished),
            Iterator::At(iterator) => iterator.clone(),
            Iterator::Unknown => self.find().await?,
        };
        // The engine has no limit of its own, neither in records nor in bytes.
        let page = self.streams.get_records().shard_iterator(iterator).limit(i32::from(limit)).send().await;
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                self.iterator = Iterator::Unknown;
                return match error.as_service_error() {
                    // Five minutes passed, a new one continues.
                    Some(GetRecordsError::ExpiredIteratorException(_)) => Ok(Vec::new()),
                    Some(GetRecordsError::TrimmedDataAccessException(_)) => {
                        self.start_over();
                        Ok(Vec::new())
                    }
                    Some(GetRecordsError::ResourceNotFoundException(_)) => Err(NoPage::Gone),
                    _ => Err(NoPage::Failed(DisplayErrorContext(error).to_string())),
                };
            }
        };
        self.iterator = page.next_shard_iterator.map_or(Iterator::End, Iterator::At);
        let records = page.records.unwrap_or_default().into_iter();
        let records: Vec<_> = records.map(|record| event_record(record, &self.arn)).collect();
        if let Some(last) = records.last() {
            self.after = Some(sequence_number(last).to_owned());
        }
        Ok(records)
    }

    async fn find(&mut self) -> Result<String, NoPage> {
        loop {
            let kind = match self.after {
                Some(_) => ShardIteratorType::AfterSequenceNumber,
                None => ShardIteratorType::TrimHorizon,
            };
            let request = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(&self.shard);
            let answer =
                request.shard_iterator_type(kind).set_sequence_number(self.after.clone()).send().await;
            match answer {
                Ok(found) => match found.shard_iterator {
                    Some(iterator) => return Ok(iterator),
                    None => return Err(NoPage::Failed("GetShardIterator gave no iterator".to_owned())),
                },
                Err(error) => match error.as_service_error() {
                    Some(GetShardIteratorError::TrimmedDataAccessException(_)) if self.after.is_some() => {
                        self.start_over();
                    }
                    Some(GetShardIteratorError::ResourceNotFoundException(_)) => return Err(NoPage::Gone),
                    _ => return Err(NoPage::Failed(DisplayErrorContext(error).to_string())),
                },
            }
        }
    }

    fn start_over(&mut self) {
        let after = self.after.take();
        tracing::error!(
            shard = self.shard,
            after,
            "the stream no longer keeps the next record; going on with its oldest, what lies between was missed"
        );
    }
}
