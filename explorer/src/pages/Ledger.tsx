// The Ledger: what happened, by whom, the newest first.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, query } from "../api";
import { curl } from "../curl";
import { byDay, type Filters, filterQuery, folded, isFiltered, isPicked, notLoaded, PAGE, pagePath, type Row, runLength, runWords } from "../feed";
import { keep, kept } from "../kept";
import { onKey } from "../keys";
import { following, learned, newest } from "../live";
import { useLoad, useNow } from "../load";
import { Actor } from "../parts/Actor";
import { Copy, copy } from "../parts/Copy";
import { Failure, Waiting } from "../parts/Notice";
import { Link } from "../parts/Link";
import { later } from "../parts/Later";
import { Phrases } from "../parts/Phrases";
import { Popover } from "../parts/Popover";
import { SentMark } from "../parts/Sent";
import { useNarrow } from "../narrow";
import { named } from "../people";
import { LedgerFilters } from "../parts/LedgerFilters";
import { loggedSize } from "../seal";
import { amount, count, has, moment, refine, say, view, zone } from "../state";
import * as time from "../time";
import type { Feed, FeedEntry } from "../types";
import { productView, understood } from "../url";
import { initials } from "../words";

const FIRST = 50;
const MORE = 100;
const MOST_ROWS = 1000;
const LEAST_ROWS = 12;
const MOST_COUNTED_PAGES = 100;
/** From this age on it is told how far the ledger is ahead of the page. */
const AHEAD = 30_000;

const CommitDetails = later(async () => (await import("../parts/CommitDetails")).CommitDetails);
const Export = later(async () => (await import("../parts/Export")).Export);
const NearestFilter = later(async () => (await import("../parts/NearestFilter")).NearestFilter);

// What was seen before this visit; the visit itself moves it on.
const seenBefore = kept().seen?.position;

interface List {
  readonly entries: readonly FeedEntry[];
  /** Where the next page goes on; `null`: all are here. */
  readonly next: number | null;
  readonly newest: number | null;
}

/** Loads pages until there are rows enough, or none are left. */
async function more(filters: Filters, from: number | undefined, wanted: number, signal: AbortSignal): Promise<List> {
  const entries: FeedEntry[] = [];
  let next: number | null | undefined = from;
  let head: number | null = null;
  const seen = filters["since"] === undefined ? -1 : (seenBefore ?? -1);
  for (let pages = 0; pages < 40; pages += 1) {
    let feed: Feed;
    try {
      feed = await get<Feed>(pagePath(filters, next ?? undefined, pages === 0 ? wanted : PAGE), { signal });
    } catch (error) {
      const missing = signal.aborted || typeof next !== "number" ? undefined : notLoaded(filters, next, newest.value ?? next);
      if (missing?.notLoaded === undefined) throw error;
      const { first, last } = missing.notLoaded;
      const rest = filters["old"] === "1" ? (last >= (newest.value ?? last) ? null : last) : first === 0 ? null : first;
      return { entries: [...entries, missing], next: rest, newest: head };
    }
    entries.push(...feed.commits.filter((entry) => isPicked(entry, filters, seen)));
    head = feed.newest;
    next = feed.next;
    const isPast = filters["old"] !== "1" && (feed.commits.at(-1)?.position ?? Infinity) <= seen;
    if (next === null || isPast) return { entries, next: null, newest: head };
    // An import folds into one row, and more is needed to fill the page.
    if (entries.length >= wanted && (folded(entries).length >= LEAST_ROWS || entries.length >= MOST_ROWS)) break;
  }
  return { entries, next: next ?? null, newest: head };
}

