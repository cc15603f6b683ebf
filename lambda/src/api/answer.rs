//! A response of the routes in API Gateway's format.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayProxyResponse;
use axum::response::Response;

/// The largest response that Lambda accepts; those of the routes are far smaller.
const MOST: usize = 6 * 1024 * 1024;

/// The response in the gateway's format.
pub(super) async fn written(response: Response) -> ApiGatewayProxyResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayProxyResponse::default();
    answer.status_code = i64::from(parts.status.as_u16());
    answer.multi_value_headers = parts.headers;
    match axum::body::to_bytes(body, MOST).await {
        Ok(body) => match String::from_utf8(body.into()) {
            Ok(text) => answer.body = Some(Body::Text(text)),
            Err(bytes) => {
                answer.body = Some(Body::Binary(bytes.into_bytes()));
                answer.is_base64_encoded = true;
            }
        },
        Err(error) => {
            tracing::error!(target: "ledger::function", %error, "the body of a response cannot be read");
            answer.status_code = 500;
        }
    }
    answer
}

/// The same for an HTTP API, which takes no header with several values.
pub(super) async fn written_for_http_api(response: Response) -> ApiGatewayProxyResponse {
    let mut answer = written(response).await;
    answer.headers = std::mem::take(&mut answer.multi_value_headers);
    answer
}
