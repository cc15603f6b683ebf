//! From the answer of a route to what API Gateway takes as one.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayProxyResponse;
use axum::http::{HeaderValue, header};
use axum::response::Response;

/// More than Lambda passes on; routes keep far below.
const MOST: usize = 6 * 1024 * 1024;

/// The answer in the gateway's form. A `Location` gets the path in front of it under which the gateway offers the routes.
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
            tracing::error!(target: "ledger::function", %error, "an answer cannot be passed on");
            answer.status_code = 500;
        }
    }
    answer
}
