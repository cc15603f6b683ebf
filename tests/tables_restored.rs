//! The event table of a ledger on DynamoDB, or its log table, was restored to an earlier moment: the rehearsals of docs/operations.md.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use serde_json::{Value, json};

use crate::scenario::{PATIENCE, printed, program};
use crate::tables_log::Logged;

const CHANGED: &str = r#"{"name":"changed","price":"2"}"#;
const OTHERWISE: &str = r#"{"name":"changed otherwise","price":"3"}"#;

/// A table of another name with the items that a table has now, as point-in-time recovery makes one.
async fn copied(client: &Client, (from, to): (&str, &str), shape: &str) {
    event_store::table::create(client, to, shape).await.unwrap();
    let items = client.scan().table_name(from).send().await.unwrap().items.unwrap();
    for item in items {
        client.put_item().table_name(to).set_item(Some(item)).send().await.unwrap();
    }
}

async fn change(logged: &Logged, products: &[&str], body: &str) {
    for product in products {
        let (status, answer) = logged.ledger.send("PUT", &format!("/products/{product}"), body).await;
        assert!(status == 200 || status == 201, "{answer}");
    }
}

/// `ledger log verify` with the checkpoint that somebody keeps.
fn verified(logged: &Logged, key: &str, kept: &Path) -> Output {
    let url = format!("{}/log", logged.ledger.url);
    program().args(["log", "verify", &url, "--key", key, "--keep"]).arg(kept).output().unwrap()
}

