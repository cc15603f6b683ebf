//! Errors of AWS requests: one line for people and logs, and what they say about a conditional write.
//!
//! The promise: the line has the service's error code, message and request id, each once, and no `Debug` output.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

use crate::error::{Unavailable, causes};

/// One line for an error of any AWS client.
pub fn said<E>(error: &SdkError<E>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let request = error.request_id().map(|id| format!(" (request {id})")).unwrap_or_default();
    let line = match error.code() {
        Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
        None => causes(error),
    };
    format!("{}{request}", line.replace('\n', " "))
}

/// The error of a request to `store`, such as "the event table", for `map_err`.
pub fn failed<E>(store: &str) -> impl FnOnce(SdkError<E>) -> Unavailable
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| Unavailable(said(&error).into()).of(store)
}

/// Whether a conditional write to `store` was made; `false` where its condition did not hold.
///
/// # Errors
/// [`Unavailable`]: any other failure; whether it was made is not known.
pub fn condition_held<T, E>(answer: Result<T, SdkError<E>>, store: &str) -> Result<bool, Unavailable>
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{Credentials, Region};

    use super::*;

    fn client(endpoint: &str) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("AKID", "SECRET", None, None, "test"))
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    #[tokio::test]
    async fn a_refusal_is_one_line_with_code_message_and_request() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4096];
            while !bytes.windows(2).any(|two| two == b"{}") {
                let _ = stream.read(&mut bytes).await.unwrap();
            }
            let body =
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","Message":"not you"}"#;
            let head = "HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: ABC123\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let error = client(&url).list_tables().send().await.unwrap_err();
        answering.await.unwrap();
        assert_eq!(said(&error), "AccessDeniedException: not you (request ABC123)");
    }

    #[tokio::test]
    async fn why_nothing_was_said_is_one_line_without_a_debug_form() {
        let error = client("http://127.0.0.1:1").list_tables().send().await.unwrap_err();
        let line = said(&error);
        assert!(line.contains("Connection refused") && line.matches("os error 111").count() == 1, "{line}");
        assert!(!line.contains(" { ") && !line.contains('\n'), "{line}");
    }
}
