//! One DynamoDB request as JSON in, its response as JSON out: every operation that the engine supports, and DynamoDB's own
//! error format for all others.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A response as it goes over the wire.
#[derive(Debug)]
pub(crate) struct WireResponse {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl WireResponse {
    pub(crate) fn is_success(&self) -> bool {
        self.status == 200
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": code, "message": message });
        Self { status, body: body.to_string().into_bytes() }
    }

    pub(crate) fn unknown(operation: &str) -> Self {
        let message = format!("the engine does not know the operation {operation:?}");
        Self::error(400, "com.amazon.coral.service#UnknownOperationException", &message)
    }
}

/// The operation that an `X-Amz-Target` header names.
pub(crate) fn operation(target: &str) -> Option<&str> {
    target.strip_prefix("DynamoDB_20120810.").or_else(|| target.strip_prefix("DynamoDBStreams_20120810."))
}

/// Executes one request.
pub(crate) fn answer(database: &Database, operation: &str, body: &[u8]) -> WireResponse {
    match call(database, operation, body) {
        Some(Ok(body)) => WireResponse { status: 200, body },
        Some(Err(error)) => WireResponse { status: error.status_code(), body: error.to_json().into_bytes() },
        None => WireResponse::unknown(operation),
    }
}

fn call(db: &Database, operation: &str, body: &[u8]) -> Option<dynoxide::Result<Vec<u8>>> {
    Some(match operation {
        "CreateTable" => typed(body, |request| db.create_table(request)),
        "DeleteTable" => typed(body, |request| db.delete_table(request)),
        "DescribeTable" => typed(body, |request| db.describe_table(request)),
        "ListTables" => typed(body, |request| db.list_tables(request)),
        "UpdateTable" => typed(body, |request| db.update_table(request)),
        "UpdateTimeToLive" => typed(body, |request| db.update_time_to_live(request)),
        "DescribeTimeToLive" => typed(body, |request| db.describe_time_to_live(request)),
        "PutItem" => typed(body, |request| db.put_item(request)),
        "GetItem" => typed(body, |request| db.get_item(request)),
        "DeleteItem" => typed(body, |request| db.delete_item(request)),
        "UpdateItem" => typed(body, |request| db.update_item(request)),
        "Query" => typed(body, |request| db.query(request)),
        "Scan" => typed(body, |request| db.scan(request)),
        "BatchGetItem" => typed(body, |request| db.batch_get_item(request)),
        "BatchWriteItem" => typed(body, |request| db.batch_write_item(request)),
        "TransactWriteItems" => typed(body, |request| db.transact_write_items(request)),
        "TransactGetItems" => typed(body, |request| db.transact_get_items(request)),
        "ExecuteStatement" => typed(body, |request| db.execute_statement(request)),
        "BatchExecuteStatement" => typed(body, |request| db.batch_execute_statement(request)),
        "ExecuteTransaction" => typed(body, |request| db.execute_transaction(request)),
        "TagResource" => typed(body, |request| db.tag_resource(request)),
        "UntagResource" => typed(body, |request| db.untag_resource(request)),
        "ListTagsOfResource" => typed(body, |request| db.list_tags_of_resource(request)),
        "ListStreams" => typed(body, |request| db.list_streams(request)),
        "DescribeStream" => typed(body, |request| db.describe_stream(request)),
        "GetShardIterator" => typed(body, |request| db.get_shard_iterator(request)),
        "GetRecords" => typed(body, |request| db.get_records(request)),
        _ => return None,
    })
}

fn typed<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<Vec<u8>> {
    let request = serde_json::from_slice(body).map_err(|error| refusal(&error))?;
    let answer = run(request)?;
    serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The DynamoDB error for a request that cannot be parsed; the library's parsers name its kind at the beginning of their
/// messages.
fn refusal(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    match text.split_once(':') {
        Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", rest)) => {
            DynoxideError::ValidationException(rest.to_owned())
        }
        Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", rest)) => {
            DynoxideError::SerializationException(rest.to_owned())
        }
        _ if error.is_data() => DynoxideError::ValidationException(text.to_owned()),
        _ => DynoxideError::SerializationException(text.to_owned()),
    }
}
