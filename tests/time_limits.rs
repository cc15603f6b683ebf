//! Each client's limits on time, as `docs/operations.md` lists them, and that each is below the limit above it.

use std::time::Duration;

use commands::execute;
use event_store::limits::{FUNCTION, OPERATOR, RequestLimits, SERVER, STREAM};
use publisher::bus::eventbridge::{ANSWER_TIMEOUT, CONNECT_TIMEOUT};
use server::serve::{BATCH_TIME_LIMIT, Limits};

use crate::scenario::repository;

/// What a function keeps for its answer (`lambda/src/api.rs`).
const RESERVE: Duration = Duration::from_secs(1);

/// The time that the infrastructure gives a function.
fn given_by(file: &str) -> Duration {
    let text = std::fs::read_to_string(repository().join("infra/lib").join(file)).unwrap();
    let (_, seconds) = text.split_once("      timeout: Duration.seconds(").unwrap();
    Duration::from_secs(seconds.split(')').next().unwrap().parse().unwrap())
}

fn row(client: &str, limits: &RequestLimits, attempts: &str, above: &str) -> String {
    let [connect, silence, operation] =
        [limits.connect, limits.silence, limits.operation].map(|limit| limit.as_secs());
    format!("| {client} | {connect} s | {silence} s | {operation} s | {attempts} | {above} |")
}

fn rows() -> Vec<String> {
    let [command_api, query_api, consumers] =
        ["command-api.ts", "query-api.ts", "stream-consumer.ts"].map(|file| given_by(file).as_secs());
    let (command, batch) = (execute::TIME_LIMIT.as_secs(), BATCH_TIME_LIMIT.as_secs());
    let request = Limits::DEFAULT.request_timeout.as_secs();
    let attempts = |limits: &RequestLimits| limits.attempts.to_string();
    let inserts = "3; an insert 1, or 3 while it is throttled";
    let bus = RequestLimits {
        connect: CONNECT_TIMEOUT,
        silence: ANSWER_TIMEOUT,
        operation: ANSWER_TIMEOUT,
        attempts: 1,
    };
    let mut rows = vec![
        row(
            "DynamoDB, function `command-api`",
            &FUNCTION,
            inserts,
            &format!("a command {command} s; the function {command_api} s"),
        ),
        row(
            "DynamoDB, function `query-api`",
            &FUNCTION,
            &attempts(&FUNCTION),
            &format!("the function {query_api} s"),
        ),
        row(
            "DynamoDB, functions `projector` and `publisher`",
            &FUNCTION,
            &attempts(&FUNCTION),
            &format!("the function {consumers} s"),
        ),
        row(
            "DynamoDB, `serve --dynamodb aws`",
            &SERVER,
            inserts,
            &format!(
                "a command {command} s; a request {request} s (`--request-timeout`); a batch of a consumer {batch} s"
            ),
        ),
        row(
            "DynamoDB Streams, `serve --dynamodb aws`",
            &STREAM,
            &attempts(&STREAM),
            "none: it is read again",
        ),
        row(
            "DynamoDB, commands for operators and auditors",
            &OPERATOR,
            &attempts(&OPERATOR),
            "none: the command ends with an error",
        ),
        row(
            "EventBridge, function `publisher` and `serve`",
            &bus,
            "1",
            "an event 20 s, then it is left to the schedule; a run as above",
        ),
    ];
    rows.extend(rows_of_the_log(query_api, consumers, request));
    rows
}

/// The clients of a log in a bucket.
fn rows_of_the_log(query_api: u64, consumers: u64, request: u64) -> [String; 3] {
    let attempts = |limits: &RequestLimits| limits.attempts.to_string();
    [
        row(
            "DynamoDB, S3 and KMS, function `sequencer`",
            &FUNCTION,
            &attempts(&FUNCTION),
            &format!("the function {consumers} s"),
        ),
        row(
            "S3, function `query-api`",
            &FUNCTION,
            &attempts(&FUNCTION),
            &format!("the function {query_api} s"),
        ),
        row(
            "S3 and KMS, `serve --dynamodb aws`",
            &SERVER,
            &attempts(&SERVER),
            &format!("a request {request} s; the log: none, it tries again"),
        ),
    ]
}

#[test]
fn the_operators_page_lists_every_client_with_its_limits() {
    let page = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let (_, section) = page.split_once("## Time limits\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let listed: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(listed, rows());
    assert_eq!(publisher::RetryPolicy::default().total, Duration::from_secs(20));
}

#[test]
fn each_limit_is_below_the_one_above_it() {
    for limits in [FUNCTION, SERVER, STREAM, OPERATOR] {
        assert!(limits.connect <= limits.silence && limits.silence * limits.attempts < limits.operation);
    }
    let command_api = given_by("command-api.ts");
    assert!(FUNCTION.operation < execute::TIME_LIMIT && execute::TIME_LIMIT + RESERVE < command_api);
    assert!(SERVER.operation < Limits::DEFAULT.request_timeout);
    assert!(execute::TIME_LIMIT < Limits::DEFAULT.request_timeout);
    assert!(FUNCTION.operation + RESERVE < given_by("query-api.ts"));
    // API Gateway waits no longer.
    assert!(given_by("query-api.ts") < Duration::from_secs(29));
    assert!(ANSWER_TIMEOUT < given_by("stream-consumer.ts") / 2);
    assert_eq!(BATCH_TIME_LIMIT, given_by("stream-consumer.ts"));
}
