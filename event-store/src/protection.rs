//! Whether the event table, or that of the log, is still protected as it was deployed: its policy, its stream, its recovery, and its
//! protection from deletion. `CloudFormation` does not see that a table's policy was removed by hand.
//!
//! The promise: whatever was changed is named, and so is that it may not be looked at any more. Only a question that was not
//! answered says nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{PointInTimeRecoveryStatus, StreamViewType, TableDescription};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use telemetry::meters::{PROTECTION, TAMPERING};

use crate::aws::describe;

/// How long all answers together are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The protection as it was deployed, as the infrastructure writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedProtection {
    /// The policy of the table.
    policy: Value,
    /// Whether the table is protected from deletion.
    deletion_protection: bool,
    /// Whether the table has a stream.
    #[serde(default = "is_streamed")]
    stream: bool,
}

/// The event table has a stream; of it alone the protection does not say so.
fn is_streamed() -> bool {
    true
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtectionState {
    /// Everything is as it was deployed.
    Holds,
    /// This is not.
    Changed(Vec<String>),
    /// A question was not answered, for this reason.
    Unknown(String),
}

/// The protection of one table.
#[derive(Debug, Clone)]
pub struct TableProtection {
    client: Client,
    table: String,
    expected: ExpectedProtection,
}

/// Why one part could not be looked at.
enum Unseen {
    /// Somebody denies it, or there is nothing to look at.
    Changed(String),
    /// No answer.
    Unknown(String),
}

impl ExpectedProtection {
    /// Reads the text that the infrastructure wrote.
    ///
    /// # Errors
    /// It is not such a text: deploy the function with the stack.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl TableProtection {
    /// The protection of `table`, which was deployed like this.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, expected: ExpectedProtection) -> Self {
        Self { client, table: table.into(), expected }
    }

    /// Compares it with what was deployed: three requests, which cost nothing.
    pub async fn check(&self) -> ProtectionState {
        let changes = tokio::time::timeout(PATIENCE, self.changes()).await;
        match changes {
            Ok(Ok(changes)) if changes.is_empty() => ProtectionState::Holds,
            Ok(Ok(changes)) => ProtectionState::Changed(changes),
            Ok(Err(reason)) => ProtectionState::Unknown(reason),
            Err(_) => ProtectionState::Unknown(format!("no answer in {} seconds", PATIENCE.as_secs())),
        }
    }

    /// Compares it with what was deployed, and counts and logs what was found. A change raises the tampering signal of `consumer`, at
    /// every check until it is undone. Answers with `holds`, `changed` or `unknown`.
    pub async fn noted(&self, consumer: &'static str) -> &'static str {
        let (table, found) = (&self.table, self.check().await);
        let result = match &found {
            ProtectionState::Holds => "holds",
            ProtectionState::Changed(changes) => {
                metrics::counter!(TAMPERING.name, "consumer" => consumer, "operation" => "other")
                    .increment(1);
                let changes = changes.join("; ");
                tracing::error!(target: "ledger::protection", tampering = 1, table, changes, "the protection of a table was changed");
                "changed"
            }
            ProtectionState::Unknown(reason) => {
                tracing::warn!(target: "ledger::protection", table, reason, "the protection of a table could not be checked");
                "unknown"
            }
        };
        metrics::counter!(PROTECTION.name, "result" => result).increment(1);
        result
    }

    async fn changes(&self) -> Result<Vec<String>, String> {
        let described = self.client.describe_table().table_name(&self.table).send().await;
        let table = match seen("the table", described.map(|answer| answer.table)) {
            Ok(Some(table)) => table,
            Ok(None) => return Err("the table was not described".to_owned()),
            Err(unseen) => return unseen.into_changes(),
        };
        let mut changes = self.of_table(&table);
        let backups = self.client.describe_continuous_backups().table_name(&self.table).send().await;
        let recovery = backups.map(|answer| {
            let backups = answer.continuous_backups_description;
            let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
            recovery.and_then(|recovery| recovery.point_in_time_recovery_status)
        });
        match seen("the point-in-time recovery", recovery) {
            Ok(Some(PointInTimeRecoveryStatus::Enabled)) => {}
            Ok(_) => changes.push("the point-in-time recovery is off".to_owned()),
            Err(unseen) => changes.extend(unseen.into_changes()?),
        }
        let arn = table.table_arn.unwrap_or_default();
        let policy = self.client.get_resource_policy().resource_arn(&arn).send().await;
        match seen("the policy", policy.map(|answer| answer.policy.unwrap_or_default())) {
            Ok(policy) => changes.extend(self.of_policy(&policy, &arn)),
            Err(unseen) => changes.extend(unseen.into_changes()?),
        }
        Ok(changes)
    }

    fn of_table(&self, table: &TableDescription) -> Vec<String> {
        let mut changes = Vec::new();
        let stream = table.stream_specification.as_ref();
        let writes = stream.is_some_and(|stream| {
            stream.stream_enabled && stream.stream_view_type == Some(StreamViewType::NewImage)
        });
        if self.expected.stream && !writes {
            changes.push("the stream is off, or carries something else than new images".to_owned());
        }
        if self.expected.deletion_protection && table.deletion_protection_enabled != Some(true) {
            changes.push("the table is no longer protected from deletion".to_owned());
        }
        changes
    }

    fn of_policy(&self, found: &str, arn: &str) -> Option<String> {
        let Ok(found) = serde_json::from_str::<Value>(found) else {
            return Some("the policy of the table cannot be read".to_owned());
        };
        let (expected, found) = (statements(&self.expected.policy, arn), statements(&found, arn));
        let name = |statement: &&Value| statement["Sid"].as_str().unwrap_or("without Sid").to_owned();
        let missing: Vec<String> = expected.difference_of(&found).iter().map(name).collect();
        let added: Vec<String> = found.difference_of(&expected).iter().map(name).collect();
        (!missing.is_empty() || !added.is_empty()).then(|| {
            format!(
                "the policy of the table was changed: missing or different: [{}]; new or different: [{}]",
                missing.join(", "),
                added.join(", ")
            )
        })
    }
}

/// The statements of a policy in one form, whichever of several the service answers with.
#[derive(Debug)]
struct Statements(Vec<Value>);

impl Statements {
    fn difference_of<'a>(&'a self, other: &Self) -> Vec<&'a Value> {
        self.0.iter().filter(|statement| !other.0.contains(statement)).collect()
    }
}

