// The price chart: steps, gaps, the window of the prior price, and a cursor that reads them out.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { axisLabel } from "../money";
import { Actor } from "../parts/Actor";
import { named } from "../people";
import { count, date, locale, money, moment, zone } from "../state";
import * as time from "../time";
import type { Prices } from "../types";
import { draw, extent, type Extent, handled, handles, keyedStep, life, linear, priceAxis, type Range, timeTicks } from "./scale";
import { currencies, currencyChanges, gaps, type Gap, type Step, stepAt } from "./steps";

const LEFT = 64;
const RIGHT = 14;
const TOP = 26;
const BOTTOM = 26;
const PRINTED = { width: 720, height: 210 };
const MANY = 120;
/** How many rows the table has at most. */
const MOST_STEPS = 500;
/** About the width of a letter of a label. */
const LETTER = 7;
const MOST_PANELS = 3;

/** What is known of the event that stated a price. */
export interface Stated {
  readonly actor: string;
  readonly recordedAt: string;
  readonly late: boolean;
}

interface Props {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly range: Range;
  readonly now: number;
  /** Nothing later is drawn. */
  readonly at: number | undefined;
  readonly reference: Prices["reference"];
  /** Whether the reference is of the first of several steps of the reduction. */
  readonly isOfFirstStep: boolean;
  readonly stated: (sequence: number) => Stated | undefined;
  readonly open: (sequence: number) => void;
  /** Shows what is between two moments. */
  readonly choose: (extent: Extent) => void;
}

export function Chart(props: Props) {
  const { steps, now, at } = props;
  const [box, width] = useWidth();
  // While a handle is held, the picture follows it; the address follows when it is let go.
  const [held, setHeld] = useState<Extent | undefined>(undefined);
  const range = held ?? props.range;
  const end = at ?? now;
  const whole = life(steps, end);
  const seen = extent(range, whole);
  const air = (seen.to - seen.from) * (at === undefined ? 0.01 : 0.08);
  const shown: Extent = { from: seen.from, to: seen.to + air };
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const [isSpoken, setSpoken] = useState(false);
  const read = cursor ?? end;
  const readStep = stepAt(steps, read) ?? (cursor === undefined ? steps.at(-1) : undefined);
  const said = readout(props, read, cursor === undefined, readStep);
  const move = (next: number, spoken: boolean): void => {
    setCursor(Math.min(Math.max(next, seen.from), seen.to));
    setSpoken(spoken);
  };
  const keys = (event: KeyboardEvent): void => {
    const to = keyed(event, cursor ?? end, steps, seen);
    if (to !== undefined) {
      event.preventDefault();
      move(to, true);
    } else if (event.key === "Enter" && readStep !== undefined) {
      props.open(readStep.sequence);
    } else if (event.key === "Escape") {
      setCursor(undefined);
      (event.currentTarget as HTMLElement).blur();
    }
  };
  const point = (event: PointerEvent): void => {
    const rect = (event.currentTarget as Element).getBoundingClientRect();
    const place = (event.clientX - rect.left - LEFT) / Math.max(1, width - LEFT - RIGHT);
    move(shown.from + place * (shown.to - shown.from), false);
  };
  return (
    <div class="chart" ref={box}>
      <p class="readout">{said.shown}</p>
      <p class="sr" aria-live="polite">{isSpoken ? said.text : ""}</p>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`Moment in the price chart of ${props.name}`}
        aria-valuemin={Math.round(seen.from / 1000)}
        aria-valuemax={Math.round(seen.to / 1000)}
        aria-valuenow={Math.round(read / 1000)}
        aria-valuetext={said.text}
        onKeyDown={keys}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={(event) => event.pointerType === "mouse" && setCursor(undefined)}
      >
        {width === 0 ? null : <Panels {...props} shown={shown} end={end} cursor={cursor} width={width} height={width < 480 ? 250 : 318} />}
      </div>
      {steps.length >= 3 && width > 0 ? (
        <Overview
          steps={steps}
          whole={whole}
          seen={seen}
          width={width}
          end={end}
          hold={setHeld}
          choose={(next) => {
            setHeld(undefined);
            props.choose(next);
          }}
        />
      ) : null}
      <Legend {...props} shown={shown} />
    </div>
  );
}

