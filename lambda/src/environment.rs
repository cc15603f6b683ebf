//! The environment variables that Lambda sets for a function; if one is missing, the start fails with one line.
//!
//! Only these are read. The SDK's search through profiles, containers and instances would find nothing on Lambda and is a
//! tenth of the binary.

use anyhow::{Context, bail};
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use web::{AllowedOrigin, PageRules};

use crate::connections;

/// The variables that the runtime client requires; without one it panics.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// The function's name.
///
/// # Errors
/// A variable that Lambda sets is missing or invalid: outside Lambda run `ledger serve`.
pub(crate) fn function_name(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    for name in SET_BY_LAMBDA {
        if lookup(name).is_none() {
            bail!("{name} is not set: this program runs on AWS Lambda only; elsewhere use `ledger serve`");
        }
    }
    let memory = lookup("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap_or_default();
    if memory.parse::<i32>().is_err() {
        bail!("AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory:?} is not a number of megabytes");
    }
    lookup("AWS_LAMBDA_FUNCTION_NAME").context("AWS_LAMBDA_FUNCTION_NAME is not set")
}

/// The AWS SDK's settings: region and credentials from Lambda's variables, endpoints from the SDK's.
///
/// # Errors
/// `AWS_REGION` is not set.
pub(crate) fn aws(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<SdkConfig> {
    let region = lookup("AWS_REGION").filter(|region| !region.is_empty()).context("AWS_REGION is not set")?;
    let wanted = |name| lookup(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region))
        .credentials_provider(credentials)
        .http_client(connections::made_at_start())
        .use_fips(wanted("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(wanted("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(OfOneService);
    aws.set_endpoint_url(lookup("AWS_ENDPOINT_URL"));
    Ok(aws.build())
}

/// Which web pages are answered. Behind API Gateway the API's own pages are those of `https`.
///
/// # Errors
/// The variable names something that is no origin: correct it.
pub(crate) fn page_rules(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<PageRules> {
    // An empty one counts as unset.
    let origins = lookup(AllowedOrigin::VARIABLE).filter(|origins| !origins.is_empty());
    let origins = origins.map(|origins| AllowedOrigin::list(&origins));
    Ok(PageRules::new(origins.transpose()?.unwrap_or_default(), true))
}

/// Reads the variables of one service, such as `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Debug)]
struct OfOneService;

impl LoadServiceConfig for OfOneService {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        std::env::var(format!("{}_{service}", key.env())).ok()
    }
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

    #[test]
    fn what_is_no_origin_is_named_and_nothing_names_none() {
        assert!(page_rules(|_| None).is_ok() && page_rules(|_| Some(String::new())).is_ok());
        assert!(page_rules(|_| Some("https://a.example, http://localhost:3000".into())).is_ok());
        for wrong in [" ", "*", "https://a.example,", "https://a.example/"] {
            let error = page_rules(|_| Some(wrong.into())).unwrap_err().to_string();
            assert!(error.contains(AllowedOrigin::VARIABLE), "{wrong}: {error}");
        }
    }

    #[test]
    fn region_and_kind_of_endpoint_come_from_the_environment() {
        let set = [("AWS_REGION", "eu-central-1"), ("AWS_USE_FIPS_ENDPOINT", "true")];
        let lookup =
            |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let aws = aws(lookup).unwrap();
        assert_eq!(aws.region().unwrap().as_ref(), "eu-central-1");
        assert_eq!((aws.use_fips(), aws.use_dual_stack()), (Some(true), Some(false)));
        assert_eq!(super::aws(|_| None).unwrap_err().to_string(), "AWS_REGION is not set");
    }
}
