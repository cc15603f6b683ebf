// The chain of a product's commits, hashed and linked in this browser.

import { useEffect, useState } from "preact/hooks";
import { get, productPath } from "../api";
import { historyPage, type HistoryPage } from "../pages/product-data";
import type { Logged } from "../logged";
import { hasLog, loggedSize } from "../seal";
import { amount, count } from "../state";
import { verify } from "../verifier";
import { beginning, type ChainFault } from "../verify/chain";
import type { Commit } from "../types";
import { Link } from "./Link";
import { ProofFiles } from "./ProofFiles";

/** How far the check is. */
interface Checked {
  readonly commits: number;
  readonly milliseconds: number;
  /** Whether it began with the product's first commit. */
  readonly isWhole: boolean;
  readonly fault: ChainFault | undefined;
  readonly isDone: boolean;
}

const NOTHING: Checked = { commits: 0, milliseconds: 0, isWhole: false, fault: undefined, isDone: false };

/** Checks pages of a history that follow one another. */
async function checkPages(id: string, pages: AsyncIterable<string>, isWhole: boolean, report: (checked: Checked) => void): Promise<void> {
  let place = isWhole ? beginning(id) : undefined;
  let checked: Checked = { ...NOTHING, isWhole };
  const started = performance.now();
  for await (const text of pages) {
    const answer = await verify<"history">({ kind: "history", text, place });
    checked = { ...checked, commits: checked.commits + answer.checked.length, milliseconds: performance.now() - started, fault: answer.fault };
    if (answer.fault !== undefined) break;
    place = answer.place;
    report(checked);
  }
  report({ ...checked, isDone: true });
}

async function* loaded(pages: readonly HistoryPage[]): AsyncIterable<string> {
  for (const page of pages) yield page.text;
}

async function* everything(id: string): AsyncIterable<string> {
  for (let after: number | null = 0; after !== null; ) {
    const page: HistoryPage = await historyPage(id, after, 1000, undefined);
    yield page.text;
    after = page.history.next;
  }
}

interface Verification {
  readonly valid: boolean;
  readonly commits: number;
}

interface Props {
  readonly id: string;
  readonly version: number;
  readonly pages: readonly HistoryPage[];
  /** The commit of the version that is shown, and where the log has it. */
  readonly commit: Commit | undefined;
  readonly logged: Logged | undefined;
  /** Whether the log has the newest commit, and so all of them. */
  readonly isLogged: boolean;
}

export function ChainCard({ id, version, pages, commit, logged, isLogged }: Props) {
  const [checked, setChecked] = useState<Checked>(NOTHING);
  const [server, setServer] = useState<string>("");
  const [failed, setFailed] = useState("");
  const first = pages[0]?.history.commits[0]?.sequence;
  const last = pages.at(-1)?.text;
  const run = (texts: AsyncIterable<string>, isWhole: boolean): void => {
    setFailed("");
    checkPages(id, texts, isWhole, setChecked).catch((error: unknown) => setFailed(error instanceof Error ? error.message : String(error)));
  };
  useEffect(() => {
    if (last !== undefined) run(loaded(pages), first === 1);
  }, [last]);
  const isBroken = checked.fault !== undefined && checked.fault.notCheckable !== true;
  useEffect(() => {
    if (!isBroken) return;
    get<Verification>(`${productPath(id)}/verification`).then(
      (answer) => setServer(answer.valid ? "The server itself finds no fault: the fault may be in this page." : "The server finds a fault too."),
      () => setServer(""),
    );
  }, [isBroken]);
  return (
    <section class={`card chain ${isBroken ? "broken" : ""}`} aria-labelledby="chain-title">
      <div class="card-head">
        <h2 id="chain-title">Proof</h2>
        <span class="spring" />
        <Verdict checked={checked} failed={failed} isLogged={isLogged} />
      </div>
      <div aria-live="polite">
        <Words checked={checked} version={version} failed={failed} />
      </div>
      {server === "" ? null : <p>{server}</p>}
      <Squares checked={checked} />
      {!checked.isWhole && checked.isDone && checked.fault === undefined ? (
        <button type="button" class="button" onClick={() => run(everything(id), true)}>
          Check all {count(version)}
        </button>
      ) : null}
      {hasLog() ? <InLog commit={isBroken ? undefined : commit} found={logged} /> : <p class="muted small">Without a signed log nobody can tell whether the newest commits are missing.</p>}
    </section>
  );
}