export function Ledger() {
  const filters = understood(view.value);
  const { open: _, ...asked } = filters;
  const key = JSON.stringify(asked);
  const first = useLoad(key, (signal) => more(filters, undefined, FIRST, signal));
  const [list, setList] = useState<{ key: string; list: List } | undefined>(undefined);
  useEffect(() => {
    if (first.data === undefined) return;
    learned(first.data.newest);
    setList({ key, list: first.data });
  }, [first.data, key]);
  const shown = list?.key === key ? list.list : undefined;
  useEffect(() => {
    const head = shown?.newest;
    if (head !== null && head !== undefined) keep({ seen: { position: head, at: new Date().toISOString() } });
  }, [shown?.newest]);
  useEffect(() => {
    document.title = `Ledger · ${document.querySelector(".brand span")?.textContent ?? ""}`;
  }, []);
  const setShown = (next: List): void => setList({ key, list: next });
  return (
    <div class="page">
      <Head list={shown} filters={filters} />
      <LedgerFilters filters={filters} entries={shown?.entries ?? []} sinceVisit={seenBefore === undefined ? undefined : (newest.value ?? seenBefore) - seenBefore} />
      {first.error !== undefined && shown === undefined ? <Failure error={first.error} retry={first.reload} /> : null}
      {shown === undefined ? (
        first.error === undefined ? <div class="card"><Waiting lines={10} /></div> : null
      ) : (
        <>
          <Arrivals list={shown} filters={filters} onList={setShown} />
          <Rows list={shown} filters={filters} onList={setShown} />
          <Foot list={shown} filters={filters} onList={setShown} />
        </>
      )}
    </div>
  );
}

/** How many commits a filtered list has, as far as they were counted. */
interface Counted {
  readonly key: string;
  readonly commits: number;
  /** `undefined`: still counting. */
  readonly isAll: boolean | undefined;
}

function Head({ list, filters }: { readonly list: List | undefined; readonly filters: Filters }) {
  const { open: _, ...asked } = filters;
  const key = JSON.stringify(asked);
  const [last, setCounted] = useState<Counted | undefined>(undefined);
  const counted = last?.key === key ? last : undefined;
  const total = newest.value === undefined ? undefined : newest.value + 1;
  const top = list?.entries[0]?.commit?.recorded_at;
  const isPart = isFiltered(filters);
  const known = list?.next === null ? list.entries.length : counted?.isAll === true ? counted.commits : undefined;
  let line = "";
  if (list !== undefined && total !== undefined) {
    if (isPart) {
      const commits = known ?? Math.max(counted?.commits ?? 0, list.entries.length);
      line = `${count(commits)}${known === undefined ? " and more" : ""} of ${amount(total, "commit")}`;
    } else {
      const newestAt = filters["old"] === "1" || top === undefined ? "" : `, newest ${moment(top)}`;
      line = `${amount(total, "commit")}${newestAt}`;
    }
  }
  const countThem = (): void => {
    if (list?.next === null || list === undefined) return;
    setCounted({ key, commits: list.entries.length, isAll: undefined });
    countRest(filters, list, (commits, isAll) => setCounted({ key, commits, isAll })).catch(() => {
      setCounted(undefined);
      say("They could not be counted.");
    });
  };
  return (
    <div class="head">
      <div>
        <h1 tabIndex={-1}>Ledger</h1>
        <p class="muted line">
          <span aria-live="polite">{line}</span>{" "}
          {isPart && known === undefined && list !== undefined ? (
            <button type="button" class="as-link" disabled={counted !== undefined && counted.isAll === undefined} onClick={countThem}>
              {counted === undefined || counted.isAll !== undefined ? "Count them" : "Counting…"}
            </button>
          ) : null}
        </p>
      </div>
      <div class="actions">
        <span class={`live ${following.value}`}>
          <span class="dot" aria-hidden="true" />
          {following.value === "live" ? "Live" : following.value === "paused" ? "Paused" : "Not live"}
        </span>
        {has("csv") && total !== undefined && total > 0 ? (
          <Popover label="" value="Export" kind="button" align="end">
            {(close) => <Export filters={filters} selected={known} total={total} seen={seenBefore} close={close} />}
          </Popover>
        ) : null}
      </div>
    </div>
  );
}

/** Counts what the list does not show yet, up to a hundred pages; tells how many it has so far, and whether that is all. */
async function countRest(filters: Filters, list: List, report: (commits: number, isAll: boolean | undefined) => void): Promise<void> {
  let commits = list.entries.length;
  let next = list.next;
  const seen = filters["since"] === undefined ? -1 : (seenBefore ?? -1);
  for (let pages = 0; next !== null && pages < MOST_COUNTED_PAGES; pages += 1) {
    const feed: Feed = await get<Feed>(pagePath(filters, next, PAGE));
    commits += feed.commits.filter((entry) => isPicked(entry, filters, seen)).length;
    const isPast = filters["old"] !== "1" && (feed.commits.at(-1)?.position ?? Infinity) <= seen;
    next = isPast ? null : feed.next;
    report(commits, undefined);
  }
  report(commits, next === null);
}

