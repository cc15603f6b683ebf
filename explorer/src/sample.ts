// Records the sample through the public API, with the keys that `ledger import` gives the same file: together they record it once.

import { address, problemOf, send } from "./api";
import { hex, sha256, utf8 } from "./verify/bytes";

declare const SAMPLE: string;
declare const SAMPLE_HASH: string;

/** How many of the sample's commands are recorded. */
export interface SampleProgress {
  readonly done: number;
  readonly of: number;
}

/** A line of the sample: its command, its product, and the body to send. */
interface Line {
  readonly verb: "create" | "update" | "delete";
  readonly id: string;
  readonly body: string;
}

const AT_ONCE = 8;
const METHODS = { create: "PUT", update: "PATCH", delete: "DELETE" } as const;

/** Lines as the build wrote them: verb, product and body, separated by tabs. */
export function linesOf(text: string): Line[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [verb = "", id = "", body = ""] = line.split("\t");
      return { verb: verb as Line["verb"], id, body };
    });
}

/** The idempotency key of a line: names the import and the line's place in its product; see `ledger import`. */
export async function keyOf(line: Line, place: number): Promise<string> {
  const command = hex(await sha256(utf8(`${line.verb} ${line.id}\n${line.body}`)));
  return `import/sha256:${SAMPLE_HASH}/${place}/${command}`;
}

/** Records all lines, those of a product one after the other. */
export async function loadSample(report: (progress: SampleProgress) => void, signal: AbortSignal): Promise<void> {
  const url = new URL(SAMPLE, import.meta.url);
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error("The sample is not on this server any more; load the page again.");
  const lines = linesOf(await answer.text());
  const products = [...Map.groupBy(lines, (line) => line.id).values()];
  let done = 0;
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const work = async (): Promise<void> => {
    for (let own = products.shift(); own !== undefined; own = products.shift()) {
      let version = 0;
      for (const [index, line] of own.entries()) {
        version = await record(line, index + 1, version, either);
        done += 1;
        report({ done, of: lines.length });
      }
    }
  };
  const workers = Array.from({ length: AT_ONCE }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    failed.abort();
    throw error;
  }
}

async function record(line: Line, place: number, version: number, signal: AbortSignal): Promise<number> {
  const condition: Record<string, string> = place === 1 ? { "if-none-match": "*" } : { "if-match": `"${version}"` };
  const answer = await send(address(`products/${line.id}`), {
    method: METHODS[line.verb],
    headers: { "content-type": "application/json", "idempotency-key": await keyOf(line, place), ...condition },
    body: line.body,
    signal,
  });
  if (!answer.ok) {
    const problem = await problemOf(answer);
    throw new Error(`${problem.title} ${problem.detail}`.trim());
  }
  return ((await answer.json()) as { version: number }).version;
}
