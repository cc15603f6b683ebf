// The evidence sheet: what happened to a product, on paper, with what this browser checked of it.

import { useEffect, useState } from "preact/hooks";
import { PrintedChart, type Stated } from "../chart/Chart";
import { life } from "../chart/scale";
import { asRecorded, hasSteps, inForce, type Step, until } from "../chart/steps";
import { useLoad } from "../load";
import { useLogged } from "../logged";
import { newest } from "../live";
import { type Moment, momentOf } from "../moment";
import { Failure, Waiting } from "../parts/Notice";
import { Link } from "../parts/Link";
import { ProofFiles, proofCommand } from "../parts/ProofFiles";
import { qr } from "../qr";
import { claims, may } from "../session";
import { checkLog, hasLog, seal } from "../seal";
import { amount, config, count, date, moment, money, view, zone } from "../state";
import * as time from "../time";
import type { Commit, Prices } from "../types";
import { productView, understood } from "../url";
import { verify } from "../verifier";
import { beginning } from "../verify/chain";
import { phrases, plain } from "../words";
import { found, type Found, lateSequences, prices, wholeHistory } from "./product-data";
import { printsWhenReady } from "./printing";

declare const SHEET: string;

/** Gives the page the look of the sheet, which no other page needs. */
function useSheetStyle(): void {
  useEffect(() => {
    const href = new URL(SHEET, import.meta.url).href;
    if (document.querySelector(`link[href="${href}"]`) !== null) return;
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    document.head.append(link);
  }, []);
}

/** How many rows a sheet has; the newest are shown. */
const MOST_ROWS = 500;
/** Up to so many rows a hash is printed whole. */
const WHOLE_HASHES = 12;

/** What this browser found. */
interface Verdict {
  readonly state: "checking" | "checked" | "not-checked" | "does-not-fit";
  readonly sentences: readonly string[];
}

/** What a sheet is made of. */
interface Sheet {
  readonly found: Found;
  /** The newest position that was known when it was loaded. A sheet does not change by itself. */
  readonly newest: number | undefined;
  readonly commits: readonly Commit[];
  readonly late: ReadonlySet<number>;
  readonly priced: Prices;
  /** The first commit that does not fit, or what else could not be checked. */
  readonly chain: { readonly commits: number; readonly fault: string | undefined; readonly isCheckable: boolean };
}

async function load(id: string, at: Moment, report: (done: number) => void, signal: AbortSignal): Promise<Sheet> {
  const known = newest.value;
  const product = await found(id, signal);
  const [pages, late, priced] = await Promise.all([wholeHistory(id, report, signal), lateSequences(id, signal), prices(id, at, signal)]);
  let place = beginning(id);
  let checked = 0;
  let chain: Sheet["chain"] | undefined;
  for (const page of pages) {
    const answer = await verify<"history">({ kind: "history", text: page.text, place }, { signal });
    checked += answer.checked.length;
    if (answer.fault !== undefined) {
      const { sequence, reason, notCheckable } = answer.fault;
      chain = { commits: checked, fault: `${sequence === undefined ? "A commit" : `Commit ${sequence}`}: ${reason}.`, isCheckable: notCheckable !== true };
      break;
    }
    place = answer.place ?? place;
  }
  const commits = pages.flatMap((page) => page.history.commits);
  return { found: product, newest: known, commits, late: new Set(late.keys()), priced, chain: chain ?? { commits: checked, fault: undefined, isCheckable: true } };
}

