// What happened to a product: its commits, the newest first.

import { useEffect, useState } from "preact/hooks";
import type { Moment } from "../moment";
import { withEarlier, withLater, yearsBetween } from "../history-window";
import { onKey } from "../keys";
import { evidenceView } from "../pages/printing";
import { historyPage, type HistoryPage, isBy, versionAt } from "../pages/product-data";
import { amount, count, date, go, moment as shownMoment, refine, view, zone } from "../state";
import * as time from "../time";
import type { Commit, Product, Receipts } from "../types";
import { changed, understood } from "../url";
import { phrases } from "../words";
import { Actor } from "./Actor";
import { CommitDetails } from "./CommitDetails";
import { Link } from "./Link";
import { Failure, Waiting } from "./Notice";
import { FieldChanges, Phrases } from "./Phrases";
import { SentMark } from "./Sent";

/** From so many rows on, those out of sight are not laid out. */
const MANY = 200;
/** How many commits "Earlier" and "Later" load. */
const STEP = 100;

type Told = Commit & { readonly receipts: Receipts };

interface Props {
  readonly id: string;
  readonly product: Product;
  readonly pages: readonly HistoryPage[];
  readonly late: ReadonlyMap<number, number> | undefined;
  readonly isWaiting: boolean;
  readonly moment: Moment;
  /** The version at the moment. */
  readonly version: number;
  /** Whether the signed log has all commits; `undefined`: it is not known. */
  readonly isLogged: boolean | undefined;
}

export function Timeline({ id, product, pages, late, isWaiting, moment, version, isLogged }: Props) {
  // What is held once somebody went to earlier commits, and whether it reached to the newest then.
  const [held, setHeld] = useState<{ readonly commits: readonly Told[]; readonly isAtEnd: boolean } | undefined>(undefined);
  const hold = (commits: readonly Told[] | undefined): void => {
    setHeld(commits === undefined ? undefined : { commits, isAtEnd: lastOf(commits) >= product.version });
  };
  const parameters = understood(view.value);
  const newest = pages.flatMap((page) => page.history.commits);
  const holdsNewest = held === undefined || held.isAtEnd;
  const all = held === undefined ? newest : held.isAtEnd ? withLater(held.commits, newest) : held.commits;
  const only = parameters["only"];
  // The moment at which the later ones are shown too.
  const [withAll, setWithAll] = useState("");
  const momentKey = JSON.stringify(moment);
  const byThen = all.filter((commit) => isBy(moment, commit));
  const first = all[0]?.sequence ?? 1;
  useEffect(() => {
    // What is loaded came after the moment.
    if (isWaiting || moment.kind === "now" || version >= first) return undefined;
    const control = new AbortController();
    historyPage(id, Math.max(0, version - STEP), STEP, control.signal).then((page) => hold(page.history.commits), () => undefined);
    return () => control.abort();
  }, [momentKey, isWaiting, version]);
  const shown = (withAll === momentKey ? all : byThen)
    .filter((commit) => only === undefined || fits(commit, only))
    .reverse();
  const opened = parameters["commit"] === undefined ? undefined : Number(parameters["commit"]);
  useEffect(() => {
    if (opened !== undefined) document.getElementById(`commit-${opened}`)?.scrollIntoView({ block: "nearest" });
  }, [opened]);
  const step = (by: 1 | -1): void => {
    // Keys may come faster than the page is drawn.
    const now = understood(view.value)["commit"];
    const at = shown.findIndex((commit) => String(commit.sequence) === now);
    const next = at < 0 ? shown[0] : shown[at + by];
    if (next !== undefined) refine({ commit: String(next.sequence) });
  };
  useEffect(() => onKey("[", () => step(1)));
  useEffect(() => onKey("]", () => step(-1)));
  const isPart = first > 1 || !holdsNewest;
  return (
    <section class="card" aria-labelledby="timeline-title">
      <div class="card-head">
        <h2 id="timeline-title">What happened</h2>
        <span class="muted small">{isWaiting ? "" : howMany(moment, byThen.length, all.length, isPart)}</span>
        {byThen.length === all.length ? null : (
          <button type="button" class="as-link small" onClick={() => setWithAll(withAll === momentKey ? "" : momentKey)}>
            {withAll === momentKey ? "Hide the later ones" : "Show the later ones"}
          </button>
        )}
        <span class="spring" />
        {all.length > 1 ? <Which only={only} /> : null}
        <Link to={evidenceView(id)} class="button">
          Print evidence
        </Link>
      </div>
      {isWaiting ? <Waiting lines={6} /> : null}
      <ol class={shown.length > MANY ? "timeline many" : "timeline"} reversed>
        {shown.map((commit) => (
          <One key={commit.sequence} commit={commit} position={late?.get(commit.sequence)} isOpen={commit.sequence === opened} isNewest={commit.sequence + commit.events.length - 1 === product.version} isLogged={isLogged} />
        ))}
      </ol>
      {!isWaiting && shown.length === 0 ? <p class="muted">{only === undefined ? "Nothing had happened by then" : "Nothing of this kind happened"}{isPart ? " in what is loaded" : ""}.</p> : null}
      {isWaiting || !isPart ? null : <Beyond id={id} product={product} all={all} hold={hold} holdsNewest={holdsNewest} />}
    </section>
  );
}

