//! The files of a log in a bucket of Amazon S3, under the paths that a web server would serve.
//!
//! The promise: no file is ever replaced by other bytes, and the checkpoint only by somebody who has seen the one that is there. What
//! the bucket has accepted is durable.

use std::fmt;
use std::io::{self, ErrorKind};
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat as Format};
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, ObjectIdentifier, ObjectLockMode};
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use event_store::aws::describe;
use event_store::limits;
use ledger_log::path::TILE_WIDTH;
use ledger_log::{LogCheckpoint, LogPath, SignedNote};
use schema::{Clock, Timestamp};
use tokio::runtime::Handle;

use crate::published::{PublishedCheckpoint, PublishedCheckpoints};
use crate::run_end::RunEnd;
use crate::store::LogStore;

/// When the newest checkpoint was kept for good, in the metadata of `checkpoint`. Stored. Never rename.
const KEPT_AT: &str = "kept-at";

/// How often a checkpoint is kept for good.
const KEPT_EVERY: Duration = Duration::from_hours(1);

/// How often a conditional write is tried whose condition failed without a reason that is still there.
const ATTEMPTS: u32 = 4;

/// The pause between them.
const PAUSE: Duration = Duration::from_millis(100);

/// What no request may change any more, and for how long (S3 Object Lock).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRetention {
    mode: RetentionMode,
    days: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetentionMode {
    Governance,
    Compliance,
}

/// The text is no retention.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a retention is COMPLIANCE:DAYS or GOVERNANCE:DAYS, with 1 to 36500 days")]
pub struct InvalidRetention;

impl FromStr for LogRetention {
    type Err = InvalidRetention;

    fn from_str(text: &str) -> Result<Self, InvalidRetention> {
        let (mode, days) = text.split_once(':').ok_or(InvalidRetention)?;
        let mode = match mode {
            "GOVERNANCE" => RetentionMode::Governance,
            "COMPLIANCE" => RetentionMode::Compliance,
            _ => return Err(InvalidRetention),
        };
        let days = days.parse().ok().filter(|days| (1..=36_500).contains(days)).ok_or(InvalidRetention)?;
        Ok(Self { mode, days })
    }
}

/// A log in a bucket. Its calls block: they belong on a thread for that, never on one of the runtime.
#[derive(Clone)]
pub struct S3Log {
    client: Client,
    bucket: String,
    retention: Option<LogRetention>,
    clock: Clock,
    runtime: Handle,
    end: RunEnd,
}

impl fmt::Debug for S3Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Log").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// An object of the bucket.
struct Object {
    bytes: Vec<u8>,
    tag: Option<String>,
    kept_at: Option<Timestamp>,
    put_at: Option<Timestamp>,
}

/// What becomes of a conditional write.
enum Put {
    Done,
    /// Its condition did not hold.
    Refused,
}

