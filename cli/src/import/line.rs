//! A line of the input as a command; its members are sent exactly as written.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher};

use reqwest::Method;
use schema::{Hash, ProductId};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::input::{InputLine, LONGEST_LINE};

/// Fields of a product that no command changes; its `id` is that of the line.
const CARRIED: [&str; 5] = ["version", "status", "created_at", "updated_at", "price_occurred_at"];

type Members = BTreeMap<String, Box<RawValue>>;

/// A line that can be sent.
#[derive(Debug)]
pub struct ImportLine {
    /// Its product.
    pub product_id: ProductId,
    /// The command.
    pub verb: Verb,
    /// The body of its request.
    body: Option<String>,
}

/// The command of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Creates a product that does not exist or is deleted.
    Create,
    /// Changes the fields that it names.
    Update,
    /// Creates or replaces the product.
    Put,
    /// Deletes.
    Delete,
    /// Undoes a delete.
    Restore,
}

/// A line that cannot be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct UnreadableLine {
    /// Its product, if that can be read.
    pub product_id: Option<ProductId>,
    /// Why, for people.
    pub reason: String,
}

/// The condition on which a line is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    None,
    /// It does not exist, or is deleted.
    Absent,
    /// It has this version.
    Version(u64),
}

impl Verb {
    const ALL: [(&str, Self); 5] = [
        ("create", Self::Create),
        ("update", Self::Update),
        ("put", Self::Put),
        ("delete", Self::Delete),
        ("restore", Self::Restore),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|(name, _)| *name == text);
        named
            .map(|(_, verb)| verb)
            .ok_or_else(|| format!("`command` is {text:?}; it is create, update, put, delete or restore"))
    }
}

impl ImportLine {
    /// Reads a line.
    ///
    /// # Errors
    /// [`UnreadableLine`]: why, and of which product it is.
    pub fn parse(bytes: &[u8]) -> Result<Self, UnreadableLine> {
        let mut members = BTreeMap::new();
        let read = read(bytes, &mut members);
        // The product may be known even if the rest cannot be read.
        let product_id = product_id(&mut members);
        match (read, product_id) {
            (Ok(()), Ok(product_id)) => match command(members) {
                Ok((verb, body)) => Ok(Self { product_id, verb, body }),
                Err(reason) => Err(UnreadableLine { product_id: Some(product_id), reason }),
            },
            (Ok(()), Err(reason)) => Err(UnreadableLine { product_id: None, reason }),
            (Err(reason), product_id) => {
                Err(UnreadableLine { product_id: product_id.ok().or_else(|| named_by(bytes)), reason })
            }
        }
    }

    /// The fields of the body that have to match the product, because no command changes them.
    pub(super) fn carried(&self) -> Vec<&'static str> {
        let members = self.members();
        CARRIED.into_iter().filter(|name| members.contains_key(*name)).collect()
    }

    /// The members of the body.
    pub(super) fn members(&self) -> Map<String, Value> {
        self.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
    }

    /// SHA-256 over the verb, a blank, the product's id, a line feed and the body as sent. Part of stored keys: never change.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut digest = Sha256::new();
        for part in [self.verb.name(), " ", self.product_id.as_str(), "\n"] {
            digest.update(part);
        }
        digest.update(self.body.as_deref().unwrap_or_default());
        Hash::of_digest(&digest.finalize().into())
    }

    /// Method, path and body.
    #[must_use]
    pub fn request(&self) -> (Method, String, Option<&str>) {
        let path = format!("/products/{}", self.product_id);
        let (method, path) = match self.verb {
            Verb::Create | Verb::Put => (Method::PUT, path),
            Verb::Update => (Method::PATCH, path),
            Verb::Delete => (Method::DELETE, path),
            Verb::Restore => (Method::POST, path + "/restore"),
        };
        (method, path, self.body.as_deref())
    }
}

/// A line of the input with its number.
#[derive(Debug)]
pub(super) struct NumberedLine {
    /// Its number in the input, from 1.
    pub(super) number: u64,
    pub(super) product_id: ProductId,
    /// The command, or why it cannot be read.
    pub(super) line: Result<ImportLine, String>,
}

