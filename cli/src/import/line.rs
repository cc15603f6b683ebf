//! One line of the file as a request: the command's members pass through as they are written.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use reqwest::Method;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// A line that can be sent.
#[derive(Debug)]
pub struct Line {
    /// Number in the file, from 1.
    pub number: u64,
    /// Its product.
    pub product_id: String,
    /// Number within the product, from 1.
    pub ordinal: u64,
    verb: Verb,
    members: BTreeMap<String, Box<RawValue>>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
    Delete,
    Restore,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(number: u64, bytes: &[u8]) -> Result<Self, String> {
        // The blanks of JSON and no others: what stands around a line is no part of its key.
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let Members(mut members) =
            serde_json::from_str(text).map_err(|error| format!("is not a JSON object: {error}"))?;
        let verb = match take_text(&mut members, "command")?.as_str() {
            "create" => Verb::Create,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            "restore" => Verb::Restore,
            other => {
                return Err(format!("`command` is {other:?}; it is create, update, delete or restore"));
            }
        };
        let product_id = take_text(&mut members, "product_id")?;
        let product_id =
            schema::ProductId::new(product_id).map_err(|error| format!("`product_id`: {error}"))?;
        if matches!(verb, Verb::Delete | Verb::Restore)
            && let Some(name) = members.keys().find(|name| *name != "occurred_at")
        {
            return Err(format!("`{name}` is not a field of this command"));
        }
        Ok(Self { number, product_id: product_id.into(), ordinal: 0, verb, members, text: text.to_owned() })
    }

    /// The worker of the line's product.
    #[must_use]
    pub fn worker(&self, workers: usize) -> usize {
        let mut hasher = DefaultHasher::new();
        self.product_id.hash(&mut hasher);
        // The remainder is smaller than the number of workers.
        usize::try_from(hasher.finish() % workers as u64).unwrap_or_default()
    }

    /// SHA-256 over product, ordinal and line: the same whenever the file is imported again.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        let mut digest = Sha256::new();
        for part in [&self.product_id, &self.ordinal.to_string(), &self.text] {
            digest.update(part);
            digest.update([0]);
        }
        schema::Hash::of_digest(&digest.finalize().into()).into()
    }

    /// Method, path with query, and body.
    #[must_use]
    pub fn request(&self) -> (Method, String, Option<String>) {
        let path = format!("/products/{}", self.product_id);
        let body = || serde_json::to_string(&self.members).ok();
        match self.verb {
            Verb::Create => (Method::PUT, path, body()),
            Verb::Update => (Method::PATCH, path, body()),
            // Without a query the moment has to travel in a body, which these commands take too.
            Verb::Delete => (Method::DELETE, path, (!self.members.is_empty()).then(body).flatten()),
            Verb::Restore => {
                (Method::POST, path + "/restore", (!self.members.is_empty()).then(body).flatten())
            }
        }
    }

    /// Whether the product must not exist.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.verb == Verb::Create
    }
}

/// The members of an object, each once: a second one of a name would be sent in place of the first, unseen.
struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, _>()? {
                    if members.contains_key(&name) {
                        return Err(Error::custom(format_args!("`{name}` appears twice")));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn take_text(members: &mut BTreeMap<String, Box<RawValue>>, name: &str) -> Result<String, String> {
    let raw = members.remove(name).ok_or_else(|| format!("`{name}` is missing"))?;
    serde_json::from_str(raw.get()).map_err(|_| format!("`{name}` is not a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_passes_through_as_it_is_written() {
        let line =
            Line::parse(1, br#"{"command":"create","product_id":"p","name":"a","price":33.6440}"#).unwrap();
        let (method, path, body) = line.request();
        assert_eq!((method, path.as_str()), (Method::PUT, "/products/p"));
        assert_eq!(body.unwrap(), r#"{"name":"a","price":33.6440}"#);
    }

    #[test]
    fn the_key_tells_equal_lines_of_one_product_apart() {
        let line = |ordinal| {
            let line = Line::parse(1, br#"{"command":"delete","product_id":"p"}"#).unwrap();
            Line { ordinal, ..line }.idempotency_key()
        };
        assert_eq!(line(1), line(1));
        assert_ne!(line(1), line(2));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        for (line, reason) in [
            (&b"\xff"[..], "is not UTF-8"),
            (b"[]", "is not a JSON object"),
            (b"{\"command\":\"delete\",\"product_id\":\"p\"}\x0b", "is not a JSON object"),
            (br#"{"product_id":"p"}"#, "`command` is missing"),
            (br#"{"command":"drop","product_id":"p"}"#, "`command` is \"drop\""),
            (br#"{"command":"create"}"#, "`product_id` is missing"),
            (
                br#"{"command":"delete","product_id":"p","product_id":"q"}"#,
                "is not a JSON object: `product_id`",
            ),
            (br#"{"command":"create","product_id":"a b"}"#, "`product_id`: a product id"),
            (br#"{"command":"delete","product_id":"p","name":"x"}"#, "`name` is not a field"),
        ] {
            let error = Line::parse(1, line).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
