//! An auditor's work: export, verify with and without the server, with the program and with the documented verifier.

use std::process::Command;

use futures::StreamExt;
use serde_json::Value;

use crate::beneath;
use crate::scenario::{Ledger, printed, program, repository};

/// A ledger with a small story in it.
async fn with_a_story() -> Ledger {
    let ledger = Ledger::start();
    for (product, name) in [("cap", "Cap"), ("helmet", "Sport-100 Helmet, Red")] {
        let body = format!(
            r#"{{"name":"{name}","price":"33.6442","attributes":{{"\ufb33":"1","\ud83d\ude00":"2"}}}}"#
        );
        ledger.send("PUT", &format!("/products/{product}"), &body).await;
        ledger
            .send("PATCH", &format!("/products/{product}"), r#"{"price":"34.99","name":"new","sku":"X"}"#)
            .await;
        ledger.send("DELETE", &format!("/products/{product}"), "").await;
    }
    ledger.send("POST", "/products/helmet/restore", "").await;
    // The documented verifier finds its products through the view, so the view has to know them all.
    ledger.until("/products/helmet", |_, product| product["version"] == 6).await;
    ledger
        .until("/products?sort=updated_at&include=deleted", |_, page| {
            page["products"].as_array().unwrap().len() == 2
        })
        .await;
    ledger
}

#[tokio::test]
async fn the_documented_verifier_agrees_with_the_program_on_the_export_and_over_http() {
    let ledger = with_a_story().await;
    let export = tempfile::NamedTempFile::new().unwrap();
    let file = export.path().to_str().unwrap();
    let exported = ledger.operate(&["export", "-o", file]);
    assert!(exported.status.success(), "{}", printed(&exported));
    let verified = program().args(["verify", "--file", file]).output().unwrap();
    assert!(verified.status.success(), "{}", printed(&verified));
    let heads = |text: &str| text.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    let ours = heads(&String::from_utf8_lossy(&verified.stdout));
    assert_eq!(ours.len(), 64, "{}", printed(&verified));
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 is not installed");
        return;
    }
    let script = repository().join("docs/audit/verify.py");
    for source in [file, &ledger.url] {
        let theirs = Command::new("python3").arg(&script).arg(source).output().unwrap();
        assert!(theirs.status.success(), "{source}: {}", printed(&theirs));
        assert_eq!(heads(&String::from_utf8_lossy(&theirs.stdout)), ours, "{source}");
    }
    let text = std::fs::read_to_string(file).unwrap().replacen("34.99", "34.98", 1);
    std::fs::write(file, text).unwrap();
    let theirs = Command::new("python3").arg(&script).arg(file).output().unwrap();
    assert_eq!(theirs.status.code(), Some(1), "{}", printed(&theirs));
}

#[tokio::test]
async fn the_ledger_is_verified_with_its_receipts_while_it_is_served_and_after() {
    let mut ledger = with_a_story().await;
    ledger.bus(|entries| entries.len() == 11).await;
    let verified = ledger.operate(&["verify", "--receipts", "--views", "--wait", "120"]);
    assert!(verified.status.success(), "{}", printed(&verified));
    let (status, verification) = ledger.get("/products/helmet/verification").await;
    assert_eq!((status, &verification["valid"], &verification["commits"]), (200, &true.into(), &4.into()));
    ledger.terminate();
    let output = ledger.operate(&["verify", "helmet"]);
    assert!(output.status.success() && printed(&output).contains("4 commits"), "{}", printed(&output));
}

