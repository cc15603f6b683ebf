//! The contract with the SDK: the exact request, and the meaning of every kind of answer.

use publisher::bus::{BusRefusal, Remedy};
use publisher::{Bus, BusEntry, EntryOutcome, EventBridge};
use serde_json::{Value, json};

use crate::canned::{Answer, Canned};

fn entry(n: usize) -> BusEntry {
    BusEntry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: "product-ledger".into(),
        resources: vec![format!("p{n}")],
        detail: format!("{{\"n\":{n}}}"),
        trace_header: (n == 2).then(|| "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736".to_owned()),
    }
}

#[tokio::test]
async fn the_request_is_exactly_what_the_interface_says() {
    let accepted = json!({"FailedEntryCount": 0, "Entries": [{"EventId": "id-1"}, {"EventId": "id-2"}]});
    let (config, canned) = Canned::answers([Answer::Json(200, accepted)]);
    let answers = EventBridge::new(&config).put(&[entry(1), entry(2)]).await.unwrap();
    let receipt = |id: &str| EntryOutcome::Accepted { receipt_id: id.into() };
    assert_eq!(answers, [receipt("id-1"), receipt("id-2")]);
    let [request] = &canned.requests()[..] else { panic!("one request") };
    assert_eq!(
        (request.method.as_str(), request.uri.as_str()),
        ("POST", "https://events.eu-central-1.amazonaws.com/")
    );
    assert_eq!(request.target, "AWSEvents.PutEvents");
    assert_eq!(request.content_type, "application/x-amz-json-1.1");
    let expected = json!({"Entries": [
        {"Source": "product-ledger.products", "Resources": ["p1"], "DetailType": "PRODUCT_DELETED",
         "Detail": "{\"n\":1}", "EventBusName": "product-ledger"},
        {"Source": "product-ledger.products", "Resources": ["p2"], "DetailType": "PRODUCT_DELETED",
         "Detail": "{\"n\":2}", "EventBusName": "product-ledger",
         "TraceHeader": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"}]});
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn every_entry_of_a_successful_answer_is_read() {
    let mixed = json!({"FailedEntryCount": 2, "Entries": [
        {"EventId": "id-1"},
        {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"},
        {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}, {}]});
    let (config, _) = Canned::answers([Answer::Json(200, mixed)]);
    let answers = EventBridge::new(&config).put(&[entry(1), entry(2), entry(3), entry(4)]).await.unwrap();
    let refusals: Vec<(String, bool)> = answers
        .iter()
        .filter_map(|answer| match answer {
            EntryOutcome::Accepted { .. } => None,
            EntryOutcome::Refused(refusal) => Some((refusal.to_string(), refusal.is_retryable())),
        })
        .collect();
    let expected = [
        ("ThrottlingException: Rate exceeded", true),
        ("MalformedDetail: Detail is malformed.", false),
        ("InternalFailure: no message was given", true),
    ];
    assert_eq!(refusals, expected.map(|(text, retryable)| (text.to_owned(), retryable)));
}

#[test]
fn exactly_the_documented_codes_are_retryable() {
    let retryable = |code: &&str| BusRefusal::new(*code, "").is_retryable();
    let codes = [
        "InternalFailure",
        "InternalException",
        "ThrottlingException",
        "AccessDeniedException",
        "InvalidAccountIdException",
        "InvalidArgument",
        "MalformedDetail",
        "RedactionFailure",
        "NotAuthorizedForSourceException",
        "NotAuthorizedForDetailTypeException",
    ];
    let found: Vec<&str> = codes.into_iter().filter(retryable).collect();
    assert_eq!(found, ["InternalFailure", "InternalException", "ThrottlingException"]);
}

async fn failed(answer: Answer) -> (Remedy, String) {
    let (config, canned) = Canned::answers([answer]);
    let error = EventBridge::new(&config).put(&[entry(1)]).await.unwrap_err();
    assert_eq!(canned.requests().len(), 1, "the SDK must not retry by itself");
    (error.remedy, error.refusal.code)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_failed_as_a_whole_says_what_to_do() {
    let service = |status: u16, code: &str| -> Answer {
        let body: Value = json!({"__type": code, "message": "no"});
        Answer::Json(status, body)
    };
    let cases = [
        (service(400, "ThrottlingException"), Remedy::SendAgain, "ThrottlingException"),
        (service(500, "InternalException"), Remedy::SendAgain, "InternalException"),
        (service(503, "ServiceUnavailable"), Remedy::SendAgain, "ServiceUnavailable"),
        (service(502, "BadGateway"), Remedy::SendAgain, "BadGateway"),
        (service(400, "AccessDeniedException"), Remedy::Repair, "AccessDeniedException"),
        (service(400, "ResourceNotFoundException"), Remedy::Repair, "ResourceNotFoundException"),
        (service(400, "ExpiredTokenException"), Remedy::Repair, "ExpiredTokenException"),
        (service(400, "ValidationException"), Remedy::Split, "ValidationException"),
        (service(413, "RequestEntityTooLargeException"), Remedy::Split, "RequestEntityTooLargeException"),
        (Answer::Broken, Remedy::SendAgain, "NoConnection"),
        (Answer::Silence, Remedy::SendAgain, "Timeout"),
    ];
    for (answer, remedy, code) in cases {
        assert_eq!(failed(answer).await, (remedy, code.to_owned()));
    }
}