/** How many commits there are, and how many there were by then. */
function howMany(moment: Moment, byThen: number, all: number, isPart: boolean): string {
  const words = `${amount(all, "commit")}${isPart ? " loaded" : ""}`;
  return moment.kind === "now" ? words : `${count(byThen)} of ${words} by then`;
}

/** The newest version that commits lead to. */
function lastOf(commits: readonly Told[]): number {
  const last = commits.at(-1);
  return last === undefined ? 0 : last.sequence + last.events.length - 1;
}

function Which({ only }: { readonly only: string | undefined }) {
  return (
    <div class="switch" role="group" aria-label="Which commits">
      {([undefined, "prices", "details"] as const).map((one) => (
        <button key={one ?? "all"} type="button" aria-pressed={only === one} onClick={() => refine({ only: one })}>
          {one === undefined ? "All" : one === "prices" ? "Prices" : "Details"}
        </button>
      ))}
    </div>
  );
}

/** The ways to commits that are not held: earlier, later, and the end of a year. */
function Beyond({ id, product, all, hold, holdsNewest }: {
  readonly id: string;
  readonly product: Product;
  readonly all: readonly Told[];
  readonly hold: (commits: readonly Told[] | undefined) => void;
  readonly holdsNewest: boolean;
}) {
  const [state, setState] = useState<{ isLoading: boolean; error?: unknown; retry?: () => void }>({ isLoading: false });
  const [first, lastSequence] = [all[0]?.sequence ?? 1, lastOf(all)];
  const load = (found: () => Promise<readonly Told[] | undefined>): void => {
    setState({ isLoading: true });
    found().then(
      (commits) => {
        hold(commits);
        setState({ isLoading: false });
      },
      (error: unknown) => setState({ isLoading: false, error, retry: () => load(found) }),
    );
  };
  const after = async (sequence: number): Promise<readonly Told[]> => (await historyPage(id, Math.max(0, sequence), STEP, undefined)).history.commits;
  const toYear = (year: number): void =>
    load(async () => {
      const end = time.instant(Date.UTC(year + 1, 0, 1) - 1);
      const then = await versionAt(id, end);
      return then === undefined || then >= product.version ? undefined : after(then - STEP);
    });
  return (
    <>
      {state.error === undefined ? null : <Failure error={state.error} {...(state.retry === undefined ? {} : { retry: state.retry })} />}
      <div class="timeline-foot">
        <span class="muted">
          Showing commits {count(first)}–{count(lastSequence)} of {count(product.version)}.
        </span>
        {first > 1 ? (
          <button type="button" class="button" disabled={state.isLoading} onClick={() => load(async () => withEarlier(all, await after(first - 1 - STEP)))}>
            {state.isLoading ? "Loading…" : "Earlier"}
          </button>
        ) : null}
        {holdsNewest ? null : (
          <>
            <button type="button" class="button" disabled={state.isLoading} onClick={() => load(async () => withLater(all, await after(lastSequence)))}>
              Later
            </button>
            <button type="button" class="as-link" onClick={() => hold(undefined)}>
              The newest
            </button>
          </>
        )}
        <label>
          Up to the end of{" "}
          <select value="" onChange={(event) => toYear(Number(event.currentTarget.value))}>
            <option value="">…</option>
            {yearsBetween(Date.parse(product.created_at), Date.parse(product.updated_at)).map((year) => (
              <option key={year} value={String(year)}>
                {year}
              </option>
            ))}
          </select>
        </label>
      </div>
    </>
  );
}