impl S3Log {
    /// The log in this bucket, whose requests run on the runtime that this is called on.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn new(settings: &SdkConfig, bucket: &str, clock: Clock) -> Self {
        let limited = limits::FUNCTION.by_default_on(settings);
        // Endpoints of one's own seldom have a name for each bucket.
        let by_path = has_own_endpoint(settings);
        let client = Client::from_conf(Builder::from(&limited).force_path_style(by_path).build());
        let bucket = bucket.to_owned();
        Self { client, bucket, retention: None, clock, runtime: Handle::current(), end: RunEnd::default() }
    }

    /// The same, with full tiles, full bundles and kept checkpoints locked.
    #[must_use]
    pub fn locked(self, retention: Option<LogRetention>) -> Self {
        Self { retention, ..self }
    }

    /// The same; nothing is asked after the end of a run.
    #[must_use]
    pub fn ending(self, end: RunEnd) -> Self {
        Self { end, ..self }
    }

    /// When the newest checkpoint was put there, if there is one.
    ///
    /// # Errors
    /// It cannot be asked.
    pub async fn published_at(&self) -> io::Result<Option<Timestamp>> {
        let asked = self.client.head_object().bucket(&self.bucket).key(LogPath::Checkpoint.to_string());
        match asked.send().await {
            Ok(found) => Ok(found.last_modified.and_then(moment)),
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => Ok(None),
            Err(error) => Err(io::Error::other(describe(&error))),
        }
    }

    fn wait<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let over = || Err(io::Error::new(ErrorKind::TimedOut, "the time of this run was over"));
        self.runtime.block_on(async { self.end.within(work).await.unwrap_or_else(over) })
    }

    async fn get(&self, path: LogPath) -> io::Result<Option<Object>> {
        let asked = self.client.get_object().bucket(&self.bucket).key(path.to_string()).send().await;
        let mut found = match asked {
            Ok(found) => found,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(io::Error::other(describe(&error))),
        };
        let mut bytes = Vec::new();
        while let Some(part) = found.body.next().await {
            bytes.extend(part.map_err(io::Error::other)?);
            if bytes.len() > path.most_bytes() {
                return Err(io::Error::new(ErrorKind::InvalidData, "it is longer than such a file can be"));
            }
        }
        let kept_at = found.metadata.as_ref().and_then(|metadata| metadata.get(KEPT_AT));
        let kept_at = kept_at.and_then(|time| Timestamp::parse(time).ok());
        let put_at = found.last_modified.and_then(moment);
        Ok(Some(Object { bytes, tag: found.e_tag, kept_at, put_at }))
    }

    /// A write of a file, which needs a condition still.
    fn putting(&self, key: String, path: LogPath, bytes: &[u8]) -> PutObjectFluentBuilder {
        let (kind, cache) = match path {
            LogPath::Checkpoint => ("text/plain; charset=utf-8", "max-age=1"),
            _ => ("application/octet-stream", "max-age=31536000, immutable"),
        };
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from(bytes.to_vec()))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .content_type(kind)
            .cache_control(cache)
    }

    /// The same, locked if anything is.
    fn locking(&self, put: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
        let Some(LogRetention { mode, days }) = self.retention else { return put };
        let mode = match mode {
            RetentionMode::Governance => ObjectLockMode::Governance,
            RetentionMode::Compliance => ObjectLockMode::Compliance,
        };
        let day = 24 * 60 * 60 * 1000;
        let until = (self.clock)().millis().saturating_add(i64::from(days) * day);
        put.object_lock_mode(mode).object_lock_retain_until_date(DateTime::from_millis(until))
    }

    /// Writes a file that must not be there; answers the one that is.
    async fn put_new(&self, path: LogPath, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        for _ in 0..ATTEMPTS {
            let put = self.putting(path.to_string(), path, bytes);
            let is_full = path != LogPath::Checkpoint && path.width() == TILE_WIDTH;
            let put = if is_full { self.locking(put) } else { put };
            match outcome(put.if_none_match("*").send().await)? {
                Put::Done => return Ok(None),
                Put::Refused => {
                    if let Some(found) = self.get(path).await? {
                        return Ok(Some(found.bytes));
                    }
                    // Somebody else is writing it, or has removed it.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        Err(io::Error::other("others write and remove it again and again"))
    }

    async fn replace(&self, replaced: &[u8], note: &[u8]) -> io::Result<bool> {
        let path = LogPath::Checkpoint;
        for _ in 0..ATTEMPTS {
            let found = self.get(path).await?;
            let there = found.as_ref().map_or(&[][..], |found| &found.bytes);
            if there == note {
                return Ok(true);
            }
            if there != replaced {
                return Ok(false);
            }
            let now = (self.clock)();
            let kept_at = found.as_ref().and_then(|found| found.kept_at).filter(|kept| !is_old(*kept, now));
            let kept_at = kept_at.filter(|_| signers(replaced) == signers(note));
            if kept_at.is_none() {
                self.keep(note).await?;
            }
            let put = self.putting(path.to_string(), path, note);
            let put = put.metadata(KEPT_AT, kept_at.unwrap_or(now).to_string());
            let put = match found.and_then(|found| found.tag) {
                Some(tag) => put.if_match(tag),
                None => put.if_none_match("*"),
            };
            match outcome(put.send().await)? {
                Put::Done => return Ok(true),
                Put::Refused => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(io::Error::other("others write it again and again"))
    }

    /// Keeps a checkpoint under its size, where it stays.
    async fn keep(&self, note: &[u8]) -> io::Result<()> {
        let read = SignedNote::read(note).ok().and_then(|note| LogCheckpoint::read(&note.text));
        let Some(LogCheckpoint { size, .. }) = read else { return Ok(()) };
        let key = format!("checkpoints/{size}");
        let put = async |key: String| {
            let put = self.putting(key, LogPath::Checkpoint, note);
            outcome(self.locking(put).if_none_match("*").send().await)
        };
        if matches!(put(key.clone()).await?, Put::Done) {
            return Ok(());
        }
        // No checkpoint of a size has another root, or that one is the evidence; but it may lack the signature of a new key.
        let asked = self.client.get_object().bucket(&self.bucket).key(&key).send().await;
        let found = asked.map_err(|error| io::Error::other(describe(&error)))?;
        let kept = found.body.collect().await.map_err(io::Error::other)?.to_vec();
        match signers(note).filter(|signed| signers(&kept).as_ref() != Some(signed)) {
            None => Ok(()),
            Some(signed) => {
                let ids: Vec<String> = signed.iter().map(|id| format!("{id:08x}")).collect();
                put(format!("{key}.{}", ids.join("."))).await.map(drop)
            }
        }
    }

    async fn remove(&self, full: LogPath) -> io::Result<()> {
        let prefix = format!("{full}.p/");
        let listed = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).send().await;
        let listed = listed.map_err(|error| io::Error::other(describe(&error)))?;
        let keys = listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let keys = keys.map(|key| ObjectIdentifier::builder().key(key).build());
        let keys: Vec<_> = keys.collect::<Result<_, _>>().map_err(io::Error::other)?;
        if keys.is_empty() {
            return Ok(());
        }
        let removed =
            Delete::builder().set_objects(Some(keys)).quiet(true).build().map_err(io::Error::other)?;
        let answer = self.client.delete_objects().bucket(&self.bucket).delete(removed).send().await;
        let answer = answer.map_err(|error| io::Error::other(describe(&error)))?;
        match answer.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(error) => {
                let part = |text: &Option<String>| text.clone().unwrap_or_default();
                Err(io::Error::other(format!("{}: {}", part(&error.code), part(&error.message))))
            }
        }
    }
}

#[async_trait]
impl PublishedCheckpoints for S3Log {
    async fn newest(&self) -> io::Result<Option<PublishedCheckpoint>> {
        let Some(object) = self.get(LogPath::Checkpoint).await? else { return Ok(None) };
        let read = PublishedCheckpoint::read(&object.bytes, object.put_at);
        read.map(Some).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "it is no checkpoint"))
    }
}