/** Where a key takes the cursor: to the start of a step, a year on, or to an end; `undefined`: another key. */
function keyed({ key, shiftKey }: KeyboardEvent, from: number, steps: readonly Step[], seen: Extent): number | undefined {
  const starts = steps.map((step) => step.from).filter((start) => start >= seen.from && start <= seen.to);
  const jump = shiftKey ? 10 : 1;
  const before = starts.filter((start) => start < from);
  const after = starts.filter((start) => start > from);
  const year = 365.25 * 86_400_000;
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: before.at(-jump) ?? before[0] ?? starts[0] ?? from,
    ArrowRight: after[jump - 1] ?? after.at(-1) ?? seen.to,
    Home: starts[0] ?? from,
    End: seen.to,
    PageUp: from + year,
    PageDown: from - year,
  };
  return Object.hasOwn(to, key) ? to[key] : undefined;
}

/** The picture on paper: one size, no cursor, and the extent that is asked for. */
export function PrintedChart({ shown, ...props }: Omit<Props, "range" | "open" | "choose"> & { readonly shown: Extent }) {
  return (
    <div class="chart scroll-x" tabIndex={0} role="region" aria-label="Price chart">
      <Panels {...props} range="all" open={() => undefined} choose={() => undefined} shown={shown} end={props.at ?? props.now} cursor={undefined} width={PRINTED.width} height={PRINTED.height} />
    </div>
  );
}

