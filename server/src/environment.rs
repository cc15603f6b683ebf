//! The environment of the process: the ledger's settings and the AWS SDK's.

use aws_config::{BehaviorVersion, SdkConfig};
use event_store::limits;
use reqwest::Url;
use schema::settings::{Settings, WrongSetting, unknown};

/// The ledger's settings.
///
/// # Errors
/// [`WrongSetting`]: correct the variable it names.
pub fn settings() -> Result<Settings, WrongSetting> {
    Settings::read(|name| std::env::var(name).ok())
}

/// Warns of every variable that looks like a setting of the ledger and is none. The caller reads `others` itself.
pub fn warn_of_unknown(others: &[&'static str]) {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for unknown in unknown(names, others) {
        let similar = unknown.similar.map(|similar| format!("; did you mean {similar}?")).unwrap_or_default();
        tracing::warn!(target: "ledger::settings", "{} is no setting and is ignored{similar}", unknown.name);
    }
}

/// Variables of the AWS SDK with the URL of an endpoint: for all services, and for each that is used.
const ENDPOINTS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_DYNAMODB_STREAMS",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
];

/// An endpoint that no request can be sent to: correct the variable it names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {value:?} is not the URL of an endpoint, which has the form http://host:port")]
pub struct WrongEndpoint {
    variable: &'static str,
    value: String,
}

/// The AWS SDK's settings if they are `wanted`, with the limits of a server: looking for credentials takes time.
///
/// # Errors
/// [`WrongEndpoint`]: correct the variable it names. The SDK itself would only say so at the first request, at length.
pub async fn aws(wanted: bool) -> Result<Option<SdkConfig>, WrongEndpoint> {
    if !wanted {
        return Ok(None);
    }
    check_endpoints(|name| std::env::var(name).ok())?;
    let found = aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await;
    Ok(Some(limits::SERVER.on(&found)))
}

/// An empty variable counts as unset, as for the AWS SDK.
fn check_endpoints(variable: impl Fn(&str) -> Option<String>) -> Result<(), WrongEndpoint> {
    for name in ENDPOINTS {
        let Some(value) = variable(name).filter(|value| !value.is_empty()) else { continue };
        let url = Url::parse(&value).ok();
        if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(WrongEndpoint { variable: name, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_with_a_host_and_the_variable_of_another_one_is_named() {
        let check = |wrong: &'static str, value: &'static str| {
            check_endpoints(|name| Some(if name == wrong { value } else { "" }.to_owned()))
        };
        for name in ENDPOINTS {
            for value in
                ["", "http://localhost:8000", "https://dynamodb.eu-west-1.amazonaws.com/", "http://[::1]:1/x"]
            {
                assert_eq!(check(name, value), Ok(()), "{name}={value}");
            }
            for value in
                ["localhost:8000", "127.0.0.1:8000", "http://", "//localhost", "ftp://localhost", "http:// x"]
            {
                let error = check(name, value).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("{name}: {value:?} ")) && error.contains("http://host:port"),
                    "{error}"
                );
            }
        }
    }
}
