//! Events that are not requests: they are reported to the Runtime API, and the next invocation is served.

use loopback::{FunctionResponse, GatewayReply, changed};
use serde_json::{Value, json};

use crate::given::{given, post, recorded};

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_one_is_answered() {
    let given = given().await;
    let no_method = changed(post(), "/httpMethod", Value::Null);
    let number = changed(post(), "/body", json!(1));
    let events = ["", "{", "null", "[]", "\"text\"", "{}"].map(str::to_owned);
    for event in events.into_iter().chain([no_method.to_string(), number.to_string()]) {
        let answer = given.function.invoke(event.clone()).await;
        let FunctionResponse::Error(_, error) = answer else { panic!("{event}: {answer:?}") };
        let message = error["errorMessage"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("panicked"), "{event}: {message}");
        assert_eq!(given.operations(), [""; 0], "{event}");
    }
    assert_eq!(given.reply(&post()).await.status, 201);
    let log = given.function.stop().await;
    assert_eq!(log.lines().iter().filter(|line| line["level"] == "ERROR").count(), 8, "{}", log.out);
}

#[tokio::test]
async fn payload_format_2_0_is_a_500_and_a_line_of_the_log_that_says_what_to_change() {
    let given = given().await;
    let answer = given.function.invoke(recorded("http-api-2.0").to_string()).await;
    let FunctionResponse::Response(payload) = &answer else { panic!("{answer:?}") };
    assert_eq!(payload["headers"]["content-type"], "application/problem+json");
    assert_eq!(payload["multiValueHeaders"], json!({}));
    let reply = GatewayReply::of(&answer);
    let made = reply.header("x-correlation-id").unwrap();
    let problem = reply.problem("internal", 500, made);
    assert!(problem["detail"].as_str().unwrap().contains("payload format 2.0"), "{problem}");
    assert_eq!(problem["instance"], "/products");
    assert_eq!(given.operations(), [""; 0]);
    assert_eq!(given.reply(&post()).await.status, 201);

    let log = given.function.stop().await;
    let errors: Vec<_> = log.messages().into_iter().filter(|line| line["level"] == "ERROR").collect();
    let [error] = errors.as_slice() else { panic!("{}", log.out) };
    assert_eq!(error["version"], "2.0");
    assert!(error["message"].as_str().unwrap().contains("payload format 1.0"), "{error}");
}
