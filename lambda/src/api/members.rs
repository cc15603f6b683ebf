//! The members of API Gateway's events that are read. An HTTP API that uses payload format 1.0, and tests in the console, leave some
//! of them null.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Every value of each name.
pub(super) type Values = BTreeMap<String, Vec<String>>;

/// Any event; what it does not have is null or left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventMembers {
    pub(super) version: Option<String>,
    pub(super) raw_path: Option<String>,
    pub(super) http_method: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) path: Option<String>,
    pub(super) path_parameters: Option<BTreeMap<String, String>>,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<Values>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<Values>,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) is_base64_encoded: bool,
    #[serde(default)]
    pub(super) request_context: Value,
}

impl EventMembers {
    pub(super) fn headers(&mut self) -> Values {
        all(self.multi_value_headers.take(), self.headers.take())
    }

    pub(super) fn parameters(&mut self) -> Values {
        all(self.multi_value_query_string_parameters.take(), self.query_string_parameters.take())
    }
}

/// Every value; where the member with several values of a name is null, the one with a single value counts.
fn all(several: Option<Values>, single: Option<BTreeMap<String, String>>) -> Values {
    several.unwrap_or_else(|| single.into_iter().flatten().map(|(name, value)| (name, vec![value])).collect())
}
