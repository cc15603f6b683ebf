//! A command that is repeated with its key is recognised, whatever happened since, and changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use event_store::{Journal, MemoryJournal};
use schema::Timestamp;
use web::ClockAndIds;

use super::front::{Front, HELMET, NOW, clock_and_ids};

const KEY: (&str, &str) = ("idempotency-key", "k-1");

#[tokio::test]
async fn five_sendings_with_one_key_are_one_commit_and_five_equal_receipts() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let first = front.send("PATCH /products/p", &[KEY], r#"{"price":"1"}"#).await;
    for n in 0..4 {
        front
            .send(
                "PATCH /products/p",
                &[("idempotency-key", &format!("other-{n}"))],
                &format!(r#"{{"price":"{}"}}"#, n + 2),
            )
            .await;
        let again = front.send("PATCH /products/p", &[KEY], "{ \"price\" : \"1\" }").await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(
            (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
            ("", "true")
        );
    }
    assert_eq!(front.commits("p").await.len(), 6);
}

#[tokio::test]
async fn a_post_with_a_key_never_makes_a_second_product_even_when_the_key_left_the_ring() {
    let front = Front::in_memory();
    let first = front.send("POST /products", &[KEY], HELMET).await;
    let id = first.body["product_id"].as_str().unwrap().to_owned();
    for n in 0..100 {
        let other = format!("other-{n}");
        let body = format!(r#"{{"price":"{n}"}}"#);
        let answer =
            front.send(&format!("PATCH /products/{id}"), &[("idempotency-key", &other)], &body).await;
        assert_eq!(answer.status, 200);
    }
    front.send(&format!("DELETE /products/{id}"), &[], "").await;
    let again = front.send("POST /products", &[KEY], HELMET).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(front.commits(&id).await.len(), 102);
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[KEY], r#"{"name":"a","price":1}"#).await;
    for (request, body) in [
        ("PUT /products/p", r#"{"name":"b","price":1}"#),
        ("PUT /products/p", r#"{"name":"a","price":1.0001}"#),
        ("PATCH /products/p", r#"{"name":"a","price":1}"#),
        ("DELETE /products/p", ""),
        ("DELETE /products/p?occurred_at=2020-01-01T00:00:00Z", ""),
    ] {
        let answer = front.send(request, &[KEY], body).await;
        assert_eq!(answer.refusal(), (422, "idempotency-key-reused"), "{request} {body}");
    }
    assert_eq!(front.send("PUT /products/p", &[KEY], r#"{"price":1.0,"name":"a"}"#).await.status, 201);
    assert_eq!(front.commits("p").await.len(), 1);
}

#[tokio::test]
async fn post_with_a_used_key_and_another_body_is_refused() {
    let front = Front::in_memory();
    front.send("POST /products", &[KEY], HELMET).await;
    let other = front.send("POST /products", &[KEY], r#"{"name":"a","price":1}"#).await;
    assert_eq!(other.refusal(), (422, "idempotency-key-reused"));
}

#[tokio::test]
async fn at_least_the_last_32_keys_of_a_product_are_remembered() {
    let front = Front::in_memory();
    for n in 0..33 {
        let key = format!("k-{n}");
        front
            .send("PUT /products/p", &[("idempotency-key", &key)], &format!(r#"{{"name":"{n}","price":1}}"#))
            .await;
    }
    for n in 1..33 {
        let key = format!("k-{n}");
        let again = front
            .send("PUT /products/p", &[("idempotency-key", &key)], &format!(r#"{{"name":"{n}","price":1}}"#))
            .await;
        assert_eq!(again.header("idempotency-replayed"), "true", "{n}");
        assert_eq!(again.body["version"], n + 1, "{n}");
    }
    assert_eq!(front.commits("p").await.len(), 33);
}

#[tokio::test]
async fn a_command_that_wrote_nothing_is_decided_anew() {
    let front = Front::in_memory();
    front.send("PATCH /products/p", &[KEY], r#"{"price":"1"}"#).await;
    front.send("PUT /products/p", &[], HELMET).await;
    let now = front.send("PATCH /products/p", &[KEY], r#"{"price":"1"}"#).await;
    assert_eq!((now.status.as_u16(), now.header("idempotency-replayed")), (200, ""));
    assert_eq!(now.body["version"], 2);
}

#[tokio::test]
async fn a_repetition_is_recognised_before_its_precondition_is_looked_at() {
    let front = Front::in_memory();
    front.send("PUT /products/p", &[], HELMET).await;
    let headers = [KEY, ("if-match", "\"1\"")];
    let first = front.send("PATCH /products/p", &headers, r#"{"price":"1"}"#).await;
    let again = front.send("PATCH /products/p", &headers, r#"{"price":"1"}"#).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    let created = [KEY, ("if-none-match", "*")];
    let first = front.send("PUT /products/q", &created, HELMET).await;
    let again = front.send("PUT /products/q", &created, HELMET).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[tokio::test]
async fn a_key_of_wrong_form_is_refused() {
    let front = Front::in_memory();
    for key in ["", "with space", &"x".repeat(256)] {
        let answer = front.send("PUT /products/p", &[("idempotency-key", key)], HELMET).await;
        assert_eq!(answer.refusal(), (400, "malformed"), "{key}");
    }
    let twice = front.send("PUT /products/p", &[KEY, ("idempotency-key", "k-2")], HELMET).await;
    assert_eq!(twice.refusal(), (400, "malformed"));
    assert!(front.commits("p").await.is_empty());
}

/// A front whose clock is set by hand.
struct Timed {
    front: Front,
    now: Arc<AtomicI64>,
}

impl Timed {
    fn new() -> Self {
        Self::over(Arc::new(MemoryJournal::default()))
    }

    fn over(journal: Arc<dyn Journal>) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let shown = now.clone();
        let clock = move || {
            let at = chrono::DateTime::from_timestamp_millis(shown.load(Ordering::Relaxed)).unwrap();
            Timestamp::new(at).unwrap()
        };
        let front = Front::at(journal, ClockAndIds { clock: Arc::new(clock), ..clock_and_ids() });
        Self { front, now }
    }

    async fn put(&self, n: usize) -> (u16, bool, u64) {
        let key = format!("k-{n}");
        let body = format!(r#"{{"name":"{n}","price":1}}"#);
        let answer = self.front.send("PUT /products/p", &[("idempotency-key", &key)], &body).await;
        let replayed = answer.header("idempotency-replayed") == "true";
        (answer.status.as_u16(), replayed, answer.body["version"].as_u64().unwrap())
    }

    fn minutes_pass(&self, minutes: i64) {
        self.now.fetch_add(minutes * 60_000, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_last_256_keys_of_the_last_hour_are_remembered_and_no_more() {
    let timed = Timed::new();
    for n in 0..300 {
        assert!(!timed.put(n).await.1);
        if n % 7 == 0 {
            // Commands without a key take no place.
            timed.front.send("PATCH /products/p", &[], &format!(r#"{{"price":{}}}"#, n + 2)).await;
        }
    }
    let commits = timed.front.commits("p").await.len();
    for n in (44..300).rev() {
        assert!(timed.put(n).await.1, "{n}");
    }
    assert_eq!(timed.front.commits("p").await.len(), commits, "nothing was written");
    assert!(!timed.put(43).await.1, "the 257th is decided anew");
}

#[tokio::test]
async fn a_key_is_known_for_an_hour_and_one_of_the_last_32_for_ever() {
    let timed = Timed::new();
    for n in 0..40 {
        timed.put(n).await;
    }
    timed.minutes_pass(60);
    assert_eq!(timed.put(0).await, (201, true, 1));
    assert_eq!(timed.put(7).await, (200, true, 8));
    timed.minutes_pass(1);
    assert!(!timed.put(7).await.1, "it is older than an hour, and 32 others came");
    timed.minutes_pass(100 * 24 * 60);
    assert_eq!(timed.put(9).await, (200, true, 10));
}

#[tokio::test]
async fn a_key_that_left_the_ring_within_the_hour_is_refused_for_another_request() {
    let timed = Timed::new();
    for n in 0..60 {
        timed.put(n).await;
    }
    let key = [("idempotency-key", "k-3")];
    let other = timed.front.send("PUT /products/p", &key, r#"{"name":"another","price":9}"#).await;
    assert_eq!(other.refusal(), (422, "idempotency-key-reused"));
}