function fits(commit: Commit, only: string): boolean {
  const kinds = phrases(commit).map((phrase) => phrase.kind);
  return only === "prices" ? kinds.some((kind) => kind === "price" || kind === "stated" || kind === "created") : kinds.some((kind) => kind === "details" || kind === "renamed");
}

function One({ commit, position, isOpen, isNewest, isLogged }: {
  readonly commit: Told;
  readonly position: number | undefined;
  readonly isOpen: boolean;
  readonly isNewest: boolean;
  readonly isLogged: boolean | undefined;
}) {
  const all = phrases(commit);
  const isLate = position !== undefined;
  const isRemoval = all.some((phrase) => phrase.kind === "deleted" || phrase.kind === "restored");
  const details = all.flatMap((phrase) => (phrase.kind === "details" ? phrase.changes : []));
  const [happened, recorded] = [Date.parse(commit.metadata.occurred_at), Date.parse(commit.recorded_at)];
  const version = commit.sequence + commit.events.length - 1;
  const toggle = (): void => refine({ commit: isOpen ? undefined : String(commit.sequence) });
  const press = (event: Event): void => {
    if (!(event.target as HTMLElement).closest("a, button, .commit-details") && getSelection()?.isCollapsed !== false) toggle();
  };
  return (
    <li id={`commit-${commit.sequence}`} class={isOpen ? "open" : ""} data-row tabIndex={-1} onClick={press}>
      <time class="when" dateTime={commit.recorded_at} title={shownMoment(commit.recorded_at)}>
        {date(commit.recorded_at)}
      </time>
      <span class={`point ${isLate ? "late-point" : isRemoval ? "square" : ""}`} aria-hidden="true" />
      <div class="told">
        <div>
          <Phrases commit={commit} />
        </div>
        {details.length === 0 || isOpen ? null : <FieldChanges changes={details} isBrief />}
        <div class="muted small">
          <Actor of={commit.metadata.actor} />
          {isLate ? (
            <span class="late">
              {" "}
              · <span class="diamond" aria-hidden="true" /> in force from {date(happened)}, entered {time.span(recorded - happened)} late
            </span>
          ) : recorded - happened > 86_400_000 ? (
            ` · happened ${time.date(happened, zone.value)}`
          ) : null}{" "}
          · <code title={commit.hash}>{commit.hash.slice(0, 8)}</code>
          {isNewest ? null : (
            <span class="no-print">
              {" "}
              ·{" "}
              <button type="button" class="as-link" onClick={() => go(changed(view.value, { v: String(version), at: undefined, clock: undefined }))}>
                Show version {version}
              </button>
            </span>
          )}
        </div>
        {isOpen ? <CommitDetails entry={{ position: position ?? -1, receipts: commit.receipts, commit }} place="product" /> : null}
      </div>
      <div class="side">
        <button type="button" class="plain" aria-expanded={isOpen} aria-label={`Commit ${commit.sequence}, details`} onClick={toggle}>
          {commit.sequence}
        </button>{" "}
        <SentMark receipts={commit.receipts} isLogged={isLogged} />
      </div>
    </li>
  );
}

