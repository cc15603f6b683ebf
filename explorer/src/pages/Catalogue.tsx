// The Catalogue: the products that there are now, that there were at a moment, and what changed between two.

import type { ComponentProps } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { query } from "../api";
import { CatalogueCsv, type File } from "../catalogue/CatalogueCsv";
import { CatalogueFilters } from "../catalogue/CatalogueFilters";
import type { Clock, Row } from "../catalogue/compare";
import type { ComparedBody } from "../catalogue/ComparedBody";
import { FIRST, kept, type List, useList } from "../catalogue/data";
import type { Day } from "../catalogue/days";
import { isDeletedToo, isNarrowed, type Parameters, plan, refusal, sortOf } from "../catalogue/list";
import { ProductTable } from "../catalogue/ProductTable";
import { COLUMNS, filterParts, momentParts, row } from "../catalogue/table";
import { chooseDate, moved, openMoment, TimePanel, useDays } from "../catalogue/TimePanel";
import { clocks, known } from "../catalogue/walk";
import { curl } from "../curl";
import { newest } from "../live";
import { useLoad } from "../load";
import { momentOf } from "../moment";
import { Copy, copy } from "../parts/Copy";
import { MomentBar } from "../parts/MomentBar";
import { Failure, Waiting } from "../parts/Notice";
import { amount, config, count, date, has, orders, refine, view, zone } from "../state";
import * as time from "../time";
import { understood } from "../url";
import { Empty } from "./Empty";

const MOST_SHOWN = 1000;

/** The parameters of the address, of which a server without other times takes those of now alone. */
function parametersOf(asked: Parameters, can: readonly Clock[]): Parameters {
  const { at: _, vs: __, clock: ___, show: ____, ...timeless } = asked;
  return can.length === 0 ? timeless : asked;
}

function clockOf(asked: Parameters, can: readonly Clock[]): Clock {
  const wanted = asked["clock"] === "recorded" ? "recorded" : "force";
  return can.includes(wanted) ? wanted : (can[0] ?? wanted);
}

export function Catalogue() {
  const asked = understood(view.value);
  const can = clocks();
  const clock = clockOf(asked, can);
  const parameters = parametersOf(asked, can);
  // While the slider is moved, the label alone follows.
  const still = useRef(parameters);
  if (moved.value === undefined) still.current = parameters;
  const shown: Parameters = { ...parameters, ...moved.value };
  const { at, vs } = shown;
  const isComparing = at !== undefined && vs !== undefined;
  useEffect(() => {
    // Compared with now is compared with this very moment, so that a link shows the same.
    if (vs !== undefined && at === undefined) refine({ at: time.instant(Date.now()) });
  }, [at, vs]);
  useEffect(() => {
    const when = at === undefined ? "" : `${time.dayOrTime(Date.parse(at), zone.value)} · `;
    document.title = `${when}Catalogue · ${config.value.title}`;
  }, [at]);
  const days = useDays(clock);
  const { vs: _, show: __, ...ofList } = still.current;
  const list = useList(ofList, clock, !isComparing);
  const [compared, setCompared] = useState<readonly File[] | undefined>(undefined);
  useLive(list, at === undefined);
  const size = useLoad(`size ${newest.value === undefined}`, known).data?.active;
  const { listed } = list;
  const isPlain = Object.keys(asked).length === 0;
  if (listed?.rows.length === 0 && listed.next === null && isPlain && !has("commits")) return <Empty />;
  const isMoving = moved.value !== undefined;
  const rows = isComparing ? [] : (listed?.rows ?? []);
  const own = plan(ofList, kept(), clock).order;
  const files = isComparing ? compared : listFiles(list, ofList, clock, size);
  return (
    <div class="page">
      {at === undefined || isComparing ? null : <MomentBar moment={momentOf({ ...view.value, parameters: shown })} problem={undefined} change={chooseDate} />}
      {asked["at"] === undefined || can.length > 0 ? null : (
        <p class="moment" role="status">
          This server, or your sign-in, lists what there is now alone; the moment of this link is left out.
        </p>
      )}
      <div class="head">
        <div>
          <h1 tabIndex={-1}>Catalogue</h1>
          <p class="muted" aria-live="polite">
            {isComparing ? comparedTitle(at, vs) : title(isMoving ? undefined : list, shown, clock, size)}
          </p>
        </div>
        <div class="actions">
          <button type="button" class="button" onClick={() => void copy(location.href, "Link copied. It shows the same to everybody who may read this ledger.")}>
            Copy link
          </button>
          {files === undefined ? null : <CatalogueCsv files={files} />}
        </div>
      </div>
      {can.length === 0 ? null : <TimePanel parameters={shown} clock={clock} known={days} />}
      <CatalogueFilters
        parameters={shown}
        clock={clock}
        own={own}
        isTooLong={!isComparing && listed?.isTooLong === true}
        hasCurrencies={new Set(rows.map((one) => one.currency)).size > 1}
      />
      {isComparing ? <Comparison parameters={still.current} clock={clock} give={setCompared} /> : <ListBody list={list} parameters={ofList} clock={clock} days={days.data ?? []} />}
    </div>
  );
}

