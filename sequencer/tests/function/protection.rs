//! What protects the log table is looked at on the schedule of the reconcile.

use loopback::{FunctionResponse, Protection};
use serde_json::{Value, json};

use crate::given::{Surroundings, invoke, reconcile};

fn policy() -> Value {
    json!({"Statement": [{"Sid": "OneInserter", "Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": "*",
        "Action": "dynamodb:PartiQLInsert"}]})
}

/// The log table has no stream.
fn deployed() -> Protection {
    Protection {
        policy: Some(policy()),
        recovery: true,
        deletion_protection: true,
        stream: false,
        refused: None,
    }
}

#[tokio::test]
async fn a_changed_protection_of_the_log_table_raises_the_tampering_signal() {
    let expected = json!({"policy": policy(), "deletion_protection": true, "stream": false}).to_string();
    for (found, result, named) in [
        (deployed(), "holds", None),
        (Protection { policy: None, ..deployed() }, "changed", Some("no policy")),
        (Protection { recovery: false, ..deployed() }, "changed", Some("point-in-time recovery")),
        (Protection { deletion_protection: false, ..deployed() }, "changed", Some("protected from deletion")),
        (Protection { refused: Some("InternalServerError"), ..deployed() }, "unknown", None),
    ] {
        let around = Surroundings::new().await;
        around.tables.protect(found);
        let function = around.command().with("LEDGER_LOG_PROTECTION", &expected).start().await;
        let FunctionResponse::Response(answer) = invoke(&function, &reconcile()).await else {
            panic!("{result}")
        };
        assert_eq!(
            (&answer["protection"], &answer["complete"]),
            (&json!(result), &json!(true)),
            "the round goes on whatever was found: {answer}"
        );
        let asked = around.tables.take_requests();
        let asked = asked.iter().find(|request| request.operation == "DescribeTable").unwrap();
        assert_eq!(asked.body["TableName"], "log");
        let log = function.stop().await;
        let value = |name: &str| log.metrics().iter().find_map(|line| line.get(name).cloned());
        assert_eq!(value("ledger_tampering_total"), named.map(|_| json!(1.0)), "{result} {named:?}");
        assert_eq!(value("ledger_protection_checks_total"), Some(json!(1.0)));
        if let Some(named) = named {
            let errors: Vec<Value> =
                log.messages().into_iter().filter(|line| line["level"] == "ERROR").collect();
            let [line] = errors.as_slice() else { panic!("{}", log.out) };
            assert_eq!((&line["tampering"], &line["table"]), (&json!(1), &json!("log")));
            assert!(line["changes"].as_str().unwrap().contains(named), "{line}");
        }
    }
}
