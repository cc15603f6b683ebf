//! Operators' work: find and repair what never arrived, publish again, rebuild a view while the ledger is in use.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use projections::views::View;
use serde_json::Value;

use crate::beneath;
use crate::scenario::{Ledger, printed};

#[tokio::test]
async fn a_product_that_nobody_heard_of_is_found_and_repaired() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/known", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    ledger.until("/products/known", |status, _| status == 200).await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ledger.terminate();
    beneath::append_unnoticed(&ledger, "lost").await;
    ledger.restart();
    let found = ledger.operate(&["reconcile", "--json"]);
    assert_eq!(found.status.code(), Some(1), "{}", printed(&found));
    let line: Value =
        serde_json::from_slice(found.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&line["product_id"], &line["version"]), (&"lost".into(), &1.into()));
    assert_eq!(line["behind"].as_array().unwrap().len(), 3, "{line}");
    assert_eq!(ledger.get("/products/lost").await.0, 404);
    let repaired = ledger.operate(&["reconcile", "--repair"]);
    assert!(repaired.status.success(), "{}", printed(&repaired));
    assert_eq!(ledger.get("/products/lost").await.0, 200);
    assert_eq!(ledger.bus(|entries| entries.len() == 2).await[1]["resources"][0], "lost");
    assert!(ledger.operate(&["reconcile"]).status.success());
}

#[tokio::test]
async fn operators_are_answered_also_where_no_server_runs() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.terminate();
    let listed = ledger.operate(&["parked", "list"]);
    assert!(
        listed.status.success() && printed(&listed).contains("nothing is parked"),
        "{}",
        printed(&listed)
    );
    let repaired = ledger.operate(&["reconcile", "--repair"]);
    assert!(repaired.status.success(), "{}", printed(&repaired));
    assert!(ledger.operate(&["reconcile"]).status.success());
    for arguments in [["reconcile"], ["parked"], ["replay"]] {
        let directory = tempfile::tempdir().unwrap();
        let output =
            crate::scenario::program().args(arguments).arg("--data").arg(directory.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    }
}

