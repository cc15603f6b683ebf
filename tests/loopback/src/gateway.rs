//! A function's response parsed as API Gateway parses it: REST APIs, proxy integration, payload 1.0.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::FunctionResponse;

/// The response that the client gets.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayReply {
    /// The status.
    pub status: u64,
    /// The headers, by name in lower case, each with all values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body if it is JSON; a text if it is one; otherwise null.
    pub body: Value,
    /// The bytes that the client gets.
    pub bytes: Vec<u8>,
}

impl GatewayReply {
    /// Parses a response, which may only have members that the gateway knows.
    ///
    /// # Panics
    /// If the gateway would answer 502 instead.
    #[must_use]
    pub fn of(answer: &FunctionResponse) -> Self {
        let FunctionResponse::Response(Value::Object(answer)) = answer else {
            panic!("no answer: {answer:?}")
        };
        for name in answer.keys() {
            let known = ["body", "headers", "isBase64Encoded", "multiValueHeaders", "statusCode"];
            assert!(known.contains(&name.as_str()), "the gateway does not know {name}");
        }
        let (one, many) = (answer["headers"].as_object(), answer["multiValueHeaders"].as_object());
        let one = one.into_iter().flatten().map(|(name, value)| (name, vec![text(value)]));
        let many = many.into_iter().flatten();
        let many = many.map(|(name, values)| (name, values.as_array().unwrap().iter().map(text).collect()));
        let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
        let is_encoded = answer["isBase64Encoded"].as_bool().unwrap();
        let bytes = if is_encoded { STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() };
        let text = String::from_utf8(bytes.clone()).ok().filter(|text| !text.is_empty());
        Self {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: one.chain(many).map(|(name, values)| (name.to_lowercase(), values)).collect(),
            body: text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(text.into())),
            bytes,
        }
    }

    /// The only value of a header, if there is one.
    ///
    /// # Panics
    /// If it has several values.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers.get(name)?;
        assert_eq!(values.len(), 1, "{name}: {values:?}");
        values.first().map(String::as_str)
    }

    /// The body, which must be a problem with this type, status and correlation id.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "usually only the assertion is wanted")]
    pub fn problem(&self, slug: &str, status: u64, correlation_id: &str) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("x-correlation-id"), Some(correlation_id));
        let Self { body, .. } = self;
        assert_eq!(body["type"], format!("urn:product-ledger:problem:{slug}"));
        assert_eq!((&body["status"], &body["correlation_id"]), (&status.into(), &correlation_id.into()));
        body
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
