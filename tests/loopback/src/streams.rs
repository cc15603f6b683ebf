//! DynamoDB Streams over HTTP on loopback, in front of the tables' double: its records in shards that split, close, go, and
//! fail in the ways that AWS documents or that others have seen.
//!
//! What the double records is copied before each answer and each change of the shards: what was recorded before a split is in
//! the parent.

mod shard;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::TableServer;
use shard::StreamRefusal;
use stream::FakeStream;

type Alter = Box<dyn Fn(&mut Value) + Send>;

/// The streams of one table. Clones share them.
#[derive(Clone)]
pub struct StreamServer {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    tables: TableServer,
    table: String,
    /// Where the double's own stream is read next.
    source: Option<String>,
    /// The newest one last.
    streams: Vec<FakeStream>,
    disabled: bool,
    held: bool,
    /// Streams or shards on a page.
    page: usize,
    alter: Option<Alter>,
    /// Iterators from before the newest one are expired.
    generation: u64,
}

impl StreamServer {
    /// Starts a server for the stream of `table`, which may be created later; it begins with one shard.
    pub async fn serve(tables: &TableServer, table: &str) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            tables: tables.clone(),
            table: table.to_owned(),
            source: None,
            streams: Vec::new(),
            disabled: false,
            held: false,
            page: 100,
            alter: None,
            generation: 0,
        }));
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_DYNAMODB_STREAMS`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn shared(&self) -> MutexGuard<'_, Shared> {
        let mut shared = self.shared.lock().await;
        shared.copy().await;
        shared
    }

    /// Changes the newest stream.
    async fn newest<T>(&self, change: impl FnOnce(&mut FakeStream) -> T) -> T {
        change(self.shared().await.streams.last_mut().expect("the table has a stream"))
    }

    /// The shards of the newest stream that get records.
    pub async fn open(&self) -> Vec<String> {
        self.newest(|stream| stream.open()).await
    }

    /// Closes a shard; two children divide its items.
    pub async fn split(&self, shard: &str) -> [String; 2] {
        self.newest(|stream| stream.split(shard)).await
    }

    /// Closes a shard; one child has its items, as after four hours.
    pub async fn roll(&self, shard: &str) -> String {
        self.newest(|stream| stream.roll(shard)).await
    }

    /// A shard is gone, as a day after it was closed.
    pub async fn vanish(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).vanish()).await;
    }

    /// A shard is listed, and whoever asks for its records is told that it does not exist.
    pub async fn forget(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).is_found = false).await;
    }

    /// A shard that was forgotten can be read again.
    pub async fn remember(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).is_found = true).await;
    }

    /// A shard can be read, and is no longer listed.
    pub async fn hide(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).is_listed = false).await;
    }

    /// The records of a shard until now are gone, as after a day.
    pub async fn trim(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).trim()).await;
    }

    /// Even the oldest record of a shard is refused as trimmed.
    pub async fn lose(&self, shard: &str) {
        self.newest(|stream| stream.shard(shard).is_lost = true).await;
    }

    /// Iterators given until now are expired, as after fifteen minutes.
    pub async fn expire_iterators(&self) {
        self.shared().await.generation += 1;
    }

    /// Shows no record from now on, as if all were younger than the stream is behind.
    pub async fn hold(&self) {
        self.shared().await.held = true;
    }

    /// Shows all records again.
    pub async fn release(&self) {
        self.shared().await.held = false;
    }

    /// Lists this many streams or shards on a page.
    pub async fn page(&self, size: usize) {
        self.shared().await.page = size;
    }

    /// Changes each record on its way to a reader.
    pub async fn alter(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.shared().await.alter = Some(Box::new(change));
    }

    /// Switches the stream off: its shards are closed, and what is recorded from now on is in no stream.
    pub async fn disable(&self) {
        let mut shared = self.shared().await;
        shared.disabled = true;
        shared.streams.iter_mut().for_each(FakeStream::close);
    }

    /// Switches a new stream on; the former one is still listed.
    pub async fn enable(&self) {
        let mut shared = self.shared().await;
        shared.disabled = false;
        shared.create();
    }
}

impl Shared {
    fn create(&mut self) {
        let number = self.streams.len() + 1;
        self.streams.push(FakeStream::new(&self.table, number));
    }

    /// Copies what the double has recorded since the last time.
    async fn copy(&mut self) {
        if self.source.is_none() {
            self.source = self.begin().await;
        }
        while let Some(iterator) = &self.source {
            let request = json!({"ShardIterator": iterator, "Limit": 1000});
            let (status, mut page) = self.tables.request("GetRecords", &request).await;
            assert_eq!(status, 200, "{page}");
            self.source = page["NextShardIterator"].as_str().map(str::to_owned);
            let Value::Array(records) = page["Records"].take() else { panic!("no records: {page}") };
            let last = records.is_empty();
            if let Some(stream) = self.streams.last_mut().filter(|_| !self.disabled) {
                for record in records {
                    stream.add(record);
                }
            }
            if last {
                break;
            }
        }
    }

    /// An iterator at the beginning of the double's stream, once there is one.
    async fn begin(&mut self) -> Option<String> {
        let (_, listed) = self.tables.request("ListStreams", &json!({"TableName": self.table})).await;
        let arn = listed["Streams"].get(0)?["StreamArn"].clone();
        let (_, described) = self.tables.request("DescribeStream", &json!({"StreamArn": arn})).await;
        let shard = described["StreamDescription"]["Shards"].get(0)?["ShardId"].clone();
        let request = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let (_, found) = self.tables.request("GetShardIterator", &request).await;
        self.create();
        Some(found["ShardIterator"].as_str().expect("an iterator").to_owned())
    }

    fn answer(&mut self, operation: &str, request: &Value) -> Result<Value, StreamRefusal> {
        let (page, generation) = (self.page, self.generation);
        match operation {
            "ListStreams" => Ok(self.list(request)),
            "DescribeStream" => Ok(self.stream(request)?.describe(request, page)),
            "GetShardIterator" => self.stream(request)?.iterator(request, generation),
            "GetRecords" => {
                let (held, streams) = (self.held, &self.streams);
                let mut answer = stream::records(streams, request, generation, held)?;
                if let (Some(alter), Some(records)) = (&self.alter, answer["Records"].as_array_mut()) {
                    records.iter_mut().for_each(alter);
                }
                Ok(answer)
            }
            other => Err(StreamRefusal("UnknownOperationException", format!("no {other} here"))),
        }
    }

    fn list(&self, request: &Value) -> Value {
        let arns: Vec<&str> = self.streams.iter().map(|stream| stream.arn.as_str()).collect();
        let after = request["ExclusiveStartStreamArn"].as_str();
        let from = after.map_or(0, |after| arns.iter().position(|arn| *arn == after).map_or(0, |at| at + 1));
        let shown = &self.streams[from..self.streams.len().min(from + self.page)];
        let shown: Vec<Value> = shown.iter().map(FakeStream::listed).collect();
        let more = from + shown.len() < arns.len();
        let last = shown.last().filter(|_| more).map(|stream| stream["StreamArn"].clone());
        json!({"Streams": shown, "LastEvaluatedStreamArn": last})
    }

    fn stream(&mut self, request: &Value) -> Result<&mut FakeStream, StreamRefusal> {
        let arn = request["StreamArn"].as_str().unwrap_or_default();
        let found = self.streams.iter_mut().find(|stream| stream.arn == arn);
        found.ok_or_else(|| StreamRefusal("ResourceNotFoundException", format!("no stream {arn}")))
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut shared = shared.lock().await;
    shared.copy().await;
    let (status, body) = match shared.answer(&crate::operation(&headers), &request) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(StreamRefusal(code, message)) => {
            let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
            (StatusCode::BAD_REQUEST, json!({"__type": kind, "message": message}))
        }
    };
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}
