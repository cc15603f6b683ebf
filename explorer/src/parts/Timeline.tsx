// What happened to a product: its commits, the newest first.

import { useEffect, useState } from "preact/hooks";
import type { Moment } from "../moment";
import { historyPage, type HistoryPage } from "../pages/product-data";
import { count, date, go, moment as shownMoment, refine, view, zone } from "../state";
import * as time from "../time";
import type { Commit, Product, Receipts } from "../types";
import { changed, understood } from "../url";
import { phrases } from "../words";
import { Actor } from "./Actor";
import { CommitDetails } from "./CommitDetails";
import { Failure, Waiting } from "./Notice";
import { FieldChanges, Phrases } from "./Phrases";
import { SentMark } from "./Sent";

type Told = Commit & { readonly receipts: Receipts };

interface Props {
  readonly id: string;
  readonly product: Product;
  readonly pages: readonly HistoryPage[];
  readonly late: ReadonlyMap<number, number> | undefined;
  readonly isWaiting: boolean;
  readonly moment: Moment;
}

export function Timeline({ id, product, pages, late, isWaiting, moment }: Props) {
  const [earlier, setEarlier] = useState<readonly Told[]>([]);
  const [state, setState] = useState<{ isLoading: boolean; error?: unknown }>({ isLoading: false });
  const parameters = understood(view.value);
  const loaded = pages.flatMap((page) => page.history.commits);
  const all = [...earlier, ...loaded.filter((commit) => !earlier.some((one) => one.sequence === commit.sequence))];
  const first = all[0]?.sequence ?? 1;
  const only = parameters["only"];
  const until = moment.kind === "recorded" ? moment.at : Infinity;
  const shown = all
    .filter((commit) => Date.parse(commit.recorded_at) <= until)
    .filter((commit) => only === undefined || fits(commit, only))
    .reverse();
  const load = (): void => {
    const after = Math.max(0, first - 1 - 100);
    setState({ isLoading: true });
    historyPage(id, after, 100, undefined).then(
      (page) => {
        setEarlier([...page.history.commits.filter((commit) => commit.sequence < first), ...earlier]);
        setState({ isLoading: false });
      },
      (error: unknown) => setState({ isLoading: false, error }),
    );
  };
  const opened = parameters["commit"] === undefined ? undefined : Number(parameters["commit"]);
  useEffect(() => {
    if (opened !== undefined) document.getElementById(`commit-${opened}`)?.scrollIntoView({ block: "nearest" });
  }, [opened]);
  return (
    <section class="card" aria-labelledby="timeline-title">
      <div class="card-head">
        <h2 id="timeline-title">What happened</h2>
        <span class="muted small">{isWaiting ? "" : first > 1 ? `the newest ${count(all.length)} commits` : `${count(all.length)} commit${all.length === 1 ? "" : "s"}`}</span>
        <span class="spring" />
        {all.length > 1 ? (
          <div class="switch" role="group" aria-label="Which commits">
            {([undefined, "prices", "details"] as const).map((one) => (
              <button key={one ?? "all"} type="button" aria-pressed={only === one} onClick={() => refine({ only: one })}>
                {one === undefined ? "All" : one === "prices" ? "Prices" : "Details"}
              </button>
            ))}
          </div>
        ) : null}
      </div>
      {isWaiting ? <Waiting lines={6} /> : null}
      <ol class="timeline" reversed>
        {shown.map((commit) => (
          <One key={commit.sequence} commit={commit} position={late?.get(commit.sequence)} isOpen={commit.sequence === opened} isNewest={commit.sequence + commit.events.length - 1 === product.version} />
        ))}
      </ol>
      {!isWaiting && shown.length === 0 ? <p class="muted">Nothing of this kind happened{first > 1 ? " in what is loaded" : ""}.</p> : null}
      {state.error === undefined ? null : <Failure error={state.error} retry={load} />}
      {first > 1 ? (
        <button type="button" class="button" disabled={state.isLoading} onClick={load}>
          {state.isLoading ? "Loading…" : "Earlier"}
        </button>
      ) : null}
    </section>
  );
}

function fits(commit: Commit, only: string): boolean {
  const kinds = phrases(commit).map((phrase) => phrase.kind);
  return only === "prices" ? kinds.some((kind) => kind === "price" || kind === "stated" || kind === "created") : kinds.some((kind) => kind === "details" || kind === "renamed");
}

function One({ commit, position, isOpen, isNewest }: { readonly commit: Told; readonly position: number | undefined; readonly isOpen: boolean; readonly isNewest: boolean }) {
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
        {details.length === 0 || isOpen ? null : <FieldChanges changes={details.map((one) => ({ ...one, before: undefined }))} />}
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
            <>
              {" "}
              ·{" "}
              <button type="button" class="as-link" onClick={() => go(changed(view.value, { v: String(version), at: undefined, clock: undefined }))}>
                Show version {version}
              </button>
            </>
          )}
        </div>
        {isOpen ? <CommitDetails entry={{ position: position ?? -1, receipts: commit.receipts, commit }} place="product" /> : null}
      </div>
      <div class="side">
        <button type="button" class="plain" aria-expanded={isOpen} aria-label={`Commit ${commit.sequence}, details`} onClick={toggle}>
          {commit.sequence}
        </button>{" "}
        <SentMark receipts={commit.receipts} isLogged={undefined} />
      </div>
    </li>
  );
}

