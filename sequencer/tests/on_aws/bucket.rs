//! What a bucket holds, whatever fails and whoever writes at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger_log::{LogPath, TrustedKeys};
use loopback::{BucketServer, KeyServer, RequestFault};
use sequencer::{LogFailure, LogRetention, LogStop, LogStore, LogWriter, RunEnd, S3Log};
use tokio::time::Instant;

use super::given::{clock, log, logged, served, settings, signer, sizes};

const SIZES: [u64; 5] = [1, 3, 255, 256, 300];

fn keys(signer: &sequencer::KmsSigner) -> TrustedKeys {
    TrustedKeys::from(signer.verifier_key().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_request_fails_every_checkpoint_is_whole_and_a_prefix_of_the_next() {
    let keys_of_kms = KeyServer::serve([7; 32]).await;
    let signer = signer(&keys_of_kms).await;
    let untroubled = BucketServer::serve().await;
    logged(&log(&untroubled), &signer, 300, &SIZES).await.unwrap();
    let requests = untroubled.take_requests().len();
    assert!(requests > 20, "{requests}");
    for fault in [RequestFault::Refused, RequestFault::Failed] {
        for first in 1..=requests {
            let bucket = BucketServer::serve().await;
            // Also the next one, every other time.
            bucket.fail(move |number| {
                (number == first || (number == first + 1 && first % 2 == 0)).then_some(fault)
            });
            let mut failures = 0;
            while logged(&log(&bucket), &signer, 300, &SIZES).await.is_err() {
                failures += 1;
                assert!(failures < 4, "{fault:?} {first}: it does not recover");
            }
            assert!(failures > 0, "{fault:?} {first}");
            assert_eq!(sizes(&bucket, &keys(&signer)).await.last(), Some(&300), "{fault:?} {first}");
            let newest = |bucket: &BucketServer| {
                let mut objects = bucket.objects();
                // A failure may leave a checkpoint kept whose publication failed.
                objects.retain(|key, _| !key.starts_with("checkpoints/"));
                objects
            };
            assert_eq!(newest(&bucket), newest(&untroubled), "{fault:?} {first}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_signature_fails_the_log_goes_on_with_the_same_bytes() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let signer = signer(&kms).await;
    for fault in [RequestFault::Refused, RequestFault::Failed] {
        for first in 1..=SIZES.len() {
            kms.fail(move |number| (number == first).then_some(fault));
            let bucket = BucketServer::serve().await;
            let error = logged(&log(&bucket), &signer, 300, &SIZES).await.unwrap_err();
            assert!(matches!(error, LogFailure::Signing(_)), "{error}");
            logged(&log(&bucket), &signer, 300, &SIZES).await.unwrap();
            assert_eq!(sizes(&bucket, &keys(&signer)).await, [&[0][..], &SIZES].concat());
        }
    }
    kms.fail(|_| None);
    logged(&log(&bucket), &signer, 300, &SIZES).await.unwrap();
    let texts: BTreeSet<String> = kms.take_signed().into_iter().collect();
    assert_eq!(texts.len(), 1 + SIZES.len(), "no size was ever signed with two roots");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_write_one_history() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let signer = signer(&kms).await;
    logged(&log(&bucket), &signer, 300, &[1]).await.unwrap();
    let each: Vec<_> = (0..4_u64)
        .map(|writer| {
            let (log, signer) = (log(&bucket), signer.clone());
            tokio::spawn(async move {
                let own: Vec<u64> = (2..60).filter(|size| size % 4 == writer || *size == 59).collect();
                let mut lost = 0;
                // Whoever loses goes on after the newest checkpoint.
                while let Err(error) = logged(&log, &signer, 300, &own).await {
                    assert!(matches!(error, LogFailure::Stopped(LogStop::Foreign)), "{error}");
                    lost += 1;
                }
                lost
            })
        })
        .collect();
    let mut lost = 0;
    for writer in each {
        lost += writer.await.unwrap();
    }
    assert!(lost > 0, "they never met");
    assert_eq!(sizes(&bucket, &keys(&signer)).await.last(), Some(&59));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_where_a_file_belongs_is_compared_and_never_replaced() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let (signer, log) = (signer(&kms).await, log(&bucket));
    logged(&log, &signer, 300, &[200]).await.unwrap();
    bucket.replace("tile/0/000", Some(&[0; 8_192]));
    let error = logged(&log, &signer, 300, &[300]).await.unwrap_err();
    let LogFailure::Stopped(LogStop::Differs(path)) = error else { panic!("{error}") };
    assert_eq!(path.to_string(), "tile/0/000");
    assert_eq!(bucket.objects()["tile/0/000"], [0; 8_192]);
    bucket.replace("tile/0/000", None);
    logged(&log, &signer, 300, &[300]).await.unwrap();
    // The same bytes are as good as written.
    let path: LogPath = "tile/0/000".parse().unwrap();
    let whole = bucket.objects()["tile/0/000"].clone();
    let again = tokio::task::spawn_blocking(move || {
        log.write(path, &whole).unwrap();
        log.write(path, &[1; 8_192]).unwrap_err()
    });
    assert_eq!(again.await.unwrap().kind(), std::io::ErrorKind::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_others_changed_is_not_replaced() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let (signer, log) = (signer(&kms).await, log(&bucket));
    logged(&log, &signer, 300, &[10]).await.unwrap();
    let old = bucket.objects()["checkpoint"].clone();
    logged(&log, &signer, 300, &[20]).await.unwrap();
    let newer = bucket.objects()["checkpoint"].clone();
    // Between the comparison and the write too: the condition is the bucket's.
    for (replaced, note) in [(&old[..], &b"note"[..]), (b"", b"note")] {
        let (log, replaced, note) = (log.clone(), replaced.to_vec(), note.to_vec());
        assert!(!tokio::task::spawn_blocking(move || log.publish(&replaced, &note).unwrap()).await.unwrap());
    }
    assert_eq!(bucket.objects()["checkpoint"], newer);
    bucket.replace("checkpoint", Some(b"no checkpoint"));
    let error = logged(&log, &signer, 300, &[30]).await.unwrap_err();
    assert!(matches!(error, LogFailure::Stopped(LogStop::Checkpoint(_))), "{error}");
    assert_eq!(bucket.objects()["checkpoint"], b"no checkpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn partial_files_give_way_to_full_ones() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let (signer, log) = (signer(&kms).await, log(&bucket));
    logged(&log, &signer, 300, &[1, 200, 255]).await.unwrap();
    assert!(bucket.objects().contains_key("tile/0/000.p/200"));
    logged(&log, &signer, 300, &[300]).await.unwrap();
    let objects = bucket.objects();
    let partial: Vec<&String> = objects.keys().filter(|key| key.contains(".p/")).collect();
    assert_eq!(partial, ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_changes_is_locked_and_a_checkpoint_an_hour_with_it() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let (now, clock) = clock();
    let signer = signer(&kms).await;
    let retention: LogRetention = "COMPLIANCE:365".parse().unwrap();
    let log = S3Log::new(&settings(bucket.url()), "log", clock).locked(Some(retention));
    let minutes = |count: i64| now.fetch_add(count * 60_000, Ordering::SeqCst);
    for size in [1, 2] {
        logged(&log, &signer, 300, &[size]).await.unwrap();
        minutes(29);
    }
    logged(&log, &signer, 300, &[3]).await.unwrap();
    minutes(2);
    logged(&log, &signer, 300, &[260]).await.unwrap();
    minutes(59);
    logged(&log, &signer, 300, &[261]).await.unwrap();
    let locked: BTreeSet<String> = bucket
        .versions()
        .into_iter()
        .filter(|version| version.lock.is_some())
        .map(|version| version.key)
        .collect();
    let expected = ["checkpoints/0", "checkpoints/260", "tile/0/000", "tile/entries/000"];
    assert_eq!(locked, expected.map(str::to_owned).into());
    let lock = bucket.versions().into_iter().find_map(|version| version.lock).unwrap();
    assert_eq!((lock.mode.as_str(), lock.until.as_str()), ("COMPLIANCE", "2028-01-15T08:00:00Z"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bucket_takes_no_longer_than_the_run_and_is_asked_nothing_afterwards() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let signer = signer(&kms).await;
    logged(&log(&bucket), &signer, 300, &[10]).await.unwrap();
    bucket.fail(|_| Some(RequestFault::Silent));
    let begun = Instant::now();
    let end = RunEnd::default();
    end.set(begun + Duration::from_millis(300));
    let log = log(&bucket).ending(end);
    for _ in 0..2 {
        let error = logged(&log, &signer, 300, &[20]).await.unwrap_err();
        assert!(error.to_string().contains("the time of this run was over"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(bucket.take_requests().len(), 1);
    // Without such an end the client's own limits hold.
    let log = super::given::log(&bucket);
    assert!(logged(&log, &signer, 300, &[20]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_long_is_damaged() {
    let (bucket, kms) = (BucketServer::serve().await, KeyServer::serve([7; 32]).await);
    let (signer, log) = (signer(&kms).await, log(&bucket));
    logged(&log, &signer, 300, &[300]).await.unwrap();
    bucket.replace("tile/0/001.p/44", Some(&[0; 44 * 32 + 1]));
    let opened = {
        let signer = signer.clone();
        tokio::task::spawn_blocking(move || {
            LogWriter::open(served(&log, &signer), Arc::new(signer)).map(drop)
        })
    };
    let error = opened.await.unwrap().unwrap_err();
    assert!(matches!(error, LogFailure::Stopped(LogStop::Damaged(_))), "{error}");
}
