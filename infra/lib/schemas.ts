// The messages in the schema registry: one schema for each event name, generated from the newest version in
// `schema/json/messages` and wrapped in EventBridge's envelope.

import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { Stack } from "aws-cdk-lib";
import { CfnRegistry, CfnSchema } from "aws-cdk-lib/aws-eventschemas";
import { Construct } from "constructs";
import { type JsonSchema, toDraft4 } from "./json-schema.ts";
import { REPOSITORY, readJson } from "./repository.ts";
import { EVENT_SOURCE } from "./settings.ts";

const MESSAGES = "schema/json/messages";

/** A message of the contract. */
export interface Message {
  /** `ProductPriceChanged` */
  readonly event: string;
  /** `PRODUCT_PRICE_CHANGED` */
  readonly detailType: string;
  readonly version: number;
  readonly schema: JsonSchema;
}

/** The newest version of every message. */
export function messages(): Message[] {
  const newest = new Map<string, Message>();
  for (const file of readdirSync(resolve(REPOSITORY, MESSAGES)).sort()) {
    const [, event, version] = /^([A-Za-z]+)\.v(\d+)\.json$/.exec(file) ?? [];
    if (event === undefined || version === undefined) {
      throw new Error(`${MESSAGES}/${file} must be named <Event>.v<version>.json`);
    }
    const found = { event, detailType: upperSnake(event), version: Number(version) };
    if (found.version > (newest.get(event)?.version ?? 0)) {
      newest.set(event, { ...found, schema: readJson(`${MESSAGES}/${file}`) as JsonSchema });
    }
  }
  return [...newest.values()];
}

/** The schema of the whole event in draft 4. */
export function envelope(message: Message): JsonSchema {
  const text = { type: "string" };
  return {
    $schema: "http://json-schema.org/draft-04/schema#",
    title: message.event,
    "x-amazon-events-detail-type": message.detailType,
    "x-amazon-events-source": EVENT_SOURCE,
    type: "object",
    required: ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"],
    properties: {
      version: text,
      id: text,
      "detail-type": { enum: [message.detailType] },
      source: { enum: [EVENT_SOURCE] },
      account: text,
      time: { type: "string", format: "date-time" },
      region: text,
      resources: { type: "array", items: text },
      detail: toDraft4(message.schema),
    },
  };
}

/** The registry. */
export class Schemas extends Construct {
  constructor(scope: Construct) {
    super(scope, "Schemas");
    const registry = new CfnRegistry(this, "Registry", {
      registryName: Stack.of(this).stackName,
      description: "Messages of the product ledger",
    });
    for (const message of messages()) {
      new CfnSchema(this, message.event, {
        registryName: registry.attrRegistryName,
        schemaName: `${EVENT_SOURCE}@${message.detailType}`,
        type: "JSONSchemaDraft4",
        description: `${message.event}, version ${message.version}`,
        content: JSON.stringify(envelope(message)),
      });
    }
  }
}

function upperSnake(event: string): string {
  return event.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
