// The filters of the Ledger: who, what, when, which product, and the questions that are asked most.

import { useState } from "preact/hooks";
import type { Filters } from "../feed";
import { count, date, refine, zone } from "../state";
import * as time from "../time";
import type { FeedEntry } from "../types";
import { KINDS } from "../url";
import { Actor } from "./Actor";
import { Popover } from "./Popover";

const NAMES: Readonly<Record<string, string>> = {
  price: "Price",
  details: "Details",
  name: "Name",
  created: "Created",
  deleted: "Removed",
  restored: "Restored",
};

export function LedgerFilters({ filters, entries, sinceVisit }: {
  readonly filters: Filters;
  readonly entries: readonly FeedEntry[];
  readonly sinceVisit: number | undefined;
}) {
  const kinds = filters["what"]?.split(",") ?? [];
  const isOnly = (name: string): boolean => filters["only"] === name;
  return (
    <div class="filters" role="group" aria-label="Filters">
      <Popover label="Who" value={<bdi>{filters["who"] ?? "anyone"}</bdi>} isSet={filters["who"] !== undefined}>
        {(close) => <Who entries={entries} value={filters["who"]} close={close} />}
      </Popover>
      <Popover label="What" value={kinds.length === 0 ? "anything" : kinds.map((kind) => NAMES[kind] ?? kind).join(", ")} isSet={kinds.length > 0}>
        {(close) => (
          <>
            {KINDS.map((kind) => (
              <label key={kind} class="check">
                <input
                  type="checkbox"
                  checked={kinds.includes(kind)}
                  onChange={(event) => {
                    const next = event.currentTarget.checked ? [...kinds, kind] : kinds.filter((one) => one !== kind);
                    refine({ what: KINDS.filter((one) => next.includes(one)).join(",") || undefined, open: undefined });
                  }}
                />{" "}
                {NAMES[kind]}
              </label>
            ))}
            <Clear names={["what"]} close={close} />
          </>
        )}
      </Popover>
      <Popover label="When" value={whenWords(filters)} isSet={filters["from"] !== undefined || filters["to"] !== undefined}>
        {(close) => <When filters={filters} close={close} />}
      </Popover>
      <Popover label="Product" value={<bdi>{productName(filters, entries)}</bdi>} isSet={filters["product"] !== undefined}>
        {(close) => (
          <>
            <Typed label="Id of a product" value={filters["product"]} put={(text) => refine({ product: text, open: undefined })} close={close} />
            <Clear names={["product"]} close={close} />
          </>
        )}
      </Popover>
      {filters["thread"] === undefined ? null : (
        <button type="button" class="pill set" onClick={() => refine({ thread: undefined, open: undefined })}>
          Conversation <b>{filters["thread"].slice(0, 26)}</b> <span aria-hidden="true">×</span>
          <span class="sr">, press to clear</span>
        </button>
      )}
      <span class="divider" aria-hidden="true" />
      <button type="button" class="pill" aria-pressed={isOnly("drops")} onClick={() => refine({ only: isOnly("drops") ? undefined : "drops", what: undefined, open: undefined })}>
        <b>Price drops</b>
      </button>
      <button type="button" class="pill" aria-pressed={filters["what"] === "deleted"} onClick={() => refine({ what: filters["what"] === "deleted" ? undefined : "deleted", only: undefined, open: undefined })}>
        <b>Removed</b>
      </button>
      <button type="button" class="pill" aria-pressed={isOnly("late")} onClick={() => refine({ only: isOnly("late") ? undefined : "late", open: undefined })}>
        <b>Entered late</b>
      </button>
      {sinceVisit === undefined ? null : (
        <button type="button" class="pill" aria-pressed={filters["since"] === "visit"} onClick={() => refine({ since: filters["since"] === "visit" ? undefined : "visit", open: undefined })}>
          <b>Since my last visit</b> <span class="badge">{count(sinceVisit)}</span>
        </button>
      )}
    </div>
  );
}

function productName(filters: Filters, entries: readonly FeedEntry[]): string {
  const id = filters["product"];
  if (id === undefined) return "all";
  return entries.find((entry) => entry.commit?.product_id === id)?.commit?.state.name ?? id;
}

function Clear({ names, close }: { readonly names: readonly string[]; readonly close: () => void }) {
  return (
    <button
      type="button"
      class="as-link"
      onClick={() => {
        refine({ ...Object.fromEntries(names.map((name) => [name, undefined])), open: undefined });
        close();
      }}
    >
      Clear
    </button>
  );
}

function Typed({ label, value, put, close }: {
  readonly label: string;
  readonly value: string | undefined;
  readonly put: (text: string | undefined) => void;
  readonly close: () => void;
}) {
  const [text, setText] = useState(value ?? "");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        put(text.trim() === "" ? undefined : text.trim());
        close();
      }}
    >
      <label class="field">
        {label}
        <input type="text" value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} autocomplete="off" />
      </label>
    </form>
  );
}

