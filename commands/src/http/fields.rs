//! The fields of a command's body, with all of their rules.
//!
//! The promise: all faults are reported at once.

use schema::Details;
use schema::{Attributes, Currency, Price, ProductId, Timestamp};
use serde_json::value::RawValue;
use web::FieldError;

use super::members::Members;
use crate::execute::CarriedFields;
use crate::problem::pointer;
use crate::product::{AttributesPatch, MOST_ATTRIBUTES, NewProduct, Patch};

/// The length of a text in characters, and whether it may have line breaks and tabs.
#[derive(Clone, Copy)]
pub(super) struct TextRule {
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) lines: bool,
}

pub(super) const NAME: TextRule = TextRule { least: 1, most: 200, lines: false };
pub(super) const SKU: TextRule = TextRule { least: 1, most: 64, lines: false };
pub(super) const CATEGORY: TextRule = TextRule { least: 1, most: 200, lines: false };
pub(super) const DESCRIPTION: TextRule = TextRule { least: 0, most: 4_000, lines: true };
pub(super) const ATTRIBUTE_KEY: TextRule = TextRule { least: 1, most: 128, lines: false };
pub(super) const ATTRIBUTE_VALUE: TextRule = TextRule { least: 0, most: 2_000, lines: true };

/// Reads fields of a body and collects their faults.
pub(super) struct FieldReader {
    members: Members,
    faults: Vec<FieldError>,
}

impl FieldReader {
    pub(super) fn new(members: Members) -> Self {
        Self { members, faults: Vec::new() }
    }

    /// A whole product, `None` if a required field is missing or wrong.
    pub(super) fn new_product(&mut self, default_currency: Currency) -> Option<NewProduct> {
        let name = self.required("name", Self::name);
        let price = self.required("price", Self::price);
        let currency = self.given("currency", Self::currency);
        let details = Details {
            sku: self.optional("sku", SKU).flatten(),
            category: self.optional("category", CATEGORY).flatten(),
            description: self.optional("description", DESCRIPTION).flatten(),
            attributes: self.attributes().flatten().map(whole).filter(|attributes| !attributes.is_empty()),
        };
        if details.attributes.as_ref().is_some_and(|attributes| attributes.len() > MOST_ATTRIBUTES) {
            self.fault("/attributes", format!("at most {MOST_ATTRIBUTES} are allowed"));
        }
        Some(NewProduct { name: name?, price: price?, currency, default_currency, details })
    }

    /// A merge patch; invalid fields are left out and are among the faults.
    pub(super) fn patch(&mut self) -> Patch {
        Patch {
            name: self.given("name", Self::name),
            price: self.given("price", Self::price),
            currency: self.given("currency", Self::currency),
            sku: self.optional("sku", SKU),
            category: self.optional("category", CATEGORY),
            description: self.optional("description", DESCRIPTION),
            attributes: self.attributes(),
        }
    }

    /// The fields of the product that no command changes, as the client read them. The id has to be that of the path.
    pub(super) fn carried(&mut self, id: &ProductId) -> CarriedFields {
        self.given("id", |reader, raw| {
            let given = reader.string("/id", raw)?;
            if given != id.as_str() {
                reader.fault("/id", "is not the id in the path");
            }
            Some(())
        });
        CarriedFields {
            version: self.given("version", |reader, raw| {
                let version = serde_json::from_str(raw.get());
                version.map_err(|_| reader.fault("/version", "must be a whole number")).ok()
            }),
            updated_at: self.moment("updated_at"),
            price_occurred_at: self.moment("price_occurred_at"),
            status: self.given("status", |reader, raw| {
                let status = serde_json::from_str(raw.get());
                status.map_err(|_| reader.fault("/status", "must be active or deleted")).ok()
            }),
            created_at: self.moment("created_at"),
        }
    }

    /// When it happened: from 1970 until a minute from now.
    pub(super) fn occurred_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let moment = self.moment("occurred_at")?;
        within_bounds(moment, now).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// All faults, unknown members included.
    pub(super) fn faults(mut self) -> Vec<FieldError> {
        for (name, _) in std::mem::take(&mut self.members).rest() {
            self.fault(&pointer(&[&name]), "is not a field of this command, or appears twice");
        }
        self.faults
    }

    fn required<T>(&mut self, name: &str, read: impl FnOnce(&mut Self, &RawValue) -> Option<T>) -> Option<T> {
        if let Some(raw) = self.members.take(name) {
            return read(self, &raw);
        }
        self.fault(&pointer(&[name]), "is required");
        None
    }

