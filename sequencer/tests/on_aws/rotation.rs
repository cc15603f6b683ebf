//! Another key signs the log: for a while beside the one before it, or alone because that one is lost; both sign where they change.

use std::sync::atomic::Ordering;

use ledger_log::{CheckpointFault, SignedNote, TrustedKeys, VerifierKey};
use loopback::RequestFault;
use sequencer::{BoundKeys, CloudLog, CloudLogError, KeyRotationSetting, LogFailure};

use super::given::{KEY_ID, ORIGIN, clock, grown, sizes};
use super::start::Given;

const NEXT_ID: &str = "22222222-2222-2222-2222-222222222222";
const THIRD_ID: &str = "33333333-3333-3333-3333-333333333333";
const DAY: i64 = 24 * 60 * 60 * 1_000;

fn key(seed: u8) -> VerifierKey {
    ledger_log::NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap().verifier_key().clone()
}

/// A ledger whose log is signed by the first key, and two further keys.
async fn given() -> Given {
    let given = Given::new().await;
    given.kms.add(NEXT_ID, [8; 32]);
    given.kms.add(THIRD_ID, [9; 32]);
    let log = given.open_with(KEY_ID, KeyRotationSetting::default(), ORIGIN, clock().1).await.unwrap();
    grow(&log, 10).await.unwrap();
    given
}

fn after(former: &str, overlap_days: u16) -> KeyRotationSetting {
    KeyRotationSetting { former_id: Some(former.to_owned()), overlap_days, lost: None }
}

async fn grow(log: &CloudLog, to: u64) -> Result<(), LogFailure> {
    grown(log.served(), &log.files, std::sync::Arc::new(log.signer.clone()), to, &[to]).await
}

/// The keys that signed the newest checkpoint, which has this size.
fn signed(given: &Given, size: u64) -> Vec<u32> {
    let note = SignedNote::read(&given.bucket.objects()["checkpoint"]).unwrap();
    assert_eq!(note.text.lines().nth(1), Some(size.to_string().as_str()));
    note.signatures.iter().map(|signature| signature.key_id).collect()
}

async fn on_record(given: &Given) -> String {
    given.bound().keys().await.unwrap().unwrap().to_string()
}

