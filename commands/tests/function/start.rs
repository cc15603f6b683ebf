//! A function with invalid settings logs one line at its start and exits.

use std::process::Command;
use std::time::Duration;

use loopback::GatewayReply;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::given::{command_api, recorded};

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_a_line_that_names_it() {
    for (name, value) in [
        ("LEDGER_EVENTS_TABLE", "no spaces"),
        ("LEDGER_DEFAULT_CURRENCY", "usd"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
    ] {
        let line = command_api().with(name, value).start().await.start_error().await;
        assert!(line.starts_with(&format!("{name}={value:?}")), "{line}");
    }
}

#[tokio::test]
async fn a_missing_setting_ends_the_start_with_a_line_that_names_it() {
    let no_region = command_api().without("AWS_REGION").without("AWS_DEFAULT_REGION");
    assert_eq!(no_region.start().await.start_error().await, "AWS_REGION is not set");
    let elsewhere = command_api().without("AWS_LAMBDA_FUNCTION_NAME").start().await.start_error().await;
    assert!(elsewhere.starts_with("AWS_LAMBDA_FUNCTION_NAME is not set"), "{elsewhere}");
}

/// A public certificate authority.
const AUTHORITY: &str = include_str!("../data/isrg-root-x2.pem");

#[tokio::test]
async fn certificate_authorities_are_read_at_the_start_and_not_while_a_client_waits() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("authorities.pem");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let function = command_api().with("SSL_CERT_FILE", pipe.to_str().unwrap()).start().await;
    let (sender, read) = oneshot::channel();
    // Whoever opens a pipe waits for the other end.
    std::thread::spawn(move || sender.send(std::fs::write(&pipe, AUTHORITY)));
    let read = timeout(Duration::from_mins(1), read).await.expect("read without an invocation");
    read.unwrap().unwrap();
    let answer = function.invoke(recorded("post-without-claims").to_string()).await;
    assert_eq!(GatewayReply::of(&answer).status, 401);
    let log = function.stop().await;
    assert_eq!(log.messages().len(), 1, "{}", log.out);
}
