//! The contract with the SDK: the exact request, and the meaning of every kind of answer.

use publisher::bus::Remedy;
use publisher::{Acceptance, Bus, BusEntry, BusPresence, EntryOutcome, EventBridge};
use serde_json::{Value, json};

use crate::canned::{Answer, Canned};

fn entry(n: usize) -> BusEntry {
    BusEntry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: "product-ledger".into(),
        resources: vec![format!("p{n}")],
        deduplication_id: "e".into(),
        detail: format!("{{\"n\":{n}}}"),
        trace_header: (n == 2).then(|| "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736".to_owned()),
    }
}

#[tokio::test]
async fn the_request_is_exactly_what_the_interface_says() {
    let accepted = json!({"FailedEntryCount": 0, "Entries": [{"EventId": "id-1"}, {"EventId": "id-2"}]});
    let (config, canned) = Canned::answers([Answer::Json(200, accepted)]);
    let answers = EventBridge::new(&config).put(&[entry(1), entry(2)]).await.unwrap();
    let receipt = |id: &str| EntryOutcome::Accepted(Acceptance::unnumbered(id));
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
    let refusals: Vec<(String, Remedy)> = answers
        .iter()
        .filter_map(|answer| match answer {
            EntryOutcome::Accepted(_) => None,
            EntryOutcome::Refused(refusal) => Some((refusal.to_string(), refusal.remedy())),
        })
        .collect();
    let expected = [
        ("ThrottlingException: Rate exceeded", Remedy::SendAgain),
        ("MalformedDetail: Detail is malformed.", Remedy::Split),
        ("InternalFailure: no message was given", Remedy::SendAgain),
    ];
    assert_eq!(refusals, expected.map(|(text, remedy)| (text.to_owned(), remedy)));
}

/// A code, and what to do about it.
const CODES: [(&str, Remedy); 14] = [
    ("InternalFailure", Remedy::SendAgain),
    ("InternalException", Remedy::SendAgain),
    ("InternalServerError", Remedy::SendAgain),
    ("ThrottlingException", Remedy::SendAgain),
    ("ServiceUnavailable", Remedy::SendAgain),
    ("LimitExceededException", Remedy::SendAgain),
    ("AccessDeniedException", Remedy::Repair),
    ("ExpiredTokenException", Remedy::Repair),
    ("KMSAccessDeniedException", Remedy::Repair),
    ("NotAuthorizedForSourceException", Remedy::Repair),
    ("InvalidArgument", Remedy::Repair),
    ("SomethingNew", Remedy::Repair),
    ("MalformedDetail", Remedy::Split),
    ("ValidationException", Remedy::Split),
];

#[tokio::test]
async fn a_code_means_the_same_for_an_entry_and_for_a_whole_request() {
    for (code, remedy) in CODES {
        let refused = json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]});
        let (config, _) = Canned::answers([Answer::Json(200, refused)]);
        let answers = EventBridge::new(&config).put(&[entry(1)]).await.unwrap();
        let [EntryOutcome::Refused(refusal)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(refusal.remedy(), remedy, "{code} of an entry");
        let whole = failed(Answer::Json(400, json!({"__type": code, "message": "no"}))).await;
        assert_eq!(whole, (remedy, code.to_owned()), "{code} of a request");
    }
}

#[tokio::test]
async fn a_bus_exists_unless_it_is_said_that_it_does_not() {
    let service = |status: u16, code: &str| Answer::Json(status, json!({"__type": code, "message": "no"}));
    let presence = async |answer: Answer| {
        let (config, canned) = Canned::answers([answer]);
        let presence = EventBridge::new(&config).presence("ledger").await;
        let [request] = &canned.requests()[..] else { panic!("one request") };
        assert_eq!(
            (request.target.as_str(), &request.body),
            ("AWSEvents.DescribeEventBus", &json!({"Name": "ledger"}))
        );
        presence
    };
    assert_eq!(presence(Answer::Json(200, json!({"Name": "ledger"}))).await, BusPresence::Exists);
    for missing in ["ResourceNotFoundException", "ValidationException"] {
        assert_eq!(presence(service(400, missing)).await, BusPresence::Missing, "{missing}");
    }
    for (status, code) in
        [(400, "AccessDeniedException"), (400, "ThrottlingException"), (500, "InternalException")]
    {
        let BusPresence::Unknown(reason) = presence(service(status, code)).await else { panic!("{code}") };
        assert!(reason.starts_with(code), "{reason}");
    }
    assert!(matches!(presence(Answer::Broken).await, BusPresence::Unknown(_)));
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
        (Answer::Json(200, json!("no object")), Remedy::SendAgain, "UnknownError"),
        (Answer::Broken, Remedy::SendAgain, "NoConnection"),
        (Answer::Silence, Remedy::SendAgain, "Timeout"),
    ];
    for (answer, remedy, code) in cases {
        assert_eq!(failed(answer).await, (remedy, code.to_owned()));
    }
}
