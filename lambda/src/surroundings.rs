//! What Lambda sets in the environment of a function; where it is missing, this is no Lambda, and one line says so.

use anyhow::{Context, bail};
use aws_config::{BehaviorVersion, SdkConfig};

/// What the runtime client cannot do without; it would end with a panic.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// The function's name.
///
/// # Errors
/// When a variable is missing that Lambda sets: run `ledger serve` outside it.
pub(crate) fn function_name(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    for name in SET_BY_LAMBDA {
        if lookup(name).is_none() {
            bail!("{name} is not set: this program runs on AWS Lambda; elsewhere use `ledger serve`");
        }
    }
    let memory = lookup("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap_or_default();
    if memory.parse::<i32>().is_err() {
        bail!("AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory:?} is no number of megabytes");
    }
    lookup("AWS_LAMBDA_FUNCTION_NAME").context("Lambda names its functions")
}

/// The AWS SDK's settings.
///
/// # Errors
/// When no region is set.
pub(crate) async fn aws() -> anyhow::Result<SdkConfig> {
    let aws = aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await;
    if aws.region().is_none() {
        bail!("AWS_REGION is not set");
    }
    Ok(aws)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(missing: &str, memory: &str) -> anyhow::Result<String> {
        function_name(|name| match name {
            _ if name == missing => None,
            "AWS_LAMBDA_FUNCTION_NAME" => Some("ledger-dev-publisher".into()),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => Some(memory.into()),
            _ => Some("x".into()),
        })
    }

    #[test]
    fn outside_lambda_one_line_says_what_is_missing_and_what_to_run() {
        assert_eq!(named("", "256").unwrap(), "ledger-dev-publisher");
        for missing in SET_BY_LAMBDA {
            let error = named(missing, "256").unwrap_err().to_string();
            assert!(error.starts_with(missing) && error.contains("ledger serve"), "{error}");
        }
        assert!(named("", "much").is_err());
    }
}
