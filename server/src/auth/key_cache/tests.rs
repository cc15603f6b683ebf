//! How often keys are read, counted at an issuer that answers when the test allows it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures::future::{join_all, poll_immediate};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::{KeyCache, KeyUndecided, MOST_WAITING};
use crate::auth::key_source::{KeySource, RefreshIntervals};

const NEVER: Duration = Duration::from_hours(1);

/// The issuer: what it publishes, how often it was asked, and how many answers it may give.
#[derive(Clone)]
struct Issuer {
    names: Arc<Mutex<Vec<&'static str>>>,
    asked: Arc<AtomicUsize>,
    may_answer: Arc<Semaphore>,
}

impl Issuer {
    async fn answer(self) -> String {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.may_answer.acquire().await.unwrap().forget();
        // The base point of the curve.
        let x = "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY";
        let key = |name| json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": x});
        json!({"keys": self.names.lock().unwrap().iter().map(key).collect::<Vec<_>>()}).to_string()
    }

    fn publish(&self, names: &[&'static str]) {
        *self.names.lock().unwrap() = names.to_vec();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn until_asked(&self, times: usize) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }
}

/// An issuer that publishes `old`, read once.
async fn given(period: Duration, pause: Duration) -> (Issuer, Arc<KeyCache>) {
    let issuer = Issuer {
        names: Arc::new(Mutex::new(vec!["old"])),
        asked: Arc::default(),
        may_answer: Arc::new(Semaphore::new(1)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answering = issuer.clone();
    let router = Router::new().route("/", get(move || answering.clone().answer()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let current =
        KeyCache::load(KeySource::parse(&url).unwrap(), RefreshIntervals { period, pause }).await.unwrap();
    (issuer, current)
}

#[tokio::test]
async fn known_keys_and_tokens_without_a_name_ask_nobody() {
    let (issuer, current) = given(NEVER, Duration::ZERO).await;
    assert!(current.with_key(Some("old")).await.unwrap().knows("old"));
    current.with_key(None).await.unwrap();
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn all_that_miss_a_key_share_one_reading() {
    let (issuer, current) = given(NEVER, Duration::ZERO).await;
    issuer.publish(&["old", "new"]);
    let waiting = join_all((0..20).map(|_| current.with_key(Some("new"))));
    let answered = async {
        issuer.until_asked(2).await;
        // A client with a fetch of its own would have sent it by now, or be about to; one answer has to serve all.
        issuer.may_answer.add_permits(1);
    };
    let (keys, ()) = tokio::join!(waiting, answered);
    assert!(keys.iter().all(|keys| keys.as_ref().is_ok_and(|keys| keys.knows("new"))));
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn unknown_keys_cause_a_read_only_once_in_a_while() {
    let (issuer, current) = given(NEVER, NEVER).await;
    issuer.may_answer.add_permits(100);
    for _ in 0..5 {
        assert!(!current.with_key(Some("made-up")).await.unwrap().knows("made-up"));
    }
    issuer.publish(&["old", "new"]);
    assert!(!current.with_key(Some("new")).await.unwrap().knows("new"), "too soon");
    assert_eq!(issuer.asked(), 2);

    let (issuer, current) = given(NEVER, Duration::ZERO).await;
    issuer.may_answer.add_permits(100);
    current.with_key(Some("made-up")).await.unwrap();
    issuer.publish(&["old", "new"]);
    assert!(current.with_key(Some("new")).await.unwrap().knows("new"), "the pause is over");
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_end_the_reading_others_need() {
    let (issuer, current) = given(NEVER, NEVER).await;
    issuer.publish(&["new"]);
    assert!(poll_immediate(current.with_key(Some("new"))).await.is_none(), "it waits, and is dropped");
    issuer.until_asked(2).await;
    issuer.may_answer.add_permits(1);
    assert!(current.with_key(Some("new")).await.unwrap().knows("new"));
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn keys_that_cannot_be_used_leave_the_old_ones() {
    let (issuer, current) = given(NEVER, Duration::ZERO).await;
    issuer.may_answer.add_permits(100);
    issuer.publish(&[]);
    assert!(current.with_key(Some("new")).await.is_err());
    assert!(current.with_key(Some("old")).await.unwrap().knows("old"));
    assert!(current.with_key(None).await.unwrap().knows("old"));
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_is_unknown_only_if_the_newest_reading_succeeded() {
    let pause = Duration::from_mins(1);
    let (issuer, current) = given(NEVER, pause).await;
    issuer.may_answer.add_permits(100);
    issuer.publish(&[]);
    for _ in 0..2 {
        let Err(KeyUndecided::NotRead { again_in }) = current.with_key(Some("new")).await else {
            panic!("nobody knows whether there is such a key");
        };
        assert!(again_in > Duration::ZERO && again_in <= pause, "{again_in:?}");
    }
    assert_eq!(issuer.asked(), 2, "no more often");
    issuer.publish(&["old"]);
    let _ = current.begin().changed().await;
    assert!(!current.with_key(Some("new")).await.unwrap().knows("new"));
}

#[tokio::test]
async fn keys_are_read_at_intervals_until_the_server_stops() {
    let (issuer, current) = given(Duration::from_millis(1), NEVER).await;
    issuer.may_answer.add_permits(3);
    let (stop, stopping) = watch::channel(false);
    let fresh = tokio::spawn(current.clone().keep_fresh(stopping));
    issuer.publish(&["new"]);
    // The fifth reading gets no answer; stopping does not wait for it.
    issuer.until_asked(5).await;
    let keys = current.with_key(Some("new")).await.unwrap();
    assert!(keys.knows("new") && !keys.knows("old"));
    stop.send_replace(true);
    fresh.await.unwrap();
}

#[tokio::test]
async fn while_the_issuer_does_not_answer_known_keys_do_not_wait_and_few_unknown_ones_do() {
    let (issuer, current) = given(NEVER, NEVER).await;
    let made_up: Vec<String> = (0..200).map(|n| format!("made-up-{n}")).collect();
    let mut waiting: Vec<_> = made_up.iter().map(|id| Box::pin(current.with_key(Some(id)))).collect();
    let mut refused = 0;
    for asking in &mut waiting {
        match poll_immediate(asking).await {
            None => {}
            Some(answer) => {
                assert_eq!(answer.err(), Some(KeyUndecided::TooManyWaiting));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 200 - MOST_WAITING);
    assert!(refused > 100, "the waiting ones leave most connections to others");
    let known = poll_immediate(current.with_key(Some("old"))).await;
    assert!(known.is_some_and(|keys| keys.is_ok_and(|keys| keys.knows("old"))), "it is there without a wait");
    assert!(poll_immediate(current.with_key(None)).await.is_some_and(|keys| keys.is_ok()));
    issuer.until_asked(2).await;
    drop(waiting);
    let again = poll_immediate(current.with_key(Some("made-up"))).await;
    assert!(again.is_none(), "the places of clients that went away are free");
    issuer.may_answer.add_permits(1);
    assert!(!current.with_key(Some("made-up")).await.unwrap().knows("made-up"));
    assert_eq!(issuer.asked(), 2);
}
