// Converts JSON Schema 2020-12, in which the contract is written, to draft 4, which the schema registry requires. A keyword
// without a counterpart is an error, so that no registered schema accepts anything else.

export type JsonSchema = { readonly [keyword: string]: unknown };

/** Keywords whose value is the same in both drafts. */
const SAME = new Set([
  "title",
  "description",
  "type",
  "required",
  "pattern",
  "format",
  "enum",
  "default",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "uniqueItems",
  "minProperties",
  "maxProperties",
  "multipleOf",
]);
const MAPS_OF_SCHEMAS = new Set(["properties", "patternProperties"]);
const LISTS_OF_SCHEMAS = new Set(["allOf", "anyOf", "oneOf"]);
const SCHEMAS = new Set(["items", "not", "additionalProperties"]);
/** Keywords that describe but do not constrain. */
const DROPPED = new Set(["$schema", "$comment", "examples", "deprecated", "readOnly", "writeOnly"]);

/** A schema in draft 4 that accepts exactly what `schema` accepts. */
export function toDraft4(schema: unknown): JsonSchema {
  if (schema === true) {
    return {};
  }
  if (schema === false) {
    return { not: {} };
  }
  if (!isObject(schema)) {
    throw new Error(`${JSON.stringify(schema)} is not a schema`);
  }
  const entries = Object.entries(schema).flatMap(([keyword, value]) => converted(keyword, value, schema));
  return Object.fromEntries(entries);
}

function converted(keyword: string, value: unknown, schema: JsonSchema): [string, unknown][] {
  if (DROPPED.has(keyword)) {
    return [];
  }
  if (SAME.has(keyword)) {
    // An empty list of required members is an error in draft 4.
    return keyword === "required" && Array.isArray(value) && value.length === 0 ? [] : [[keyword, value]];
  }
  if (MAPS_OF_SCHEMAS.has(keyword)) {
    return [[keyword, mapped(value)]];
  }
  if (LISTS_OF_SCHEMAS.has(keyword) && Array.isArray(value)) {
    return [[keyword, value.map(toDraft4)]];
  }
  if (SCHEMAS.has(keyword)) {
    const plain = keyword === "additionalProperties" && typeof value === "boolean";
    return [[keyword, plain ? value : toDraft4(value)]];
  }
  return renamed(keyword, value, schema);
}

function renamed(keyword: string, value: unknown, schema: JsonSchema): [string, unknown][] {
  switch (keyword) {
    case "const":
      return [["enum", [value]]];
    case "$defs":
      return [["definitions", mapped(value)]];
    case "$ref":
      return [["$ref", String(value).replace(/^#\/\$defs\//, "#/definitions/")]];
    case "exclusiveMinimum":
    case "exclusiveMaximum": {
      const bound = keyword === "exclusiveMinimum" ? "minimum" : "maximum";
      if (bound in schema) {
        throw new Error(`${bound} together with ${keyword} has no counterpart in draft 4`);
      }
      return [
        [bound, value],
        [keyword, true],
      ];
    }
    default:
      throw new Error(`the keyword ${keyword} has no counterpart in draft 4`);
  }
}

function mapped(value: unknown): JsonSchema {
  if (!isObject(value)) {
    throw new Error(`${JSON.stringify(value)} is not a map of names to schemas`);
  }
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, toDraft4(schema)]));
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
