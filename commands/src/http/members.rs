//! The members of a JSON object, with each value still as text.
//!
//! The promise: a price never passes through a float.

use std::fmt;

use schema::Price;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use web::{FieldError, Problem, ProblemKind};

use crate::problem::invalid;

/// The members of an object in order, repeated names included.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Reads an object.
    ///
    /// # Errors
    /// 400 for what is not JSON, 422 for JSON that is not an object.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let raw: &RawValue = serde_json::from_slice(body).map_err(|error| {
            // The parser names a place in the text, and nothing of the text.
            Problem::new(ProblemKind::Malformed, format!("The body is not JSON: {error}.")).loggable()
        })?;
        Self::of(raw).ok_or_else(|| {
            invalid(vec![FieldError { pointer: String::new(), detail: "must be a JSON object".into() }])
        })
    }

    /// The members of a nested value, `None` if it is not an object.
    pub(super) fn of(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// Takes the last member of a name; others of that name remain and become faults.
    pub(super) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().rposition(|(member, _)| member == name)?;
        Some(self.0.remove(at).1)
    }

    /// The members that were not taken.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, Box<RawValue>)> {
        self.0.into_iter()
    }

    /// The value for a fingerprint, equal for equal JSON. A price that is a number keeps its digits.
    pub(super) fn canonical(&self) -> Value {
        let value = |(name, raw): &(String, Box<RawValue>)| {
            let exact = if name == "price" { Price::parse_given(raw.get()).ok() } else { None };
            let value = match exact {
                Some(price) => json!({"number": price.amount().normalize().to_string()}),
                None => serde_json::from_str(raw.get()).unwrap_or(Value::Null),
            };
            (name.clone(), value)
        };
        Value::Object(self.0.iter().map(value).collect::<Map<_, _>>())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
