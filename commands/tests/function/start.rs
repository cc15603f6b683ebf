//! A function that cannot work says so in one line when it starts, and Lambda sees its process end.

use crate::given::command_api;

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_a_line_that_names_it() {
    for (name, value) in [
        ("LEDGER_EVENTS_TABLE", "no spaces"),
        ("LEDGER_DEFAULT_CURRENCY", "usd"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
    ] {
        let line = command_api().with(name, value).start().await.refused().await;
        assert!(line.starts_with(&format!("{name}={value:?}")), "{line}");
    }
}

#[tokio::test]
async fn a_missing_setting_ends_the_start_with_a_line_that_names_it() {
    let no_region = command_api().without("AWS_REGION").without("AWS_DEFAULT_REGION");
    assert_eq!(no_region.start().await.refused().await, "AWS_REGION is not set");
    let elsewhere = command_api().without("AWS_LAMBDA_FUNCTION_NAME").start().await.refused().await;
    assert!(elsewhere.starts_with("AWS_LAMBDA_FUNCTION_NAME is not set"), "{elsewhere}");
}