/** The comparison, which is loaded when somebody compares. */
function Comparison(props: ComponentProps<typeof ComparedBody>) {
  const part = useLoad("comparison", async () => (await import("../catalogue/ComparedBody")).ComparedBody);
  if (part.error !== undefined) return <Failure error={part.error} retry={part.reload} />;
  return part.data === undefined ? <Waiting lines={10} /> : <part.data {...props} />;
}

/** Loads the list of now anew a moment after the ledger grew. */
function useLive(list: List, isNow: boolean): void {
  const head = newest.value;
  const first = useRef(true);
  useEffect(() => {
    if (first.current || !isNow) {
      first.current = false;
      return undefined;
    }
    const timer = setTimeout(list.reload, 1500);
    return () => clearTimeout(timer);
  }, [head]);
}

function comparedTitle(at: string, vs: string): string {
  const [from, to] = [Date.parse(vs), Date.parse(at)];
  return from <= to ? `What changed between ${time.between(from, to, zone.value)}` : `What changed from ${date(from)} back to ${date(to)}`;
}

function title(list: List | undefined, parameters: Parameters, clock: Clock, size: number | undefined): string {
  const { at } = parameters;
  const when = at === undefined ? "" : `${clock === "force" ? " in force on" : " as recorded by"} ${time.dayOrTime(Date.parse(at), zone.value)}`;
  const listed = list?.listed;
  if (listed === undefined) return at === undefined ? "" : `Products${when}`;
  const number = listed.rows.length;
  if (listed.next === null) return `${amount(number, "product")}${when}`;
  const isWhole = at === undefined && !isNarrowed(parameters) && !isDeletedToo(parameters) && sortOf(parameters, kept()) !== "price";
  return isWhole && size !== undefined && size > number ? amount(size, "product") : `More than ${count(number)} products${when}`;
}

/** The file of a list: of what is loaded if that is all, else of everything that the ledger answers. */
function listFiles(list: List, parameters: Parameters, clock: Clock, size: number | undefined): File[] | undefined {
  const { listed } = list;
  if (listed === undefined) return undefined;
  const { at } = parameters;
  const name = ["catalogue", ...filterParts(parameters), ...(at === undefined ? [time.isoDay(Date.now(), zone.value)] : momentParts(Date.parse(at), clock, zone.value))];
  if (listed.next === null) return [{ name, from: { columns: COLUMNS, rows: listed.rows.map(row) } }];
  const { request, isAll } = plan(parameters, kept(), clock);
  const isCounted = at === undefined && isAll && !isDeletedToo(parameters) && request["sort"] !== "price";
  return [{ name, from: { request, size: isCounted ? size : undefined, parameters } }];
}

