// The Ledger's list as a file: CSV by the server, page by page, or NDJSON, an entry of the feed on each line.

import { useEffect, useRef, useState } from "preact/hooks";
import { address, problemOf, query, send } from "../api";
import { download } from "../download";
import { type Filters, filterQuery, isFiltered, isPicked } from "../feed";
import { count, say } from "../state";
import type { FeedEntry } from "../types";

/** From this size on it is told before. */
const LARGE = 10_000;
/** The most rows of a file that a page makes. */
const MOST = 1_000_000;

/** How far a file is; `done` of a CSV counts its lines, several of which may be of one commit. */
interface Progress {
  readonly kind: string;
  readonly done: number;
}

interface Props {
  readonly filters: Filters;
  /** How many commits the list has, if all of them are loaded or counted. */
  readonly selected: number | undefined;
  /** How many commits the ledger has. */
  readonly total: number;
  /** The position up to which the last visit had seen. */
  readonly seen: number | undefined;
  readonly close: () => void;
}

/** The pages of a listing that names the next one in `Link`. */
async function* pagesByLink(first: string, signal: AbortSignal): AsyncIterable<string> {
  for (let next: string | undefined = first; next !== undefined; ) {
    const answer: Response = await send(next, { accept: "text/csv", signal });
    if (!answer.ok) throw await problemOf(answer);
    const link: string | undefined = /<([^>]*)>\s*;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
    // The address of the next page is one of this server's, whatever stands in front of its routes.
    next = link === undefined ? undefined : query("commits", Object.fromEntries(parametersOf(link)));
    yield await answer.text();
  }
}

function parametersOf(link: string): [string, string[]][] {
  const given = new URL(link, address("commits")).searchParams;
  return [...new Set(given.keys())].map((name) => [name, given.getAll(name)]);
}

/** The lines of all pages in CSV, with one header. */
async function csvOf(filters: Filters, seen: number | undefined, report: (done: number) => void, signal: AbortSignal): Promise<string[]> {
  const after = filters["since"] === undefined || seen === undefined ? undefined : seen;
  const order = filters["old"] === "1" || after !== undefined ? undefined : "desc";
  const parts: string[] = [];
  let rows = 0;
  for await (const page of pagesByLink(query("commits", { ...filterQuery(filters), after, order, limit: 10_000 }), signal)) {
    const body = parts.length === 0 ? page : page.slice(page.indexOf("\r\n") + 2);
    parts.push(body);
    rows += body.split("\r\n").length - 1;
    report(rows);
    if (rows > MOST) throw new Error(`More than ${count(MOST)} rows are not made into a file here; choose a time.`);
  }
  return parts;
}

/** The entries of the list, as the feed answers them. */
async function ndjsonOf(filters: Filters, seen: number | undefined, report: (done: number) => void, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = [];
  const isOld = filters["old"] === "1";
  for (let from: number | null | undefined; from !== null; ) {
    const place = isOld ? { after: from } : { order: "desc", before: from };
    const answer: Response = await send(query("commits", { ...filterQuery(filters), ...place, limit: 100 }), { signal });
    if (!answer.ok) throw await problemOf(answer);
    const feed = (await answer.json()) as { commits: FeedEntry[]; next: number | null };
    for (const entry of feed.commits) if (isPicked(entry, filters, seen ?? -1)) lines.push(`${JSON.stringify(entry)}\n`);
    report(lines.length);
    if (lines.length > MOST) throw new Error(`More than ${count(MOST)} commits are not made into a file here; choose a time.`);
    const last = feed.commits.at(-1)?.position;
    const isPast = !isOld && filters["since"] !== undefined && last !== undefined && last <= (seen ?? -1);
    from = isPast ? null : feed.next;
  }
  return lines;
}

export function Export({ filters, selected, total, seen, close }: Props) {
  const [progress, setProgress] = useState<Progress | undefined>(undefined);
  const [fault, setFault] = useState("");
  const control = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => control.current?.abort(), []);
  const run = async (kind: "csv" | "ndjson", chosen: Filters): Promise<void> => {
    const own = new AbortController();
    control.current = own;
    setFault("");
    setProgress({ kind: kind === "csv" ? "rows" : "commits", done: 0 });
    const report = (done: number): void => setProgress({ kind: kind === "csv" ? "rows" : "commits", done });
    try {
      const parts = await (kind === "csv" ? csvOf : ndjsonOf)(chosen, seen, report, own.signal);
      if (own.signal.aborted) return;
      const names = ["ledger", chosen["who"], chosen["what"], chosen["only"], chosen["product"], (chosen["from"] ?? new Date().toISOString()).slice(0, 10)];
      download(names, kind, parts, kind === "csv" ? "text/csv" : "application/x-ndjson");
      say("The file is ready.");
      close();
    } catch (error) {
      if (!own.signal.aborted) setFault(error instanceof Error ? error.message : "The file could not be made.");
    }
    setProgress(undefined);
  };
  if (progress !== undefined) {
    return (
      <div class="export">
        <p aria-live="polite">
          Preparing the file: {count(progress.done)} {progress.kind}…
        </p>
        <button
          type="button"
          class="button"
          onClick={() => {
            control.current?.abort();
            setProgress(undefined);
          }}
        >
          Cancel
        </button>
      </div>
    );
  }
  const { old } = filters;
  const choices: readonly (readonly [string, Filters, number | undefined])[] = [
    ...(isFiltered(filters) ? [[selected === undefined ? "of these" : `of these ${count(selected)}`, filters, selected] as const] : []),
    [`of all ${count(total)}`, old === undefined ? {} : { old }, total],
  ];
  return (
    <div class="export">
      {choices.map(([name, chosen, size]) => (
        <div key={name}>
          {(["csv", "ndjson"] as const).map((kind) => {
            // The server cannot tell a drop from a rise, so that a table of drops alone cannot be asked for.
            if (kind === "csv" && chosen["only"] === "drops") return null;
            return (
              <button key={kind} type="button" class="choice" onClick={() => void run(kind, chosen)}>
                {kind === "csv" ? "CSV" : "NDJSON"} {name}
              </button>
            );
          })}
          {size !== undefined && size > LARGE ? <p class="small muted">More than {count(LARGE)} commits: about {count(Math.ceil(size / 500))} MB as NDJSON.</p> : null}
        </div>
      ))}
      <p class="small muted">CSV has a row for each changed field, NDJSON a line for each commit, whole.</p>
      {fault === "" ? null : <p class="fault" role="alert">{fault}</p>}
    </div>
  );
}