function Who({ entries, value, close }: { readonly entries: readonly FeedEntry[]; readonly value: string | undefined; readonly close: () => void }) {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const actor = entry.commit?.metadata.actor;
    if (actor !== undefined) counts.set(actor, (counts.get(actor) ?? 0) + 1);
  }
  const names = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  return (
    <>
      {names.map(([name]) => (
        <button
          key={name}
          type="button"
          class="choice"
          onClick={() => {
            refine({ who: name, open: undefined });
            close();
          }}
        >
          <Actor of={name} />
        </button>
      ))}
      <Typed label="Another name, whole" value={value} put={(text) => refine({ who: text, open: undefined })} close={close} />
      <Clear names={["who"]} close={close} />
    </>
  );
}

function whenWords(filters: Filters): string {
  const [from, to] = [filters["from"], filters["to"]];
  if (from === undefined && to === undefined) return "any time";
  // The end of a time is exclusive.
  const last = to === undefined ? undefined : date(Date.parse(to) - 1);
  if (from === undefined) return `until ${last}`;
  if (last === undefined) return `since ${date(from)}`;
  return date(from) === last ? last : `${date(from)} – ${last}`;
}

function When({ filters, close }: { readonly filters: Filters; readonly close: () => void }) {
  const now = Date.now();
  const day = (later: number): number => time.dayOf(now, zone.value, later);
  const today = new Date(now);
  const weekday = (((zone.value === "utc" ? today.getUTCDay() : today.getDay()) + 6) % 7);
  const year = zone.value === "utc" ? today.getUTCFullYear() : today.getFullYear();
  const month = zone.value === "utc" ? today.getUTCMonth() : today.getMonth();
  const choices: readonly (readonly [string, number, number])[] = [
    ["Today", day(0), day(1)],
    ["Yesterday", day(-1), day(0)],
    ["This week", day(-weekday), day(7 - weekday)],
    ["Last week", day(-weekday - 7), day(-weekday)],
    ["This month", time.startOfDay(year, month, 1, zone.value), time.startOfDay(year, month + 1, 1, zone.value)],
    ["Last month", time.startOfDay(year, month - 1, 1, zone.value), time.startOfDay(year, month, 1, zone.value)],
    ["This year", time.startOfDay(year, 0, 1, zone.value), time.startOfDay(year + 1, 0, 1, zone.value)],
  ];
  const put = (from: number | undefined, to: number | undefined): void => {
    refine({
      from: from === undefined ? undefined : time.instant(from),
      to: to === undefined ? undefined : time.instant(to),
      open: undefined,
    });
    close();
  };
  const [first, setFirst] = useState(filters["from"] === undefined ? "" : date(filters["from"]));
  const [last, setLast] = useState(filters["to"] === undefined ? "" : date(Date.parse(filters["to"]) - 1));
  const [fault, setFault] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    const from = time.typed(first, now, zone.value, "from");
    const end = time.typed(last, now, zone.value);
    if ((first.trim() !== "" && from === undefined) || (last.trim() !== "" && end === undefined)) {
      setFault("A day is 2024-06-01, 1 Jun 2024, yesterday, last monday or -30d.");
    } else if (from !== undefined && end !== undefined && from > end) {
      setFault("The first day is after the last one.");
    } else {
      put(from, end === undefined ? undefined : end + 1);
    }
  };
  return (
    <>
      <div class="choices">
        {choices.map(([name, from, to]) => (
          <button key={name} type="button" class="choice" onClick={() => put(from, to)}>
            {name}
          </button>
        ))}
      </div>
      <div class="choices months" role="group" aria-label="Months">
        {Array.from({ length: 12 }, (_, back) => {
          const start = time.startOfDay(year, month - back, 1, zone.value);
          return (
            <button key={start} type="button" class="choice" onClick={() => put(start, time.startOfDay(year, month - back + 1, 1, zone.value))}>
              {time.monthName(start, zone.value)}
            </button>
          );
        })}
      </div>
      <form onSubmit={submit}>
        <label class="field">
          From
          <input type="text" value={first} placeholder="1 Jun 2024" onInput={(event) => setFirst(event.currentTarget.value)} />
        </label>
        <label class="field">
          To, that day included
          <input type="text" value={last} placeholder="yesterday" onInput={(event) => setLast(event.currentTarget.value)} />
        </label>
        {fault === "" ? null : <p class="fault" role="alert">{fault}</p>}
        <button type="submit" class="button">
          Show
        </button>
      </form>
      <fieldset>
        <legend>By the time when it was</legend>
        <div class="switch">
          <button type="button" aria-pressed={filters["by"] === undefined} onClick={() => refine({ by: undefined })}>
            Recorded
          </button>
          <button type="button" aria-pressed={filters["by"] === "happened"} onClick={() => refine({ by: "happened" })}>
            Happened
          </button>
        </div>
      </fieldset>
      <Clear names={["from", "to", "by"]} close={close} />
    </>
  );
}