/// A command of operators with these settings: its exit code and what it prints.
fn operated(logged: &Logged, settings: &[(String, String)], arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = logged.ledger.operator(arguments);
    command.envs(settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let output = command.output().unwrap();
    (output.status.code(), printed(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_table_that_was_restored_goes_on_with_its_log_on_record() {
    let mut logged = Logged::start(&[]).await;
    logged.put(0..4).await;
    logged.until_logged(4).await;
    let key = logged.text("/log/key").await;
    let key = key.split(' ').next().unwrap().to_owned();
    let client = Client::new(&logged.ledger.dynamodb());
    copied(&client, ("ledger-events", "restored-events"), event_store::TABLE).await;
    // Two commits of p1 and one of p2 are lost, and the whole of a new product.
    change(&logged, &["p1", "p2", "new"], CHANGED).await;
    change(&logged, &["p1"], OTHERWISE).await;
    logged.until_logged(8).await;
    let hash = logged.ledger.history("p1").await[1]["hash"].clone();
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let verify_log = |logged: &Logged| verified(logged, &key, &kept);
    assert_eq!(verify_log(&logged).status.code(), Some(0));
    assert_eq!(logged.ledger.terminate(), Some(0));
    logged.ledger.set("LEDGER_EVENTS_TABLE", "restored-events");
    logged.ledger.restart();

    // Other commits in the place of lost ones: parked, and nothing is logged or signed over them.
    change(&logged, &["p1", "p3"], OTHERWISE).await;
    let settings = logged.operators_settings("restored-events");
    let operate = |logged: &Logged, arguments: &[&str]| operated(logged, &settings, arguments);
    logged.until_logged(9).await;
    logged.ledger.until("/commits", |_, page| page["newest"] == 8).await;
    let parked = async {
        while !operate(&logged, &["parked"]).1.contains("rewritten: ") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, parked).await.unwrap();
    let (code, said) = operate(&logged, &["verify", "--log", "--json", "--wait", "0"]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["p1", "rewritten", "p2", "cut_off", "new"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (code, said) = operate(&logged, &["log", "accept-restore", "--reason", "restored to 09:00"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["4 commits lost by 3 products; entry 9 of the log says so", " parked for the log released"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    // What took the place of a lost commit is logged, and the log is whole for who has kept a checkpoint.
    logged.until_logged(11).await;
    change(&logged, &["p2", "new"], OTHERWISE).await;
    logged.until_logged(13).await;
    is_whole_and_on_record(&logged, &verify_log(&logged), operate).await;
    the_feed_shows_what_is_lost(&logged, &hash).await;
}

/// For who has kept a checkpoint, and for operators.
async fn is_whole_and_on_record(
    logged: &Logged,
    output: &Output,
    operate: impl Fn(&Logged, &[&str]) -> (Option<i32>, String),
) {
    let said = printed(output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in
        ["entry 9 accepts a restore", "restored to 09:00", "takes the place of entry 4", "grown from 8"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (code, said) = operate(logged, &["verify", "--log", "--wait", "60"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("entry 9 accepts a restore"), "{said}");
    let (code, said) = operate(logged, &["log", "key"]);
    assert!(code == Some(0) && said.contains(logged.text("/log/key").await.trim()), "{said}");
    let (code, said) = operate(logged, &["log", "accept-restore", "--reason", "again"]);
    assert!(code == Some(1) && said.contains("nothing to accept"), "{said}");
}

/// The positions of lost commits, and why.
async fn the_feed_shows_what_is_lost(logged: &Logged, hash: &Value) {
    let (_, page) = logged.ledger.get("/commits?after=3").await;
    let items = page["commits"].as_array().unwrap();
    let lost = json!({"product_id": "p1", "sequence": items[0]["missing"]["sequence"], "hash": hash});
    assert_eq!(items[0], json!({"position": 4, "commit": null, "missing": lost}));
    let accepted = items.iter().find(|item| item["position"] == 9).unwrap();
    let expected = json!({"kind": "restore-accepted", "reason": "restored to 09:00"});
    assert_eq!(accepted["entry"], expected);
    let (_, page) = logged.ledger.get("/commits?after=3&actor=anonymous").await;
    let positions: Vec<&Value> =
        page["commits"].as_array().unwrap().iter().map(|item| &item["position"]).collect();
    assert_eq!(positions, [8, 10, 11, 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_table_that_was_restored_gets_what_was_signed_before_anything_is_logged_into_it() {
    let mut logged = Logged::start(&[]).await;
    logged.put(0..3).await;
    logged.until_logged(3).await;
    let key = logged.text("/log/key").await;
    let key = key.split(' ').next().unwrap().to_owned();
    let client = Client::new(&logged.ledger.dynamodb());
    copied(&client, ("ledger-log", "restored-log"), sequencer::LOG_TABLE).await;
    change(&logged, &["p1", "new", "p2"], CHANGED).await;
    change(&logged, &["p1"], OTHERWISE).await;
    logged.until_logged(7).await;
    let (_, before) = logged.ledger.get("/commits?limit=100").await;
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    assert_eq!(verified(&logged, &key, &kept).status.code(), Some(0));
    assert_eq!(logged.ledger.terminate(), Some(0));
    logged.ledger.set("LEDGER_LOG_TABLE", "restored-log");
    logged.ledger.restart();
    change(&logged, &["p2"], OTHERWISE).await;
    let is_said = |line: &Value| {
        line["target"] == "ledger::log"
            && line["level"] == "ERROR"
            && line.to_string().contains("run ledger log restore")
    };
    let told = async {
        while !logged.ledger.log().iter().any(is_said) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();

    let mut settings = logged.operators_settings("ledger-events");
    settings.push(("LEDGER_LOG_TABLE".to_owned(), "restored-log".to_owned()));
    let operate = |logged: &Logged, arguments: &[&str]| operated(logged, &settings, arguments);
    let (code, said) = operate(&logged, &["log", "accept-restore", "--reason", "of the log table"]);
    assert!(code == Some(1) && said.contains("run ledger log restore first"), "{said}");
    let (_, page) = logged.ledger.get("/commits?limit=100").await;
    assert_eq!(page["newest"], 2, "nothing was logged");
    let (code, said) = operate(&logged, &["log", "restore"]);
    assert_eq!(code, Some(0), "{said}");
    for part in
        ["4 entries put into the log table again", "restored: log ledger.example.com/log, 7 entries, root "]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    // The sequencer goes on by itself, behind what was signed and with what was recorded meanwhile.
    logged.until_logged(8).await;
    let output = verified(&logged, &key, &kept);
    assert!(output.status.success() && printed(&output).contains("grown from 7"), "{}", printed(&output));
    let (_, after) = logged.ledger.get("/commits?limit=7").await;
    assert_eq!(after["commits"], before["commits"], "at their positions");
    let (code, said) = operate(&logged, &["verify", "--log", "--wait", "60"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = operate(&logged, &["log", "restore"]);
    assert!(code == Some(1) && said.contains("nothing to restore"), "{said}");
}
