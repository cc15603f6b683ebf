//! A function with invalid settings logs one line at its start and exits.

use loopback::GatewayReply;

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

#[tokio::test]
async fn certificate_authorities_are_not_read_before_a_request_to_aws_needs_them() {
    // Reading them from there would fail, and be a line of the log.
    let function = command_api().with("SSL_CERT_FILE", "/nowhere").start().await;
    let answer = function.invoke(recorded("post-without-claims").to_string()).await;
    assert_eq!(GatewayReply::of(&answer).status, 401);
    let log = function.stop().await;
    assert_eq!(log.messages().len(), 1, "{}", log.out);
}
