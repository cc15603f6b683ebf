//! A table that does not answer: the client gets an answer within the function's time, and nothing is recorded twice.

use std::time::Duration;

use loopback::{FaultRule, GatewayReply, TableFault, changed};
use serde_json::{Value, json};
use web::ProblemKind;

use crate::given::{Given, given, post, recorded};

/// As the function is deployed (`infra/lib/command-api.ts`).
const LIMIT: Duration = Duration::from_secs(15);

impl Given {
    /// The reply before the function's time is over.
    async fn reply_in_time(&self, event: &Value) -> GatewayReply {
        let answer = self.function.invoke_within(event.to_string(), LIMIT).await;
        GatewayReply::of(&answer.unwrap())
    }

    async fn commits(&self) -> usize {
        let (_, found) = self.tables.request("Scan", &json!({"TableName": "events", "Limit": 10})).await;
        found["Items"].as_array().unwrap().len()
    }
}

#[track_caller]
fn is_told_to_come_again(reply: &GatewayReply, correlation_id: &str) {
    let (slug, _, status) = ProblemKind::Unavailable.parts();
    reply.problem(slug, status.as_u16().into(), correlation_id);
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn one_request_without_an_answer_is_made_good() {
    let once = async |operation, fault, event: Value| {
        let given = given().await;
        given.tables.faults().add(FaultRule::operation(operation).times(1), fault);
        let reply = given.reply_in_time(&event).await;
        assert_eq!(reply.status, 201, "{operation} {fault:?}: {reply:?}");
        assert_eq!((given.tables.faults().applied(), given.commits().await), (1, 1), "{operation} {fault:?}");
    };
    let put = || recorded("put-product-base64");
    tokio::join!(
        once("ExecuteStatement", TableFault::Silence, post()),
        once("ExecuteStatement", TableFault::LostAnswer, post()),
        once("ExecuteStatement", TableFault::HalfAnswer, post()),
        once("ExecuteStatement", TableFault::Code("InternalServerError"), post()),
        once("Query", TableFault::Silence, put()),
        once("Query", TableFault::HalfAnswer, put()),
    );
}

#[tokio::test]
async fn an_insert_whose_answers_are_all_lost_is_found_by_reading() {
    let given = given().await;
    given.tables.faults().add(FaultRule::operation("ExecuteStatement"), TableFault::LostAnswer);
    assert_eq!(given.reply_in_time(&post()).await.status, 201);
    assert_eq!(given.operations(), ["ExecuteStatement", "Query"]);
}

#[tokio::test]
async fn a_table_that_stays_silent_is_a_503_in_time_and_the_same_command_is_recorded_once_afterwards() {
    let always = async |rules: Vec<(&'static str, TableFault)>, event: Value, again: &str| {
        let given = given().await;
        for (operation, fault) in &rules {
            given.tables.faults().add(FaultRule::operation(operation), *fault);
        }
        let reply = given.reply_in_time(&event).await;
        let correlation_id = reply.header("x-correlation-id").unwrap().to_owned();
        is_told_to_come_again(&reply, &correlation_id);
        given.tables.faults().clear();
        let reply = given.reply_in_time(&event).await;
        assert_eq!((reply.status, given.commits().await), (201, 1), "{rules:?}: {reply:?}");
        assert_eq!(reply.header("idempotency-replayed").unwrap_or("false"), again, "{rules:?}");
    };
    let keyed = |event| {
        changed(
            event,
            "/multiValueHeaders",
            json!({"Content-Type": ["application/json"], "Idempotency-Key": ["k"]}),
        )
    };
    let put = || keyed(recorded("put-product-base64"));
    let (insert, read) = ("ExecuteStatement", "Query");
    tokio::join!(
        always(vec![(insert, TableFault::Silence)], post(), "false"),
        always(vec![(read, TableFault::Silence)], put(), "false"),
        always(vec![(insert, TableFault::LostAnswer), (read, TableFault::Silence)], post(), "true"),
        always(vec![(insert, TableFault::Code("ThrottlingException"))], put(), "false"),
        always(vec![(insert, TableFault::Code("ExpiredTokenException"))], post(), "false"),
        always(vec![(insert, TableFault::Code("InternalServerError"))], post(), "false"),
    );
}

#[tokio::test]
async fn the_log_says_which_request_got_no_answer() {
    let given = given().await;
    given.tables.faults().add(FaultRule::operation("ExecuteStatement").times(1), TableFault::Silence);
    assert_eq!(given.reply_in_time(&post()).await.status, 201);
    let log = given.function.stop().await;
    let messages = log.messages();
    let silent = messages.iter().find(|line| line["message"] == "a request to DynamoDB got no answer");
    let silent = silent.unwrap_or_else(|| panic!("{}", log.out));
    assert_eq!((&silent["table"], &silent["operation"]), (&json!("events"), &json!("ExecuteStatement")));
    assert_eq!((&silent["level"], &silent["attempts"]), (&json!("WARN"), &json!(1)));
}