impl LogStore for S3Log {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.wait(async { Ok(self.get(path).await?.map(|found| found.bytes)) })
    }

    /// Writes a file that is not there, or replaces the checkpoint.
    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        let is_written = match path {
            LogPath::Checkpoint => {
                let found = self.read(path)?.unwrap_or_default();
                self.publish(&found, bytes)?
            }
            _ => self.put(path, bytes)?.is_none_or(|found| found == bytes),
        };
        if is_written { Ok(()) } else { Err(ErrorKind::AlreadyExists.into()) }
    }

    fn put(&self, path: LogPath, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.wait(self.put_new(path, bytes))
    }

    fn publish(&self, replaced: &[u8], note: &[u8]) -> io::Result<bool> {
        self.wait(self.replace(replaced, note))
    }

    fn settle(&self, _: &[LogPath]) -> io::Result<()> {
        Ok(())
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.wait(self.remove(full))
    }
}

/// Whether S3 is asked elsewhere than at AWS.
fn moment(at: DateTime) -> Option<Timestamp> {
    Timestamp::parse(&at.fmt(Format::DateTime).ok()?).ok()
}

fn has_own_endpoint(settings: &SdkConfig) -> bool {
    let key = ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_s3 = settings.service_config().zip(key.build().ok()).and_then(|(of, key)| of.load_config(key));
    settings.endpoint_url().is_some() || of_s3.is_some()
}

fn outcome<T>(answer: Result<T, SdkError<PutObjectError>>) -> io::Result<Put> {
    match answer {
        Ok(_) => Ok(Put::Done),
        Err(error)
            if matches!(
                error.code(),
                Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey")
            ) =>
        {
            Ok(Put::Refused)
        }
        Err(error) => Err(io::Error::other(describe(&error))),
    }
}

fn is_old(kept: Timestamp, now: Timestamp) -> bool {
    kept.seconds_until(now) >= KEPT_EVERY.as_secs_f64()
}

/// The keys that signed a note.
fn signers(note: &[u8]) -> Option<Vec<u32>> {
    let note = SignedNote::read(note).ok()?;
    Some(note.signatures.iter().map(|signature| signature.key_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_has_a_mode_and_days() {
        assert_eq!("COMPLIANCE:365".parse(), Ok(LogRetention { mode: RetentionMode::Compliance, days: 365 }));
        assert_eq!("GOVERNANCE:1".parse(), Ok(LogRetention { mode: RetentionMode::Governance, days: 1 }));
        for wrong in ["", "COMPLIANCE", "COMPLIANCE:0", "COMPLIANCE:36501", "compliance:1", "GOVERNANCE:-1"] {
            assert_eq!(wrong.parse::<LogRetention>(), Err(InvalidRetention), "{wrong}");
        }
    }
}
