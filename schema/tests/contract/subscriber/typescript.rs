//! The types in TypeScript.

use std::fmt::Write as _;

use super::model::{Kind, Model, Object};

const HEAD: &str = r#"// The types of every message and version. Made from the schemas by schema/tests/contract/subscriber.rs: do not edit.

import type { LedgerEvent } from "./ledger.ts";

/** A message of this kind. `product` is the product after the commit; an event that is given to `apply` has it. */
export interface MessageOf<Kind extends string, Data> {
  readonly kind: Kind;
  readonly metadata: MessageMetadata;
  readonly product: Product | undefined;
  readonly data: Data;
}

/** A message of an event or a version that is newer than this package. */
export type UnknownMessage = MessageOf<"unknown", { readonly [name: string]: unknown }>;

/** The message of an event, for `switch (message.kind)`. What it says is not checked. */
export function messageOf({ detail }: LedgerEvent): Message {
  const metadata = detail.metadata as unknown as MessageMetadata;
  const kind = KINDS.get(`${metadata.event_name} ${metadata.event_version}`) ?? "unknown";
  return { kind, metadata, product: detail.data["product"] as Product | undefined, data: detail.data } as unknown as Message;
}
"#;

pub(super) fn file(model: &Model) -> String {
    let mut file = HEAD.to_owned();
    file.push_str("\nexport type Message =\n");
    for known in &model.messages {
        writeln!(file, "  | MessageOf<\"{}\", {}>", known.key, known.data).unwrap();
    }
    file.push_str("  | UnknownMessage;\n\nconst KINDS: ReadonlyMap<string, Message[\"kind\"]> = new Map([\n");
    for known in &model.messages {
        writeln!(file, "  [\"{} {}\", \"{}\"],", known.name, known.version, known.key).unwrap();
    }
    file.push_str("] as const);\n");
    for object in &model.objects {
        add(object, &mut file);
    }
    file
}

fn add(object: &Object, file: &mut String) {
    let Object { name, description, fields } = object;
    if fields.is_empty() {
        write!(file, "\n/** {description} */\nexport type {name} = Readonly<Record<never, never>>;\n")
            .unwrap();
        return;
    }
    write!(file, "\n/** {description} */\nexport interface {name} {{\n").unwrap();
    for field in fields {
        let kind = match &field.kind {
            Kind::Text => "string".to_owned(),
            Kind::Integer => "number".to_owned(),
            Kind::Texts => "Readonly<Record<string, string>>".to_owned(),
            Kind::Object(name) => name.clone(),
            Kind::OneOf(_, options) => {
                options.iter().map(|option| format!("\"{option}\"")).collect::<Vec<_>>().join(" | ")
            }
        };
        let optional = if field.is_required { "" } else { "?" };
        let null = if field.is_nullable { " | null" } else { "" };
        write!(file, "  /** {} */\n  readonly {}{optional}: {kind}{null};\n", field.description, field.name)
            .unwrap();
    }
    file.push_str("}\n");
}
