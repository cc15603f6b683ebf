// JSON as a verifier reads it: strict, with numbers that canonical JSON preserves, and in the canonical form of RFC 8785.

/** A value; numbers are integers below 2^53, names of an object are unique. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object, in the order of the text. */
export type JsonObject = ReadonlyMap<string, Json>;

/** The text is not JSON, or not JSON that can be checked: it says why. */
export class NotCheckable extends Error {}

const WHITE = new Set([" ", "\t", "\n", "\r"]);
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const DEEPEST = 64;
// What stands in a string as it is.
const PLAIN = /[^"\\\u0000-\u001f]*/y;

/** Reads a text; anything that two readers could take for different values is refused. */
export function read(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  end(): void {
    this.skip();
    if (this.at < this.text.length) this.fail("something follows the value");
  }

  value(depth: number): Json {
    if (depth > DEEPEST) this.fail("it is nested too deeply");
    this.skip();
    const letter = this.text[this.at];
    if (letter === "{") return this.object(depth);
    if (letter === "[") return this.list(depth);
    if (letter === '"') return this.string();
    for (const [word, value] of [["null", null], ["true", true], ["false", false]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  private object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    this.at += 1;
    this.skip();
    if (this.taken("}")) return members;
    do {
      this.skip();
      if (this.text[this.at] !== '"') this.fail("a name is missing");
      const name = this.string();
      if (members.has(name)) this.fail(`the name ${JSON.stringify(name)} stands twice`);
      this.skip();
      if (!this.taken(":")) this.fail("a colon is missing");
      members.set(name, this.value(depth + 1));
      this.skip();
    } while (this.taken(","));
    if (!this.taken("}")) this.fail("an object does not end");
    return members;
  }

  private list(depth: number): Json[] {
    const items: Json[] = [];
    this.at += 1;
    this.skip();
    if (this.taken("]")) return items;
    do {
      items.push(this.value(depth + 1));
      this.skip();
    } while (this.taken(","));
    if (!this.taken("]")) this.fail("a list does not end");
    return items;
  }

  private string(): string {
    let result = "";
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? "";
      result += plain;
      this.at += plain.length;
      const letter = this.text[this.at];
      this.at += 1;
      if (letter === '"') break;
      if (letter !== "\\") this.fail("a string does not end, or has a control character");
      result += this.escape();
    }
    if (!result.isWellFormed()) this.fail("a string has half of a surrogate pair");
    return result;
  }

  private escape(): string {
    const letter = this.text[this.at] ?? "";
    this.at += 1;
    if (letter === "u") {
      const hex = this.text.slice(this.at, this.at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail("an escape is not whole");
      this.at += 4;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const meant = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    return meant ?? this.fail("there is no such escape");
  }

  private number(): number {
    const found = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    found.lastIndex = this.at;
    const text = found.exec(this.text)?.[0];
    if (text === undefined) this.fail("a value is missing");
    this.at += text.length;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || String(value) !== text) {
      this.fail(`the number ${text} is not an integer that canonical JSON preserves`);
    }
    return value;
  }

  private skip(): void {
    while (WHITE.has(this.text[this.at] ?? "")) this.at += 1;
  }

  private taken(letter: string): boolean {
    if (this.text[this.at] !== letter) return false;
    this.at += 1;
    return true;
  }

  private fail(reason: string): never {
    throw new NotCheckable(`${reason} (at character ${this.at})`);
  }
}

/** The canonical form of RFC 8785. */
export function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  // The default order of strings is that of their UTF-16 code units, as the RFC asks.
  const names = [...value.keys()].sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value.get(name) as Json)}`).join(",")}}`;
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value as an object; `undefined` if it is none. */
export function object(value: Json | undefined): JsonObject | undefined {
  return value instanceof Map ? (value as JsonObject) : undefined;
}

/** The member of an object as a list. */
export function list(value: Json | undefined): readonly Json[] | undefined {
  return Array.isArray(value) ? (value as readonly Json[]) : undefined;
}