/// Lists are sorted and one value is a list of it, actions are lower case, `*` as a resource is the table, and `*` as a
/// principal is everybody of AWS.
fn statements(policy: &Value, arn: &str) -> Statements {
    let found = match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let normalized = found.iter().map(|statement| {
        let Value::Object(fields) = statement else { return statement.clone() };
        let fields = fields.iter().map(|(name, value)| {
            let value = match name.as_str() {
                "Action" | "NotAction" => list(value, str::to_lowercase),
                "Resource" | "NotResource" => {
                    list(value, |text| if text == "*" { arn.to_owned() } else { text.to_owned() })
                }
                "Principal" | "NotPrincipal" if value == "*" => json!({"AWS": ["*"]}),
                "Principal" | "NotPrincipal" => each(value, |inner| list(inner, str::to_owned)),
                "Condition" => each(value, |keys| each(keys, |inner| list(inner, str::to_owned))),
                _ => value.clone(),
            };
            (name.clone(), value)
        });
        Value::Object(fields.collect())
    });
    Statements(normalized.collect())
}

/// The texts of a value, which is one text or a list of them, in order and each once.
fn list(value: &Value, change: impl Fn(&str) -> String) -> Value {
    let texts: BTreeSet<String> = match value {
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), &change)).collect()
        }
        Value::String(text) => BTreeSet::from([change(text)]),
        other => BTreeSet::from([other.to_string()]),
    };
    json!(texts)
}

/// An object with its values changed; anything else as it is.
fn each(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    Value::Object(fields.iter().map(|(name, value)| (name.clone(), change(value))).collect::<Map<_, _>>())
}

