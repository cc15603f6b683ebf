//! The program's own clients send `LEDGER_TOKEN`, and report in one line that the server refuses access.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use super::issuer::{Key, SUBJECT, claims, key_set, ledger};
use crate::scenario::{Ledger, adventure_works, printed, program};

struct Given {
    ledger: Ledger,
    key: Key,
    _file: tempfile::NamedTempFile,
}

fn given() -> Given {
    let (key, file) = (Key::ed("k"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), key_set(&[&key])).unwrap();
    let ledger = ledger(file.path().to_str().unwrap(), &[], &key.token(&claims(json!({}))));
    Given { ledger, key, _file: file }
}

impl Given {
    fn token(&self, scope: &str) -> String {
        self.key.token(&claims(json!({"scope": scope})))
    }

    fn import(&self, file: &Path, token: Option<&str>) -> Output {
        let mut command = self.ledger.import(file);
        command.envs(token.map(|token| ("LEDGER_TOKEN", token)));
        command.output().unwrap()
    }

    fn ask(&self, arguments: &[&str], token: Option<&str>) -> Output {
        let mut command = program();
        command.args(arguments).args(["--url", &self.ledger.url]);
        command.envs(token.map(|token| ("LEDGER_TOKEN", token))).output().unwrap()
    }
}

#[tokio::test]
async fn an_import_that_is_not_let_in_stops_at_once_with_one_reason_and_exit_code_2() {
    let given = given();
    let read = given.token("products/read");
    for (token, part) in [
        (None, "401 "),
        (Some("nonsense"), "401 "),
        (Some(""), "401 "),
        (Some(read.as_str()), "products/write"),
    ] {
        let output = given.import(&adventure_works(), token);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(part) && text.contains("LEDGER_TOKEN"), "{part} in {text}");
        assert!(text.starts_with("0 commands:") && text.trim().lines().count() == 2, "{text}");
    }
    let exported = given.ledger.operate(&["export"]);
    assert_eq!((exported.status.code(), exported.stdout.len()), (Some(0), 0), "{}", printed(&exported));
}

#[tokio::test]
async fn an_import_needs_to_write_and_a_second_one_to_read_the_history() {
    let given = given();
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = [
        r#"{"command":"create","product_id":"p","name":"n","price":"1"}"#,
        r#"{"command":"update","product_id":"p","price":"2"}"#,
    ];
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let write = given.token("products/write") + "\n";
    let both = given.token("products/write products/audit");
    for (token, code, part) in
        [(&write, 0, "2 written"), (&write, 2, "products/audit"), (&both, 0, "2 imported before")]
    {
        let output = given.import(file.path(), Some(token));
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part), "{part} in {text}");
    }
    let history = given.ledger.history("p").await;
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|commit| commit["metadata"]["actor"] == SUBJECT));
}

#[tokio::test]
async fn an_import_that_may_only_write_touches_no_product_that_was_there_before() {
    let given = given();
    for product in ["active", "deleted"] {
        given.ledger.send("PUT", &format!("/products/{product}"), r#"{"name":"n","price":"1"}"#).await;
    }
    given.ledger.send("DELETE", "/products/deleted", "").await;
    let write = given.token("products/write");
    for (product, commits) in [("active", 1), ("deleted", 2)] {
        for verb in ["create", "put"] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let line = json!({"command": verb, "product_id": product, "name": "mine", "price": "2"});
            std::fs::write(file.path(), line.to_string()).unwrap();
            let output = given.import(file.path(), Some(&write));
            let text = printed(&output);
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(text.contains("products/audit") && text.contains("1 line was not sent"), "{text}");
            assert_eq!(given.ledger.history(product).await.len(), commits, "{verb} {product}");
        }
    }
}

#[tokio::test]
async fn an_auditor_s_command_sends_the_token_and_says_what_is_missing() {
    let given = given();
    given.ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    let (read, audit) = (given.token("products/read"), given.token("products/audit"));
    for (token, code, part) in [
        (None, 2, "LEDGER_TOKEN"),
        (Some("nonsense"), 2, "LEDGER_TOKEN"),
        (Some(read.as_str()), 2, "products/audit"),
        (Some(audit.as_str()), 0, SUBJECT),
    ] {
        let output = given.ask(&["history", "p"], token);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_verification_that_is_not_let_in_names_the_token_and_advises_nothing_else() {
    let given = given();
    let (audit, all) = (given.token("products/audit"), given.token("products/read products/audit"));
    for (token, code, part) in [
        (None, 2, "LEDGER_TOKEN must hold a valid token"),
        (Some(audit.as_str()), 2, "products/read"),
        (Some(all.as_str()), 0, "whole"),
    ] {
        let output = given.ask(&["verify"], token);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(part) && !text.contains("one by one"), "{part} in {text}");
    }
}
