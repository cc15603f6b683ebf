//! Errors of AWS requests: one line for people and logs, what they say about a conditional write, and whether another attempt
//! can help.
//!
//! The promise: the line has the service's error code, message and request id, each once, and no `Debug` output. Without
//! credentials it says what to set.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use crate::error::{StoreError, causes};

/// What to do if no provider has credentials.
const NO_CREDENTIALS: &str =
    "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// One line for an error of any AWS client.
pub fn describe<E>(error: &SdkError<E>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let request = error.request_id().map(|id| format!(" (request {id})")).unwrap_or_default();
    let line = match error.code() {
        Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
        None => match (credentials_error(error), error.raw_response()) {
            // Each provider says at length why it has none.
            (Some(CredentialsError::CredentialsNotLoaded(_)), _) => NO_CREDENTIALS.to_owned(),
            (Some(other), _) => causes(other),
            (None, Some(response)) => format!("HTTP {}: {}", response.status().as_u16(), causes(error)),
            (None, None) => causes(error),
        },
    };
    format!("{}{request}", line.replace('\n', " "))
}

/// Why there are no credentials, if that is the cause.
fn credentials_error<E: Error + 'static>(error: &SdkError<E>) -> Option<&CredentialsError> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The error of a request to `store`, such as "the event table", for `map_err`.
pub fn failed<E>(store: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| StoreError::new(describe(&error).into()).of(store)
}

/// Whether a conditional write to `store` was made; `false` where its condition did not hold.
///
/// # Errors
/// [`StoreError`]: any other failure; whether it was made is not known.
pub fn condition_held<T, E>(answer: Result<T, SdkError<E>>, store: &'static str) -> Result<bool, StoreError>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if is_failed_condition(&error) => Ok(false),
        Err(error) => Err(failed(store)(error)),
    }
}

/// Whether a request failed because its condition did not hold.
pub fn is_failed_condition<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// What the error of a request to `DynamoDB` says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It was not carried out, because there were too many requests: later it may be.
    Throttled,
    /// It was not carried out because of credentials, permissions or the clock: it will be once they are in order.
    Unauthorized,
    /// It was not carried out, and the same request never will be.
    Refused,
    /// Whether it was carried out is not known: there was no answer, or the service failed.
    Unknown,
}

/// The kind of an error of one attempt. With retries of the SDK, an earlier attempt may have been carried out.
pub fn failure_kind<E>(error: &SdkError<E>) -> FailureKind
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(refusal) => code_kind(refusal.err().code().unwrap_or_default()),
        // Such a request is not sent.
        _ if credentials_error(error).is_some() => FailureKind::Unauthorized,
        SdkError::ConstructionFailure(_) => FailureKind::Refused,
        _ => FailureKind::Unknown,
    }
}

/// The kind of an error code of `DynamoDB` (Developer Guide, "Error handling with DynamoDB", and the codes common to all AWS
/// services).
#[must_use]
pub fn code_kind(code: &str) -> FailureKind {
    match code {
        "LimitExceededException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => FailureKind::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureKind::Unauthorized,
        "ConditionalCheckFailedException"
        | "DuplicateItemException"
        | "ItemCollectionSizeLimitExceededException"
        | "ResourceNotFoundException"
        | "SerializationException"
        | "UnknownOperationException"
        | "ValidationException" => FailureKind::Refused,
        _ => FailureKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn client(endpoint: &str) -> Client {
        let credentials = Credentials::new("AKID", "SECRET", None, None, "test");
        client_with(endpoint, SharedCredentialsProvider::new(credentials))
    }

    fn client_with(endpoint: &str, credentials: SharedCredentialsProvider) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(credentials)
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    /// The line for a request that is answered like this.
    async fn line_for(head: &'static str, body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4096];
            while !bytes.windows(2).any(|two| two == b"{}") {
                let _ = stream.read(&mut bytes).await.unwrap();
            }
            let length = format!("connection: close\r\ncontent-length: {}", body.len());
            let answer = format!("HTTP/1.1 {head}\r\n{length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let error = client(&url).list_tables().send().await.unwrap_err();
        answering.await.unwrap();
        describe(&error)
    }

    #[tokio::test]
    async fn a_refusal_is_one_line_with_code_message_and_request() {
        let body =
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","Message":"not you"}"#;
        let line = line_for("400 Bad Request\r\nx-amzn-requestid: ABC123", body).await;
        assert_eq!(line, "AccessDeniedException: not you (request ABC123)");
    }

    #[test]
    fn what_was_not_carried_out_is_told_from_what_may_have_been() {
        let kinds = [
            ("ProvisionedThroughputExceededException", FailureKind::Throttled),
            ("ThrottlingException", FailureKind::Throttled),
            ("RequestLimitExceeded", FailureKind::Throttled),
            ("AccessDeniedException", FailureKind::Unauthorized),
            ("ExpiredTokenException", FailureKind::Unauthorized),
            ("UnrecognizedClientException", FailureKind::Unauthorized),
            ("InvalidSignatureException", FailureKind::Unauthorized),
            ("ValidationException", FailureKind::Refused),
            ("ResourceNotFoundException", FailureKind::Refused),
            ("InternalServerError", FailureKind::Unknown),
            ("ServiceUnavailable", FailureKind::Unknown),
            ("", FailureKind::Unknown),
        ];
        for (code, kind) in kinds {
            assert_eq!(code_kind(code), kind, "{code}");
        }
    }

    #[tokio::test]
    async fn without_credentials_nothing_was_sent_and_without_an_answer_nothing_is_known() {
        let none = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("none at all")) });
        let client_without = client_with("http://127.0.0.1:1", SharedCredentialsProvider::new(none));
        let error = client_without.list_tables().send().await.unwrap_err();
        assert_eq!(failure_kind(&error), FailureKind::Unauthorized);
        let error = client("http://127.0.0.1:1").list_tables().send().await.unwrap_err();
        assert_eq!(failure_kind(&error), FailureKind::Unknown);
    }

    #[tokio::test]
    async fn an_answer_that_is_none_of_aws_names_its_status() {
        let line = line_for("502 Bad Gateway", "<html>\n</html>").await;
        assert!(line.starts_with("HTTP 502: ") && !line.contains('\n') && !line.contains(" { "), "{line}");
    }

    #[tokio::test]
    async fn missing_credentials_are_told_with_what_to_set_and_other_failures_with_their_cause() {
        let line = async |error: fn() -> CredentialsError| {
            let credentials = provide_credentials_fn(move || async move { Err(error()) });
            let client = client_with("http://127.0.0.1:1", SharedCredentialsProvider::new(credentials));
            describe(&client.list_tables().send().await.unwrap_err())
        };
        assert_eq!(line(|| CredentialsError::not_loaded("none at all")).await, NO_CREDENTIALS);
        let failed = line(|| CredentialsError::provider_error("the profile names no role")).await;
        assert!(failed.contains("credentials") && failed.ends_with("the profile names no role"), "{failed}");
    }

    #[tokio::test]
    async fn why_nothing_was_said_is_one_line_without_a_debug_form() {
        let error = client("http://127.0.0.1:1").list_tables().send().await.unwrap_err();
        let line = describe(&error);
        assert!(line.contains("Connection refused") && line.matches("os error 111").count() == 1, "{line}");
        assert!(!line.contains(" { ") && !line.contains('\n'), "{line}");
    }
}