/** New commits: they come in by themselves while the list is at its top and nothing is open, else at a press. */
function Arrivals({ list, filters, onList }: { readonly list: List; readonly filters: Filters; readonly onList: (list: List) => void }) {
  const [waiting, setWaiting] = useState<readonly FeedEntry[]>([]);
  const [isLost, setLost] = useState(false);
  const [round, setRound] = useState(0);
  const known = Math.max(list.newest ?? -1, waiting[0]?.position ?? -1);
  const head = newest.value ?? -1;
  const isOld = filters["old"] === "1";
  const latest = useRef(list);
  latest.current = list;
  useEffect(() => {
    if (isOld || head <= known) return undefined;
    const control = new AbortController();
    void collect(filters, known, control.signal).then(
      (arrived) => {
        if (control.signal.aborted) return;
        setLost(false);
        const isReading = scrollY > 120 || filters["open"] !== undefined || document.activeElement?.matches("[data-row]") === true;
        if (isReading && arrived.length > 0) setWaiting((before) => [...arrived, ...before]);
        else onList({ ...latest.current, entries: cut([...arrived, ...latest.current.entries]), newest: Math.max(head, known) });
      },
      () => {
        if (!control.signal.aborted) setLost(true);
      },
    );
    return () => control.abort();
  }, [head, known, isOld, round]);
  const take = (): void => {
    if (waiting.length === 0) return;
    onList({ ...list, entries: cut([...waiting, ...list.entries]), newest: known });
    setWaiting([]);
    scrollTo(0, 0);
  };
  useEffect(() => onKey(".", take));
  useEffect(() => {
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = waiting.length > 0 ? `(${waiting.length}) ${title}` : title;
    if (waiting.length > 0) say(`${waiting.length} new commits`);
  }, [waiting.length]);
  if (waiting.length === 0) {
    return isLost && head > known ? (
      <p class="missing-rows" role="status">
        The ledger is {count(head - known)} commit{head - known === 1 ? "" : "s"} ahead of this page.
        <button type="button" class="button" onClick={() => setRound(round + 1)}>
          Try again
        </button>
      </p>
    ) : null;
  }
  return (
    <div class="arrivals">
      <button type="button" onClick={take}>
        {count(waiting.length)} new commit{waiting.length === 1 ? "" : "s"}
        <Ahead oldest={waiting.at(-1)} />
      </button>
    </div>
  );
}

/** How far the ledger is ahead of a page whose reader lets new commits wait. */
function Ahead({ oldest }: { readonly oldest: FeedEntry | undefined }) {
  const now = useNow(1000);
  const recorded = oldest?.commit?.recorded_at;
  const age = recorded === undefined ? 0 : now - Date.parse(recorded);
  return age < AHEAD ? null : <small> · The ledger is {time.span(age)} ahead of this page.</small>;
}

function cut(entries: readonly FeedEntry[]): readonly FeedEntry[] {
  return entries.length > MOST_ROWS ? entries.slice(0, MOST_ROWS) : entries;
}

/** The commits above a position that the filters select, the newest first. */
async function collect(filters: Filters, above: number, signal: AbortSignal): Promise<FeedEntry[]> {
  const arrived: FeedEntry[] = [];
  let after = above;
  for (let pages = 0; pages < 5; pages += 1) {
    const feed = await get<Feed>(query("commits", { ...filterQuery(filters), after, limit: 100 }), { signal });
    arrived.push(...feed.commits.filter((entry) => isPicked(entry, filters, seenBefore ?? -1)));
    if (feed.next === null || feed.next === feed.newest) break;
    after = feed.next;
  }
  return arrived.reverse();
}

/** Loads a part of the list that did not load, and puts it into its place. */
async function reload(list: List, gap: FeedEntry, isOld: boolean): Promise<List> {
  const { first, last } = gap.notLoaded ?? { first: 0, last: -1 };
  const feed = await get<Feed>(query("commits", { after: first - 1, before: last + 1, limit: PAGE }));
  const found = isOld ? feed.commits : [...feed.commits].reverse();
  return { ...list, entries: list.entries.flatMap((entry) => (entry.notLoaded?.first === first ? found : [entry])) };
}

