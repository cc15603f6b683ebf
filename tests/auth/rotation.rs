//! Key rotation: new keys are accepted at once, withdrawn ones soon no longer, and an outage of the issuer changes
//! nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::issuer::{Key, Site, claims, key_set, ledger};
use crate::scenario::{Ledger, PATIENCE};

async fn status(ledger: &Ledger, key: &Key) -> u16 {
    // With the ledger's own client: to build one takes longer than a request.
    let request = ledger.http.get(format!("{}/products", ledger.url));
    let token = format!("Bearer {}", key.token(&claims(json!({}))));
    request.header("authorization", token).send().await.unwrap().status().as_u16()
}

async fn until(ledger: &Ledger, key: &Key, wanted: u16) {
    let started = Instant::now();
    while status(ledger, key).await != wanted {
        assert!(started.elapsed() < PATIENCE, "timed out waiting for {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_at_a_url_is_accepted_at_once_and_a_withdrawn_one_is_refused_soon() {
    let (old, new) = (Key::ed("old"), Key::ed("new"));
    let site = Site::publishing(&[&old]).await;
    let ledger = ledger(&site.url, &["--auth-refresh-every", "1"], "");
    assert_eq!((status(&ledger, &old).await, status(&ledger, &new).await), (200, 401));

    site.publish(&[&old, &new]);
    until(&ledger, &new, 200).await;
    assert_eq!(status(&ledger, &old).await, 200);

    site.publish(&[&new]);
    until(&ledger, &old, 401).await;
    assert_eq!(status(&ledger, &new).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_id_fetches_the_keys_at_once_and_many_fetch_them_no_more_often() {
    let (old, new) = (Key::ed("old"), Key::ed("new"));
    let site = Site::publishing(&[&old]).await;
    let ledger = ledger(&site.url, &[], "");
    assert_eq!((status(&ledger, &old).await, site.requests()), (200, 1));

    site.publish(&[&old, &new]);
    assert_eq!((status(&ledger, &new).await, site.requests()), (200, 2), "accepted with its first token");

    let started = Instant::now();
    let strangers = (0..200).map(|n| Key::ed(&format!("made-up-{n}"))).collect::<Vec<_>>();
    let answers = strangers.iter().map(|stranger| status(&ledger, stranger));
    assert!(futures::future::join_all(answers).await.iter().all(|status| *status == 401));
    let allowed = 3 + started.elapsed().as_secs() / 10;
    assert!(site.requests() <= allowed, "{} requests; {allowed} were allowed", site.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_hangs_and_made_up_keys_keep_nobody_out() {
    let key = Key::ed("k");
    let site = Site::publishing(&[&key]).await;
    let ledger = Arc::new(ledger(&site.url, &["--max-requests", "4", "--max-streams", "1"], ""));
    site.hang();
    let strangers: Vec<_> = (0..200)
        .map(|n| {
            let ledger = ledger.clone();
            tokio::spawn(async move { status(&ledger, &Key::ed(&format!("made-up-{n}"))).await })
        })
        .collect();
    let started = Instant::now();
    while site.requests() < 2 {
        assert!(started.elapsed() < PATIENCE, "the issuer is never asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..10 {
        assert_eq!(status(&ledger, &key).await, 200, "a believed token finds a place");
    }
    for stranger in strangers {
        let status = stranger.await.unwrap();
        assert!([401, 503].contains(&status), "{status}");
    }
    assert_eq!(status(&ledger, &key).await, 200);
    let allowed = 2 + started.elapsed().as_secs() / 10;
    assert!(site.requests() <= allowed, "{} requests; {allowed} were allowed", site.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_not_refused_while_the_issuer_hangs_but_told_when_to_come_again() {
    let (old, new) = (Key::ed("old"), Key::ed("new"));
    let site = Site::publishing(&[&old]).await;
    let ledger = ledger(&site.url, &[], "");
    site.publish(&[&old, &new]);
    site.hang();
    let token = format!("Bearer {}", new.token(&claims(json!({}))));
    for attempt in ["the reading fails", "the issuer is not asked again so soon"] {
        let request = ledger.http.get(format!("{}/products", ledger.url)).header("authorization", &token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 503, "{attempt}");
        let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{attempt}: {seconds}");
        assert!(!answer.headers().contains_key("www-authenticate"), "{attempt}");
    }
    assert_eq!((status(&ledger, &old).await, site.requests()), (200, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_or_publishes_nonsense_leaves_the_old_keys() {
    let key = Key::ed("k");
    let site = Site::publishing(&[&key]).await;
    let ledger = ledger(&site.url, &["--auth-refresh-every", "1"], "");
    for (code, body) in [
        (500, String::new()),
        (404, key_set(&[&Key::ed("error-page")])),
        (200, "<html>".to_owned()),
        (200, json!({"keys": []}).to_string()),
        (200, format!("{{\"keys\":[{}]}}", " ".repeat(300_000))),
    ] {
        let before = site.requests();
        site.answer(code, &body);
        // Two more readings: the second one began when the first one was over.
        let started = Instant::now();
        while site.requests() < before + 2 {
            assert!(started.elapsed() < PATIENCE, "the keys are read no more after {code}");
            assert_eq!(status(&ledger, &key).await, 200, "{code}");
        }
        assert_eq!(status(&ledger, &key).await, 200, "{code}");
    }
}

#[tokio::test]
async fn a_file_is_read_again_when_it_has_changed() {
    let (old, new) = (Key::ec("old"), Key::ec("new"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jwks.json");
    let publish = |text: &str| {
        let beside = directory.path().join("new.json");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, &file).unwrap();
    };
    publish(&key_set(&[&old]));
    let ledger = ledger(file.to_str().unwrap(), &["--auth-refresh-every", "1"], "");
    assert_eq!((status(&ledger, &old).await, status(&ledger, &new).await), (200, 401));

    publish(&key_set(&[&new]));
    until(&ledger, &new, 200).await;
    until(&ledger, &old, 401).await;
}
