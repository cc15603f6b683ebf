// Health: whether anything waits for somebody, and what to do about it.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { address, get, productPath } from "../api";
import { attention, type Lamp, lamps, type Level, logLevel, needsSomebody, type ParkedProduct, type Sample, sparkline, type Status } from "../health";
import { useLoad, useNow } from "../load";
import { useNarrow } from "../narrow";
import { Copy } from "../parts/Copy";
import { Link } from "../parts/Link";
import { Failure, Waiting } from "../parts/Notice";
import { Refused } from "../parts/Refused";
import { amount, config, count, moment, view, zone } from "../state";
import { ask, failure, hasStatus, isPaused, nextAsk, samples } from "../status";
import { brief, clock, span, zoneName } from "../time";
import type { Product } from "../types";
import { productView, understood } from "../url";

/** How old what is shown may be before the page says so, in milliseconds: three times it was not answered. */
const STALE = 15_000;

/** Parked products whose names are asked for. */
const MOST_NAMES = 20;

export function Health() {
  const now = useNow(1000);
  useEffect(() => {
    document.title = `Health · ${config.value.title}`;
  }, []);
  const all = samples.value;
  const newest = all.at(-1);
  const { sentence } = attention(all, now);
  return (
    <div class="page">
      <div class="head">
        <div>
          <h1 tabIndex={-1}>Health</h1>
          <p class={(newest?.status.tampering ?? 0) > 0 ? "bad" : "muted"} role="status">{sentence}</p>
        </div>
        {newest === undefined ? null : <Asked at={newest.at} now={now} />}
      </div>
      {!hasStatus() ? <Lacking /> : null}
      {failure.value === undefined ? null : <Failure error={failure.value} retry={() => void ask()} />}
      {newest === undefined ? (
        failure.value === undefined && hasStatus() ? <Waiting lines={8} /> : null
      ) : (
        <>
          <ul class="lamps">
            {lamps(all, now, count).map((lamp) => (
              <LampCard key={lamp.name} lamp={lamp} status={newest.status} period={newest.at - (all[0]?.at ?? newest.at)} />
            ))}
          </ul>
          <ParkedProducts rows={newest.status.parked} now={now} />
          <div class="trio">
            <SignedLog status={newest.status} now={now} />
            <Load status={newest.status} since={all[0]} />
            <ThisServer status={newest.status} />
          </div>
          <Refused refused={newest.status.refused} />
          <Settings status={newest.status} />
        </>
      )}
    </div>
  );
}

function Lacking() {
  return <p class="card">Your sign-in may read products, not how the ledger does. It lacks products/audit; whoever runs this ledger can add it.</p>;
}

function Asked({ at, now }: { readonly at: number; readonly now: number }) {
  const age = Math.max(0, Math.round((now - at) / 1000));
  const isStale = now - at > STALE && !isPaused.value;
  const next = nextAsk.value === undefined ? "" : `, again in ${Math.max(0, Math.ceil((nextAsk.value - now) / 1000))} s`;
  return (
    <p class={isStale ? "small warn" : "small muted"}>
      {isStale ? `As of ${clock(at, zone.value)}, ${age} s ago${next}` : `Asked ${age} s ago${next}`} ·{" "}
      <button type="button" class="as-link" aria-pressed={isPaused.value} onClick={() => (isPaused.value = !isPaused.value)}>
        {isPaused.value ? "Go on" : "Pause"}
      </button>
    </p>
  );
}

const LEVELS: Readonly<Record<Level, readonly [mark: string, word: string, look: string]>> = {
  fine: ["✓", "Fine", "good"],
  look: ["!", "Look", "warn"],
  act: ["✕", "Act", "bad"],
  unknown: ["?", "Not known", ""],
};

function Badge({ level }: { readonly level: Level }) {
  const [mark, word, look] = LEVELS[level];
  return (
    <span class={`verdict ${look}`}>
      <span aria-hidden="true">{mark}</span> {word}
    </span>
  );
}