export function Evidence() {
  useSheetStyle();
  const id = view.value.id ?? "";
  const at = momentOf(view.value);
  const [done, setDone] = useState(0);
  const mayAudit = may("products/audit");
  const sheet = useLoad(`evidence ${id} ${JSON.stringify(at)} ${mayAudit}`, (signal) => (mayAudit ? load(id, at, setDone, signal) : Promise.resolve(undefined)));
  const name = sheet.data?.found.product.name;
  useEffect(() => {
    document.title = `${name ?? id} · Evidence · ${config.value.title}`;
  }, [name, id]);
  if (sheet.data !== undefined) return <Paper id={id} sheet={sheet.data} at={at} again={sheet.reload} />;
  return (
    <div class="page">
      <h1 tabIndex={-1}>Evidence sheet</h1>
      {!mayAudit ? (
        <p>
          Your sign-in may read products, not their history. It lacks <code>products/audit</code>; whoever runs this ledger can add it.
        </p>
      ) : sheet.error === undefined ? (
        <div class="card">
          {done > 0 ? <p class="muted">{amount(done, "commit")} loaded…</p> : null}
          <Waiting lines={10} />
        </div>
      ) : (
        <Failure error={sheet.error} retry={sheet.reload} />
      )}
    </div>
  );
}

/** The commits that the sheet tells of, and the steps of its picture. */
function selected({ commits, priced }: Sheet, at: Moment): { readonly told: readonly Commit[]; readonly steps: readonly Step[]; readonly isRecorded: boolean } {
  const { from, to, clock } = understood(view.value);
  const isRecorded = clock === "recorded";
  const timeOf = (commit: Commit): number => Date.parse(isRecorded ? commit.recorded_at : commit.metadata.occurred_at);
  const last = at.kind === "recorded" || at.kind === "force" ? at.at : Infinity;
  const told = commits.filter((commit) => timeOf(commit) <= last && (from === undefined || timeOf(commit) >= Date.parse(from)) && (to === undefined || timeOf(commit) < Date.parse(to)));
  const all = isRecorded ? asRecorded(commits) : inForce(priced.timeline);
  return { told, steps: last === Infinity ? all : until(all, last), isRecorded };
}

function Paper({ id, sheet, at, again }: { readonly id: string; readonly sheet: Sheet; readonly at: Moment; readonly again: () => void }) {
  const { product } = sheet.found;
  const { told, steps, isRecorded } = selected(sheet, at);
  const newestTold = told.at(-1);
  const verdict = useVerdict(sheet, newestTold);
  const [printed, setPrinted] = useState(Date.now);
  useEffect(() => {
    const print = (): void => setPrinted(Date.now());
    addEventListener("beforeprint", print);
    return () => removeEventListener("beforeprint", print);
  }, []);
  const isReady = verdict.state !== "checking";
  useEffect(() => {
    if (isReady && printsWhenReady.value) {
      printsWhenReady.value = false;
      print();
    }
  }, [isReady]);
  const rows = told.slice(-MOST_ROWS);
  const stated = (sequence: number): Stated | undefined => {
    const commit = sheet.commits.find((one) => one.sequence <= sequence && sequence < one.sequence + one.events.length);
    return commit === undefined ? undefined : { actor: commit.metadata.actor, recordedAt: commit.recorded_at, late: sheet.late.has(commit.sequence) };
  };
  const { at: shownAt, clock: _clock, ...others } = understood(view.value);
  const back = productView(id, { ...(shownAt === undefined ? {} : { at: shownAt }), ...(isRecorded ? { clock: "recorded" } : {}) });
  return (
    <div class="page">
      <div class="sheet-actions">
        <Link to={back}>Back to the product</Link>
        <button type="button" class="button primary" onClick={() => print()}>
          Print
        </button>
        {newestTold !== undefined && hasLog() ? <ProofFiles commit={newestTold} /> : null}
        {newest.value !== undefined && sheet.newest !== undefined && newest.value > sheet.newest ? (
          <button type="button" class="as-link" onClick={again}>
            The ledger has grown; load again
          </button>
        ) : null}
      </div>
      <article class="sheet">
        <SheetHead product={sheet.found.product} printed={printed} at={at} isRecorded={isRecorded} from={others["from"]} to={others["to"]} />
        <p class="sheet-words">{words(sheet, told, steps, isRecorded, at)}</p>
        <SheetChart name={product.name} sheet={sheet} steps={steps} at={at} isRecorded={isRecorded} stated={stated} from={others["from"]} to={others["to"]} />
        <Rows commits={rows} late={sheet.late} />
        <p class="sheet-note">
          {rows.some((commit) => sheet.late.has(commit.sequence)) ? "◆ changed the past: it states a price of a time before the newest one known when it was recorded. " : ""}
          {told.length > MOST_ROWS ? `The newest ${MOST_ROWS} of ${count(told.length)} commits; the CSV has all.` : ""}
        </p>
        <Box verdict={verdict} commit={newestTold} />
      </article>
    </div>
  );
}