#[tokio::test]
async fn a_replay_is_marked_keeps_ids_and_leaves_the_receipts_as_they_were() {
    let ledger = Ledger::start();
    for n in 1..=3 {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    let first = ledger.bus(|entries| entries.len() == 4).await;
    let published = |page: &Value| {
        page["commits"].as_array().unwrap().iter().all(|commit| !commit["receipts"][0].is_null())
    };
    let before = ledger.until("/products/p/history", |_, page| published(page)).await;
    let output = ledger.operate(&["replay", "--product", "p"]);
    assert!(output.status.success() && printed(&output).contains("3 events"), "{}", printed(&output));
    let all = ledger.bus(|entries| entries.len() == 7).await;
    let original: Vec<&Value> = first.iter().filter(|entry| entry["resources"][0] == "p").collect();
    for (entry, original) in all[4..].iter().zip(original) {
        let (metadata, first) = (&entry["detail"]["metadata"], &original["detail"]["metadata"]);
        assert_eq!((&metadata["event_id"], &metadata["sequence"]), (&first["event_id"], &first["sequence"]));
        assert!(metadata["replay"]["id"].is_string() && metadata["replay"]["requested_at"].is_string());
        assert!(first["replay"].is_null());
    }
    assert_eq!(ledger.get("/products/p/history").await.1, before);
    let elsewhere = ledger.operate(&["replay", "--all", "--bus", "another"]);
    assert_eq!(elsewhere.status.code(), Some(2), "{}", printed(&elsewhere));
    let told = "there is no bus another: LEDGER_EVENT_BUS is not set, so there is only the bus local";
    assert!(printed(&elsewhere).contains(told), "{}", printed(&elsewhere));
    let counted = ledger.operate(&["replay", "--product", "p", "--dry-run", "--json"]);
    let counted: Value = serde_json::from_slice(&counted.stdout).unwrap();
    assert_eq!(counted, serde_json::json!({"events": 3, "left": []}));
    let future = ledger.operate(&["replay", "--from", "2999-01-01T00:00:00Z"]);
    assert!(printed(&future).contains("0 events"), "{}", printed(&future));
    assert_eq!(ledger.bus(|entries| entries.len() == 7).await.len(), 7);
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_refused_and_nothing_is_done() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    for (arguments, code, says) in [
        (&["parked", "retry", "nosuch"][..], 1, "there is no product nosuch"),
        (&["parked", "retry", "p", "nosuch"], 1, "there is no product nosuch"),
        (&["replay", "--product", "nosuch"], 1, "there is no product nosuch"),
        (&["replay", "--product", "nosuch", "--dry-run"], 1, "there is no product nosuch"),
        (&["export", "nosuch"], 1, "there is no product nosuch"),
        (&["verify", "nosuch"], 1, "there is no product nosuch"),
        (&["verify", "nosuch", "--receipts", "--views"], 1, "there is no product nosuch"),
        (&["replay", "--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], 2, "is later than"),
        (
            &["replay", "--from", "2026-02-01", "--to", "2026-01-01", "--time-zone", "Europe/Berlin"],
            2,
            "--from 2026-01-31T23:00:00.000Z is later than --to 2026-01-01T22:59:59.999Z",
        ),
        (&["replay"], 2, "--all"),
        (&["replay", "--bus", "local"], 2, "--all"),
        (&["replay", "--all", "--product", "p"], 2, "--all"),
        (&["parked", "retry", "p"], 0, "p  was not parked"),
        (&["parked", "retry"], 2, "--all"),
        (&["rebuild", "products", "--overlap", "5"], 2, "5 is not in 6..=86400"),
        (&["rebuild", "nosuch"], 2, "nosuch"),
    ] {
        let output = ledger.operate(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", printed(&output));
        assert!(printed(&output).contains(says), "{arguments:?}: {}", printed(&output));
        assert!(!printed(&output).contains("p  released"), "{}", printed(&output));
    }
    assert_eq!(ledger.bus(|entries| !entries.is_empty()).await.len(), 1);
}

/// A view that shows something else at the right version is not behind, and no repair of what is behind heals it.
#[tokio::test]
async fn what_a_view_shows_wrongly_differs_and_is_not_called_repaired_until_a_rebuild() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ledger.terminate();
    beneath::misprice_view(&ledger, "p").await;
    for arguments in [&["reconcile"][..], &["reconcile", "--repair"], &["reconcile"]] {
        let output = ledger.operate(arguments);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert_eq!(text.matches("shows another content of version 1").count(), 1, "{text}");
        assert!(
            text.contains("0 behind, 1 with another content than the ledger, 0 repaired, 1 left"),
            "{text}"
        );
        assert!(text.contains("run: ledger rebuild products"), "{text}");
    }
    let told = ledger.operate(&["reconcile", "--repair", "--json"]);
    let told = String::from_utf8(told.stdout).unwrap();
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["repaired"], &lines[0]["behind"]), (&false.into(), &serde_json::json!([])));
    assert_eq!(lines[1]["left"], 1);
    let rebuilt = ledger.operate(&["rebuild", "products", "--overlap", "11"]);
    assert!(rebuilt.status.success(), "{}", printed(&rebuilt));
    assert!(ledger.operate(&["reconcile"]).status.success());
    let told = String::from_utf8_lossy(&rebuilt.stderr);
    assert!(
        told.lines().any(|line| line == "writing the old and the new view (10 s)"),
        "a line every ten seconds: {told}"
    );
    let told = String::from_utf8_lossy(&rebuilt.stdout);
    assert!(told.contains("\nqueries now read the new view; "), "{told}");
    let rate = told.split(" commits/s").next().and_then(|before| before.rsplit(' ').next());
    assert!(rate.unwrap().parse::<u64>().unwrap() > 0, "the overlap was counted: {told}");
}

/// A command that cannot go on, because nobody reads the pipe it writes to, is stopped all the same.
#[tokio::test]
async fn an_export_into_a_pipe_that_nobody_reads_is_stopped_at_once() {
    use std::io::Read;
    let ledger = Ledger::start();
    let description = "d".repeat(3_000);
    for n in 0..100 {
        let body = format!(r#"{{"name":"{n}","price":"1","description":"{description}"}}"#);
        ledger.send("PUT", &format!("/products/p{n}"), &body).await;
    }
    let mut export = ledger.operator(&["export"]);
    let mut export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = export.stdout.take().unwrap();
    pipe.read_exact(&mut [0]).unwrap();
    signal(export.id(), "-TERM");
    ends_with_a_word(export, 2, "the export is not complete");
    drop(pipe);
}

/// Starts a rebuild and waits until it writes both views, which it then does for a minute.
async fn rebuild_in_its_overlap(ledger: &Ledger) -> std::process::Child {
    let before = beneath::lineup(ledger).await["products"]["rebuild"]["id"].clone();
    let mut rebuild = ledger.operator(&["rebuild", "products"]);
    let mut rebuild = rebuild.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    loop {
        let products = &beneath::lineup(ledger).await["products"];
        let both = |write: &Vec<Value>| write.len() == 2 && write[0] == products["read"];
        if products["write"].as_array().is_some_and(both) && products["rebuild"]["id"] != before {
            return rebuild;
        }
        assert!(rebuild.try_wait().unwrap().is_none(), "the rebuild ended early");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Ends soon, with one line that says what became of the work.
fn ends_with_a_word(process: std::process::Child, code: i32, says: &str) {
    let asked = Instant::now();
    let output = process.wait_with_output().unwrap();
    // An overlap lasts a minute.
    assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
    let text = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("ledger: ")).collect();
    assert_eq!((output.status.code(), told.len()), (Some(code), 1), "{text}");
    assert!(told[0].contains(says) && told[0].contains("run it again"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_is_stopped_at_once_refused_while_another_runs_and_taken_over() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.until("/products/p", |status, _| status == 200).await;
    for name in ["-TERM", "-INT"] {
        let rebuild = rebuild_in_its_overlap(&ledger).await;
        signal(rebuild.id(), name);
        ends_with_a_word(rebuild, 1, "stopped");
    }
    let first = rebuild_in_its_overlap(&ledger).await;
    let second = ledger.operate(&["rebuild", "products", "--overlap", "6"]);
    assert_eq!(second.status.code(), Some(1), "{}", printed(&second));
    assert!(printed(&second).contains("another rebuild of this view is running"), "{}", printed(&second));
    let second = ledger.operate(&["rebuild", "products", "--overlap", "6", "--take-over"]);
    assert!(second.status.success(), "{}", printed(&second));
    let first = first.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(1), "{}", printed(&first));
    assert!(printed(&first).contains("another rebuild of this view took over"), "{}", printed(&first));
    if !crate::scenario::on_dynamodb() {
        let rebuild = rebuild_in_its_overlap(&ledger).await;
        let asked = Instant::now();
        ledger.terminate();
        assert!(asked.elapsed() < Duration::from_secs(10), "the server waited for it: {:?}", asked.elapsed());
        ends_with_a_word(rebuild, 1, "the server stops");
    }
}

/// Writes about 50 commands a second until told to stop, and says how many were recorded.
async fn write_steadily(http: reqwest::Client, url: String, stop: Arc<AtomicBool>) -> u64 {
    let mut turns = tokio::time::interval(Duration::from_millis(20));
    let mut recorded = 0;
    while !stop.load(Ordering::Relaxed) {
        turns.tick().await;
        let request =
            http.put(format!("{url}/products/p{}", recorded % 40)).header("content-type", "application/json");
        let body = format!(r#"{{"name":"{recorded}","price":"{}"}}"#, recorded % 9 + 1);
        recorded += u64::from(request.body(body).send().await.unwrap().status().is_success());
    }
    recorded
}

/// Reads products until told to stop; an older version than before is a fault.
async fn never_read_older(http: reqwest::Client, url: String, stop: Arc<AtomicBool>) {
    let mut seen = [0_u64; 40];
    while !stop.load(Ordering::Relaxed) {
        for (n, seen) in seen.iter_mut().enumerate() {
            let answer = http.get(format!("{url}/products/p{n}")).send().await.unwrap();
            if answer.status() == 200 {
                let version = answer.json::<Value>().await.unwrap()["version"].as_u64().unwrap();
                assert!(version >= *seen, "p{n} showed version {version} after {seen}");
                *seen = version;
            } else {
                assert_eq!(*seen, 0, "p{n} vanished");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_rebuilt_under_constant_writes_ends_equal_to_the_ledger_and_never_shows_older() {
    let ledger = Ledger::start();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_steadily(ledger.http.clone(), ledger.url.clone(), stop.clone()));
    let reader = tokio::spawn(never_read_older(ledger.http.clone(), ledger.url.clone(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for view in View::ALL.map(View::name) {
        let mut rebuild = ledger.operator(&["rebuild", view, "--overlap", "6"]);
        let rebuild = tokio::task::spawn_blocking(move || rebuild.output().unwrap());
        let output = rebuild.await.unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
    stop.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert!(writer.await.unwrap() > 0);
    for view in View::ALL.map(View::name) {
        let output = ledger.operate(&["rebuild", view, "--dry-run", "--json"]);
        assert!(output.status.success(), "{}", printed(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["differing"], &report["products"]), (&0.into(), &40.into()), "{report}");
    }
}
