//! What protects a table, as DynamoDB's control plane tells it: its policy, its recovery and its protection from deletion, which the
//! engine does not know.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// The protection of every table.
#[derive(Debug, Clone, PartialEq)]
pub struct Protection {
    /// The policy; `None`: there is none.
    pub policy: Option<Value>,
    /// Whether point-in-time recovery is on.
    pub recovery: bool,
    /// Whether tables are protected from deletion.
    pub deletion_protection: bool,
    /// Whether the stream is on, as `DescribeTable` tells it.
    pub stream: bool,
    /// The error code with which questions are refused.
    pub refused: Option<&'static str>,
}

/// The protection, until it is changed.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane(Mutex<Option<Protection>>);

impl ControlPlane {
    pub(crate) fn set(&self, protection: Protection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(protection);
    }

    /// The answer to a question about the protection; `None` where the engine answers.
    pub(crate) fn answer(&self, operation: &str, body: &Value) -> Option<(u16, Value)> {
        let protection = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        if let Some(code) = protection.refused
            && ["DescribeTable", "DescribeContinuousBackups", "GetResourcePolicy"].contains(&operation)
        {
            return Some(failed(code));
        }
        match operation {
            "GetResourcePolicy" => Some(match protection.policy {
                Some(policy) => (200, json!({"Policy": policy.to_string(), "RevisionId": "1"})),
                None => failed("PolicyNotFoundException"),
            }),
            "DescribeContinuousBackups" => {
                let status = if protection.recovery { "ENABLED" } else { "DISABLED" };
                let recovery = json!({"PointInTimeRecoveryStatus": status});
                let backups =
                    json!({"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery});
                Some((200, json!({"ContinuousBackupsDescription": backups})))
            }
            "DescribeTable" => {
                let name = body["TableName"].as_str().unwrap_or_default();
                let mut table = json!({
                    "TableName": name,
                    "TableArn": arn(name),
                    "TableStatus": "ACTIVE",
                    "DeletionProtectionEnabled": protection.deletion_protection,
                });
                if protection.stream {
                    table["StreamSpecification"] =
                        json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
                }
                Some((200, json!({"Table": table})))
            }
            _ => None,
        }
    }
}

/// The ARN that `DescribeTable` tells of a table whose protection is set.
fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:us-east-1:123456789012:table/{table}")
}

fn failed(code: &str) -> (u16, Value) {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "on purpose"}))
}