function SheetHead({ product, printed, at, isRecorded, from, to }: { readonly product: Found["product"]; readonly printed: number; readonly at: Moment; readonly isRecorded: boolean; readonly from: string | undefined; readonly to: string | undefined }) {
  const who = claims.value?.subject ?? "";
  const clock = isRecorded ? "as recorded" : "in force";
  const shown = at.kind === "force" || at.kind === "recorded" ? `${clock} at ${time.asked(at.at, zone.value).replace(/^end/, "the end")}` : `${clock}, now`;
  return (
    <header class="sheet-head">
      <div>
        <p>
          Evidence sheet · {config.value.title} at {new URL(document.baseURI).host}
        </p>
        <h1 tabIndex={-1} dir="auto">
          {product.name}
        </h1>
        <p>
          Id <code>{product.id}</code>
        </p>
      </div>
      <div class="sheet-side">
        {product.sku === undefined ? null : (
          <p>
            SKU <code>{product.sku}</code>
          </p>
        )}
        <p>
          printed {moment(printed)}
          {who === "" ? "" : ` by ${who}`}
        </p>
        <p>
          {shown}
          {from === undefined ? "" : `, from ${moment(from)}`}
          {to === undefined ? "" : `, to ${moment(to)}`}
        </p>
      </div>
    </header>
  );
}

/** The history in a few sentences. */
function words({ found: { product, deletedAt }, priced }: Sheet, told: readonly Commit[], steps: readonly Step[], isRecorded: boolean, at: Moment): string {
  const sentences: string[] = [];
  const isNow = at.kind === "now";
  const last = steps.at(-1);
  if (isNow && product.status === "deleted") sentences.push(`Removed from the catalogue ${deletedAt === undefined ? "" : date(deletedAt)}.`);
  else if (last === undefined || last.to !== undefined) sentences.push(isRecorded ? "The ledger had no price then." : "It was not in the catalogue then.");
  else sentences.push(`${money(last.price, last.currency)} since ${date(last.from)}.`);
  const { reference, reduction } = priced;
  if (isNow && !isRecorded && reference !== null) {
    sentences.push(
      `Prior price ${money(reference.price, priced.currency)}: the lowest in force in the ${reference.days} days before ${hasSteps(reduction) ? "the first step of this reduction" : "this reduction"}, ${date(reference.from)} to ${date(reference.to)} (Directive 98/6/EC, article 6a).`,
    );
  }
  const people = new Set(told.map((commit) => commit.metadata.actor)).size;
  const times = told.map((commit) => Date.parse(commit.metadata.occurred_at));
  if (times.length > 0) {
    const first = times.reduce((a, b) => Math.min(a, b));
    const newestTime = times.reduce((a, b) => Math.max(a, b));
    sentences.push(`${count(told.length)} commit${told.length === 1 ? "" : "s"} by ${count(people)} ${people === 1 ? "person or program" : "people or programs"}, from ${date(first)} to ${date(newestTime)}.`);
  }
  sentences.push(`Times are ${time.zoneName(zone.value, Date.now())}; prices by the time they were ${isRecorded ? "recorded" : "in force"}.`);
  return sentences.join(" ");
}

