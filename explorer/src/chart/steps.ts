// The steps of the price chart: what was in force when, or what the ledger said when. Pure.

import { exact, position } from "../money";
import type { Commit, Period, Prices } from "../types";

/** A time with one price. */
export interface Step {
  readonly from: number;
  /** Where it ends; `undefined` if it lasts. */
  readonly to: number | undefined;
  readonly price: string;
  /** The price, for positions in the picture alone. */
  readonly value: number;
  readonly currency: string;
  /** The sequence of the event that stated it. */
  readonly sequence: number;
}

/** Whether a reduction was increased step by step: its prior price is then that of its first step (article 6a, paragraph 5). */
export function hasSteps(reduction: Prices["reduction"]): boolean {
  return reduction !== null && reduction.is_reduction && reduction.series_since !== reduction.since;
}

/** A time at which the product was not in the catalogue. */
export interface Gap {
  readonly from: number;
  readonly to: number | undefined;
}

/** The steps in force, from the periods of `/prices`; equal neighbours that touch are one. */
export function inForce(timeline: readonly Period[]): Step[] {
  const steps: Step[] = [];
  for (const period of timeline) {
    append(steps, {
      from: Date.parse(period.from),
      to: period.to === null ? undefined : Date.parse(period.to),
      price: period.price,
      value: position(period.price),
      currency: period.currency,
      sequence: period.sequence,
    });
  }
  return steps;
}

/** What the ledger said from when on, from the states of a product's commits, oldest first. */
export function asRecorded(commits: readonly Commit[]): Step[] {
  const steps: Step[] = [];
  let open: Step | undefined;
  for (const commit of commits) {
    const at = Date.parse(commit.recorded_at);
    if (open !== undefined) append(steps, { ...open, to: at });
    const { price, currency, status } = commit.state;
    open =
      status === "deleted"
        ? undefined
        : { from: at, to: undefined, price, value: position(price), currency, sequence: commit.sequence };
  }
  if (open !== undefined) append(steps, open);
  return steps;
}

function append(steps: Step[], step: Step): void {
  const last = steps.at(-1);
  const joins =
    last !== undefined &&
    last.to === step.from &&
    last.currency === step.currency &&
    exact(last.price) === exact(step.price);
  if (joins) steps[steps.length - 1] = { ...last, to: step.to };
  else steps.push(step);
}

/** The gaps between steps, and the one after the last if it ended. */
export function gaps(steps: readonly Step[]): Gap[] {
  const found: Gap[] = [];
  steps.forEach((step, index) => {
    const next = steps[index + 1];
    if (step.to !== undefined && (next === undefined || next.from > step.to)) {
      found.push({ from: step.to, to: next?.from });
    }
  });
  return found;
}

/** The step at a moment; by bisection. */
export function stepAt(steps: readonly Step[], at: number): Step | undefined {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as Step).from <= at) low = middle + 1;
    else high = middle;
  }
  const step = steps[low - 1];
  return step !== undefined && (step.to === undefined || at < step.to) ? step : undefined;
}

/** The steps up to a moment, the last of them without an end where it goes on. */
export function until(steps: readonly Step[], at: number): Step[] {
  return steps
    .filter((step) => step.from <= at)
    .map((step) => (step.to !== undefined && step.to > at ? { ...step, to: undefined } : step));
}

/** The currencies of the steps, the newest first. */
export function currencies(steps: readonly Step[]): string[] {
  return [...new Set(steps.map((step) => step.currency).reverse())];
}

/** A moment from which on the price was stated in another currency. */
export interface CurrencyChange {
  readonly at: number;
  readonly from: string;
  readonly to: string;
}

/** The changes of currency, in order. */
export function currencyChanges(steps: readonly Step[]): CurrencyChange[] {
  return steps.flatMap((step, index) => {
    const before = steps[index - 1];
    return before === undefined || before.currency === step.currency ? [] : [{ at: step.from, from: before.currency, to: step.currency }];
  });
}
