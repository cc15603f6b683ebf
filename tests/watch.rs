//! `ledger watch` on a server: what happens is shown as it happens.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scenario::{Ledger, json, program};

fn watch(ledger: &Ledger, arguments: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = program();
    command.arg("watch").args(["--url", &ledger.url]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

/// The exit code after a signal.
fn ends(mut child: Child, signal: &str) -> Option<i32> {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[tokio::test]
async fn events_are_shown_as_they_come_until_an_interruption() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"33.6442","sku":"s"}"#).await;
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 2).await;
    let (all, mut lines) = watch(&ledger, &["--from", "start"]);
    let (one, mut of_one) = watch(&ledger, &["--from", "start", "--product", "q", "--json"]);
    assert!(
        lines.next().unwrap().ends_with("  PRODUCT_CREATED          p  created: Helmet, 33.6442 USD; sku: s")
    );
    assert!(lines.next().unwrap().ends_with("  q  created: n, 1.00 USD"));
    assert_eq!(json(&of_one.next().unwrap())["detail"]["metadata"]["product_id"], "q");
    ledger.send("PATCH", "/products/p", r#"{"price":"34.99"}"#).await;
    ledger.send("PATCH", "/products/q", r#"{"price":"2"}"#).await;
    let shown = lines.next().unwrap();
    assert!(shown.ends_with("  PRODUCT_PRICE_CHANGED    p  price: 33.6442 USD → 34.99 USD"), "{shown}");
    let entry: Value = json(&of_one.next().unwrap());
    assert_eq!(
        (&entry["resources"][0], &entry["detail-type"]),
        (&"q".into(), &"PRODUCT_PRICE_CHANGED".into())
    );
    assert_eq!((ends(all, "-INT"), ends(one, "-TERM")), (Some(0), Some(0)));
}

#[tokio::test]
async fn it_ends_when_nobody_reads_its_output_although_nothing_happens() {
    let ledger = Ledger::start();
    let (mut child, lines) = watch(&ledger, &[]);
    let begun = Instant::now();
    drop(lines);
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "it waits for an event");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
