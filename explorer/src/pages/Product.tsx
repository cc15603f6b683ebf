// The page of a product: its price, what happened to it, and its chain checked in this browser.

import { useEffect } from "preact/hooks";
import { Problem } from "../api";
import { asRecorded, inForce, type Step, until } from "../chart/steps";
import type { Stated } from "../chart/Chart";
import { newest } from "../live";
import { useLoad, useNow } from "../load";
import { useLogged } from "../logged";
import { type Moment, momentOf } from "../moment";
import { ChainCard } from "../parts/ChainCard";
import { Failure, Waiting } from "../parts/Notice";
import { Link } from "../parts/Link";
import { MomentBar } from "../parts/MomentBar";
import { NowCard } from "../parts/NowCard";
import { PriceCard } from "../parts/PriceCard";
import { ProductHead } from "../parts/ProductHead";
import { SentCard } from "../parts/SentCard";
import { Timeline } from "../parts/Timeline";
import { may } from "../session";
import { config, orders, view, zone } from "../state";
import * as time from "../time";
import type { Commit, Prices, Product } from "../types";
import { understood } from "../url";
import { printsEvidence } from "./printing";
import { found, type Found, holding, type HistoryPage, isBy, lateSequences, newestHistory, prices, productAt } from "./product-data";

const HOUR = 3_600_000;
const MOST_BEFORE = 3;

export function ProductPage() {
  const id = view.value.id ?? "";
  const own = useLoad(`product ${id}`, (signal) => found(id, signal));
  const { reload } = own;
  const head = newest.value;
  useEffect(() => {
    if (head !== undefined) reload();
  }, [head]);
  const name = own.data?.product.name;
  useEffect(() => (may("products/audit") ? printsEvidence(id) : undefined), [id]);
  useEffect(() => {
    document.title = `${name ?? id} · ${config.value.title}`;
  }, [name, id]);
  if (own.data !== undefined) return <Shown key={id} id={id} found={own.data} />;
  return (
    <div class="page">
      {own.error === undefined ? (
        <>
          <h1 tabIndex={-1} class="sr">Product</h1>
          <div class="card">
            <Waiting lines={10} />
          </div>
        </>
      ) : (
        <Unknown id={id} error={own.error} retry={reload} />
      )}
    </div>
  );
}

function Unknown({ id, error, retry }: { readonly id: string; readonly error: unknown; readonly retry: () => void }) {
  const isUnknown = error instanceof Problem && (error.kind === "product-not-found" || error.kind === "malformed");
  if (!isUnknown) {
    return (
      <>
        <h1 tabIndex={-1} class="sr">Product</h1>
        <Failure error={error} retry={retry} />
      </>
    );
  }
  return (
    <div class="card nothing">
      <h1 tabIndex={-1}>
        No product has the id <code>{id}</code>.
      </h1>
      <p>Ids distinguish upper and lower case.</p>
      {orders().includes("name") ? (
        <p>
          <Link to={{ page: "catalogue", parameters: { q: id } }}>Search names for {id}</Link>
        </p>
      ) : null}
    </div>
  );
}

function Shown({ id, found: { product, deletedAt } }: { readonly id: string; readonly found: Found }) {
  const moment = momentOf(view.value);
  const isNow = moment.kind === "now";
  const momentKey = JSON.stringify(moment);
  const mayAudit = may("products/audit");
  const history = useLoad(`history ${id}`, (signal) => (mayAudit ? newestHistory(id, product.version, signal) : Promise.resolve([])));
  const late = useLoad(`late ${id}`, (signal) => (mayAudit ? lateSequences(id, signal) : Promise.resolve(new Map<number, number>())));
  const priced = useLoad(`prices ${id} ${momentKey}`, (signal) => (mayAudit ? prices(id, moment, signal) : Promise.resolve(undefined)));
  const knownNow = useLoad(`known ${id} ${momentKey}`, (signal) =>
    mayAudit && moment.kind === "recorded" ? prices(id, { kind: "force", at: moment.at }, signal) : Promise.resolve(undefined),
  );
  const then = useLoad(`then ${id} ${momentKey} ${priced.data === undefined ? "" : "priced"}`, (signal) =>
    productAt(id, moment, priced.data?.timeline ?? [], signal),
  );
  useEffect(() => {
    history.reload();
    late.reload();
    priced.reload();
  }, [product.version]);
  const shown = isNow ? product : (then.data ?? product);
  const commits = (history.data ?? []).flatMap((page) => page.history.commits);
  const isKnown = isNow || then.data !== undefined;
  const refused = then.error instanceof Problem ? then.error : undefined;
  return (
    <div class="page">
      {isNow ? null : <MomentBar moment={moment} problem={refused} />}
      <ProductHead
        product={product}
        shown={shown}
        moment={moment}
        isKnown={isKnown}
        isGone={isGone(moment, priced.data)}
        deletedAt={deletedAt}
        deletedBy={commits.at(-1)?.metadata.actor}
        step={stepThen(moment, priced.data)}
        by={byThen(commits, moment, priced.data)}
        known={knownNow.data === undefined || moment.kind !== "recorded" ? undefined : (stepAt(knownNow.data, moment.at) ?? null)}
        before={beforeThen(moment, priced.data)}
      />
      {mayAudit ? (
        <Audited product={product} shown={shown} moment={moment} isKnown={isKnown} history={history} late={late.data} priced={priced} />
      ) : (
        <div class="columns">
          <div class="card nothing">
            <p>
              Your sign-in may read products, not their history. It lacks <code>products/audit</code>; whoever runs this ledger can add it.
            </p>
          </div>
          <aside aria-label="The product">
            <NowCard product={shown} title="Now" />
          </aside>
        </div>
      )}
    </div>
  );
}

