//! A response of the routes in API Gateway's format.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayProxyResponse;
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// The largest response that Lambda accepts; those of the routes are far smaller.
const MOST: usize = 6 * 1024 * 1024;

/// The response in the gateway's format. A `Location` is prefixed with the path under which the gateway serves the routes.
pub(super) async fn written(response: Response, mount: &str) -> ApiGatewayProxyResponse {
    let (mut parts, body) = response.into_parts();
    let location = parts.headers.get(header::LOCATION).and_then(|place| place.to_str().ok());
    if let Some(place) = location.filter(|place| place.starts_with('/'))
        && let Ok(place) = HeaderValue::from_str(&format!("{mount}{place}"))
    {
        parts.headers.insert(header::LOCATION, place);
    }
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
