//! Breaking changes between two OpenAPI documents: operations, responses, headers, parameters, bodies, scopes.

use serde_json::{Value, json};

use super::within::{self, Node, Use};

/// What those who rely on `released` lose with `now`.
pub fn broken(released: &Value, now: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, operations) in object(&released["paths"]) {
        for (method, before) in object(operations) {
            let place = format!("{} {path}", method.to_uppercase());
            match now["paths"][path].get(method) {
                None => faults.push(format!("{place}: the operation was removed")),
                Some(after) => Change { released, now, before, after, place }.faults(&mut faults),
            }
        }
    }
    faults
}

struct Change<'a> {
    released: &'a Value,
    now: &'a Value,
    before: &'a Value,
    after: &'a Value,
    place: String,
}

impl Change<'_> {
    fn faults(&self, faults: &mut Vec<String>) {
        if self.before["operationId"] != self.after["operationId"] {
            faults.push(format!("{}: operationId was {}", self.place, self.before["operationId"]));
        }
        self.security(faults);
        self.parameters(faults);
        self.body(faults);
        self.responses(faults);
    }

    /// Who could call it still can.
    fn security(&self, faults: &mut Vec<String>) {
        let none = json!([]);
        let [before, after] = [self.before, self.after]
            .map(|operation| operation.get("security").unwrap_or(&none).as_array().unwrap().clone());
        let before = if before.is_empty() { vec![json!({})] } else { before };
        let enough = |held: &Value, asked: &Value| {
            object(asked).all(|(scheme, scopes)| {
                let held = held.get(scheme).and_then(Value::as_array);
                held.is_some_and(|held| scopes.as_array().unwrap().iter().all(|scope| held.contains(scope)))
            })
        };
        for held in &before {
            if !after.is_empty() && !after.iter().any(|asked| enough(held, asked)) {
                faults.push(format!("{}: {held} is no longer enough", self.place));
            }
        }
    }

    fn parameters(&self, faults: &mut Vec<String>) {
        let [before, after] =
            [(self.before, self.released), (self.after, self.now)].map(|(operation, root)| {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                parameters.map(|parameter| resolved(parameter, root).clone()).collect::<Vec<_>>()
            });
        let same = |one: &Value, other: &Value| one["name"] == other["name"] && one["in"] == other["in"];
        let is_required = |parameter: &Value| parameter["required"] == json!(true);
        for parameter in &before {
            let place = format!("{} parameter {}", self.place, parameter["name"]);
            let Some(other) = after.iter().find(|other| same(parameter, other)) else {
                faults.push(format!("{place}: was removed"));
                continue;
            };
            if is_required(other) && !is_required(parameter) {
                faults.push(format!("{place}: is newly required"));
            }
            faults.extend(self.schema(&parameter["schema"], &other["schema"], Use::Sent, &place));
        }
        for parameter in after.iter().filter(|parameter| is_required(parameter)) {
            if !before.iter().any(|other| same(parameter, other)) {
                faults.push(format!("{} parameter {}: is newly required", self.place, parameter["name"]));
            }
        }
    }

    fn body(&self, faults: &mut Vec<String>) {
        let (before, after) = (&self.before["requestBody"], &self.after["requestBody"]);
        if after["required"] == json!(true) && before["required"] != json!(true) {
            faults.push(format!("{}: a body is newly required", self.place));
        }
        self.contents(before, after, Use::Sent, &format!("{} body", self.place), faults);
    }

    fn responses(&self, faults: &mut Vec<String>) {
        for (status, before) in object(&self.before["responses"]) {
            let place = format!("{} {status}", self.place);
            let before = resolved(before, self.released);
            let Some(after) = self.after["responses"].get(status).map(|after| resolved(after, self.now))
            else {
                faults.push(format!("{place}: the answer was removed"));
                continue;
            };
            self.contents(before, after, Use::Received, &place, faults);
            for (name, header) in object(&before["headers"]) {
                let place = format!("{place} header {name}");
                let Some(other) = after["headers"].get(name) else {
                    faults.push(format!("{place}: was removed"));
                    continue;
                };
                let (header, other) = (resolved(header, self.released), resolved(other, self.now));
                if header["required"] == json!(true) && other["required"] != json!(true) {
                    faults.push(format!("{place}: is no longer always there"));
                }
                faults.extend(self.schema(&header["schema"], &other["schema"], Use::Received, &place));
            }
        }
    }

    fn contents(&self, before: &Value, after: &Value, usage: Use, place: &str, faults: &mut Vec<String>) {
        for (media_type, content) in object(&before["content"]) {
            let place = format!("{place} {media_type}");
            match after["content"].get(media_type) {
                None => faults.push(format!("{place}: was removed")),
                Some(other) => {
                    faults.extend(self.schema(&content["schema"], &other["schema"], usage, &place));
                }
            }
        }
    }

    fn schema(&self, before: &Value, after: &Value, usage: Use, place: &str) -> Vec<String> {
        let before = Node { schema: before, root: self.released };
        within::broken(before, Node { schema: after, root: self.now }, usage, place)
    }
}

fn resolved<'a>(value: &'a Value, root: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
