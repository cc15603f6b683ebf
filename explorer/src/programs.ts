// Requests of a product as programs. Pure.

import { quoted } from "./quoted";

/** The languages, with their names. */
export const LANGUAGES = [
  ["curl", "curl"],
  ["typescript", "TypeScript"],
  ["python", "Python"],
] as const;

export type Language = (typeof LANGUAGES)[number][0];

/** What a change needs to know of a product. */
interface Changed {
  readonly version: number;
  readonly price: string;
  readonly currency: string;
}

/** A program that reads. */
export function reading(language: Exclude<Language, "curl">, url: string, hasToken: boolean): string {
  if (language === "typescript") {
    const headers = hasToken ? ", { headers: { authorization: `Bearer ${process.env.LEDGER_TOKEN}` } }" : "";
    return `const answer = await fetch(${JSON.stringify(url)}${headers});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`;
  }
  const token = hasToken ? `request.add_header("authorization", "Bearer " + os.environ["LEDGER_TOKEN"])\n` : "";
  return `import json, ${hasToken ? "os, " : ""}urllib.request

request = urllib.request.Request(${JSON.stringify(url)})
${token}with urllib.request.urlopen(request) as answer:
    print(json.load(answer))`;
}

/** A program that states the price again, if the product still has the version; each run has a key of its own. */
export function changing(language: Language, url: string, hasToken: boolean, { version, price, currency }: Changed): string {
  const body = JSON.stringify({ price, currency });
  if (language === "curl") {
    const token = hasToken ? ' -H "Authorization: Bearer $LEDGER_TOKEN"' : "";
    return `curl -s -X PATCH${token} ${quoted(url)} -H 'content-type: application/json' -H 'if-match: "${version}"' -H "idempotency-key: $(uuidgen)" -d ${quoted(body)}`;
  }
  if (language === "typescript") {
    const token = hasToken ? "\n    authorization: `Bearer ${process.env.LEDGER_TOKEN}`," : "";
    return `const answer = await fetch(${JSON.stringify(url)}, {
  method: "PATCH",
  headers: {
    "content-type": "application/json",
    "if-match": '"${version}"',
    "idempotency-key": crypto.randomUUID(),${token}
  },
  body: JSON.stringify(${body}),
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`;
  }
  const token = hasToken ? `\n    "authorization": "Bearer " + os.environ["LEDGER_TOKEN"],` : "";
  return `import json, ${hasToken ? "os, " : ""}urllib.request, uuid

request = urllib.request.Request(${JSON.stringify(url)}, method="PATCH", data=json.dumps(${body}).encode(), headers={
    "content-type": "application/json",
    "if-match": '"${version}"',
    "idempotency-key": str(uuid.uuid4()),${token}
})
with urllib.request.urlopen(request) as answer:
    print(json.load(answer))`;
}
