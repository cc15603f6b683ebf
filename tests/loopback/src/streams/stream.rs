//! A stream of the fake: shards that divide the items by the hash of their key.

use serde_json::{Value, json};

use super::shard::{FakeShard, StreamRefusal, number};

/// One more than the largest hash.
const HASHES: u64 = 1 << 32;

pub(super) struct FakeStream {
    pub(super) arn: String,
    label: String,
    table: String,
    shards: Vec<FakeShard>,
    /// The newest sequence number.
    newest: u64,
}

impl FakeStream {
    pub(super) fn new(table: &str, number: usize) -> Self {
        let label = format!("2026-11-30T08:00:{number:02}.000");
        let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}/stream/{label}");
        let newest = number as u64 * 1_000_000;
        let mut stream = Self { arn, label, table: table.to_owned(), shards: Vec::new(), newest };
        stream.begin(None, 0..HASHES);
        stream
    }

    fn begin(&mut self, parent: Option<String>, range: std::ops::Range<u64>) -> String {
        let id = format!("shardId-{:020}-{:08}", self.newest, self.shards.len());
        self.shards.push(FakeShard::new(id.clone(), parent, range, self.newest));
        id
    }

    pub(super) fn add(&mut self, record: Value) {
        self.newest += 1;
        let hash = hash(&record["dynamodb"]["Keys"]);
        let number = self.newest;
        let shard = self.shards.iter_mut().find(|shard| shard.ends.is_none() && shard.range.contains(&hash));
        shard.expect("an open shard for every item").add(number, record);
    }

    pub(super) fn open(&self) -> Vec<String> {
        let open = self.shards.iter().filter(|shard| shard.ends.is_none());
        open.map(|shard| shard.id.clone()).collect()
    }

    /// Closes every shard.
    pub(super) fn close(&mut self) {
        let newest = self.newest;
        self.shards.iter_mut().for_each(|shard| shard.ends = shard.ends.or(Some(newest)));
    }

    pub(super) fn shard(&mut self, id: &str) -> &mut FakeShard {
        self.shards.iter_mut().find(|shard| shard.id == id).expect(id)
    }

    pub(super) fn roll(&mut self, id: &str) -> String {
        let newest = self.newest;
        let shard = self.shard(id);
        shard.ends = Some(newest);
        let range = shard.range.clone();
        self.begin(Some(id.to_owned()), range)
    }

    pub(super) fn split(&mut self, id: &str) -> [String; 2] {
        let newest = self.newest;
        let shard = self.shard(id);
        shard.ends = Some(newest);
        let range = shard.range.clone();
        let middle = range.start.midpoint(range.end);
        [range.start..middle, middle..range.end].map(|half| self.begin(Some(id.to_owned()), half))
    }

    pub(super) fn listed(&self) -> Value {
        json!({"StreamArn": self.arn, "StreamLabel": self.label, "TableName": self.table})
    }

    pub(super) fn describe(&self, request: &Value, page: usize) -> Value {
        let listed: Vec<&FakeShard> = self.shards.iter().filter(|shard| shard.is_listed).collect();
        let after = request["ExclusiveStartShardId"].as_str();
        let place = |id: &str| listed.iter().position(|shard| shard.id == id).map_or(0, |at| at + 1);
        let from = after.map_or(0, place);
        let shown = &listed[from..listed.len().min(from + page)];
        let last = shown.last().filter(|_| from + shown.len() < listed.len()).map(|shard| &shard.id);
        let status = if self.open().is_empty() { "DISABLED" } else { "ENABLED" };
        let shards: Vec<Value> = shown.iter().map(|shard| shard.described()).collect();
        json!({"StreamDescription": {"StreamArn": self.arn, "StreamLabel": self.label, "TableName": self.table,
            "StreamStatus": status, "StreamViewType": "NEW_IMAGE", "Shards": shards,
            "LastEvaluatedShardId": last}})
    }

    pub(super) fn iterator(&self, request: &Value, generation: u64) -> Result<Value, StreamRefusal> {
        let id = request["ShardId"].as_str().unwrap_or_default();
        let shard = self.shards.iter().find(|shard| shard.id == id);
        let shard =
            shard.ok_or_else(|| StreamRefusal("ResourceNotFoundException", format!("no shard {id}")))?;
        Ok(json!({"ShardIterator": iterator(&self.arn, id, shard.start(request)?, generation)}))
    }
}

/// The answer to `GetRecords`.
pub(super) fn records(
    streams: &[FakeStream],
    request: &Value,
    generation: u64,
    held: bool,
) -> Result<Value, StreamRefusal> {
    let text = request["ShardIterator"].as_str().unwrap_or_default();
    let [arn, id, after, of] = text.split('|').collect::<Vec<_>>()[..] else {
        return Err(StreamRefusal("ValidationException", format!("no iterator: {text}")));
    };
    if of.parse() != Ok(generation) {
        return Err(StreamRefusal("ExpiredIteratorException", "the iterator is too old".to_owned()));
    }
    let shards = streams.iter().find(|stream| stream.arn == arn).map(|stream| &stream.shards);
    let shard = shards.and_then(|shards| shards.iter().find(|shard| shard.id == id));
    let shard = shard.ok_or_else(|| StreamRefusal("ResourceNotFoundException", format!("no shard {id}")))?;
    let after = after.parse().expect("a number of ours");
    let limit = if held { 0 } else { request["Limit"].as_u64().unwrap_or(1_000) };
    let (records, last, more) = shard.read(after, usize::try_from(limit).expect("a small limit"))?;
    let next = (more || held).then(|| iterator(arn, id, last, generation));
    Ok(json!({"Records": records, "NextShardIterator": next}))
}

fn iterator(arn: &str, shard: &str, after: u64, generation: u64) -> String {
    format!("{arn}|{shard}|{}|{generation}", number(after))
}

/// The 32-bit FNV-1a hash of an item's partition key, the first attribute of its keys whose value is text.
fn hash(keys: &Value) -> u64 {
    let keys = keys.as_object().expect("keys");
    let text = keys.values().find_map(|key| key["S"].as_str()).expect("a key that is text");
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, step).into()
}
