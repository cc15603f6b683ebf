//! A shard of the fake: its records, and what of it is gone.

use std::ops::Range;

use serde_json::{Value, json};

/// An error of DynamoDB Streams: its code and message.
pub(super) struct StreamRefusal(pub(super) &'static str, pub(super) String);

pub(super) struct FakeShard {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    /// Which items are in it, by the hash of their key.
    pub(super) range: Range<u64>,
    /// Its records with their sequence numbers, in order.
    records: Vec<(u64, Value)>,
    /// Its records up to this number are gone.
    trimmed: u64,
    /// The number after which it begins.
    begins: u64,
    /// Its last number, once it is closed.
    pub(super) ends: Option<u64>,
    pub(super) is_listed: bool,
    pub(super) is_found: bool,
    pub(super) is_lost: bool,
}

pub(super) fn number(number: u64) -> String {
    format!("{number:021}")
}

impl FakeShard {
    pub(super) fn new(id: String, parent: Option<String>, range: Range<u64>, begins: u64) -> Self {
        let (records, trimmed, ends) = (Vec::new(), 0, None);
        Self {
            id,
            parent,
            range,
            records,
            trimmed,
            begins,
            ends,
            is_listed: true,
            is_found: true,
            is_lost: false,
        }
    }

    pub(super) fn add(&mut self, at: u64, mut record: Value) {
        record["dynamodb"]["SequenceNumber"] = json!(number(at));
        self.records.push((at, record));
    }

    pub(super) fn vanish(&mut self) {
        (self.is_listed, self.is_found) = (false, false);
    }

    pub(super) fn trim(&mut self) {
        self.trimmed = self.records.last().map_or(self.trimmed, |(number, _)| *number);
        self.records.clear();
    }

    pub(super) fn described(&self) -> Value {
        let mut range = json!({"StartingSequenceNumber": number(self.begins + 1)});
        if let Some(ends) = self.ends {
            range["EndingSequenceNumber"] = json!(number(ends));
        }
        let mut shard = json!({"ShardId": self.id, "SequenceNumberRange": range});
        if let Some(parent) = &self.parent {
            shard["ParentShardId"] = json!(parent);
        }
        shard
    }

    /// The number after which a reader begins.
    pub(super) fn start(&self, request: &Value) -> Result<u64, StreamRefusal> {
        let trimmed = || StreamRefusal("TrimmedDataAccessException", format!("{} has lost it", self.id));
        if !self.is_found {
            return Err(self.not_found());
        }
        if self.is_lost {
            return Err(trimmed());
        }
        match request["ShardIteratorType"].as_str() {
            Some("TRIM_HORIZON") => Ok(self.trimmed),
            Some("AFTER_SEQUENCE_NUMBER") => {
                let after = request["SequenceNumber"].as_str().and_then(|number| number.parse().ok());
                let after: u64 =
                    after.ok_or_else(|| StreamRefusal("ValidationException", "no number".to_owned()))?;
                if after <= self.trimmed { Err(trimmed()) } else { Ok(after) }
            }
            other => Err(StreamRefusal("ValidationException", format!("no iterator {other:?} here"))),
        }
    }

    /// Up to `limit` records after a number, the number of the last, and whether more may come.
    pub(super) fn read(&self, after: u64, limit: usize) -> Result<(Vec<Value>, u64, bool), StreamRefusal> {
        if !self.is_found {
            return Err(self.not_found());
        }
        if after < self.trimmed || self.is_lost {
            return Err(StreamRefusal("TrimmedDataAccessException", format!("{} has lost it", self.id)));
        }
        let page: Vec<_> = self.records.iter().filter(|(number, _)| *number > after).take(limit).collect();
        let last = page.last().map_or(after, |(number, _)| *number);
        let more = self.ends.is_none() || self.records.last().is_some_and(|(number, _)| *number > last);
        Ok((page.into_iter().map(|(_, record)| record.clone()).collect(), last, more))
    }

    fn not_found(&self) -> StreamRefusal {
        StreamRefusal("ResourceNotFoundException", format!("no shard {}", self.id))
    }
}
