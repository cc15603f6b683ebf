//! Counts requests to `DynamoDB` and the capacity units they consume, in an interceptor of the client that every adapter uses:
//! for the request or invocation that causes them ([`telemetry::usage`]) and for the metrics.
//!
//! The promise: each attempt of the SDK counts once, and every operation that can return its capacity units is told to. An
//! attempt without an answer is a line of the log, at most one every ten seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation as op;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input, Output};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use aws_types::SdkConfig;
use telemetry::meters::{DYNAMODB_REQUESTS, DYNAMODB_UNITS};
use telemetry::usage;
use tokio::time::Instant;

use crate::error::causes;
use crate::limits;
use crate::outage::Outage;

/// Between two lines of the log about attempts without an answer.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// A client that counts. Settings without limits of their own get those of a function.
#[must_use]
pub fn client(settings: &SdkConfig) -> Client {
    usage::begin();
    let limited = limits::FUNCTION.by_default_on(settings);
    let metering = Metering { unanswered: Mutex::new(Outage::said_every(SAID_EVERY)) };
    Client::from_conf(Builder::from(&limited).interceptor(metering).build())
}

#[derive(Debug)]
struct Metering {
    unanswered: Mutex<Outage>,
}

/// Operation and table of a request, kept until its attempts are answered.
#[derive(Debug, Clone)]
struct RequestLabels {
    operation: &'static str,
    table: String,
}

impl Storable for RequestLabels {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Metering {
    fn name(&self) -> &'static str {
        "Metering"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(asked) = ask(context.input_mut()) {
            config.interceptor_state().store_put(asked);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(asked), Some(answer)) = (config.load::<RequestLabels>(), context.output_or_error()) else {
            return Ok(());
        };
        let (result, units) = match answer {
            Ok(output) => ("ok", units(output)),
            Err(error) => {
                if let Some(refusal) = error.as_operation_error() {
                    (code(refusal).map_or("failed", result), None)
                } else {
                    self.say(asked, error);
                    ("failed", None)
                }
            }
        };
        usage::spent(units.unwrap_or_default());
        let labels = [("table", asked.table.clone()), ("operation", asked.operation.to_owned())];
        if let Some(units) = units {
            metrics::histogram!(DYNAMODB_UNITS.name, &labels).record(units);
        }
        let [table, operation] = labels;
        let labels = [table, operation, ("result", result.to_owned())];
        metrics::counter!(DYNAMODB_REQUESTS.name, &labels).increment(1);
        Ok(())
    }
}

impl Metering {
    /// Says that an attempt got no answer, unless one was said shortly before; then it is in the number of the next line.
    fn say(&self, asked: &RequestLabels, error: &OrchestratorError<Error>) {
        let reason = match error.as_connector_error() {
            Some(error) => causes(error),
            None if error.is_response_error() => "its answer broke off".to_owned(),
            // It was not sent, for want of credentials for example, which its error says.
            None => return,
        };
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempts) = unanswered.failed(Instant::now()) {
            tracing::warn!(target: "ledger::dynamodb",
                table = asked.table,
                operation = asked.operation,
                reason,
                attempts,
                "a request to DynamoDB got no answer"
            );
        }
    }
}

/// The label of an error code in the metrics.
fn result(code: &str) -> &'static str {
    match code {
        "ConditionalCheckFailedException" | "DuplicateItemException" | "TransactionCanceledException" => {
            "condition"
        }
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException" => {
            "throttled"
        }
        _ => "failed",
    }
}

macro_rules! operations {
    ($($name:literal $module:ident $input:ident $output:ident $error:ident $table:expr, $units:ident;)+) => {
        /// Requests the capacity units, and returns what is asked.
        fn ask(input: &mut Input) -> Option<RequestLabels> {
            $(if let Some(input) = input.downcast_mut::<op::$module::$input>() {
                input.return_consumed_capacity.get_or_insert(ReturnConsumedCapacity::Total);
                let table: fn(&op::$module::$input) -> Option<String> = $table;
                return Some(RequestLabels { operation: $name, table: table(input).unwrap_or_default() });
            })+
            None
        }

        fn units(output: &Output) -> Option<f64> {
            $(if let Some(output) = output.downcast_ref::<op::$module::$output>() {
                return $units(output.consumed_capacity());
            })+
            None
        }

        fn code(error: &Error) -> Option<&str> {
            $(if let Some(error) = error.downcast_ref::<op::$module::$error>() {
                return error.code();
            })+
            None
        }
    };
}

operations! {
    "Query" query QueryInput QueryOutput QueryError |input| input.table_name.clone(), of_one;
    "ExecuteStatement" execute_statement ExecuteStatementInput ExecuteStatementOutput ExecuteStatementError
        |input| input.statement.as_deref()?.split('"').nth(1).map(str::to_owned), of_one;
    "BatchExecuteStatement" batch_execute_statement BatchExecuteStatementInput BatchExecuteStatementOutput
        BatchExecuteStatementError
        |input| input.statements.as_ref()?.first()?.statement.split('"').nth(1).map(str::to_owned), of_all;
    "GetItem" get_item GetItemInput GetItemOutput GetItemError |input| input.table_name.clone(), of_one;
    "PutItem" put_item PutItemInput PutItemOutput PutItemError |input| input.table_name.clone(), of_one;
    "UpdateItem" update_item UpdateItemInput UpdateItemOutput UpdateItemError
        |input| input.table_name.clone(), of_one;
    "DeleteItem" delete_item DeleteItemInput DeleteItemOutput DeleteItemError
        |input| input.table_name.clone(), of_one;
    "Scan" scan ScanInput ScanOutput ScanError |input| input.table_name.clone(), of_one;
    "BatchGetItem" batch_get_item BatchGetItemInput BatchGetItemOutput BatchGetItemError
        |input| input.request_items.as_ref()?.keys().next().cloned(), of_all;
    "BatchWriteItem" batch_write_item BatchWriteItemInput BatchWriteItemOutput BatchWriteItemError
        |input| input.request_items.as_ref()?.keys().next().cloned(), of_all;
    "TransactWriteItems" transact_write_items TransactWriteItemsInput TransactWriteItemsOutput
        TransactWriteItemsError
        |input| input.transact_items.as_ref()?.first()?.put.as_ref().map(|put| put.table_name.clone()), of_all;
}

fn of_one(capacity: Option<&ConsumedCapacity>) -> Option<f64> {
    capacity?.capacity_units
}

/// The units of all tables in an answer.
fn of_all(capacity: &[ConsumedCapacity]) -> Option<f64> {
    (!capacity.is_empty()).then(|| capacity.iter().filter_map(|one| one.capacity_units).sum())
}
