//! A log keeps its key and its name, and a lost one is not begun anew.

use std::os::unix::fs::PermissionsExt;

use event_store::sqlite::LEDGER;

use super::*;

fn settings(origin: Option<&str>) -> LogSettings {
    LogSettings {
        origin: origin.map(str::to_owned),
        interval: Duration::from_secs(1),
        keep: None,
        witnesses: Vec::new(),
        quorum: 0,
    }
}

fn clock() -> Clock {
    Arc::new(|| schema::Timestamp::EPOCH)
}

struct Place {
    directory: tempfile::TempDir,
    ledger: Database,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Database::open(directory.path(), &LEDGER).unwrap();
        Self { directory, ledger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn start(&self, origin: Option<&str>) -> Result<String, LogStartError> {
        let log = on_files(self.directory.path(), &self.ledger, &settings(origin), &clock()).await?;
        Ok(log.key.to_string())
    }

    async fn refused(&self, origin: Option<&str>) -> String {
        self.start(origin).await.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn the_first_start_makes_a_private_key_and_a_checkpoint_without_entries() {
    let place = Place::new();
    let key = place.start(None).await.unwrap();
    assert!(key.starts_with("product-ledger.invalid/"), "{key}");
    let note = std::fs::read(place.path("log/checkpoint")).unwrap();
    let checkpoint = TrustedKeys::from(key.parse::<VerifierKey>().unwrap()).open(&note).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (0, ledger_log::tree::empty_root()));
    assert_eq!(bound_keys(&place.ledger).await.unwrap().unwrap().to_string(), format!("{key} from 0\n"));
    for (name, mode) in [("log.key", 0o600), ("log", 0o700), ("log/checkpoint", 0o600)] {
        let found = std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    assert_eq!(place.start(None).await.unwrap(), key, "the next start goes on with it");
    assert_eq!(std::fs::read(place.path("log/checkpoint")).unwrap(), note);
}

#[tokio::test]
async fn a_log_keeps_the_name_of_its_first_start() {
    let place = Place::new();
    let key = place.start(Some("example.com/log")).await.unwrap();
    assert!(key.starts_with("example.com/log+"), "{key}");
    for origin in [None, Some("example.com/log")] {
        assert_eq!(place.start(origin).await.unwrap(), key);
    }
    let refused = place.refused(Some("example.com/other")).await;
    assert!(refused.contains("example.com/other") && refused.contains("leave the option out"), "{refused}");
    for wrong in ["", "a b", "a+b", "https://example.com", "example.com/", "ex\u{e4}mple", &"a".repeat(201)] {
        assert!(!is_origin(wrong), "{wrong}");
    }
    assert!(is_origin("example.com/log"));
}

#[tokio::test]
async fn another_key_and_a_lost_log_are_refused_and_without_its_key_a_log_is_not_signed() {
    let place = Place::new();
    let key = place.start(None).await.unwrap();
    let own = std::fs::read(place.path("log.key")).unwrap();
    std::fs::remove_file(place.path("log.key")).unwrap();
    let log = on_files(place.directory.path(), &place.ledger, &settings(None), &clock()).await.unwrap();
    assert_eq!(log.signer.err(), Some(Unsigned::NoKey(place.path("log.key"))));
    assert!(!place.path("log.key").exists(), "no other key was made");

    let other = Place::new();
    other.start(None).await.unwrap();
    std::fs::copy(other.path("log.key"), place.path("log.key")).unwrap();
    let refused = place.refused(None).await;
    assert!(refused.contains("is not the key of the log"), "{refused}");
    std::fs::write(place.path("log.key"), "no key").unwrap();
    assert!(place.refused(None).await.contains("is not the private key"));
    std::fs::write(place.path("log.key"), own).unwrap();
    assert_eq!(place.start(None).await.unwrap(), key);

    std::fs::rename(place.path("log"), place.path("elsewhere")).unwrap();
    assert!(place.refused(None).await.contains("is lost"));
    assert!(!place.path("log").exists(), "no other log was begun");
    std::fs::rename(place.path("elsewhere"), place.path("log")).unwrap();
    assert_eq!(place.start(None).await.unwrap(), key);
}

#[tokio::test]
async fn a_first_start_that_ended_early_is_gone_on_with() {
    // With the key alone, and with a checkpoint that is not bound yet.
    let (place, done) = (Place::new(), Place::new());
    let key = done.start(None).await.unwrap();
    std::fs::copy(done.path("log.key"), place.path("log.key")).unwrap();
    assert_eq!(place.start(None).await.unwrap(), key);

    let place = Place::new();
    std::fs::copy(done.path("log.key"), place.path("log.key")).unwrap();
    std::fs::create_dir(place.path("log")).unwrap();
    std::fs::copy(done.path("log/checkpoint"), place.path("log/checkpoint")).unwrap();
    assert_eq!(place.start(None).await.unwrap(), key);
    assert!(bound_keys(&place.ledger).await.unwrap().is_some());

    // Of somebody else's log nothing is signed.
    let place = Place::new();
    std::fs::create_dir(place.path("log")).unwrap();
    std::fs::copy(done.path("log/checkpoint"), place.path("log/checkpoint")).unwrap();
    assert!(place.refused(None).await.contains("is missing"));
    let other = Place::new();
    other.start(None).await.unwrap();
    std::fs::copy(other.path("log.key"), place.path("log.key")).unwrap();
    assert!(place.refused(None).await.contains("is not the key of the log"));
    assert!(bound_keys(&place.ledger).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_logged_is_known_without_the_key() {
    let place = Place::new();
    assert_eq!(logged(place.directory.path(), &place.ledger).await.unwrap(), 0);
    let log = on_files(place.directory.path(), &place.ledger, &settings(None), &clock()).await.unwrap();
    let mut writer = LogWriter::open(log.log, log.signer.unwrap()).unwrap();
    writer.append(ledger_log::Leaf { parent: [1; 32], hash: [2; 32] }).unwrap();
    writer.publish().unwrap();
    std::fs::remove_file(place.path("log.key")).unwrap();
    assert_eq!(logged(place.directory.path(), &place.ledger).await.unwrap(), 1);
    std::fs::write(place.path("log/checkpoint"), "somebody else's").unwrap();
    assert_eq!(logged(place.directory.path(), &place.ledger).await.unwrap(), 0);
}

#[test]
fn a_log_in_memory_has_a_new_key_each_time() {
    let keys = [(); 2].map(|()| in_memory(&settings(None)).unwrap().key.to_string());
    assert_ne!(keys[0], keys[1]);
}

/// A clock that can be set.
fn set_clock(hours: &Arc<std::sync::atomic::AtomicI64>) -> Clock {
    let hours = hours.clone();
    Arc::new(move || {
        let hours = hours.load(std::sync::atomic::Ordering::Relaxed);
        schema::Timestamp::EPOCH.days_before(-hours)
    })
}

/// Publishes one more entry as the follower does, and answers how many keys have signed it.
async fn publish(log: &LogStarted) -> usize {
    let mut writer = LogWriter::open(log.log.clone(), log.signer.clone().unwrap()).unwrap();
    if let Some(overlap) = &log.overlap {
        overlap.end_if_over(writer.published()).await.unwrap();
    }
    let byte = u8::try_from(writer.size()).unwrap();
    writer.append(ledger_log::Leaf { parent: [byte; 32], hash: [byte; 32] }).unwrap();
    writer.publish().unwrap();
    SignedNote::read(writer.note()).unwrap().signatures.len()
}

#[tokio::test]
async fn the_key_before_signs_until_its_time_is_over_and_counts_for_no_later_checkpoint() {
    use super::super::rotate::{KeyRotation, rotate};
    for restarts in [false, true] {
        let (place, days) = (Place::new(), Arc::default());
        let clock = set_clock(&days);
        let start =
            async || on_files(place.directory.path(), &place.ledger, &settings(None), &clock).await.unwrap();
        let mut log = start().await;
        assert_eq!(publish(&log).await, 1);
        let until = schema::Timestamp::EPOCH.days_before(-30);
        let keys =
            rotate(place.directory.path(), &place.ledger, KeyRotation::Renewed(Some(until))).await.unwrap();
        assert!(keys.former().is_some());
        log = start().await;
        assert_eq!(publish(&log).await, 2);
        days.store(29, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(publish(&log).await, 2);
        days.store(30, std::sync::atomic::Ordering::Relaxed);
        if restarts {
            log = start().await;
        }
        assert_eq!(publish(&log).await, 1);
        // Readers see it without another start.
        let served = log
            .overlap
            .as_ref()
            .map_or(log.log.keys.to_string(), |overlap| overlap.keys().borrow().to_string());
        let keys = bound_keys(&place.ledger).await.unwrap().unwrap().to_string();
        assert!(keys.contains(" from 0 to 3\n") && keys.ends_with(" from 1\n"), "{keys}");
        assert!(!place.path("log.former.key").exists());
        assert_eq!((start().await.log.keys.to_string(), served), (keys.clone(), keys));
    }
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_has_not_happened_or_is_finished() {
    use super::super::rotate::{KeyRotation, rotate};
    let place = Place::new();
    let first = place.start(None).await.unwrap();
    let own = std::fs::read(place.path("log.key")).unwrap();
    // Before the ledger is bound to the new key.
    key::write(&place.path("log.next.key"), &key::generate().unwrap()).unwrap();
    assert_eq!(place.start(None).await.unwrap(), first);
    let keys = rotate(place.directory.path(), &place.ledger, KeyRotation::Renewed(None)).await.unwrap();
    let second = keys.newest().unwrap().to_string();
    assert_ne!(second, first);
    // After it: the private keys have not changed their places yet.
    std::fs::rename(place.path("log.key"), place.path("log.next.key")).unwrap();
    std::fs::write(place.path("log.key"), own).unwrap();
    assert_eq!(place.start(None).await.unwrap(), second);
    assert!(!place.path("log.next.key").exists());
}

#[tokio::test]
async fn a_log_that_was_handed_over_is_signed_here_no_more_wherever_that_was_interrupted() {
    use super::super::rotate::{KeyRotation, RotationError, rotate};
    let (place, other) = (Place::new(), Place::new());
    let first = place.start(Some("example.com/log")).await.unwrap();
    let to: VerifierKey = other.start(Some("example.com/log")).await.unwrap().parse().unwrap();
    let own = std::fs::read(place.path("log.key")).unwrap();
    let hand_over = async |how| rotate(place.directory.path(), &place.ledger, how).await;
    // Before the ledger is bound to the other key it means nothing.
    super::super::bound::hand_over(&place.ledger, &to).await.unwrap();
    assert_eq!(place.start(None).await.unwrap(), first);
    let keys = hand_over(KeyRotation::Moved(to.clone())).await.unwrap();
    let start =
        async || on_files(place.directory.path(), &place.ledger, &settings(None), &clock()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(start().await.signer.err(), Some(Unsigned::HandedOver(to.clone())));
        assert_eq!(hand_over(KeyRotation::Moved(to.clone())).await.unwrap(), keys);
        for how in [KeyRotation::Lost, KeyRotation::Renewed(None)] {
            let refused = hand_over(how).await.unwrap_err();
            assert!(matches!(refused, RotationError::HandedOver(_)), "{refused}");
        }
        assert!(!place.path("log.key").exists());
        // As if it had been killed before the private key was put away.
        std::fs::write(place.path("log.key"), &own).unwrap();
    }
}