    fn given<T>(&mut self, name: &str, read: impl FnOnce(&mut Self, &RawValue) -> Option<T>) -> Option<T> {
        let raw = self.members.take(name)?;
        read(self, &raw)
    }

    fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let pointer = pointer(&[name]);
        self.given(name, |reader, raw| {
            let text = reader.string(&pointer, raw)?;
            Timestamp::parse(&text).map_err(|error| reader.fault(&pointer, error.to_string())).ok()
        })
    }

    fn name(&mut self, raw: &RawValue) -> Option<String> {
        let text = self.string("/name", raw)?;
        self.checked("/name", text.trim(), NAME)
    }

    /// A string, or a number read from its text.
    fn price(&mut self, raw: &RawValue) -> Option<Price> {
        let text =
            if raw.get().starts_with('"') { self.string("/price", raw)? } else { raw.get().to_owned() };
        Price::parse_given(&text).map_err(|error| self.fault("/price", error.to_string())).ok()
    }

    fn currency(&mut self, raw: &RawValue) -> Option<Currency> {
        let text = self.string("/currency", raw)?;
        Currency::parse(&text).map_err(|error| self.fault("/currency", error.to_string())).ok()
    }

    /// An optional text: left out, `null`, or a value. An empty one that the rule does not allow counts as left out.
    fn optional(&mut self, name: &str, rule: TextRule) -> Option<Option<String>> {
        let raw = self.members.take(name)?;
        if raw.get() == "null" {
            return Some(None);
        }
        let pointer = pointer(&[name]);
        let text = self.string(&pointer, &raw)?;
        if text.is_empty() && rule.least > 0 {
            return None;
        }
        self.checked(&pointer, &text, rule).map(Some)
    }

    /// Attributes by key, `None` for `null`.
    fn attributes(&mut self) -> Option<Option<AttributesPatch>> {
        let raw = self.members.take("attributes")?;
        if raw.get() == "null" {
            return Some(None);
        }
        let Some(pairs) = Members::of(&raw) else {
            self.fault("/attributes", "must be an object of strings");
            return None;
        };
        let mut attributes = AttributesPatch::new();
        for (key, raw) in pairs.rest() {
            let pointer = pointer(&["attributes", &key]);
            self.checked(&pointer, &key, ATTRIBUTE_KEY);
            let value = if raw.get() == "null" {
                None
            } else {
                self.string(&pointer, &raw).and_then(|text| self.checked(&pointer, &text, ATTRIBUTE_VALUE))
            };
            if attributes.insert(key, value).is_some() {
                self.fault(&pointer, "appears twice");
            }
        }
        Some(Some(attributes))
    }

    fn string(&mut self, pointer: &str, raw: &RawValue) -> Option<String> {
        serde_json::from_str(raw.get()).map_err(|_| self.fault(pointer, "must be a string")).ok()
    }

    fn checked(&mut self, pointer: &str, text: &str, rule: TextRule) -> Option<String> {
        let length = text.chars().count();
        if !(rule.least..=rule.most).contains(&length) {
            let detail = format!("has {length} characters; {} to {} are allowed", rule.least, rule.most);
            self.fault(pointer, detail);
            return None;
        }
        let allowed = |c: char| !c.is_control() || (rule.lines && matches!(c, '\n' | '\r' | '\t'));
        if !text.chars().all(allowed) {
            self.fault(pointer, "has control characters");
            return None;
        }
        Some(text.to_owned())
    }

    fn fault(&mut self, pointer: &str, detail: impl Into<String>) {
        self.faults.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
    }
}

/// The attributes of a whole product; `null` there is the same as left out.
fn whole(patch: AttributesPatch) -> Attributes {
    patch.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// How far `occurred_at` may be ahead of this clock, in milliseconds, since the client's clock may differ.
const MOST_AHEAD_MS: i64 = 60_000;

/// Checks that a moment is not before 1970 and at most a minute in the future.
pub(super) fn within_bounds(moment: Timestamp, now: Timestamp) -> Result<Timestamp, FieldError> {
    let fault = |detail| Err(FieldError { pointer: "/occurred_at".into(), detail });
    if moment < Timestamp::EPOCH {
        return fault(format!("lies before {}", Timestamp::EPOCH));
    }
    if moment.millis() - now.millis() > MOST_AHEAD_MS {
        return fault(format!("lies more than a minute in the future; it is {now}"));
    }
    Ok(moment)
}