/// What an answer says: its content, that there is nothing or that it is denied, or nothing.
fn seen<T, E>(what: &str, answer: Result<T, SdkError<E>>) -> Result<T, Unseen>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    answer.map_err(|error| match error.code() {
        Some("PolicyNotFoundException") => Unseen::Changed("the table has no policy any more".to_owned()),
        Some("ResourceNotFoundException" | "TableNotFoundException") => {
            Unseen::Changed(format!("{what} does not exist any more"))
        }
        Some("AccessDeniedException" | "AccessDenied") => {
            Unseen::Changed(format!("{what} may not be looked at any more: {}", describe(&error)))
        }
        _ => Unseen::Unknown(format!("{what}: {}", describe(&error))),
    })
}

impl Unseen {
    fn into_changes(self) -> Result<Vec<String>, String> {
        match self {
            Self::Changed(change) => Ok(vec![change]),
            Self::Unknown(reason) => Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/events";

    fn deployed() -> Value {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "NoRewriting", "Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",
             "Action": ["dynamodb:PutItem", "dynamodb:DeleteItem"],
             "Condition": {"ArnNotEquals": {"aws:PrincipalArn": ["arn:a", "arn:b"]}}},
            {"Sid": "OneInserter", "Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",
             "Action": "dynamodb:PartiQLInsert", "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:a"}}}]})
    }

    fn change(found: &Value) -> Option<String> {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .build();
        let expected = json!({"policy": deployed(), "deletion_protection": true}).to_string();
        let expected = ExpectedProtection::parse(&expected).unwrap();
        TableProtection::new(Client::from_conf(config), "events", expected).of_policy(&found.to_string(), ARN)
    }

    #[test]
    fn a_policy_in_another_form_is_the_same() {
        assert_eq!(change(&deployed()), None);
        let other = json!({"Id": "x", "Statement": [
            {"Sid": "OneInserter", "Effect": "Deny", "Principal": "*", "Resource": [ARN],
             "Action": ["dynamodb:PartiQLInsert"],
             "Condition": {"ArnNotEquals": {"aws:PrincipalArn": ["arn:a"]}}},
            {"Sid": "NoRewriting", "Effect": "Deny", "Principal": {"AWS": ["*"]}, "Resource": ARN,
             "Action": ["DynamoDB:DeleteItem", "dynamodb:PutItem"],
             "Condition": {"ArnNotEquals": {"aws:PrincipalArn": ["arn:b", "arn:a"]}}}]});
        assert_eq!(change(&other), None);
    }

    #[test]
    fn every_change_of_a_statement_is_found_and_named() {
        let places = [
            ("/Statement/0/Effect", json!("Allow")),
            ("/Statement/0/Sid", json!("Other")),
            ("/Statement/0/Principal", json!({"AWS": "arn:aws:iam::123456789012:root"})),
            ("/Statement/0/Resource", json!("arn:aws:dynamodb:eu-central-1:123456789012:table/other")),
            ("/Statement/0/Action", json!(["dynamodb:PutItem"])),
            ("/Statement/0/Condition/ArnNotEquals/aws:PrincipalArn", json!(["arn:a", "arn:b", "arn:c"])),
            ("/Statement/0/Condition", json!({"ArnEquals": {"aws:PrincipalArn": ["arn:a", "arn:b"]}})),
        ];
        for (place, value) in places {
            let mut found = deployed();
            *found.pointer_mut(place).unwrap() = value;
            let named = change(&found).unwrap_or_else(|| panic!("{place}"));
            assert!(named.contains("missing or different: [NoRewriting]"), "{place}: {named}");
        }
        let mut removed = deployed();
        removed["Statement"].as_array_mut().unwrap().remove(1);
        assert!(
            change(&removed).unwrap().contains("missing or different: [OneInserter]; new or different: []")
        );
        let mut added = deployed();
        added["Statement"].as_array_mut().unwrap().push(json!({"Effect": "Allow", "Action": "dynamodb:*"}));
        assert!(change(&added).unwrap().contains("new or different: [without Sid]"));
        for nothing in [json!({}), json!({"Statement": []}), json!("")] {
            assert!(change(&nothing).unwrap().contains("[NoRewriting, OneInserter]"), "{nothing}");
        }
    }

    #[test]
    fn what_is_not_written_by_the_infrastructure_is_refused() {
        for wrong in ["", "{}", r#"{"policy":{}}"#, r#"{"policy":{},"deletion_protection":1}"#] {
            assert!(ExpectedProtection::parse(wrong).is_err(), "{wrong}");
        }
    }
}