impl NumberedLine {
    /// The line that was read; `None` for an empty one and at the end. The error is that of a line that names no product.
    pub(super) fn read(number: u64, next: &InputLine) -> Option<Result<Self, String>> {
        match next {
            InputLine::End => None,
            InputLine::Line(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => None,
            InputLine::Line(bytes) => Some(Self::parse(number, bytes)),
            InputLine::TooLong => Some(Err(format!("is longer than {LONGEST_LINE} bytes"))),
        }
    }

    pub(super) fn parse(number: u64, bytes: &[u8]) -> Result<Self, String> {
        match ImportLine::parse(bytes) {
            Ok(line) => Ok(Self { number, product_id: line.product_id.clone(), line: Ok(line) }),
            Err(UnreadableLine { product_id: Some(product_id), reason }) => {
                Ok(Self { number, product_id, line: Err(reason) })
            }
            Err(UnreadableLine { product_id: None, reason }) => Err(reason),
        }
    }
}

/// The index of the worker that gets the lines of a product.
#[must_use]
pub fn worker(product: &ProductId, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    product.hash(&mut hasher);
    // The remainder is smaller than the number of workers.
    usize::try_from(hasher.finish() % workers as u64).unwrap_or_default()
}

/// Reads the members as far as possible.
fn read(bytes: &[u8], members: &mut Members) -> Result<(), String> {
    // Only JSON's own whitespace is trimmed.
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    // Some programs start a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text.trim_matches([' ', '\t', '\r', '\n']));
    let read = Object(members).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        // For the parser every line is line 1.
        format!("is not a JSON object: {}", error.to_string().replace(" at line 1 column ", " at column "))
    })
}

/// The product of a line that is not a JSON object in UTF-8: the value after `"product_id"`, if it is the same everywhere.
fn named_by(bytes: &[u8]) -> Option<ProductId> {
    let text = String::from_utf8_lossy(bytes);
    let named = text.split("\"product_id\"").skip(1).map(|behind| {
        let value = behind.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        ProductId::new(value.split('"').next()?).ok()
    });
    let mut named: Vec<Option<ProductId>> = named.collect();
    named.dedup();
    if named.len() == 1 { named.pop()? } else { None }
}

fn product_id(members: &mut Members) -> Result<ProductId, String> {
    ProductId::new(take_text(members, "product_id")?).map_err(|error| format!("`product_id`: {error}"))
}

/// The verb, and the body: every other member.
fn command(mut members: Members) -> Result<(Verb, Option<String>), String> {
    let verb = Verb::parse(&take_text(&mut members, "command")?)?;
    // These commands take `occurred_at` in a body too.
    let bare = matches!(verb, Verb::Delete | Verb::Restore);
    if bare && let Some(name) = members.keys().find(|name| *name != "occurred_at") {
        return Err(format!("`{name}` is not a field of this command"));
    }
    if bare && members.is_empty() {
        return Ok((verb, None));
    }
    serde_json::to_string(&members).map(|body| (verb, Some(body))).map_err(|error| error.to_string())
}

/// Reads the members of an object and refuses a duplicate, which would silently replace the first.
struct Object<'a>(&'a mut Members);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some((name, value)) = map.next_entry::<String, _>()? {
            // If the duplicate is the product's id, [`named_by`] decides: the first value is removed.
            if self.0.remove(&name).is_some() {
                return Err(Error::custom(format_args!("`{name}` appears twice")));
            }
            self.0.insert(name, value);
        }
        Ok(())
    }
}