function ListBody({ list, parameters, clock, days }: { readonly list: List; readonly parameters: Parameters; readonly clock: Clock; readonly days: readonly Day[] }) {
  const { listed, error } = list;
  const [most, setMost] = useState(FIRST);
  const key = JSON.stringify([parameters, clock]);
  useEffect(() => setMost(FIRST), [key]);
  if (listed === undefined) {
    if (error !== undefined) return <Failure error={error} retry={list.reload} />;
    return (
      <div class="card">
        {list.seen === 0 ? null : <p role="status">{amount(list.seen, "product")} read…</p>}
        <Waiting lines={10} />
      </div>
    );
  }
  if (listed.rows.length === 0 && listed.next !== null) {
    return (
      <div class="card nothing">
        {error === undefined ? <p>None of the products that were looked at fits so far.</p> : <Failure error={error} />}
        <button type="button" class="button" disabled={list.isLoading} onClick={list.more}>
          Look further
        </button>
      </div>
    );
  }
  if (listed.rows.length === 0) return error === undefined ? <Nothing parameters={parameters} days={days} /> : <Failure error={error} retry={list.reload} />;
  const asked = sortOf(parameters, kept());
  const own = plan(parameters, kept(), clock).order;
  const sort = refusal(asked, parameters, clock, own, listed.isTooLong) === undefined ? asked : own;
  // A list that is loaded whole is shown in parts all the same.
  const rows = listed.next === null ? listed.rows.slice(0, most) : listed.rows;
  return (
    <>
      {listed.isTooLong ? (
        <p class="note" role="status">
          More products fit than this page sorts: they come in the order of the ledger, by {own}. Choose a category, or download the CSV.
        </p>
      ) : null}
      <ProductTable rows={rows} parameters={parameters} clock={clock} sort={sort} />
      {error === undefined ? null : <Failure error={error} retry={listed.next === null ? list.reload : list.more} />}
      <Below list={list} rows={rows} parameters={parameters} clock={clock} more={() => (listed.next === null ? setMost(most + 100) : list.more())} />
    </>
  );
}

function Below({ list, rows, parameters, clock, more }: { readonly list: List; readonly rows: readonly Row[]; readonly parameters: Parameters; readonly clock: Clock; readonly more: () => void }) {
  const all = list.listed?.rows.length ?? 0;
  const isAll = list.listed?.next === null && rows.length === all;
  const { at } = parameters;
  return (
    <div class="below">
      <span class="muted">
        Showing {count(rows.length)}
        {list.listed?.next === null && !isAll ? ` of ${count(all)}` : ""}.{sortOf(parameters, kept()) === "price" ? ` Prices in ${parameters["currency"] ?? config.value.default_currency} alone.` : ""}
        {at !== undefined && clock === "force" ? " Names and other fields are those of now." : ""}
      </span>
      {isAll ? null : rows.length >= MOST_SHOWN ? (
        <span class="muted">More than {count(MOST_SHOWN)} rows are not shown; filter, or download the CSV.</span>
      ) : (
        <button type="button" class="button" disabled={list.isLoading} onClick={more}>
          {list.isLoading ? "Loading…" : "Show 100 more"}
        </button>
      )}
      <Copy text={curl(query("products", { ...plan(parameters, kept(), clock).request, limit: FIRST }))} kind="link" told="The request is copied, as a line for a terminal.">
        API request
      </Copy>
    </div>
  );
}

function Nothing({ parameters, days }: { readonly parameters: Parameters; readonly days: readonly Day[] }) {
  const { q, at } = parameters;
  const first = days[0]?.day;
  if (at !== undefined && first !== undefined && time.dayNumber(Date.parse(at), zone.value) < first) {
    const begin = time.endOfDayNumber(first, zone.value);
    return (
      <div class="card nothing">
        <p>
          <b>The ledger begins on {date(begin)}.</b>
        </p>
        <button type="button" class="button" onClick={() => openMoment({ at: time.instant(begin) })}>
          Go there
        </button>
      </div>
    );
  }
  return (
    <div class="card nothing">
      <p>
        <b>{q === undefined ? "No product fits." : `No product begins with “${q}”.`}</b>
      </p>
      <p class="actions">
        {q !== undefined && has("sku") ? (
          <button type="button" class="button" onClick={() => refine({ sku: q, q: undefined })}>
            Search SKUs
          </button>
        ) : null}
        {at === undefined && !isDeletedToo(parameters) && orders().includes("updated_at") ? (
          <button type="button" class="button" onClick={() => refine({ deleted: "1", order: "desc" })}>
            Look in removed ones
          </button>
        ) : null}
        <button
          type="button"
          class="button"
          onClick={() => refine({ q: undefined, sku: undefined, category: undefined, currency: undefined, min: undefined, max: undefined, deleted: undefined })}
        >
          Show all products
        </button>
      </p>
    </div>
  );
}