interface ChartProps {
  readonly name: string;
  readonly sheet: Sheet;
  readonly steps: readonly Step[];
  readonly at: Moment;
  readonly isRecorded: boolean;
  readonly stated: (sequence: number) => Stated | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

function SheetChart({ name, sheet, steps, at, isRecorded, stated, from, to }: ChartProps) {
  if (steps.length === 0) return null;
  const moment = at.kind === "force" || at.kind === "recorded" ? at.at : undefined;
  const now = Math.max(Date.now(), ...steps.slice(-1).map((step) => step.from));
  const whole = life(steps, moment ?? now);
  const seen = { from: from === undefined ? whole.from : Date.parse(from), to: to === undefined ? whole.to : Math.min(Date.parse(to), whole.to) };
  const shown = { from: seen.from, to: seen.to + (seen.to - seen.from) * (moment === undefined ? 0.01 : 0.08) };
  return <PrintedChart name={name} steps={steps} shown={shown} now={now} at={moment} reference={isRecorded ? null : sheet.priced.reference} isOfFirstStep={hasSteps(sheet.priced.reduction)} stated={stated} />;
}

function Rows({ commits, late }: { readonly commits: readonly Commit[]; readonly late: ReadonlySet<number> }) {
  const isWhole = commits.length <= WHOLE_HASHES;
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Commits">
      <table class="sheet-rows">
        <caption class="sr">Commits, the oldest first</caption>
        <thead>
          <tr>
            <th scope="col" class="number">#</th>
            <th scope="col">In force from</th>
            <th scope="col">Recorded</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">SHA-256 of the commit</th>
          </tr>
        </thead>
        <tbody>
          {commits.map((commit) => (
            <tr key={commit.sequence}>
              <th scope="row" class="number">{commit.sequence}</th>
              <td class="nowrap">{date(commit.metadata.occurred_at)}</td>
              <td class="nowrap">
                {date(commit.recorded_at)}
                {late.has(commit.sequence) ? (
                  <>
                    {" "}
                    <span aria-hidden="true">◆</span>
                    <span class="sr">changed the past</span>
                  </>
                ) : null}
              </td>
              <td>
                <bdi>{commit.metadata.actor}</bdi>
              </td>
              <td dir="auto">{phrases(commit).map((phrase) => plain(phrase, money, date)).join(" · ")}</td>
              <td>
                <code class="hash" title={commit.hash}>{isWhole ? `${commit.hash.slice(0, 32)}\n${commit.hash.slice(32)}` : `${commit.hash.slice(0, 16)}…${commit.hash.slice(-8)}`}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const TITLES: Readonly<Record<Verdict["state"], string>> = {
  checking: "NOT CHECKED",
  checked: "Checked.",
  "not-checked": "NOT CHECKED",
  "does-not-fit": "DOES NOT FIT",
};

function Box({ verdict, commit }: { readonly verdict: Verdict; readonly commit: Commit | undefined }) {
  const link = location.href;
  const code = qr(link);
  const isWhole = verdict.state === "checked";
  return (
    <section class={isWhole ? "sheet-box" : "sheet-box double"} aria-label="What was checked">
      <div>
        <p aria-live="polite">
          <b>{TITLES[verdict.state]}</b> {verdict.sentences.join(" ")}
        </p>
        {commit !== undefined && hasLog() ? (
          <>
            <p>With the two files of commit {commit.sequence} (“Download proof”), anybody checks it by</p>
            <pre tabIndex={0} aria-label="The command that checks it">{proofCommand(commit, " \\\n  ")}</pre>
          </>
        ) : null}
        <p>It does not show that what was recorded is true, only that it was recorded and not changed since. A page from the server that it checks cannot vouch for that server: compare the key and the checkpoint with what you keep elsewhere.</p>
        <p>
          <a class="with-url" href={link}>This sheet</a>
        </p>
      </div>
      {code === undefined ? (
        <p class="sheet-no-code">The link is too long for a QR code.</p>
      ) : (
        <svg class="sheet-code" role="img" aria-label="QR code of the link to this sheet" viewBox={`-4 -4 ${code.length + 8} ${code.length + 8}`} shape-rendering="crispEdges">
          <path d={code.map((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")).join("")).join("")} />
        </svg>
      )}
    </section>
  );
}

/** Checks that the newest commit is in the log under the checked checkpoint, and puts everything into words. */
function useVerdict(sheet: Sheet, commit: Commit | undefined): Verdict {
  const now = seal.value;
  useEffect(() => {
    if (hasLog() && seal.peek().state !== "checking") void checkLog();
  }, []);
  const logged = useLogged(commit);
  const { commits, fault, isCheckable } = sheet.chain;
  if (fault !== undefined) return { state: isCheckable ? "does-not-fit" : "not-checked", sentences: [fault, `${count(commits)} of ${count(sheet.commits.length)} commits fit before it.`] };
  const chain = `${count(commits)} of ${count(sheet.commits.length)} commit${commits === 1 ? "" : "s"} hashed and linked in the browser that printed this.`;
  if (!hasLog()) return { state: "checked", sentences: [chain, "This ledger has no signed log, so nobody can tell whether its newest commits are missing."] };
  if (now.state === "failed") return { state: "not-checked", sentences: [`The log could not be checked: ${now.reason}.`, chain] };
  if (now.state !== "checked") return { state: "checking", sentences: ["The log is being checked.", chain] };
  const { answer } = now;
  switch (answer.state) {
    case "broken":
      return { state: "does-not-fit", sentences: [`The log does not fit: ${answer.reason}.`, chain] };
    case "another-key":
      return { state: "not-checked", sentences: ["The log is signed by another key than the one that this browser trusted.", chain] };
    case "another-log":
      return { state: "not-checked", sentences: ["This is another log than the one that this browser kept.", chain] };
    default:
  }
  if (commit === undefined) return { state: "checked", sentences: [chain] };
  if (logged.error !== undefined) return { state: "not-checked", sentences: ["Whether the newest commit is in the log could not be checked.", chain] };
  if (logged.data === undefined) return { state: "checking", sentences: ["The log is being checked.", chain] };
  const { position, isIncluded } = logged.data;
  if (position === undefined) return { state: "not-checked", sentences: [`Commit ${commit.sequence} has no position in the log yet.`, chain] };
  if (isIncluded === undefined) return { state: "not-checked", sentences: [`Commit ${commit.sequence} is not in the signed log yet.`, chain] };
  if (!isIncluded) return { state: "does-not-fit", sentences: [`Commit ${commit.sequence} is not what the log has at position ${position}.`, chain] };
  return { state: "checked", sentences: [chain, ...signed(commit, position, answer.note, answer.key, answer.state === "continues" ? answer.oldSize : undefined, now.at)] };
}

function signed(commit: Commit, position: number, note: string, key: string, oldSize: number | undefined, at: number): string[] {
  const origin = note.slice(0, note.indexOf("\n"));
  const size = note.split("\n")[1] ?? "";
  const others = note.split("\n").filter((line) => line.startsWith("— ") && !line.startsWith(`— ${origin} `)).length;
  return [
    `Commit ${commit.sequence} is entry ${position} of the log signed by ${key.split("+").slice(0, 2).join("+")}, under the checkpoint of ${amount(Number(size), "commit")} that was verified at ${moment(at)}.`,
    oldSize === undefined ? "This browser had kept no earlier checkpoint." : `It continues the checkpoint of ${amount(oldSize, "commit")} that this browser had kept.`,
    others === 0 ? "" : `The checkpoint carries ${others} other signature${others === 1 ? "" : "s"}, of witnesses, which this page does not verify.`,
  ].filter((sentence) => sentence !== "");
}