/** A product is called whole once all of its commits were checked and the log has the newest of them. */
function Verdict({ checked, failed, isLogged }: { readonly checked: Checked; readonly failed: string; readonly isLogged: boolean }) {
  if (failed !== "") return <span class="verdict">not checked</span>;
  if (checked.fault?.notCheckable === true) return <span class="verdict warn">not checkable</span>;
  if (checked.fault !== undefined) return <span class="verdict bad">✕ Does not fit</span>;
  if (!checked.isDone) return <span class="verdict">checking</span>;
  return <span class="verdict good">{!checked.isWhole ? "✓ Fits, in part" : isLogged ? "✓ Whole" : "✓ Fits"}</span>;
}

function Words({ checked, version, failed }: { readonly checked: Checked; readonly version: number; readonly failed: string }) {
  const { commits, fault, isDone, isWhole } = checked;
  if (failed !== "") return <p>This could not be checked: {failed}.</p>;
  if (fault?.notCheckable === true) return <p>What the server answers cannot be checked: {fault.reason}.</p>;
  if (fault !== undefined) {
    return (
      <p>
        <b>✕ {fault.sequence === undefined ? "A commit" : `Commit ${fault.sequence}`} does not fit:</b> {fault.reason}. Do not rely on{" "}
        {fault.sequence === undefined || fault.sequence >= version ? "it" : `versions ${fault.sequence} to ${version}`}.
      </p>
    );
  }
  if (!isDone) return <p class="muted">{isWhole ? `${count(commits)} of ${count(version)} checked…` : `${count(commits)} checked…`}</p>;
  return (
    <p>
      <b>
        {isWhole ? `All ${amount(commits, "commit")}` : `The newest ${amount(commits, "commit")}`}
      </b>{" "}
      hashed and linked in this browser, {Math.max(1, Math.round(checked.milliseconds))} ms.
    </p>
  );
}

/** The commits as links of a chain: at most twelve, else the first three and the last eight. */
function Squares({ checked }: { readonly checked: Checked }) {
  const { commits, fault } = checked;
  const total = commits + (fault === undefined ? 0 : 1);
  if (total === 0) return null;
  const shown = Array.from({ length: total }, (_, index) => index).filter((index) => total <= 12 || index < 3 || index >= total - 8);
  return (
    <div class="squares" aria-hidden="true">
      {shown.map((index, place) => (
        <span key={index} class={index === total - 1 && fault !== undefined ? "square-mark bad" : "square-mark"}>
          {place === 2 && total > 12 ? "…" : index === total - 1 && fault !== undefined ? "✕" : "✓"}
        </span>
      ))}
    </div>
  );
}

/** Whether a commit is in the log, by the path that this browser computed. */
function InLog({ commit, found }: { readonly commit: Commit | undefined; readonly found: Logged | undefined }) {
  const size = loggedSize();
  const shows = <Link to={{ page: "proof", parameters: {} }}>What it shows</Link>;
  if (commit === undefined || found === undefined) {
    return (
      <p class="muted small">
        {size === undefined ? "The signed log is not checked yet. " : `The signed log covers ${amount(size, "commit")}. `}
        {shows}
      </p>
    );
  }
  if (found.isIncluded === false) {
    return (
      <p class="bad">
        ✕ Commit {commit.sequence} is not what the log has at position {found.position}. {shows}
      </p>
    );
  }
  if (found.isIncluded === undefined) return <p class="muted small">Commit {commit.sequence} is not in the signed log yet. {shows}</p>;
  return (
    <>
      <p class="small">
        Commit {commit.sequence} is entry {found.position} of the signed log of {amount(size ?? 0, "commit")}. {shows}
      </p>
      <p class="links">
        <ProofFiles commit={commit} />
      </p>
    </>
  );
}