/** One picture for each of the newest currencies, the newest first. */
function Panels(props: Omit<PanelProps, "currency" | "several" | "isLast">) {
  const panels = currencies(props.steps).slice(0, MOST_PANELS);
  const each = panels.length > 1 ? Math.max(150, props.height / panels.length) : props.height;
  return (
    <>
      {panels.map((currency, index) => (
        <Panel key={currency} {...props} currency={currency} several={panels.length > 1} isLast={index === panels.length - 1} height={each} />
      ))}
    </>
  );
}

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(Math.floor(element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

function readout(props: Props, at: number, isNow: boolean, step: Step | undefined) {
  const when = isNow && props.at === undefined ? "Now" : time.date(at, zone.value);
  if (step === undefined) {
    const first = props.steps[0];
    const words = first !== undefined && at < first.from ? "not recorded yet" : "not in the catalogue";
    return { text: `${when}: ${words}`, shown: <><b>{when}</b> <span>{words}</span></> };
  }
  const price = money(step.price, step.currency);
  const by = props.stated(step.sequence);
  const set = by === undefined ? `since ${date(step.from)}` : `set by ${named(by.actor)} in commit ${step.sequence}`;
  const late = by?.late === true ? `entered ${time.span(Date.parse(by.recordedAt) - step.from)} late` : "";
  return {
    text: `${when}: ${price}, ${set}${late === "" ? "" : `, ${late}`}`,
    shown: (
      <>
        <b>{when}</b> <strong>{price}</strong> <span class="muted" dir="auto">{set}</span>
        {late === "" ? null : (
          <span class="late">
            <span class="diamond" aria-hidden="true" /> {late}
          </span>
        )}
      </>
    ),
  };
}

interface PanelProps extends Props {
  readonly currency: string;
  readonly several: boolean;
  readonly isLast: boolean;
  readonly shown: Extent;
  readonly end: number;
  readonly cursor: number | undefined;
  readonly width: number;
  readonly height: number;
}

function Panel(props: PanelProps) {
  const { steps, currency, shown, end, width, height, cursor, reference } = props;
  const own = useMemo(() => steps.filter((step) => step.currency === currency), [steps, currency]);
  const inView = own.filter((step) => step.from <= shown.to && (step.to === undefined || step.to >= shown.from));
  const axis = priceAxis(inView.map((step) => step.value));
  const [right, bottom] = [width - RIGHT, height - BOTTOM];
  const x = linear(shown.from, shown.to, LEFT, right);
  const y = linear(axis.low, axis.high, bottom, TOP);
  const clampedX = (at: number): number => Math.min(Math.max(x(at), LEFT), right);
  const isBandInView = reference !== null && Date.parse(reference.from) < shown.to && Date.parse(reference.to) > shown.from;
  const band = isBandInView && own.at(-1) === steps.at(-1) ? reference : null;
  const id = `clip-${currency}`;
  const drawn = draw(inView, clampedX, y, clampedX(end));
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={description(props.name, own, steps, end)}>
      <defs>
        <pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="7" height="7" class="hatch-ground" />
          <line x1="0" y1="0" x2="0" y2="7" class="hatch-line" />
        </pattern>
        <clipPath id={id}>
          <rect x={LEFT - 9} y={TOP - 8} width={Math.max(0, right - LEFT + 18)} height={Math.max(0, bottom - TOP + 12)} />
        </clipPath>
      </defs>
      {props.at === undefined ? null : <Later x={x(end)} right={right} bottom={bottom} />}
      {gaps(steps).map((gap) => (
        <GapMark key={gap.from} gap={gap} x={clampedX} bottom={bottom} right={clampedX(end)} />
      ))}
      {band === null ? null : <Band reference={band} isOfFirstStep={props.isOfFirstStep} x={x} left={LEFT} right={right} bottom={bottom} />}
      {axis.ticks.map((tick) => (
        <g key={tick}>
          <line class="grid" x1={LEFT} x2={right} y1={y(tick)} y2={y(tick)} />
          <text class="label" x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
            {axisLabel(tick, currency, locale)}
          </text>
        </g>
      ))}
      <TimeAxis shown={shown} x={x} bottom={bottom} width={width} isShown={props.isLast} />
      {props.several ? (
        <text class="label strong" x={LEFT - 8} y={14} text-anchor="end">
          {currency}
        </text>
      ) : null}
      {props.several ? <CurrencyChanges steps={steps} currency={currency} shown={shown} x={x} right={right} bottom={bottom} /> : null}
      <g clip-path={`url(#${id})`}>
        <path class="price-range" d={drawn.bands} />
        <path class="price" d={drawn.line} />
        {band === null ? null : <PriorLine reference={band} x={x} y={y} />}
        <Starts {...props} own={inView} x={x} y={y} />
      </g>
      {gaps(steps).map((gap) => (
        <GapLabel key={gap.from} gap={gap} x={clampedX} bottom={bottom} right={clampedX(end)} />
      ))}
      {band === null ? null : <PriorLabel reference={band} currency={currency} x={clampedX} y={y} left={LEFT} right={right} bottom={bottom} />}
      {cursor === undefined ? null : <Cursor at={cursor} own={own} x={x} y={y} bottom={bottom} />}
    </svg>
  );
}

/** Where the price began to be stated in this currency, with the one before it. */
function CurrencyChanges({ steps, currency, shown, x, right, bottom }: { readonly steps: readonly Step[]; readonly currency: string; readonly shown: Extent; readonly x: (at: number) => number; readonly right: number; readonly bottom: number }) {
  const all = currencyChanges(steps).filter((change) => change.at >= shown.from && change.at <= shown.to);
  // A label is moved to where it is not cut; those that would overlap are left out, and the line stays.
  let free = -Infinity;
  const labels = all.flatMap((change) => {
    const words = `${change.from} → ${change.to} ${date(change.at)}`;
    const width = words.length * LETTER;
    const start = Math.max(0, Math.min(x(change.at) + 5, right + RIGHT - width));
    if (change.to !== currency || start < free) return [];
    free = start + width;
    return [{ at: change.at, words, start }];
  });
  return (
    <g>
      {all.map((change) => (
        <line key={change.at} class="currency-change" x1={x(change.at)} x2={x(change.at)} y1={TOP} y2={bottom} />
      ))}
      {labels.map(({ at, words, start }) => (
        <text key={at} class="label strong" x={start} y={TOP - 4}>
          {words}
        </text>
      ))}
    </g>
  );
}

function description(name: string, own: readonly Step[], steps: readonly Step[], end: number): string {
  const first = own[0];
  const last = own.at(-1);
  if (first === undefined || last === undefined) return `${name}: no price yet`;
  const lowest = own.reduce((low, step) => (step.value < low.value ? step : low), first);
  const highest = own.reduce((high, step) => (step.value > high.value ? step : high), first);
  const missing = gaps(steps).map((gap) => `from ${date(gap.from)}${gap.to === undefined ? "" : ` to ${date(gap.to)}`}`);
  const words = [
    `${count(own.length)} price${own.length === 1 ? "" : "s"} of ${name} from ${date(first.from)} to ${date(end)}`,
    `lowest ${money(lowest.price, lowest.currency)} in ${date(lowest.from)}`,
    `highest ${money(highest.price, highest.currency)}`,
    `last ${money(last.price, last.currency)}`,
  ];
  return `${words.join(", ")}${missing.length === 0 ? "" : `; not in the catalogue ${missing.join(", ")}`}.`;
}

function Later({ x, right, bottom }: { readonly x: number; readonly right: number; readonly bottom: number }) {
  return (
    <g>
      <rect class="later" x={x} y={TOP} width={Math.max(0, right - x)} height={bottom - TOP} />
      <text class="label" x={(x + right) / 2} y={bottom - 8} text-anchor="middle">
        later
      </text>
    </g>
  );
}

function GapMark({ gap, x, bottom, right }: { readonly gap: Gap; readonly x: (at: number) => number; readonly bottom: number; readonly right: number }) {
  const from = x(gap.from);
  const to = gap.to === undefined ? right : x(gap.to);
  const width = to - from;
  if (width < 0.5) return null;
  return <rect class="hatch" fill="url(#hatch)" x={from} y={TOP} width={width} height={bottom - TOP} />;
}

function GapLabel({ gap, x, bottom, right }: { readonly gap: Gap; readonly x: (at: number) => number; readonly bottom: number; readonly right: number }) {
  const from = x(gap.from);
  const width = (gap.to === undefined ? right : x(gap.to)) - from;
  if (width < 116) return null;
  const middle = from + width / 2;
  return (
    <g>
      <rect class="plate" x={middle - 56} y={bottom - 42} width="112" height="34" rx="4" />
      <text class="label strong" x={middle} y={bottom - 28} text-anchor="middle">
        not in catalogue
      </text>
      <text class="label" x={middle} y={bottom - 14} text-anchor="middle">
        {short(gap.from)} – {gap.to === undefined ? "now" : short(gap.to)}
      </text>
    </g>
  );
}

function short(at: number): string {
  return time.date(at, zone.value).replace(/ \d{4}$/, "");
}

type Reference = NonNullable<Prices["reference"]>;

function Band({ reference, isOfFirstStep, x, left, right, bottom }: { readonly reference: Reference; readonly isOfFirstStep: boolean; readonly x: (at: number) => number; readonly left: number; readonly right: number; readonly bottom: number }) {
  const [from, to] = [Math.max(left, x(Date.parse(reference.from))), Math.min(right, x(Date.parse(reference.to)))];
  if (to <= from) return null;
  const whole = `${reference.days} days before the ${isOfFirstStep ? "first step" : "reduction"}`;
  const room = (words: string): number => words.length * 6.9;
  const words = [whole, `${reference.days} days before`, `${reference.days} d`].find((one) => room(one) <= Math.max(to - left, right - from)) ?? "";
  const isLeft = to - room(words) > left;
  return (
    <g>
      <rect class="band" x={from} y={TOP - 6} width={Math.max(1, to - from)} height={bottom - TOP + 6} />
      <line class="band-edge" x1={from} x2={from} y1={TOP - 6} y2={bottom} />
      <line class="band-edge" x1={to} x2={to} y1={TOP - 6} y2={bottom} />
      <text class="label prior" x={isLeft ? to : from} y={14} text-anchor={isLeft ? "end" : "start"}>
        {words}
      </text>
    </g>
  );
}

function PriorLine({ reference, x, y }: { readonly reference: Reference; readonly x: (at: number) => number; readonly y: (value: number) => number }) {
  const height = y(Number(reference.price));
  return <line class="prior-line" x1={x(Date.parse(reference.from))} x2={x(Date.parse(reference.to))} y1={height} y2={height} />;
}

function PriorLabel({ reference, currency, x, y, left, right, bottom }: {
  readonly reference: Reference;
  readonly currency: string;
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}) {
  const words = right - left < 400 ? `Lowest ${money(reference.price, currency)}` : `Lowest in ${reference.days} days ${money(reference.price, currency)}`;
  const width = words.length * 6.7 + 18;
  const [from, to] = [x(Date.parse(reference.from)), x(Date.parse(reference.to))];
  const beside = from - 6 - width >= left ? from - 6 - width : to + 6 + width <= right ? to + 6 : Math.max(left + 4, Math.min(from, right - width));
  const isBeside = beside + width <= from || beside >= to;
  const top = Math.min(Math.max(y(Number(reference.price)) - (isBeside ? 12 : -8), TOP), bottom - 28);
  return (
    <g class="prior-label">
      <rect x={beside} y={top} width={width} height="24" rx="5" />
      <text class="label prior" x={beside + width / 2} y={top + 16} text-anchor="middle">
        {words}
      </text>
    </g>
  );
}

function TimeAxis({ shown, x, bottom, width, isShown }: { readonly shown: Extent; readonly x: (at: number) => number; readonly bottom: number; readonly width: number; readonly isShown: boolean }) {
  const ticks = timeTicks(shown, Math.max(2, Math.floor((width - LEFT - RIGHT) / 76)));
  return (
    <g>
      <line class="axis" x1={LEFT} x2={width - RIGHT} y1={bottom} y2={bottom} />
      {ticks.map((tick) => (
        <g key={tick.at}>
          <line class="axis" x1={x(tick.at)} x2={x(tick.at)} y1={bottom} y2={bottom + 4} />
          {isShown ? (
            <text class={tick.strong ? "label strong" : "label"} x={Math.min(x(tick.at), width - 22)} y={bottom + 18} text-anchor="middle">
              {tick.label}
            </text>
          ) : null}
        </g>
      ))}
    </g>
  );
}

function Starts({ own, x, y, stated, shown }: PanelProps & { readonly own: readonly Step[]; readonly x: (at: number) => number; readonly y: (value: number) => number }) {
  const visible = own.filter((step) => step.from >= shown.from);
  const late = visible.filter((step) => stated(step.sequence)?.late === true);
  const isMany = visible.length > MANY;
  return (
    <>
      {isMany
        ? null
        : visible
            .filter((step) => !late.includes(step))
            .map((step) => <circle key={step.from} class="start" cx={x(step.from)} cy={y(step.value)} r="4.4" />)}
      {late.slice(-40).map((step) => (
        <path key={step.from} class="start late-start" d={`M${x(step.from)} ${y(step.value) - 7.5}l7.5 7.5l-7.5 7.5l-7.5-7.5Z`} />
      ))}
    </>
  );
}

function Cursor({ at, own, x, y, bottom }: { readonly at: number; readonly own: readonly Step[]; readonly x: (at: number) => number; readonly y: (value: number) => number; readonly bottom: number }) {
  const step = stepAt(own, at);
  return (
    <g>
      <line class="cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={bottom} />
      {step === undefined ? null : <circle class="cursor-dot" cx={x(at)} cy={y(step.value)} r="4.5" />}
    </g>
  );
}

/** The whole life, with what is shown of it between two handles. */
function Overview({ steps, whole, seen, width, end, hold, choose }: {
  readonly steps: readonly Step[];
  readonly whole: Extent;
  readonly seen: Extent;
  readonly width: number;
  readonly end: number;
  readonly hold: (extent: Extent) => void;
  readonly choose: (extent: Extent) => void;
}) {
  const newest = steps.at(-1)?.currency;
  const own = steps.filter((step) => step.currency === newest);
  const axis = priceAxis(own.map((step) => step.value));
  const x = linear(whole.from, whole.to, LEFT, width - RIGHT);
  const y = linear(axis.low, axis.high, 34, 8);
  const places = handles(whole, seen);
  const handle = (which: "from" | "to", label: string) => (
    <input
      type="range"
      min={0}
      max={places.last}
      value={places[which]}
      aria-label={label}
      aria-valuetext={date(seen[which])}
      onInput={(event) => hold(handled(whole, seen, which, Number(event.currentTarget.value)))}
      onChange={(event) => choose(handled(whole, seen, which, Number(event.currentTarget.value)))}
      onKeyDown={(event) => {
        const next = keyedStep(event.key, places[which], places);
        if (next === undefined) return;
        event.preventDefault();
        choose(handled(whole, seen, which, next));
      }}
    />
  );
  return (
    <div class="overview">
      <svg width={width} height="46" viewBox={`0 0 ${width} 46`} aria-hidden="true">
        <rect class="overview-ground" x={LEFT} y="2" width={Math.max(0, width - LEFT - RIGHT)} height="42" rx="4" />
        <path class="overview-line" d={draw(own, x, y, x(end)).line} />
        <rect class="overview-window" x={x(seen.from)} y="2" width={Math.max(6, x(seen.to) - x(seen.from))} height="42" rx="4" />
      </svg>
      {handle("from", "The chart begins on")}
      {handle("to", "The chart ends on")}
    </div>
  );
}

function Legend(props: Props & { readonly shown: Extent }) {
  const { steps, reference, stated, shown } = props;
  const inView = steps.filter((step) => step.from <= shown.to && (step.to === undefined || step.to >= shown.from));
  const late = inView.filter((step) => stated(step.sequence)?.late === true).length;
  const newest = steps.at(-1)?.currency;
  const axis = priceAxis(inView.filter((step) => step.currency === newest).map((step) => step.value));
  const minute = 60_000;
  const brief = inView.filter((step) => step.to !== undefined && step.to - step.from < minute).length;
  const others = currencies(steps).length - MOST_PANELS;
  const notes = [
    axis.cut && newest !== undefined ? `The axis starts at ${axisLabel(axis.low, newest, locale)}` : "",
    brief > 0 ? `${brief} step${brief === 1 ? "" : "s"} shorter than a minute` : "",
    others > 0 ? `${others} more ${others === 1 ? "currency" : "currencies"} in the table` : "",
    late > 40 ? `${late} late entries, see the table` : "",
    "times in UTC",
  ].filter((note) => note !== "");
  return (
    <div class="legend">
      <span>
        <svg width="20" height="10" aria-hidden="true"><line class="price" x1="0" x2="20" y1="5" y2="5" /></svg> price
      </span>
      {late > 0 ? (
        <span>
          <span class="diamond hollow" aria-hidden="true" /> entered late
        </span>
      ) : null}
      {reference === null ? null : (
        <span>
          <svg width="20" height="10" aria-hidden="true"><line class="prior-line" x1="0" x2="20" y1="5" y2="5" /></svg> lowest of {reference.days} days
        </span>
      )}
      <span class="muted notes">{notes.join(" · ")}</span>
    </div>
  );
}

/** A moment that breaks between its date and its time alone. */
function brief(at: number) {
  const [day, clock] = time.brief(at, zone.value).split(", ");
  return (
    <>
      <span class="nowrap">{clock === undefined ? day : `${day},`}</span>
      {clock === undefined ? "" : ` ${clock}`}
    </>
  );
}

/** The steps as a table. */
export function StepTable({ name, steps, stated, now, isRecorded }: { readonly isRecorded: boolean; readonly name: string; readonly steps: readonly Step[]; readonly stated: Props["stated"]; readonly now: number }) {
  const [later, setLater] = useState(0);
  const newest = steps.length - later;
  const oldest = Math.max(0, newest - MOST_STEPS);
  return (
    <>
    <div class="scroll-x" tabIndex={0} role="region" aria-label={`Prices of ${name}`}>
      <table class="steps">
        <caption class="sr">Prices {isRecorded ? "as recorded" : "in force"} of {name}</caption>
        <thead>
          <tr>
            <th scope="col" class="number">Price</th>
            <th scope="col">From, {time.zoneName(zone.value, now)}</th>
            <th scope="col">To</th>
            <th scope="col" class="number">Days</th>
            <th scope="col">Set by</th>
            <th scope="col">Recorded</th>
            <th scope="col" class="number">Commit</th>
          </tr>
        </thead>
        <tbody>
          {steps.slice(oldest, newest).reverse().map((step) => {
            const by = stated(step.sequence);
            return (
              <tr key={`${step.from}-${step.sequence}`}>
                <th scope="row" class="number">{money(step.price, step.currency)}</th>
                <td title={moment(step.from)}>{brief(step.from)}</td>
                <td>{step.to === undefined ? "in force" : brief(step.to)}</td>
                <td class="number nowrap">{time.days((step.to ?? now) - step.from)}</td>
                <td class="actor" dir="auto">{by === undefined ? "" : <Actor of={by.actor} />}</td>
                <td class="nowrap">
                  {by === undefined ? "" : date(by.recordedAt)}
                  {by?.late === true ? <span class="diamond" title="entered late" /> : null}
                </td>
                <td class="number">{step.sequence}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
    {steps.length <= MOST_STEPS ? null : (
      <p class="table-foot">
        <span class="muted">
          Showing prices {count(oldest + 1)}–{count(newest)} of {count(steps.length)}.
        </span>{" "}
        <button type="button" class="as-link" disabled={oldest === 0} onClick={() => setLater(steps.length - oldest)}>
          Earlier prices
        </button>{" "}
        <button type="button" class="as-link" disabled={later === 0} onClick={() => setLater(Math.max(0, later - MOST_STEPS))}>
          Later prices
        </button>
      </p>
    )}
    </>
  );
}
