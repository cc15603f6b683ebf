//! Many writers at once, lost answers, an unavailable store: no command is lost and none is recorded twice.

use engine::probe::{Faults, InjectedFault, Matching, RequestRecorder};
use serde_json::json;

use super::front::{Front, HELMET, clock_and_ids};

#[tokio::test(flavor = "multi_thread")]
async fn of_48_writers_in_one_process_all_succeed_at_the_first_attempt() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let front = Front::on(&config).await;
    front.send("PUT /products/p", &[], HELMET).await;
    recorder.clear();
    let writers = (0..48).map(|n| {
        let front = front.clone();
        let body = json!({"attributes": {"writer": n.to_string()}}).to_string();
        tokio::spawn(async move { front.send("PATCH /products/p", &[], &body).await.status })
    });
    for status in futures::future::join_all(writers).await {
        assert_eq!(status.unwrap(), 200);
    }
    let sent = recorder.take_operations();
    let inserts = sent.iter().filter(|operation| *operation == "ExecuteStatement").count();
    assert_eq!(inserts, 48, "nobody lost a race and tried again");
    assert_eq!(front.commits("p").await.len(), 49);
}

/// Two fronts are two processes: neither knows the other's queue.
#[tokio::test(flavor = "multi_thread")]
async fn of_64_writers_in_two_processes_each_succeeds_or_is_told_of_the_conflict() {
    let engine = engine::Engine::in_memory().unwrap();
    let front = Front::on(&engine.sdk_config()).await;
    let clock_and_ids = clock_and_ids();
    let [front, other] = [(), ()].map(|()| Front::at(front.journal.clone(), clock_and_ids.clone()));
    front.send("PUT /products/p", &[], HELMET).await;
    let writers = (0..64).map(|n| {
        let front = if n % 2 == 0 { front.clone() } else { other.clone() };
        tokio::spawn(async move {
            let body = json!({"attributes": {format!("k{}", n % 40): n.to_string()}}).to_string();
            (n, front.send("PATCH /products/p", &[], &body).await)
        })
    });
    let mut succeeded = Vec::new();
    for written in futures::future::join_all(writers).await {
        let (n, answer) = written.unwrap();
        if answer.status == 200 {
            succeeded.push(n);
            continue;
        }
        assert_eq!(answer.refusal(), (409, "conflict"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    let commits = front.commits("p").await;
    let sequences: Vec<u64> = commits.iter().map(|commit| commit.sequence().unwrap()).collect();
    assert_eq!(sequences, (1..=succeeded.len() as u64 + 1).collect::<Vec<_>>());
    // Each commit's change is there when it is written: an update was never decided on an old state.
    let mut state = commits[0].0["state"]["attributes"].clone();
    for commit in &commits[1..] {
        let data = &commit.0["events"][0]["data"];
        assert_eq!(data["previous"]["attributes"], state);
        state = data["attributes"].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_writers_that_know_one_version_exactly_one_wins() {
    let engine = engine::Engine::in_memory().unwrap();
    let front = Front::on(&engine.sdk_config()).await;
    front.send("PUT /products/p", &[], HELMET).await;
    for version in 1..=3 {
        let etag = format!("\"{version}\"");
        let writers = (0..64).map(|n| {
            let (front, etag) = (front.clone(), etag.clone());
            let body = json!({"name": format!("{version} {n}")}).to_string();
            tokio::spawn(async move { front.send("PATCH /products/p", &[("if-match", &etag)], &body).await })
        });
        let answers = futures::future::join_all(writers).await;
        let codes: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status.as_u16()).collect();
        assert_eq!(codes.iter().filter(|code| **code == 200).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == 412).count(), 63, "{codes:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_ends_as_success_with_one_commit() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let front = Front::on(&config).await;
    for (request, body) in
        [("PUT /products/p", HELMET), ("PATCH /products/p", r#"{"price":1}"#), ("DELETE /products/p", "")]
    {
        // The SDK's own retry is answered with a duplicate; with all of its retries lost, nothing is answered at all.
        for times in [1, 3] {
            let before = front.commits("p").await.len();
            faults.add(Matching::operation("ExecuteStatement").times(times), InjectedFault::DropAnswer);
            let answer = front.send(request, &[], body).await;
            assert!(answer.status.is_success(), "{request} {times}: {}", answer.body);
            let commits = front.commits("p").await;
            let written = usize::from(!answer.body["events"].as_array().unwrap().is_empty());
            assert_eq!(commits.len(), before + written, "{request} {times}");
            assert_eq!(commits.last().unwrap().0["commit_id"], answer.body["commit_id"]);
            faults.clear();
        }
    }
    assert_eq!(front.commits("p").await.len(), 3);
}

#[tokio::test]
async fn a_write_whose_outcome_cannot_be_learned_is_answered_503_and_safe_to_repeat() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let front = Front::on(&config).await;
    faults.add(Matching::operation("ExecuteStatement").always(), InjectedFault::DropAnswer);
    faults.add(Matching::operation("Query").always(), InjectedFault::FailBefore);
    let key = [("idempotency-key", "k")];
    let answer = front.send("POST /products", &key, HELMET).await;
    assert_eq!((answer.refusal(), answer.header("retry-after")), ((503, "unavailable"), "1"));
    faults.clear();
    let again = front.send("POST /products", &key, HELMET).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(front.commits(again.body["product_id"].as_str().unwrap()).await.len(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_503_and_nothing_is_written() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let front = Front::on(&config).await;
    faults.add(Matching::any().always(), InjectedFault::FailBefore);
    for (request, body) in
        [("PUT /products/p", HELMET), ("POST /products", HELMET), ("DELETE /products/p", "")]
    {
        let answer = front.send(request, &[], body).await;
        assert_eq!(
            (answer.refusal(), answer.header("retry-after")),
            ((503, "unavailable"), "1"),
            "{request}"
        );
    }
    faults.clear();
    assert!(front.commits("p").await.is_empty());
}

#[tokio::test]
async fn a_lost_answer_under_a_race_never_drops_the_other_s_update() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let (mine, theirs) = (Front::on(&config).await, Front::on(&engine.sdk_config()).await);
    mine.send("PUT /products/p", &[], HELMET).await;
    // The insert never arrives, and before it is tried again somebody else writes.
    faults.add(Matching::operation("ExecuteStatement").times(3), InjectedFault::FailBefore);
    let (answer, other) = tokio::join!(
        mine.send("PATCH /products/p", &[], r#"{"price":1}"#),
        theirs.send("PATCH /products/p", &[], r#"{"name":"theirs"}"#)
    );
    assert!(answer.status.is_success() && other.status.is_success());
    let state = &mine.commits("p").await[2].0["state"];
    assert_eq!((&state["price"], &state["name"]), (&json!("1.00"), &json!("theirs")));
}