/** Whether it is known that nothing was in force at the moment. */
function isGone(moment: Moment, priced: Prices | undefined): boolean {
  return moment.kind === "force" && priced !== undefined && stepAt(priced, moment.at) === undefined;
}

function stepThen(moment: Moment, priced: Prices | undefined): Step | undefined {
  if (priced === undefined || moment.kind !== "force") return undefined;
  return stepAt(priced, moment.at);
}

function stepAt(priced: Prices, at: number): Step | undefined {
  return inForce(priced.timeline).find((step) => step.from <= at && (step.to === undefined || step.to > at));
}

/** The prices that ended on the day of which the moment is the end. */
function beforeThen(moment: Moment, priced: Prices | undefined): Step[] {
  const step = stepThen(moment, priced);
  if (priced === undefined || moment.kind !== "force" || step === undefined) return [];
  const start = time.dayOf(moment.at, zone.value);
  if (moment.at < time.endOfDay(start, zone.value) - 999) return [];
  const earlier = inForce(priced.timeline).filter((one) => one.to !== undefined && one.to > start && one.to <= step.from && one.from < one.to);
  return earlier.slice(-MOST_BEFORE);
}

function byThen(commits: readonly Commit[], moment: Moment, priced: Prices | undefined): Commit | undefined {
  const step = stepThen(moment, priced);
  return step === undefined ? undefined : holding(commits, step.sequence);
}

interface AuditedProps {
  readonly product: Product;
  readonly shown: Product;
  readonly moment: Moment;
  readonly isKnown: boolean;
  readonly history: ReturnType<typeof useLoad<HistoryPage[]>>;
  readonly late: ReadonlyMap<number, number> | undefined;
  readonly priced: ReturnType<typeof useLoad<Prices | undefined>>;
}

function Audited({ product, shown, moment, isKnown, history, late, priced }: AuditedProps) {
  const now = useNow(HOUR);
  const pages = history.data ?? [];
  const commits = pages.flatMap((page) => page.history.commits);
  const isRecorded = understood(view.value)["clock"] === "recorded";
  const stated = (sequence: number): Stated | undefined => {
    const commit = holding(commits, sequence);
    if (commit === undefined) return undefined;
    return { actor: commit.metadata.actor, recordedAt: commit.recorded_at, late: late?.has(commit.sequence) === true };
  };
  const at = moment.kind === "force" || moment.kind === "recorded" ? moment.at : undefined;
  const recordedSteps = asRecorded(commits);
  const steps = isRecorded
    ? at === undefined
      ? recordedSteps
      : until(recordedSteps, at)
    : at === undefined
      ? inForce(priced.data?.timeline ?? [])
      : until(inForce(priced.data?.timeline ?? []), at);
  const newestCommit = commits.at(-1);
  const shownCommit = holding(commits, shown.version) ?? newestCommit;
  const newestLogged = useLogged(newestCommit).data;
  const shownLogged = useLogged(shownCommit === newestCommit ? undefined : shownCommit).data;
  // The log has a beginning of the order of all commits: with the newest commit it has those before it.
  const isLogged = newestLogged?.isIncluded === true ? true : undefined;
  const note = moment.kind === "force" && shown.version < product.version ? `Fields beside the price are as recorded with commit ${shown.version}.` : undefined;
  return (
    <div class="columns">
      <div>
        {moment.kind === "recorded" && priced.error instanceof Problem && priced.error.status === 404 ? (
          <div class="card">
            <h2>Price</h2>
            <p class="muted">Nothing was recorded by then.</p>
          </div>
        ) : priced.error !== undefined && priced.data === undefined ? (
          <div class="card">
            <Failure error={priced.error} retry={priced.reload} />
          </div>
        ) : priced.data === undefined ? (
          <div class="card">
            <Waiting lines={9} />
          </div>
        ) : (
          <PriceCard product={shown} prices={priced.data} steps={steps} at={at} isRecorded={isRecorded} now={Math.max(now, Date.parse(product.updated_at))} stated={stated} isPartial={isRecorded && (commits[0]?.sequence ?? 1) > 1} />
        )}
        {history.error !== undefined && history.data === undefined ? (
          <div class="card">
            <Failure error={history.error} retry={history.reload} />
          </div>
        ) : (
          <Timeline id={product.id} product={product} pages={pages} late={late} isWaiting={history.data === undefined} moment={moment} version={shown.version} isLogged={isLogged} />
        )}
      </div>
      <aside aria-label="Proof and fields">
        <ChainCard id={product.id} version={product.version} pages={pages} commit={shownCommit} logged={shownCommit === newestCommit ? newestLogged : shownLogged} isLogged={isLogged === true} />
        {isKnown ? <NowCard product={shown} title={moment.kind !== "now" ? `At version ${shown.version}` : shown.status === "deleted" ? "Before it was removed" : "Now"} {...(note === undefined ? {} : { note })} /> : null}
        <SentCard commits={pages.flatMap((page) => page.history.commits).filter((commit) => isBy(moment, commit))} />
      </aside>
    </div>
  );
}