fn take_text(members: &mut Members, name: &str) -> Result<String, String> {
    let raw = members.remove(name).ok_or_else(|| format!("`{name}` is missing"))?;
    serde_json::from_str(raw.get()).map_err(|_| format!("`{name}` is not a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> ImportLine {
        ImportLine::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_price_is_sent_as_it_is_written() {
        let line = parsed(r#"{"command":"create","product_id":"p","name":"a","price":33.6440}"#);
        let body = Some(r#"{"name":"a","price":33.6440}"#);
        assert_eq!(line.request(), (Method::PUT, "/products/p".to_owned(), body));
    }

    #[test]
    fn a_byte_order_mark_in_front_is_no_part_of_a_line() {
        let line = r#"{"command":"delete","product_id":"p"}"#;
        assert_eq!(parsed(&format!("\u{feff}{line}")).hash(), parsed(line).hash());
    }

    #[test]
    fn each_verb_is_the_request_of_the_interface() {
        for (verb, method, path) in [
            ("create", Method::PUT, "/products/p"),
            ("put", Method::PUT, "/products/p"),
            ("update", Method::PATCH, "/products/p"),
            ("delete", Method::DELETE, "/products/p"),
            ("restore", Method::POST, "/products/p/restore"),
        ] {
            let line = parsed(&format!(r#"{{"command":"{verb}","product_id":"p"}}"#));
            let body = (!matches!(verb, "delete" | "restore")).then_some("{}");
            assert_eq!(line.request(), (method, path.to_owned(), body), "{verb}");
            assert_eq!(line.verb.name(), verb);
        }
    }

    #[test]
    fn the_hash_of_a_command_stays_and_covers_verb_product_and_body() {
        let hash = parsed(r#"{"command":"put","product_id":"p","name":"n","price":"1"}"#).hash();
        let stored = Sha256::digest("put p\n{\"name\":\"n\",\"price\":\"1\"}");
        assert_eq!(hash, Hash::of_digest(&stored.into()));
        let same = parsed(r#" { "price" : "1", "command":"put", "name":"n","product_id":"p"}"#).hash();
        assert_eq!(same, hash, "blanks and the order of members are not sent");
        for other in [
            r#"{"command":"create","product_id":"p","name":"n","price":"1"}"#,
            r#"{"command":"put","product_id":"q","name":"n","price":"1"}"#,
            r#"{"command":"put","product_id":"p","name":"n","price":"1.0"}"#,
            r#"{"command":"put","product_id":"p","name":"n","price":1}"#,
        ] {
            assert_ne!(parsed(other).hash(), hash, "{other}");
        }
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_and_whose_it_is() {
        for (line, product, reason) in [
            (&b"\xff"[..], None, "is not UTF-8"),
            (b"[]", None, "is not a JSON object"),
            (b"{\"a\"", None, "is not a JSON object: EOF while parsing an object at column 4"),
            (b"{\"command\":\"delete\",\"product_id\":\"p\"}\x0b", Some("p"), "is not a JSON object"),
            (br#"{"product_id":"p"}"#, Some("p"), "`command` is missing"),
            (
                br#"{"product_id":"p","command":"upd"#,
                Some("p"),
                "is not a JSON object: EOF while parsing a string",
            ),
            (
                br#"{"product_id":"p","name":1,"name":2}"#,
                Some("p"),
                "is not a JSON object: `name` appears twice",
            ),
            (br#"{"product_id":"p","command":7}"#, Some("p"), "`command` is not a text"),
            (br#"{"command":"drop","product_id":"p"}"#, Some("p"), "`command` is \"drop\""),
            (br#"{"command":"create"}"#, None, "`product_id` is missing"),
            (
                br#"{"command":"delete","product_id":"p","product_id":"q"}"#,
                None,
                "is not a JSON object: `product_id`",
            ),
            (br#"{"command":"delete","product_id":"p","product_id":"p"}"#, Some("p"), "is not a JSON object"),
            (b"{\"product_id\":\"p\",\"name\":\"\xff\"}", Some("p"), "is not UTF-8"),
            (br#"{"price":,"product_id" : "p"}"#, Some("p"), "is not a JSON object"),
            (br#"{"command":"create","product_id":"a b"}"#, None, "`product_id`: a product id"),
            (br#"{"command":"delete","product_id":"p","name":"x"}"#, Some("p"), "`name` is not a field"),
        ] {
            let error = ImportLine::parse(line).unwrap_err();
            assert!(error.reason.starts_with(reason), "{error:?}");
            assert_eq!(error.product_id.as_ref().map(ProductId::as_str), product, "{error:?}");
        }
    }
}