/** The section of the runbook that is served here. */
function Runbook({ anchor, children }: { readonly anchor: string; readonly children: ComponentChildren }) {
  return <a href={address(`ui/runbook.html#${anchor}`)}>{children}</a>;
}

const WIDE = 242;
const HIGH = 40;

function LampCard({ lamp, status, period }: { readonly lamp: Lamp; readonly status: Status; readonly period: number }) {
  const [anchor, words] = lamp.link;
  const line = sparkline(lamp.values, lamp.alarm, WIDE, HIGH);
  const refused = lamp.name === "Commands" ? Object.entries(status.commands?.refused ?? {}) : [];
  return (
    <li class="card lamp">
      <h2>
        <Badge level={lamp.level} /> {lamp.name}
      </h2>
      <p class="lamp-big">{lamp.big}</p>
      <p class="small muted">{lamp.below}</p>
      {refused.length === 0 ? null : (
        <details class="small">
          <summary>Refused by kind</summary>
          <dl class="fields">
            {refused.map(([kind, many]) => (
              <div key={kind}>
                <dt>{count(many)}</dt>
                <dd class="code">{kind}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      <svg class={`spark ${lamp.level}`} viewBox={`0 -2 ${WIDE} ${HIGH + 4}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={line} />
      </svg>
      <p class="small lamp-foot">
        <span class="muted">{period === 0 ? "from now on" : `last ${span(period)}`}</span> <Runbook anchor={anchor}>{words}</Runbook>
      </p>
    </li>
  );
}

function ParkedProducts({ rows, now }: { readonly rows: readonly ParkedProduct[] | null; readonly now: number }) {
  const isNarrow = useNarrow();
  const wanted = understood(view.value)["parked"];
  const found = rows?.some((row) => row.product_id === wanted) ?? false;
  useEffect(() => {
    if (found) document.getElementById("parked-wanted")?.scrollIntoView({ block: "center" });
  }, [found, wanted]);
  return (
    <section class="card flush" aria-labelledby="parked-title">
      <div class="card-head padded">
        <h2 id="parked-title">Parked products</h2>
        <span class="small muted">The others go on. What can heal is tried again every minute.</span>
      </div>
      {wanted !== undefined && rows !== null && !found ? (
        <p class="padded">
          <bdi>{wanted}</bdi> is not parked.
        </p>
      ) : null}
      {rows === null ? (
        <p class="padded">Not known here.</p>
      ) : rows.length === 0 ? (
        <p class="padded">No product is parked.</p>
      ) : isNarrow ? (
        <ul class="cards">
          {rows.map((row, index) => (
            <li key={`${row.consumer}/${row.product_id}`} class={row.product_id === wanted ? "open" : ""} {...idOf(rows, row, wanted)}>
              <Name row={row} isAsked={index < MOST_NAMES} />
              <p class="small muted">
                Parked by {row.consumer} from event {row.sequence}, {brief(Date.parse(row.since), zone.value)} {zoneName(zone.value, now)}
              </p>
              <p>
                <Why row={row} now={now} />
              </p>
              <p class="small muted">Next try: {nextTry(row)}</p>
              <Command id={row.product_id} />
            </li>
          ))}
        </ul>
      ) : (
        <table>
          <caption class="sr">Parked products</caption>
          <thead>
            <tr>
              <th scope="col">Product</th>
              <th scope="col">Parked by</th>
              <th scope="col">From event</th>
              <th scope="col">Since, {zoneName(zone.value, now)}</th>
              <th scope="col">Why</th>
              <th scope="col">Next try</th>
            </tr>
          </thead>
          {rows.map((row, index) => (
            <tbody key={`${row.consumer}/${row.product_id}`} class={row.product_id === wanted ? "parked open" : "parked"} {...idOf(rows, row, wanted)}>
              <tr>
                <th scope="row" class="product">
                  <Name row={row} isAsked={index < MOST_NAMES} />
                </th>
                <td class="nowrap">{row.consumer}</td>
                <td>{count(row.sequence)}</td>
                <td class="nowrap">{brief(Date.parse(row.since), zone.value)}</td>
                <td>
                  <Why row={row} now={now} />
                </td>
                <td class="muted">{nextTry(row)}</td>
              </tr>
              <tr>
                <td colSpan={6}>
                  <Command id={row.product_id} />
                </td>
              </tr>
            </tbody>
          ))}
        </table>
      )}
    </section>
  );
}

/** The first row of the product that the address names. */
function idOf(rows: readonly ParkedProduct[], row: ParkedProduct, wanted: string | undefined): { id?: string } {
  return rows.find((one) => one.product_id === wanted) === row ? { id: "parked-wanted" } : {};
}

function Name({ row, isAsked }: { readonly row: ParkedProduct; readonly isAsked: boolean }) {
  const product = useLoad(`${isAsked} ${row.product_id}`, async (signal) => (isAsked ? await get<Product>(productPath(row.product_id), { signal, once: true }) : undefined)).data;
  return (
    <>
      <Link to={productView(row.product_id)} class="wrap">
        <bdi>{product?.name ?? row.product_id}</bdi>
      </Link>
      <br />
      <span class="sku">
        <bdi>{product?.sku ?? (product === undefined ? "" : row.product_id)}</bdi>
      </span>
    </>
  );
}

function Why({ row, now }: { readonly row: ParkedProduct; readonly now: number }) {
  return (
    <>
      <bdi>{row.reason}</bdi>
      {/[.!?]$/.test(row.reason) ? "" : "."}{" "}
      <span class="muted">
        {!row.retryable
          ? "Time does not heal it: remove the cause, then release the product."
          : needsSomebody(row, now)
            ? `It has been tried again for ${span(now - Date.parse(row.since))}: look for the cause.`
            : "It may heal by itself."}
      </span>
    </>
  );
}

function nextTry(row: ParkedProduct): string {
  if (!row.retryable) return "not by itself";
  return row.next_try === null ? "within a minute" : clock(Date.parse(row.next_try), zone.value);
}

/** What an operator runs; this page does not. */
function Command({ id }: { readonly id: string }) {
  const command = `ledger parked retry ${/^[A-Za-z0-9._-]+$/.test(id) && !id.startsWith("-") ? id : `-- '${id}'`}`;
  return (
    <div class="command">
      <code>{command}</code> <Copy text={command} kind="link" told="The command is copied." />
    </div>
  );
}

function Facts({ rows }: { readonly rows: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="fields">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function SignedLog({ status, now }: { readonly status: Status; readonly now: number }) {
  const { commits, log, tampering } = status;
  const level = logLevel(status);
  const asked = status.settings.find((one) => one.name === "--log-witness")?.value?.split(",").length ?? 0;
  const touched: ComponentChildren =
    tampering === null ? (
      "not known here; the alarm tampering tells"
    ) : tampering === 0 ? (
      <>
        <span class="good" aria-hidden="true">
          ✓
        </span>{" "}
        none seen
      </>
    ) : (
      <span class="bad">
        ✕ {count(tampering)} seen. <Runbook anchor="tampering">What to do</Runbook>
      </span>
    );
  const rows: [string, ComponentChildren][] =
    log === null
      ? [["Log", commits !== null ? "none is kept" : "not known here"]]
      : [
          ["Newest checkpoint", `${log.signed_at === null ? "" : `${span(now - Date.parse(log.signed_at))} ago, `}${amount(log.size, "commit")}`],
          ["Not yet logged", log.unlogged === 0 ? "nothing" : `${count(log.unlogged)}, the oldest for ${span(log.oldest_unlogged_ms)}`],
          ["Witnesses", asked === 0 && log.witnesses.length === 0 ? "none are asked" : `${log.witnesses.length}${asked === 0 ? "" : ` of ${asked}`} cosigned${log.witnesses.length === 0 ? "" : `: ${log.witnesses.join(", ")}`}`],
        ];
  return (
    <section class="card" aria-labelledby="signed-title">
      <div class="card-head">
        <h2 id="signed-title">Signed log</h2>
        {level === undefined ? null : <Badge level={level} />}
      </div>
      <Facts rows={[...rows, ["Touched commits", touched]]} />
      {level === "act" ? <Runbook anchor="commits-that-are-not-logged">Commits that are not logged</Runbook> : null}
    </section>
  );
}

function Load({ status, since }: { readonly status: Status; readonly since: Sample | undefined }) {
  const { load } = status;
  const grown = (now: number, before: number | null | undefined): string => {
    const lately = now - (before ?? now);
    return `${count(now)} since the start${lately > 0 ? `, ${count(lately)} since ${clock(since?.at ?? 0, zone.value)}` : ""}`;
  };
  return (
    <section class="card" aria-labelledby="load-title">
      <div class="card-head">
        <h2 id="load-title">Load</h2>
      </div>
      {load === null || load === undefined ? (
        <p>Not known here.</p>
      ) : (
        <Facts
          rows={[
            ["Requests at work", `${count(load.requests.open)} of ${count(load.requests.most)}`],
            ["Streams open", `${count(load.streams.open)} of ${count(load.streams.most)}`],
            ["Of pages", `${count(load.page_streams.open)} of ${count(load.page_streams.most)}`],
            ["Turned away", grown(load.turned_away, since?.status.load?.turned_away)],
            ...(load.throttled === null ? [] : [["Throttled by tables", grown(load.throttled, since?.status.load?.throttled)] as const]),
          ]}
        />
      )}
    </section>
  );
}

function ThisServer({ status }: { readonly status: Status }) {
  const { build, commits, settings, products } = status;
  const valueOf = (name: string): string | undefined => settings.find((one) => one.name === name)?.value ?? undefined;
  const data = valueOf("--in-memory") === "true" ? "in memory" : (valueOf("--dynamodb") !== undefined ? "tables of DynamoDB" : (valueOf("--data") ?? valueOf("LEDGER_EVENTS_TABLE")));
  const issuer = valueOf("--auth-issuer");
  const signIn = config.value.mode === "open" ? "none is needed" : issuer === undefined ? "tokens" : `tokens of ${issuer}`;
  return (
    <section class="card" aria-labelledby="server-title">
      <div class="card-head">
        <h2 id="server-title">This server</h2>
      </div>
      <Facts
        rows={[
          ["Build", <span class="code">{`${build.version}${build.commit === null ? "" : ` ${build.commit.slice(0, 8)}`}`}</span>],
          ...(data === undefined ? [] : [["Data", <span class="code">{data}</span>] as const]),
          ["Sign-in", signIn],
          ["Products", products === null ? (commits === null ? "not known here" : "not counted yet") : `${count(products.active)}, and ${count(products.deleted)} removed, at ${clock(Date.parse(products.counted_at), zone.value)}`],
          ...(status.load ? [["Metrics", <a href={address("metrics")}>Prometheus text</a>] as const] : []),
        ]}
      />
    </section>
  );
}

const ORIGINS: Readonly<Record<string, string>> = { flag: "flag", variable: "variable", default: "default" };

function Settings({ status }: { readonly status: Status }) {
  return (
    <details class="card">
      <summary>Every setting and where it was set, as of {moment(samples.value.at(-1)?.at ?? 0)}</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Settings">
        <table>
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Set by</th>
            </tr>
          </thead>
          <tbody>
            {status.settings.map((one) => (
              <tr key={one.name}>
                <th scope="row" class="code">
                  {one.name}
                </th>
                <td class="code">{one.value ?? "–"}</td>
                <td>{ORIGINS[one.from] ?? one.from}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