/// Checkpoints that were kept for good, with the keys that signed them.
fn kept(given: &Given) -> Vec<(String, usize)> {
    let objects = given.bucket.objects();
    let kept = objects.iter().filter_map(|(key, bytes)| Some((key.strip_prefix("checkpoints/")?, bytes)));
    kept.map(|(key, bytes)| (key.to_owned(), SignedNote::read(bytes).unwrap().signatures.len())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_beside_the_former_one_until_the_overlap_ends_and_then_alone() {
    let given = given().await;
    let (now, clock) = clock();
    let open = async || given.open_with(NEXT_ID, after(KEY_ID, 30), ORIGIN, clock.clone()).await.unwrap();
    let log = open().await;
    let (one, two) = (key(7), key(8));
    // At the size where the keys change both have signed, which is kept for good.
    assert_eq!(signed(&given, 10), [one.id(), two.id()]);
    assert_eq!(on_record(&given).await, format!("{one} from 0\n{two} from 10\n"));
    assert!(kept(&given).contains(&("10".to_owned(), 2)), "{:?}", kept(&given));
    grow(&log, 20).await.unwrap();
    assert_eq!(signed(&given, 20), [two.id(), one.id()]);
    now.fetch_add(29 * DAY, Ordering::SeqCst);
    grow(&open().await, 30).await.unwrap();
    assert_eq!(signed(&given, 30), [two.id(), one.id()]);
    now.fetch_add(DAY, Ordering::SeqCst);
    assert!(log.until.is_some_and(|until| clock() >= until), "whoever has it open knows when it ends");
    let log = open().await;
    assert_eq!(on_record(&given).await, format!("{one} from 0 to 30\n{two} from 10\n"));
    grow(&log, 40).await.unwrap();
    assert_eq!((signed(&given, 40), log.until), (vec![two.id()], None));
    assert!(kept(&given).contains(&("40".to_owned(), 1)));
    // Every checkpoint is one of the keys on record; a reader who has the first key alone reads those up to its end.
    let keys: TrustedKeys = on_record(&given).await.parse().unwrap();
    assert_eq!(sizes(&given.bucket, &keys).await, [0, 10, 10, 20, 30, 40]);
    let first: TrustedKeys = format!("{one} from 0 to 30").parse().unwrap();
    let note = &given.bucket.objects()["checkpoint"];
    assert!(matches!(first.open(note), Err(CheckpointFault::Unknown(_))));
    // The former key no longer counts, whoever has it; nor does the process that still names it.
    let replaced = given.open_with(KEY_ID, KeyRotationSetting::default(), ORIGIN, clock.clone()).await;
    assert!(matches!(replaced, Err(CloudLogError::Replaced { newest, .. }) if newest == two));
    // Another one follows, without an overlap.
    let log = given.open_with(THIRD_ID, after(NEXT_ID, 0), ORIGIN, clock.clone()).await.unwrap();
    let three = key(9);
    assert_eq!(signed(&given, 40), [two.id(), three.id()]);
    // The checkpoint of this size is kept already, without the new key.
    assert!(
        kept(&given).contains(&(format!("40.{:08x}.{:08x}", two.id(), three.id()), 2)),
        "{:?}",
        kept(&given)
    );
    let expected = format!("{one} from 0 to 30\n{two} from 10 to 40\n{three} from 40\n");
    assert_eq!(on_record(&given).await, expected);
    grow(&log, 50).await.unwrap();
    assert_eq!(signed(&given, 50), [three.id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_key_that_is_no_longer_named_ends_and_a_following_one_ends_it_too() {
    let given = given().await;
    let clock = clock().1;
    let (one, two, three) = (key(7), key(8), key(9));
    let log = given.open_with(NEXT_ID, after(KEY_ID, 30), ORIGIN, clock.clone()).await.unwrap();
    grow(&log, 20).await.unwrap();
    // A third key while the first still signs: that one ends here.
    given.open_with(THIRD_ID, after(NEXT_ID, 30), ORIGIN, clock.clone()).await.unwrap();
    let expected = format!("{one} from 0 to 20\n{two} from 10\n{three} from 20\n");
    assert_eq!(on_record(&given).await, expected);
    let log = given.open_with(THIRD_ID, KeyRotationSetting::default(), ORIGIN, clock).await.unwrap();
    let expected = format!("{one} from 0 to 20\n{two} from 10 to 20\n{three} from 20\n");
    assert_eq!((on_record(&given).await, log.until), (expected, None));
    grow(&log, 30).await.unwrap();
    assert_eq!(signed(&given, 30), [three.id()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_replaced_without_its_signature_only_where_it_is_named() {
    let given = given().await;
    given.kms.lose(KEY_ID);
    let clock = clock().1;
    let (one, two) = (key(7), key(8));
    let lost =
        |key: &VerifierKey| KeyRotationSetting { lost: Some(key.clone()), ..KeyRotationSetting::default() };
    for refused in [KeyRotationSetting::default(), lost(&key(9)), lost(&two)] {
        let error = given.open_with(NEXT_ID, refused, ORIGIN, clock.clone()).await.unwrap_err();
        assert!(matches!(error, CloudLogError::OtherKey { .. }) && error.is_conflict(), "{error}");
    }
    let unread = given.open_with(NEXT_ID, after(KEY_ID, 30), ORIGIN, clock.clone()).await;
    assert!(matches!(unread, Err(CloudLogError::Key(_))), "{:?}", unread.is_ok());
    assert_eq!(on_record(&given).await, format!("{one} from 0\n"));
    let other = given.open_with(NEXT_ID, after(THIRD_ID, 30), ORIGIN, clock.clone()).await.unwrap_err();
    assert!(matches!(other, CloudLogError::OtherFormer { .. }) && other.is_conflict(), "{other}");
    // Whatever else the settings say; and they may stay as they are.
    for size in [20, 30] {
        let log = given.open_with(NEXT_ID, lost(&one), ORIGIN, clock.clone()).await.unwrap();
        assert_eq!(on_record(&given).await, format!("{one} from 0 to 10\n{two} from 10\n"));
        grow(&log, size).await.unwrap();
        assert_eq!(signed(&given, size), [two.id()]);
    }
    let keys: TrustedKeys = on_record(&given).await.parse().unwrap();
    assert_eq!(sizes(&given.bucket, &keys).await, [0, 10, 10, 20, 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_failed_anywhere_is_finished_by_the_next_run() {
    for of_bucket in [true, false] {
        for failing in 1..=6 {
            let given = given().await;
            let clock = clock().1;
            let fault = move |number| (number == failing).then_some(RequestFault::Failed);
            if of_bucket {
                given.bucket.fail(fault);
            } else {
                given.kms.fail(fault);
            }
            let rotate = async || given.open_with(NEXT_ID, after(KEY_ID, 30), ORIGIN, clock.clone()).await;
            let first = rotate().await;
            given.bucket.recover();
            given.kms.fail(|_| None);
            let log = rotate().await.unwrap();
            let (one, two) = (key(7), key(8));
            assert_eq!(
                on_record(&given).await,
                format!("{one} from 0\n{two} from 10\n"),
                "{failing} {}",
                first.is_ok()
            );
            assert_eq!(signed(&given, 10), [one.id(), two.id()], "{failing}");
            grow(&log, 20).await.unwrap();
            assert_eq!(signed(&given, 20), [two.id(), one.id()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_was_logged_since_the_last_change_the_next_key_begins_behind_it() {
    let given = given().await;
    let clock = clock().1;
    given.open_with(NEXT_ID, after(KEY_ID, 0), ORIGIN, clock.clone()).await.unwrap();
    let log = given.open_with(THIRD_ID, after(NEXT_ID, 0), ORIGIN, clock).await.unwrap();
    let (one, two, three) = (key(7), key(8), key(9));
    let expected = format!("{one} from 0 to 10\n{two} from 10 to 11\n{three} from 11\n");
    assert_eq!(on_record(&given).await, expected);
    grow(&log, 20).await.unwrap();
    assert_eq!(signed(&given, 20), [three.id()]);
    let keys: TrustedKeys = on_record(&given).await.parse().unwrap();
    assert_eq!(sizes(&given.bucket, &keys).await.last(), Some(&20));
}
