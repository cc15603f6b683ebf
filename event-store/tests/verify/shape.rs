//! The JSON Schema of a report describes the reports that are returned.

use event_store::verify::{Chain, ProductReport};
use serde_json::{Value, json};

use super::given::{helmet, verify_commits};

fn schema() -> Value {
    schemars::schema_for!(ProductReport).to_value()
}

#[test]
fn every_report_has_the_documented_shape() {
    let mut changed = helmet("helmet");
    changed[1].0["hash"] = json!("0".repeat(64));
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let empty = Chain::of("nobody").end();
    let found = [verify_commits(&helmet("helmet")), verify_commits(&changed)];
    for report in found.iter().flat_map(|found| &found.reports).chain([&empty]) {
        let shown = serde_json::to_value(report).unwrap();
        assert!(schema.is_valid(&shown), "{shown}");
    }
}

#[test]
fn a_report_or_a_fault_without_what_clients_rely_on_does_not_have_the_shape() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let fault = json!({"product_id": "helmet", "sequence": 2, "fault": "changed", "detail": "x"});
    let report = json!({"valid": false, "commits": 5, "events": 6, "faults": [fault]});
    assert!(schema.is_valid(&report));
    for field in ["valid", "commits", "events"] {
        let mut less = report.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&less), "without {field}");
    }
    for field in ["product_id", "sequence", "fault", "detail"] {
        let mut less = report.clone();
        less["faults"][0].as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&less), "without {field} of a fault");
    }
}

#[test]
fn the_schemas_have_the_names_that_generated_clients_use() {
    let mut generator = schemars::SchemaGenerator::default();
    generator.subschema_for::<ProductReport>();
    let names: Vec<&String> = generator.definitions().keys().collect();
    assert_eq!(names, ["ChainFault", "Hash", "Verification"]);
}
