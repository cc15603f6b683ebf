//! The feed of all commits, over HTTP and with `ledger commits`, from a server and from the files of its data directory.

use std::time::{Duration, Instant};

use event_store::{Journal, seal};
use futures::future::join_all;
use schema::fixtures;
use serde_json::Value;
use server::directory::DataDirectory;

use crate::scenario::{Ledger, PATIENCE, adventure_works, json, printed, program};

/// A ledger with the sample file, all of it published.
async fn given() -> Ledger {
    let ledger = Ledger::start();
    assert!(ledger.import(&adventure_works()).output().unwrap().status.success());
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ledger
}

/// What `ledger commits` prints, of the server and of the files.
fn listed(ledger: &Ledger, arguments: &[&str]) -> [String; 2] {
    let [mut server, mut files] = [program(), program()];
    server.arg("commits").args(arguments).args(["--url", &ledger.url]);
    files.arg("commits").args(arguments).arg("--data").arg(&ledger.data);
    [server, files].map(|mut command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", printed(&output));
        String::from_utf8(output.stdout).unwrap()
    })
}

fn positions(text: &str) -> Vec<u64> {
    let page = json(text);
    page["commits"].as_array().unwrap().iter().map(|entry| entry["position"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_program_lists_the_same_commits_from_a_server_and_from_its_files() {
    let ledger = given().await;
    let [server, files] = listed(&ledger, &["--format", "json"]);
    assert_eq!(positions(&server), (0..696).collect::<Vec<_>>());
    assert!(server == files, "the files have other commits or receipts");
    let page = json(&server);
    assert_eq!((&page["next"], &page["newest"]), (&Value::Null, &Value::from(695)));
    assert!(page["commits"].as_array().unwrap().iter().all(|entry| entry["receipts"][0]["bus"] == "local"));
    let exported = ledger.operate(&["export"]);
    let mut exported: Vec<Value> = String::from_utf8(exported.stdout).unwrap().lines().map(json).collect();
    let mut commits: Vec<Value> =
        page["commits"].as_array().unwrap().iter().map(|entry| entry["commit"].clone()).collect();
    let key = |commit: &Value| (commit["product_id"].to_string(), commit["sequence"].as_u64());
    exported.sort_by_key(key);
    commits.sort_by_key(key);
    assert!(commits == exported, "the feed has other commits than the export");
    let [server, files] =
        listed(&ledger, &["--type", "ProductDeleted", "--descending", "--limit", "3", "--format", "json"]);
    let newest = positions(&server);
    assert!(
        server == files && newest.len() == 3 && newest.is_sorted_by(|one, other| one > other),
        "{newest:?}"
    );
    let happened = ["--from", "2022-05-30", "--to", "2022-05-30", "--by", "happened", "--format", "json"];
    let [server, files] = listed(&ledger, &happened);
    let of_day = json(&server)["commits"].as_array().unwrap().clone();
    let day = |entry: &Value| {
        entry["commit"]["metadata"]["occurred_at"].as_str().unwrap().starts_with("2022-05-30")
    };
    assert!(server == files && !of_day.is_empty() && of_day.iter().all(day), "{of_day:?}");
}

#[tokio::test]
async fn csv_of_the_program_is_that_of_the_server_with_one_header() {
    let ledger = given().await;
    let all = ledger.http.get(format!("{}/commits?all=true", ledger.url)).header("accept", "text/csv");
    let all = all.send().await.unwrap().text().await.unwrap();
    let [server, files] = listed(&ledger, &["--format", "csv"]);
    assert!(server == files && server == all, "the program prints other rows");
    assert_eq!(all.matches("position,retroactive").count(), 1);
    let [server, files] = listed(&ledger, &["--format", "csv", "--limit", "2", "--after", "9"]);
    let rows: Vec<&str> = server.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert!(server == files && rows.iter().all(|row| ["10", "11"].contains(row)), "{server}");
}

/// A data directory with so many products, each with one commit.
async fn directory_of(products: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (data, orders) = (directory.path().join("data"), schema::Orders::default());
    let opened = DataDirectory::open(&data, &orders, || "many".to_owned()).await.unwrap();
    let journal = opened.journal().await.unwrap();
    let commits: Vec<_> = (0..products)
        .map(|n| {
            let id = fixtures::id(&format!("p{n}"));
            seal(fixtures::commit_after(None, &id, vec![fixtures::helmet_created()])).unwrap().1
        })
        .collect();
    for some in commits.chunks(500) {
        for appended in join_all(some.iter().map(|commit| journal.append(commit))).await {
            appended.unwrap();
        }
    }
    opened.close().await;
    directory
}

/// Without summaries a page would look at 1000 commits, and say that more follow.
#[tokio::test]
async fn the_server_summarises_the_commits_that_it_finds() {
    let directory = directory_of(3_000).await;
    let ledger = Ledger::on(directory.path().join("data"));
    let is_whole = |_, page: &Value| page["commits"] == serde_json::json!([]) && page["next"].is_null();
    ledger.until("/commits?actor=nobody", is_whole).await;
    let (_, page) = ledger.get("/commits?actor=nobody").await;
    assert_eq!(page["newest"], 2_999);
    let (_, page) = ledger.get("/commits?product=p2999").await;
    assert_eq!((&page["commits"][0]["commit"]["product_id"], &page["next"]), (&"p2999".into(), &Value::Null));
}

#[tokio::test]
async fn a_wait_is_answered_by_the_next_commit_and_when_the_server_stops() {
    let mut ledger = Ledger::start();
    let ask = |after: i64| {
        let request = ledger.http.get(format!("{}/commits?after={after}&wait=20", ledger.url));
        tokio::spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() })
    };
    let waiting = ask(-1);
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    let page = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!((&page["commits"][0]["position"], &page["newest"]), (&0.into(), &0.into()));
    let waiting = ask(0);
    let in_wait = |metrics: &str| metrics.contains("ledger_http_streams_open 1");
    let begun = Instant::now();
    while !in_wait(
        &ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap().text().await.unwrap(),
    ) {
        assert!(begun.elapsed() < PATIENCE, "the request does not wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ledger.terminate(), Some(0));
    let page = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!((&page["commits"], &page["newest"]), (&serde_json::json!([]), &0.into()));
}
