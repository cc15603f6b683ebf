//! The types in Python. Those of objects are written as calls, because `from` is a member of one and a word of the language.

use std::fmt::Write as _;

use super::model::{Field, Kind, Model, Object};

const HEAD: &str = r#""""The types of every message and version. Made from the schemas by schema/tests/contract/subscriber.rs: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Literal, Optional, TypedDict, Union
"#;

const MESSAGE_OF: &str = r#"

def message_of(event: dict[str, Any]) -> Message:
    """The message of an event, for `match`. What it says is not checked."""
    detail = event["detail"]
    metadata, data = detail["metadata"], detail["data"]
    kind = _KINDS.get((metadata["event_name"], metadata["event_version"]), UnknownMessage)
    message: Message = kind(metadata, data.get("product"), data)
    return message
"#;

pub(super) fn file(model: &Model) -> String {
    let mut file = HEAD.to_owned();
    for object in &model.objects {
        add(object, &mut file);
    }
    for known in &model.messages {
        message(
            &known.data,
            &format!("`{}`, {}.", known.name, known.version),
            &format!("{}Data", known.data),
            &mut file,
        );
    }
    let unknown = "A message of an event or a version that is newer than this package.";
    message("UnknownMessage", unknown, "dict[str, Any]", &mut file);
    let names: Vec<&str> = model.messages.iter().map(|known| known.data.as_str()).collect();
    write!(file, "\n\nMessage = Union[\n    {},\n    UnknownMessage,\n]\n", names.join(",\n    ")).unwrap();
    file.push_str("_KINDS: dict[tuple[str, str], Any] = {\n");
    for known in &model.messages {
        writeln!(file, "    (\"{}\", \"{}\"): {},", known.name, known.version, known.data).unwrap();
    }
    file.push_str("}\n");
    file.push_str(MESSAGE_OF);
    file
}

/// A message, with the product after its commit; an event that is given to `apply` has it.
fn message(name: &str, description: &str, data: &str, file: &mut String) {
    write!(
        file,
        "\n\n@dataclass(frozen=True)\nclass {name}:\n    \"\"\"{description}\"\"\"\n\n    metadata: MessageMetadata\n    \
         #: The product after the commit; an event that is given to `apply` has it.\n    product: Product | None\n    data: {data}\n"
    )
    .unwrap();
}

fn add(object: &Object, file: &mut String) {
    // The name of a message without `Data` is that of its class.
    let name = typed(&object.name);
    let (required, optional): (Vec<&Field>, Vec<&Field>) =
        object.fields.iter().partition(|field| field.is_required);
    write!(file, "\n\n#: {}\n", object.description).unwrap();
    if optional.is_empty() || required.is_empty() {
        let total = if optional.is_empty() { "" } else { ", total=False" };
        dictionary(&name, &object.fields.iter().collect::<Vec<_>>(), total, file);
        return;
    }
    dictionary(&format!("_{name}"), &required, "", file);
    file.push('\n');
    dictionary(&format!("_{name}Optional"), &optional, ", total=False", file);
    write!(file, "\n\nclass {name}(_{name}, _{name}Optional):\n    \"\"\"{}\"\"\"\n", object.description)
        .unwrap();
}

fn dictionary(name: &str, fields: &[&Field], total: &str, file: &mut String) {
    if fields.is_empty() {
        writeln!(file, "{name} = TypedDict(\"{name}\", {{}}{total})").unwrap();
        return;
    }
    write!(file, "{name} = TypedDict(\n    \"{name}\",\n    {{\n").unwrap();
    for field in fields {
        let kind = match &field.kind {
            Kind::Text => "str".to_owned(),
            Kind::Integer => "int".to_owned(),
            Kind::Texts => "Dict[str, str]".to_owned(),
            Kind::Object(name) => typed(name),
            Kind::OneOf(_, options) => {
                let options: Vec<String> = options.iter().map(|option| format!("\"{option}\"")).collect();
                format!("Literal[{}]", options.join(", "))
            }
        };
        let kind = if field.is_nullable { format!("Optional[{kind}]") } else { kind };
        write!(file, "        # {}\n        \"{}\": {kind},\n", field.description, field.name).unwrap();
    }
    let total = if total.is_empty() { "" } else { "    total=False,\n" };
    write!(file, "    }},\n{total})\n").unwrap();
}

/// The name of the type of an object.
fn typed(name: &str) -> String {
    match name.strip_suffix(|last: char| last.is_ascii_digit()) {
        Some(_) => format!("{name}Data"),
        None => name.to_owned(),
    }
}