function NotLoaded({ gap, list, isOld, onList }: { readonly gap: FeedEntry; readonly list: List; readonly isOld: boolean; readonly onList: (list: List) => void }) {
  const [isBusy, setBusy] = useState(false);
  const latest = useRef(list);
  latest.current = list;
  const { first, last } = gap.notLoaded ?? { first: 0, last: 0 };
  const retry = (): void => {
    setBusy(true);
    reload(latest.current, gap, isOld).then(onList, () => {
      setBusy(false);
      say("They did not load again.");
    });
  };
  return (
    <div class="missing-rows" role="status">
      Commits {first}–{last} did not load.
      <button type="button" class="button" disabled={isBusy} onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function Rows({ list, filters, onList }: { readonly list: List; readonly filters: Filters; readonly onList: (list: List) => void }) {
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set());
  const isNarrow = useNarrow();
  const days = useMemo(
    () => byDay(list.entries, zone.value, filters["thread"] === undefined),
    [list.entries, zone.value, filters["thread"]],
  );
  useSteps(list.entries);
  if (list.entries.length === 0) return <Nothing filters={filters} />;
  const missing = (entry: FeedEntry) => <NotLoaded gap={entry} list={list} isOld={filters["old"] === "1"} onList={onList} />;
  const open = filters["open"] === undefined ? undefined : Number(filters["open"]);
  const rowsOf = (rows: readonly Row[]): Row[] =>
    rows.flatMap((row) => {
      const first = row.kind === "run" ? row.entries[0]?.position : undefined;
      const holdsOpen = row.kind === "run" && open !== undefined && row.entries.some((entry) => entry.position === open);
      return row.kind === "run" && first !== undefined && (holdsOpen || unfolded.has(first))
        ? row.entries.map((entry) => ({ kind: "one" as const, entry }))
        : [row];
    });
  const unfold = (position: number): void => setUnfolded(new Set([...unfolded, position]));
  if (isNarrow) {
    return (
      <div class="card flush">
        {days.map((day) => (
          <section key={day.start}>
            <h2 class="day">{time.longDate(day.start, zone.value)}</h2>
            <ul class="cards">
              {rowsOf(day.rows).map((row) =>
                row.kind === "run" ? (
                  <li key={`run${row.entries[0]?.position}`} class="run">
                    <RunWords entries={row.entries} unfold={unfold} />
                  </li>
                ) : row.entry.notLoaded !== undefined ? (
                  <li key={`gap${row.entry.position}`}>{missing(row.entry)}</li>
                ) : (
                  <CardRow key={row.entry.position} entry={row.entry} isOpen={row.entry.position === open} />
                ),
              )}
            </ul>
          </section>
        ))}
      </div>
    );
  }
  return (
    <div class="card flush">
      <table class="ledger">
        <caption class="sr">Commits, {filters["old"] === "1" ? "the oldest first" : "the newest first"}</caption>
        <thead>
          <tr>
            <th scope="col">Recorded, {time.zoneName(zone.value, Date.now())}</th>
            <th scope="col">Who</th>
            <th scope="col">Product</th>
            <th scope="col">What</th>
            <th scope="col" class="number">
              Position
            </th>
            <th scope="col">Sent{loggedSize() === undefined ? "" : " · logged"}</th>
          </tr>
        </thead>
        {days.map((day) => (
          <tbody key={day.start}>
            <tr class="day">
              <th colSpan={6} scope="rowgroup">
                {time.longDate(day.start, zone.value)} <span class="muted">· {count(day.commits)} commit{day.commits === 1 ? "" : "s"} shown</span>
              </th>
            </tr>
            {rowsOf(day.rows).map((row) =>
              row.kind === "run" ? (
                <tr key={`run${row.entries[0]?.position}`} class="run">
                  <td class="time">{clockOf(row.entries[0])}</td>
                  <td colSpan={5}>
                    <RunWords entries={row.entries} unfold={unfold} />
                  </td>
                </tr>
              ) : row.entry.notLoaded !== undefined ? (
                <tr key={`gap${row.entry.position}`}>
                  <td colSpan={6}>{missing(row.entry)}</td>
                </tr>
              ) : (
                <TableRow key={row.entry.position} entry={row.entry} isOpen={row.entry.position === open} />
              ),
            )}
          </tbody>
        ))}
      </table>
    </div>
  );
}

/** The keys `[` and `]`: the commit before and after the opened one. */
function useSteps(entries: readonly FeedEntry[]): void {
  const step = (towards: "earlier" | "later"): void => {
    const positions = entries.filter((entry) => entry.commit !== null).map((entry) => entry.position);
    // Keys may come faster than the page is drawn.
    const now = understood(view.value)["open"];
    const open = now === undefined ? undefined : Number(now);
    const sorted = positions.sort((a, b) => a - b);
    const next = open === undefined ? sorted.at(-1) : towards === "earlier" ? sorted.findLast((one) => one < open) : sorted.find((one) => one > open);
    if (next !== undefined) refine({ open: String(next) });
  };
  useEffect(() => onKey("[", () => step("earlier")));
  useEffect(() => onKey("]", () => step("later")));
}

function clockOf(entry: FeedEntry | undefined): string {
  return entry?.commit == null ? "" : time.clock(Date.parse(entry.commit.recorded_at), zone.value);
}

function RunWords({ entries, unfold }: { readonly entries: readonly FeedEntry[]; readonly unfold: (position: number) => void }) {
  const first = entries[0];
  if (first === undefined) return null;
  return (
    <>
      <b dir="auto">{named(first.commit?.metadata.actor ?? "")}</b> recorded {count(entries.length)} changes in {runLength(entries)}: {runWords(entries)}.{" "}
      <button type="button" class="as-link" onClick={() => unfold(first.position)}>
        Show them
      </button>
    </>
  );
}

/** Opens and closes the details of a row. */
function toggle(entry: FeedEntry, isOpen: boolean): void {
  refine({ open: isOpen ? undefined : String(entry.position) });
}

/** Whether a press was on the row itself, not on something to press in it. */
function isOnRow(event: Event): boolean {
  return !(event.target as HTMLElement).closest("a, button, input, select, details") && getSelection()?.isCollapsed !== false;
}

function Late({ entry }: { readonly entry: FeedEntry }) {
  const commit = entry.commit;
  if (commit === null) return null;
  const [happened, recorded] = [Date.parse(commit.metadata.occurred_at), Date.parse(commit.recorded_at)];
  if (entry.retroactive === true) {
    return (
      <div class="late">
        <span class="diamond" aria-hidden="true" /> changed the past: happened {time.date(happened, zone.value)}, {time.span(recorded - happened)} earlier
      </div>
    );
  }
  return recorded - happened > 86_400_000 ? <div class="muted small">happened {time.span(recorded - happened)} earlier</div> : null;
}

function isLogged(entry: FeedEntry): boolean | undefined {
  const size = loggedSize();
  return size === undefined ? undefined : entry.position < size;
}

function TableRow({ entry, isOpen }: { readonly entry: FeedEntry; readonly isOpen: boolean }) {
  const commit = entry.commit;
  if (commit === null) {
    return (
      <tr>
        <td colSpan={4} class="muted">The commit at this position is gone; the log has an entry of it.</td>
        <td class="number">{entry.position}</td>
        <td />
      </tr>
    );
  }
  const press = (event: Event): void => {
    if (isOnRow(event)) toggle(entry, isOpen);
  };
  return (
    <>
      <tr
        class={isOpen ? "row open" : "row"}
        data-row
        tabIndex={-1}
        onClick={press}
      >
        <td class="time">
          <button type="button" class="plain" aria-expanded={isOpen} onClick={() => toggle(entry, isOpen)}>
            <time dateTime={commit.recorded_at} title={commit.recorded_at}>
              {clockOf(entry)}
            </time>
            <span class="sr">, details</span>
          </button>
        </td>
        <td>
          <Who actor={commit.metadata.actor} />
        </td>
        <th scope="row" class="product">
          <ProductLink entry={entry} />
          <div class="sku">{commit.state.sku ?? ""}</div>
        </th>
        <td class="what">
          <Phrases commit={commit} />
          <Late entry={entry} />
        </td>
        <td class="number">{entry.position}</td>
        <td>
          <SentMark receipts={entry.receipts} isLogged={isLogged(entry)} />
        </td>
      </tr>
      {isOpen ? (
        <tr class="details">
          <td colSpan={6}>
            <CommitDetails entry={entry} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

function ProductLink({ entry }: { readonly entry: FeedEntry }) {
  const commit = entry.commit;
  if (commit === null) return null;
  return (
    <Link to={productView(commit.product_id)} class="name" title={commit.state.name}>
      <bdi>{commit.state.name}</bdi>
    </Link>
  );
}

function Who({ actor }: { readonly actor: string }) {
  return (
    <span class="who">
      <span class="avatar" aria-hidden="true">
        {initials(named(actor))}
      </span>
      <Actor of={actor} />
    </span>
  );
}

function CardRow({ entry, isOpen }: { readonly entry: FeedEntry; readonly isOpen: boolean }) {
  const commit = entry.commit;
  if (commit === null) return <li class="muted">The commit at position {entry.position} is gone.</li>;
  return (
    <li class={isOpen ? "row open" : "row"} data-row tabIndex={-1} onClick={(event) => isOnRow(event) && toggle(entry, isOpen)}>
      <div class="card-top">
        <ProductLink entry={entry} />
        <button type="button" class="plain time" aria-expanded={isOpen} onClick={() => toggle(entry, isOpen)}>
          {clockOf(entry)}
          <span class="sr">, details</span>
        </button>
      </div>
      <div class="what">
        <Phrases commit={commit} />
      </div>
      <Late entry={entry} />
      <div class="muted small">
        <Actor of={commit.metadata.actor} /> · {entry.position} <SentMark receipts={entry.receipts} isLogged={isLogged(entry)} />
      </div>
      {isOpen ? <CommitDetails entry={entry} /> : null}
    </li>
  );
}

function Nothing({ filters }: { readonly filters: Filters }) {
  if (!isFiltered(filters)) return <div class="card nothing">There are no commits yet.</div>;
  return (
    <div class="card nothing">
      <p>
        <b>{filters["only"] === "drops" ? "No price drops fit." : "No commit fits."}</b>
      </p>
      <NearestFilter filters={filters} clear={clear} />
    </div>
  );
}

function clear(): void {
  const none = ["who", "what", "product", "thread", "from", "to", "by", "only", "since", "open"];
  refine(Object.fromEntries(none.map((name) => [name, undefined])));
}

function Foot({ list, filters, onList }: { readonly list: List; readonly filters: Filters; readonly onList: (list: List) => void }) {
  const [state, setState] = useState<{ isLoading: boolean; error?: unknown }>({ isLoading: false });
  const load = (): void => {
    if (list.next === null) return;
    setState({ isLoading: true });
    const control = new AbortController();
    more(filters, list.next, MORE, control.signal).then(
      (found) => {
        setState({ isLoading: false });
        onList({ ...list, entries: [...list.entries, ...found.entries], next: found.next });
      },
      (error: unknown) => setState({ isLoading: false, error }),
    );
  };
  const isFull = list.entries.length >= MOST_ROWS;
  return (
    <>
      {state.error === undefined ? null : <Failure error={state.error} retry={load} />}
      <div class="below">
        <span class="muted">
          Showing {count(list.entries.filter((entry) => entry.notLoaded === undefined).length)}, {filters["old"] === "1" ? "the oldest first" : "the newest first"}.{" "}
          <button type="button" class="as-link" onClick={() => refine({ old: filters["old"] === "1" ? undefined : "1" })}>
            {filters["old"] === "1" ? "Newest first" : "Oldest first"}
          </button>
        </span>
        {list.next === null ? null : isFull ? (
          <span class="muted">More than {count(MOST_ROWS)} rows are not shown; choose a time, or download the CSV.</span>
        ) : (
          <button type="button" class="button" disabled={state.isLoading} onClick={load}>
            {state.isLoading ? "Loading…" : `Show ${MORE} more`}
          </button>
        )}
        <span>
          <button type="button" class="as-link" onClick={() => void copy(location.href, "Link copied. It shows the same to everybody who may read this ledger.")}>
            Copy link
          </button>{" "}
          · <Copy text={curl(pagePath(filters, undefined, FIRST))} kind="link" told="The request is copied, as a line for a terminal.">API request</Copy>
        </span>
      </div>
    </>
  );
}
