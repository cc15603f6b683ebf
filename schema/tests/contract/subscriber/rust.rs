//! The types in Rust.

use std::fmt::Write as _;

use super::model::{Field, Kind, Model, Object};

const HEAD: &str = r#"//! The types of every message and version. Made from the schemas by `schema/tests/contract/subscriber.rs`: do not edit.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The `detail` of an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// The event's identity, commit and cause.
    pub metadata: MessageMetadata,
    /// The product after the commit. An event that is given to `apply` has it.
    pub product: Option<Product>,
    /// What happened.
    pub data: EventData,
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Detail {
            metadata: MessageMetadata,
            data: Value,
        }
        let Detail { metadata, data } = Detail::deserialize(deserializer)?;
        let product = data.get("product").map(Option::<Product>::deserialize).transpose();
        let product = product.map_err(D::Error::custom)?.flatten();
        let data = EventData::of(&metadata, data).map_err(D::Error::custom)?;
        Ok(Self { metadata, product, data })
    }
}

/// Distinguishes `null` from a member that is left out.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
"#;

pub(super) fn file(model: &Model) -> String {
    let mut file = HEAD.to_owned();
    file.push_str("\n/// What happened, by event and version.\n#[derive(Debug, Clone, PartialEq)]\n#[non_exhaustive]\npub enum EventData {\n");
    for known in &model.messages {
        writeln!(file, "    /// `{}`, {}.\n    {}({}),", known.name, known.version, known.data, known.data)
            .unwrap();
    }
    file.push_str(
        "    /// An event or a version that is newer than this package.\n    Unknown(Value),\n}\n\nimpl EventData {\n    \
         fn of(metadata: &MessageMetadata, data: Value) -> Result<Self, serde_json::Error> {\n        \
         Ok(match (metadata.event_name.as_str(), metadata.event_version.as_str()) {\n",
    );
    for known in &model.messages {
        let (name, version, data) = (&known.name, &known.version, &known.data);
        writeln!(
            file,
            "            (\"{name}\", \"{version}\") => Self::{data}({data}::deserialize(data)?),"
        )
        .unwrap();
    }
    file.push_str("            _ => Self::Unknown(data),\n        })\n    }\n}\n");
    for object in &model.objects {
        add(object, &mut file);
    }
    file
}

fn add(object: &Object, file: &mut String) {
    write!(
        file,
        "\n/// {}\n#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]\n#[non_exhaustive]\npub struct {} {{",
        object.description, object.name
    )
    .unwrap();
    for field in &object.fields {
        write!(file, "\n    /// {}\n", field.description).unwrap();
        if field.tells_null {
            file.push_str("    #[serde(default, deserialize_with = \"told\")]\n");
        }
        write!(file, "    pub {}: {},", field.name, rust(field)).unwrap();
    }
    file.push_str(if object.fields.is_empty() { "}\n" } else { "\n}\n" });
    for field in &object.fields {
        if let Kind::OneOf(name, options) = &field.kind {
            write!(
                file,
                "\n/// {}\n#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]\n#[serde(rename_all = \"lowercase\")]\n#[non_exhaustive]\npub enum {name} {{\n",
                field.description
            )
            .unwrap();
            for option in options {
                writeln!(file, "    /// `{option}`.\n    {}{},", option[..1].to_uppercase(), &option[1..])
                    .unwrap();
            }
            file.push_str(
                "    /// One that is newer than this package.\n    #[serde(other)]\n    Unknown,\n}\n",
            );
        }
    }
}

fn rust(field: &Field) -> String {
    let kind = match &field.kind {
        Kind::Text => "String",
        Kind::Integer => "u64",
        Kind::Texts => "BTreeMap<String, String>",
        Kind::Object(name) | Kind::OneOf(name, _) => name,
    };
    match (field.tells_null, field.is_required && !field.is_nullable) {
        (true, _) => format!("Option<Option<{kind}>>"),
        (false, true) => kind.to_owned(),
        (false, false) => format!("Option<{kind}>"),
    }
}
