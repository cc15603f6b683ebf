// The time of the Catalogue: by which clock, on which day, compared with which, and a slider over the ledger's life.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, query } from "../api";
import { onKey } from "../keys";
import { type Loaded, useLoad } from "../load";
import { Failure } from "../parts/Notice";
import { go, has, refine, view, zone } from "../state";
import * as time from "../time";
import { changed } from "../url";
import type { Clock } from "./compare";
import { bars, bounds, type Day, type DaysAnswer, daysOf, stepped, ticks, valueText } from "./days";
import type { Parameters } from "./list";
import { clocks } from "./walk";

/** The moments of a slider that is being moved; what is loaded waits until it rests. */
export const moved = signal<{ readonly at?: string; readonly vs?: string } | undefined>(undefined);

const REST = 250;
/** Browsers let a page change its address some hundred times in half a minute. */
const BETWEEN_ADDRESSES = 350;

/** The days with commits, by a clock; without the feature there are none. */
export function useDays(clock: Clock): Loaded<readonly Day[] | undefined> {
  const isThere = has("days") && clocks().length > 0;
  const by = clock === "force" ? "happened" : undefined;
  return useLoad(`days ${clock}`, async (asked) => (isThere ? daysOf(await get<DaysAnswer>(query("commits/days", { by }), { signal: asked })) : undefined));
}

const DATE = "catalogue-date";

/** Puts the focus into the field of the date. */
export function chooseDate(): void {
  document.getElementById(DATE)?.focus();
}

/** Opens a moment as a new entry of the history. */
export function openMoment(parameters: Readonly<Record<string, string | undefined>>): void {
  go(changed(view.value, parameters));
}

interface Props {
  readonly parameters: Parameters;
  readonly clock: Clock;
  readonly known: Loaded<readonly Day[] | undefined>;
}

export function TimePanel({ parameters, clock, known }: Props) {
  const days = known.data;
  const { at, vs } = parameters;
  useEffect(() => onKey("t", chooseDate), []);
  const put = (name: "at" | "vs") => (moment: number | undefined): void => {
    const given = moment === undefined ? undefined : time.instant(moment);
    if (name === "at") openMoment(given === undefined ? { at: undefined, vs: undefined, show: undefined } : { at: given });
    // Compared with now is compared with this very moment, so that a link shows the same.
    else openMoment({ vs: given, at: at ?? (given === undefined ? undefined : time.instant(Date.now())), ...(given === undefined ? { show: undefined } : {}) });
  };
  return (
    <section class="card time" aria-label="Time">
      <div class="time-line">
        <span class="switch" role="group" aria-label="Clock">
          {clocks().map((one) => (
            <button key={one} type="button" aria-pressed={one === clock} onClick={() => refine({ clock: one === "recorded" ? one : undefined })}>
              {one === "force" ? "In force on" : "As recorded by"}
            </button>
          ))}
        </span>
        <DateField label="Date" none="now" value={at} put={put("at")} id={DATE} />
        <DateField label="compared with" none="a day" value={vs} put={put("vs")} />
        {vs === undefined ? null : (
          <button type="button" class="as-link" onClick={() => openMoment({ at: vs, vs: at })}>
            Swap
          </button>
        )}
        {vs === undefined ? null : (
          <button type="button" class="as-link" onClick={() => put("vs")(undefined)}>
            Stop comparing
          </button>
        )}
        {at === undefined ? null : (
          <button type="button" class="as-link" onClick={() => openMoment({ at: undefined, vs: undefined, show: undefined, clock: undefined })}>
            Back to now
          </button>
        )}
        {days === undefined ? null : <small class="muted">Bars: commits a day</small>}
      </div>
      {known.error === undefined ? null : <Failure error={known.error} retry={known.reload} />}
      {days === undefined || days.length === 0 ? null : <Slider at={at} vs={vs} days={days} />}
    </section>
  );
}

