//! Events that are not requests: they are reported to the Runtime API, and the next invocation is served.

use loopback::{FunctionResponse, changed};
use serde_json::{Value, json};

use crate::given::{given, post};

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
