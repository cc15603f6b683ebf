//! A bucket and a key on loopback, entries, and what is checked of every checkpoint.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use ledger_log::{CheckpointSigner, Leaf, LogCheckpoint, LogPath, LogSource, TrustedKeys, verify};
use loopback::{BucketServer, KeyServer};
use schema::{Clock, Timestamp};
use sequencer::{KmsSigner, LogFailure, LogStore, LogWriter, S3Log, ServedLog};
use sha2::{Digest, Sha256};

pub const ORIGIN: &str = "example.com/log";
pub const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// Settings for an endpoint on loopback; every request is sent once.
pub fn settings(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "SECRET", None, None, "loopback");
    SdkConfig::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .build()
}

/// A clock that the test turns, in milliseconds.
pub fn clock() -> (Arc<AtomicI64>, Clock) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let read = now.clone();
    let clock: Clock = Arc::new(move || {
        let moment = chrono::DateTime::from_timestamp_millis(read.load(Ordering::SeqCst));
        Timestamp::new(moment.unwrap()).unwrap()
    });
    (now, clock)
}

pub fn log(bucket: &BucketServer) -> S3Log {
    S3Log::new(&settings(bucket.url()), "log", clock().1)
}

pub async fn signer(keys: &KeyServer) -> KmsSigner {
    KmsSigner::new(&settings(keys.url()), KEY_ID, ORIGIN).await.unwrap()
}

pub fn served(log: &S3Log, signer: &KmsSigner) -> ServedLog {
    ServedLog { store: Arc::new(log.clone()), keys: TrustedKeys::from(signer.verifier_key().clone()) }
}

/// The entries of a ledger of one product.
pub fn leaves(count: u64) -> Vec<Leaf> {
    let hash = |number: u64| Sha256::digest(number.to_be_bytes()).into();
    (0..count).map(|number| Leaf { parent: hash(number), hash: hash(number + 1) }).collect()
}

/// Logs the entries up to each of these sizes, with a checkpoint of each, after what is published already.
pub async fn logged(log: &S3Log, signer: &KmsSigner, count: u64, sizes: &[u64]) -> Result<(), LogFailure> {
    grown(served(log, signer), log, Arc::new(signer.clone()), count, sizes).await
}

/// The same for a log of any keys, signed by any of them.
pub async fn grown(
    served: ServedLog,
    log: &S3Log,
    signer: Arc<dyn CheckpointSigner>,
    count: u64,
    sizes: &[u64],
) -> Result<(), LogFailure> {
    let (log, sizes) = (log.clone(), sizes.to_vec());
    let work = move || {
        let store: Arc<dyn LogStore> = Arc::new(log.clone());
        let read = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
        if read.is_none() {
            LogWriter::begin(store.clone(), signer.clone())?;
        }
        let mut writer = LogWriter::open(served, signer)?;
        let leaves = leaves(count);
        for size in sizes.into_iter().filter(|size| *size > writer.published()).collect::<Vec<_>>() {
            let new = usize::try_from(writer.size()).unwrap()..usize::try_from(size).unwrap();
            leaves[new].iter().try_for_each(|leaf| writer.append(*leaf))?;
            writer.publish()?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

struct Files<'f>(&'f BTreeMap<String, Vec<u8>>);

impl LogSource for Files<'_> {
    type Error = Infallible;

    async fn read(&self, path: LogPath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&path.to_string()).cloned())
    }
}

/// The sizes of all checkpoints that were ever there, each of which must be whole and have grown from the one before.
pub async fn sizes(bucket: &BucketServer, keys: &TrustedKeys) -> Vec<u64> {
    let (mut files, mut kept): (BTreeMap<String, Vec<u8>>, Option<LogCheckpoint>) = (BTreeMap::new(), None);
    let mut sizes = Vec::new();
    for version in bucket.versions() {
        files.insert(version.key.clone(), version.bytes.clone());
        if version.key == "checkpoint" {
            let checkpoint = keys.open(&version.bytes).unwrap();
            let checked = verify::verify(&Files(&files), &checkpoint, kept.as_ref(), |_| {}).await.unwrap();
            assert!(checked.faults.is_empty(), "{:?}", checked.faults);
            sizes.push(checkpoint.size);
            kept = Some(checkpoint);
        }
    }
    sizes
}