function DateField({ label, none, value, put, id }: {
  readonly label: string;
  readonly none: string;
  readonly value: string | undefined;
  readonly put: (moment: number | undefined) => void;
  readonly id?: string;
}) {
  const shown = value === undefined ? "" : time.dayOrTime(Date.parse(value), zone.value);
  const [text, setText] = useState(shown);
  const [fault, setFault] = useState("");
  useEffect(() => {
    setText(shown);
    setFault("");
  }, [shown]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (text.trim() === shown) return;
    const at = time.typed(text, Date.now(), zone.value);
    if (at === undefined && text.trim() !== "") setFault("A moment is 2024-06-01, 1 Jun 2024, yesterday, last monday, -30d, or 2024-06-01T09:00:00Z.");
    else put(at);
  };
  return (
    <form class="date-field" onSubmit={submit}>
      <label>
        <span class={id === undefined ? "muted" : "sr"}>{label}</span>{" "}
        <input
          {...(id === undefined ? {} : { id })}
          type="text"
          value={text}
          placeholder={none}
          autocomplete="off"
          spellcheck={false}
          title={value === undefined ? "" : time.asked(Date.parse(value), zone.value)}
          onFocus={(event) => event.currentTarget.select()}
          onInput={(event) => setText(event.currentTarget.value)}
          onBlur={submit}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            setText(shown);
            setFault("");
          }}
        />
      </label>
      {fault === "" ? null : (
        <span class="fault" role="alert">
          {fault}
        </span>
      )}
    </form>
  );
}

let rest: ReturnType<typeof setTimeout> | undefined;
let addressed = 0;

/** A handle is at another day: the label follows at once, the address soon, and the rest of the page when it rests. */
function move(name: "at" | "vs", day: number): void {
  const next = { ...moved.value, [name]: time.instant(time.endOfDayNumber(day, zone.value)) };
  const isFirst = view.value.parameters[name] === undefined;
  moved.value = next;
  const put = (): void => {
    addressed = Date.now();
    if (isFirst && view.value.parameters[name] === undefined) go(changed(view.value, next), { isMove: true });
    else refine(next);
  };
  if (Date.now() - addressed >= BETWEEN_ADDRESSES) put();
  clearTimeout(rest);
  rest = setTimeout(() => {
    put();
    moved.value = undefined;
  }, REST);
}

function Slider({ at, vs, days }: { readonly at: string | undefined; readonly vs: string | undefined; readonly days: readonly Day[] }) {
  const number = (moment: string): number => time.dayNumber(Date.parse(moment), zone.value);
  const shown = [at, vs].flatMap((moment) => (moment === undefined ? [] : [number(moment)]));
  const { first, last } = bounds(days[0]?.day ?? 0, time.dayNumber(Date.now(), zone.value), shown);
  const day = at === undefined ? last : number(at);
  const other = vs === undefined ? undefined : number(vs);
  const length = Math.max(1, last - first);
  const handle = (name: "at" | "vs", value: number, label: string) => (
    <input
      type="range"
      class={name}
      min={first}
      max={last}
      step={1}
      value={value}
      aria-label={label}
      aria-valuetext={name === "at" && at === undefined ? "now" : valueText(value, days)}
      onInput={(event) => move(name, Number(event.currentTarget.value))}
      onKeyDown={(event) => {
        const next = stepped(event.key, value, first, last);
        if (next === undefined) return;
        event.preventDefault();
        move(name, next);
      }}
    />
  );
  return (
    <div class="slider">
      <svg class="bars" viewBox={`0 0 ${length} 100`} preserveAspectRatio="none" aria-hidden="true">
        <path d={bars(days, first, last)} />
        <path class="axis" d={`M0 100H${length}`} />
        {other === undefined ? null : <path class="chosen" d={`M${other - first} 100H${day - first}`} />}
      </svg>
      {other === undefined ? null : handle("vs", other, "Compared with")}
      {handle("at", day, "Date")}
      <svg class="ticks" aria-hidden="true">
        {ticks(first, last).map(({ share, label }) => (
          <text key={label} x={`${(share * 100).toFixed(2)}%`} y="13" text-anchor={share === 0 ? "start" : share === 1 ? "end" : "middle"}>
            {label}
          </text>
        ))}
      </svg>
    </div>
  );
}