/// A question, and who is asked.
fn asked<'a>(question: &[&'a str], source: [&'a str; 2]) -> Vec<&'a str> {
    [question, &["--json"], &source].concat()
}

/// What a command prints with these arguments, as JSON.
fn told(arguments: &[&str]) -> Value {
    let output = program().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn an_export_answers_as_the_server_does_and_the_server_is_as_whole_as_its_export() {
    let ledger = with_a_story().await;
    let export = tempfile::NamedTempFile::new().unwrap();
    let file = export.path().to_str().unwrap();
    assert!(ledger.operate(&["export", "-o", file]).status.success());
    for question in [
        &["show", "helmet"][..],
        &["show", "helmet", "--version", "2"],
        &["show", "cap"],
        &["prices", "helmet"],
        &["prices", "cap", "--as-of", "2999-01-01", "--time-zone", "Europe/Berlin"],
        &["history", "cap"],
    ] {
        if question == ["show", "cap"] {
            // It is deleted.
            for source in [["--url", &ledger.url], ["--file", file]] {
                let output = program().args(asked(question, source)).output().unwrap();
                let text = printed(&output);
                assert!(output.status.code() == Some(1) && text.contains("was deleted at"), "{text}");
            }
            continue;
        }
        let (mut server, export) =
            (told(&asked(question, ["--url", &ledger.url])), told(&asked(question, ["--file", file])));
        for commit in server.get_mut("commits").and_then(Value::as_array_mut).into_iter().flatten() {
            commit.as_object_mut().unwrap().remove("receipts");
        }
        assert_eq!(server, export, "{question:?}");
    }
    let verified = |source: [&str; 2]| program().args(["verify", "--heads"]).args(source).output().unwrap();
    let (server, export) = (verified(["--url", &ledger.url]), verified(["--file", file]));
    assert!(server.status.success(), "{}", printed(&server));
    assert_eq!(String::from_utf8_lossy(&server.stdout), String::from_utf8_lossy(&export.stdout));
}

/// Right after many writes the publisher and the projector are behind; that is waited for, and called no fault.
#[tokio::test]
async fn what_was_written_a_moment_ago_is_no_fault_of_receipts_and_views() {
    let ledger = Ledger::start();
    let puts = (0..300).map(async |n| {
        let path = format!("/products/p{}", n % 50);
        ledger.send("PUT", &path, &format!(r#"{{"name":"{n}","price":"1"}}"#)).await
    });
    let answers: Vec<(u16, Value)> = futures::stream::iter(puts).buffer_unordered(16).collect().await;
    assert!(answers.iter().all(|(status, _)| (200..300).contains(status)), "{answers:?}");
    let output = ledger.operate(&["verify", "--receipts", "--views", "--wait", "120"]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(!printed(&output).contains("unpublished") && !printed(&output).contains("wrong_view"));
}

#[tokio::test]
async fn every_copy_that_answers_somebody_is_compared_with_the_ledger() {
    let mut ledger = Ledger::start();
    for product in ["changed", "deleted", "misplaced", "priceless", "whole"] {
        let body = format!(r#"{{"name":"{product}","price":"1"}}"#);
        ledger.send("PUT", &format!("/products/{product}"), &body).await;
    }
    let output = ledger.operate(&["verify", "--views", "--wait", "60"]);
    assert!(output.status.success(), "{}", printed(&output));
    ledger.terminate();
    beneath::misprice_view(&ledger, "changed").await;
    beneath::damage_views(&ledger, "deleted", "misplaced", "priceless", ("whole", "ghost")).await;
    let output = ledger.operate(&["verify", "--views"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let text = printed(&output);
    for told in [
        "product changed sequence 1: rewritten: the view saw price \"9.99\", here is \"1.00\"",
        "product changed sequence 1: wrong_view: the view products shows another content of version 1",
        "product deleted sequence 1: wrong_view: the view products is missing",
        "product misplaced: wrong_view: the view products does not stand in the order by name",
        "product priceless sequence 1: wrong_view: the view prices is missing",
        "product ghost-price: unreadable: ",
        "cannot be read: it holds the prices of the product whole; restore the commits that other faults name, if they were recorded; only then run: ledger rebuild prices",
        "product ghost: cut_off: the view saw event 1, and there is no commit of the product",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert!(!text.lines().any(|line| line.starts_with("product whole")), "{text}");
}

#[tokio::test]
async fn a_look_up_that_misses_a_product_and_a_category_that_counts_one_too_many_are_named() {
    let mut ledger = Ledger::start();
    for (product, details) in [
        ("unfound", r#","sku":"S","category":"C""#),
        ("uncounted", r#","category":"C""#),
        ("miscounted", ""),
        ("whole", r#","sku":"S""#),
    ] {
        let body = format!(r#"{{"name":"{product}","price":"1"{details}}}"#);
        ledger.send("PUT", &format!("/products/{product}"), &body).await;
    }
    let output = ledger.operate(&["verify", "--views", "--wait", "60"]);
    assert!(output.status.success(), "{}", printed(&output));
    ledger.terminate();
    beneath::damage_lookups(&ledger, "unfound", "uncounted", "miscounted").await;
    let output = ledger.operate(&["verify", "--views"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let text = printed(&output);
    for told in [
        "product unfound: wrong_view: the view products is not found by its sku in the order by id",
        "product uncounted: wrong_view: the view products is not found by its category in the order by id",
        "product miscounted: wrong_view: the view products is counted in a category that GET does not show",
    ] {
        assert!(text.contains(told), "{told} in {text}");
    }
    assert!(!text.contains("product whole"), "{text}");
    let one = ledger.operate(&["verify", "--views", "unfound"]);
    assert!(printed(&one).contains("is not found by its sku"), "{}", printed(&one));
}

#[tokio::test]
async fn a_commit_changed_in_the_store_is_named_by_product_and_sequence() {
    let mut ledger = with_a_story().await;
    ledger.terminate();
    beneath::backdate(&ledger, "cap").await;
    let output = ledger.operate(&["verify"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let text = printed(&output);
    assert!(text.contains("cap sequence 1") && !text.contains("helmet"), "{text}");
    ledger.restart();
    let (_, verification) = ledger.get("/products/cap/verification").await;
    assert_eq!(verification["valid"], false);
    assert!(!verification["faults"].as_array().unwrap().is_empty(), "{verification}");
}

#[test]
fn what_cannot_be_checked_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("none");
    let nowhere = nowhere.to_str().unwrap();
    for arguments in [
        vec!["verify", "--data", nowhere],
        vec!["verify", "--file", nowhere],
        vec!["export", "--data", nowhere],
    ] {
        let output = program().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", printed(&output));
    }
}

#[tokio::test]
async fn the_past_is_shown_as_it_was() {
    let ledger = with_a_story().await;
    let shown = program()
        .args(["show", "helmet", "--version", "1", "--json", "--url", &ledger.url])
        .output()
        .unwrap();
    let product: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&product["price"], &product["version"]), (&"33.6442".into(), &1.into()));
    let inside = ledger.get("/products/helmet?version=2").await.1;
    assert_eq!((&inside["name"], &inside["price"]), (&"new".into(), &"33.6442".into()));
    assert_eq!(ledger.get("/products/helmet?version=5").await.0, 404);
    assert_eq!(ledger.get("/products/helmet?version=7").await.0, 404);
    let moment = ledger.history("helmet").await[0]["recorded_at"].as_str().unwrap().to_owned();
    assert_eq!(ledger.get(&format!("/products/helmet?as_of={moment}")).await.1["version"], 1);
    let history = program().args(["history", "helmet", "--url", &ledger.url]).output().unwrap();
    let text = printed(&history);
    assert!(history.status.success() && text.contains("33.6442") && text.contains("restored"), "{text}");
    let prices = program().args(["prices", "helmet", "--url", &ledger.url]).output().unwrap();
    assert!(printed(&prices).contains("34.99"), "{}", printed(&prices));
    let flags = [
        "--known-at",
        &moment,
        "--days",
        "7",
        "--time-zone",
        "Europe/Berlin",
        "--anchor",
        "2030-01-08T12:00:00Z",
    ];
    let known =
        program().args(["prices", "helmet", "--json", "--url", &ledger.url]).args(flags).output().unwrap();
    let known: Value = serde_json::from_slice(&known.stdout).unwrap();
    assert_eq!((&known["version"], &known["current"]), (&1.into(), &"33.6442".into()));
    // Midnight in Berlin, seven days before.
    assert_eq!(known["reference"]["from"], "2029-12-31T23:00:00.000Z");
    for wrong in [["--time-zone", "Berlin"], ["--days", "366"]] {
        let refused =
            program().args(["prices", "helmet", "--url", &ledger.url]).args(wrong).output().unwrap();
        assert!(!refused.status.success(), "{}", printed(&refused));
    }
}
