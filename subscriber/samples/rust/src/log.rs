//! Lines of the log, each a JSON object, and metrics in CloudWatch's embedded format, which are lines of the log too.

use std::time::Duration;

use serde_json::{Value, json};

/// Writes a line with a level, a message and what else belongs to it.
pub fn line(level: &str, message: &str, rest: Value) {
    let mut line = json!({ "level": level, "message": message });
    if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), rest) {
        line.extend(rest);
    }
    println!("{line}");
}

/// Writes counts, by name, as metrics of a service in a namespace. `now` counts from 1970.
pub fn counts(namespace: &str, service: &str, now: Duration, counts: &[(&str, usize)]) {
    if counts.is_empty() {
        return;
    }
    let named: Vec<Value> = counts.iter().map(|(name, _)| json!({ "Name": name, "Unit": "Count" })).collect();
    let metrics = json!([{ "Namespace": namespace, "Dimensions": [["service"]], "Metrics": named }]);
    let mut line = json!({
        "_aws": { "Timestamp": u64::try_from(now.as_millis()).unwrap_or(u64::MAX), "CloudWatchMetrics": metrics },
        "service": service,
    });
    for (name, count) in counts {
        line[name] = json!(count);
    }
    println!("{line}");
}
