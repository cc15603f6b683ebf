// The price of a product over time, and the prior price of its reduction.

import { useEffect, useState } from "preact/hooks";
import { curl } from "../curl";
import { query, productPath } from "../api";
import { Chart, type Stated, StepTable } from "../chart/Chart";
import { fittingRange, type Range, type RangeName, rangeOf, rangeText } from "../chart/scale";
import { hasSteps, inForce, type Step } from "../chart/steps";
import { csv } from "../csv";
import { download } from "../download";
import { onKey } from "../keys";
import { count, date, money, moment, refine, view, zone } from "../state";
import * as time from "../time";
import type { Prices, Product } from "../types";
import { understood } from "../url";
import { Copy } from "./Copy";

interface Props {
  readonly product: Product;
  readonly prices: Prices;
  readonly steps: readonly Step[];
  readonly at: number | undefined;
  readonly isRecorded: boolean;
  readonly now: number;
  readonly stated: (sequence: number) => Stated | undefined;
  /** Whether earlier commits than those of the steps are not loaded. */
  readonly isPartial: boolean;
}

const RANGE_NAMES: readonly (readonly [RangeName, string])[] = [
  ["30d", "30 d"],
  ["90d", "90 d"],
  ["18m", "18 m"],
  ["all", "All"],
];

export function PriceCard(props: Props) {
  const { product, prices, steps, at, isRecorded, now } = props;
  const parameters = understood(view.value);
  const end = at ?? now;
  const asked = parameters["range"];
  const range = asked !== undefined ? rangeOf(asked) : fittingRange(steps, end, isRecorded || prices.reference === null ? undefined : Date.parse(prices.reference.from));
  const isTable = parameters["view"] === "table";
  const toggle = (): void => refine({ view: isTable ? undefined : "table" });
  useEffect(() => onKey("x", toggle));
  return (
    <section class="card" aria-labelledby="price-title">
      <div class="card-head">
        <h2 id="price-title">Price</h2>
        {at === undefined ? (
          <div class="switch" role="group" aria-label="Which clock">
            <button type="button" aria-pressed={!isRecorded} onClick={() => refine({ clock: undefined })}>
              In force
            </button>
            <button type="button" aria-pressed={isRecorded} onClick={() => refine({ clock: "recorded" })}>
              As recorded
            </button>
          </div>
        ) : null}
        <span class="spring" />
        {steps.length >= 3 && !isTable ? (
          <div class="switch" role="group" aria-label="Range">
            {RANGE_NAMES.map(([name, title]) => (
              <button key={name} type="button" aria-pressed={name === range} onClick={() => refine({ range: name })}>
                {title}
              </button>
            ))}
          </div>
        ) : null}
        {steps.length === 0 ? null : (
          <button type="button" class="button" aria-pressed={isTable} onClick={toggle}>
            {isTable ? "As a chart" : "As a table"}
          </button>
        )}
      </div>
      <Steps {...props} range={range} isTable={isTable} />
      {props.isPartial ? <p class="muted small">Prices before the earliest loaded commit are not in this picture.</p> : null}
      {isRecorded && at === undefined ? null : <Prior prices={prices} product={product} />}
    </section>
  );
}

function Steps({ product, prices, steps, at, isRecorded, now, stated, range, isTable }: Props & { readonly range: Range; readonly isTable: boolean }) {
  const only = steps.length === 1 ? steps[0] : undefined;
  if (prices.next !== null && !isRecorded) {
    return (
      <p>
        This product has more than {count(prices.timeline.length)} prices, which is more than this page draws. Choose a moment to see the prices before it, or use the{" "}
        <Copy text={curl(`${productPath(product.id)}/prices`)} kind="link" told="The request is copied.">
          API request
        </Copy>
        .
      </p>
    );
  }
  if (steps.length === 0) return <p class="muted">{isRecorded ? "Nothing was recorded by then." : "No price yet."}</p>;
  if (isTable) {
    return (
      <>
        <StepTable name={product.name} steps={steps} stated={stated} now={at ?? now} isRecorded={isRecorded} />
        <p class="table-foot">
          <button type="button" class="as-link" onClick={() => save(product, steps, at ?? now, stated)}>
            Download CSV
          </button>{" "}
          <Copy text={curl(`${productPath(product.id)}/prices`)} kind="link" told="The request is copied.">
            API request
          </Copy>
        </p>
      </>
    );
  }
  return (
    <>
      {only?.to === undefined && only !== undefined ? (
        <p class="muted">
          {money(only.price, only.currency)} since {date(only.from)}, never changed
        </p>
      ) : null}
      <Chart
        name={product.name}
        steps={steps}
        range={range}
        now={now}
        at={at}
        reference={isRecorded && at === undefined ? null : prices.reference}
        stated={stated}
        isOfFirstStep={hasSteps(prices.reduction)}
        choose={(extent) => refine({ range: rangeText(extent) })}
        open={(sequence) => refine({ commit: String(sequence) })}
      />
    </>
  );
}

/** Saves the steps as CSV. */
function save(product: Product, steps: readonly Step[], now: number, stated: Props["stated"]): void {
  const header = ["product_id", "price", "currency", "from", "to", "days", "sequence", "actor", "recorded_at", "retroactive"];
  const rows = steps.map((step) => {
    const by = stated(step.sequence);
    const length = ((step.to ?? now) - step.from) / 86_400_000;
    return [
      product.id,
      step.price,
      step.currency,
      time.instant(step.from),
      step.to === undefined ? "" : time.instant(step.to),
      String(Math.floor(length)),
      String(step.sequence),
      by?.actor,
      by?.recordedAt,
      by === undefined ? "" : String(by.late),
    ];
  });
  download(["prices", product.sku ?? product.id, time.instant(now).slice(0, 10)], "csv", csv(header, rows), "text/csv");
}

/** The prior price of article 6a, and how it was found. */
function Prior({ prices, product }: { readonly prices: Prices; readonly product: Product }) {
  const [isOpen, setOpen] = useState(false);
  const { reference, reduction } = prices;
  if (reference === null) {
    if (reduction === null || prices.timeline.length < 2) return null;
    return (
      <p class="muted small prior-none">
        {reduction.is_reduction
          ? `There is no price in ${prices.currency} in the 30 days before ${hasSteps(reduction) ? "the first step of this reduction" : "this reduction"}, so there is no prior price.`
          : "The newest change is no reduction, so article 6a of Directive 98/6/EC asks for no prior price."}
      </p>
    );
  }
  const [from, to] = [Date.parse(reference.from), Date.parse(reference.to)];
  const isOfFirstStep = hasSteps(reduction);
  const inWindow = inForce(prices.timeline)
    .filter((step) => step.currency === prices.currency && step.from < to && (step.to === undefined || step.to > from))
    .map((step) => ({ ...step, from: Math.max(step.from, from), to: Math.min(step.to ?? to, to) }));
  return (
    <div class="prior-box">
      <p>
        <b>Prior price: {money(reference.price, prices.currency)}.</b> The lowest in force in the {reference.days} days before {isOfFirstStep ? "the first step of this reduction" : "this reduction"}, first from{" "}
        {date(reference.since)} (Directive 98/6/EC, article 6a).{" "}
        <button type="button" class="as-link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          How it was found
        </button>
      </p>
      {isOpen ? (
        <>
          <p>
            The prices in force from {moment(from)} to {moment(to)}, when {isOfFirstStep ? "its first step" : "the reduction"} began:
          </p>
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Prices in the window">
            <table class="steps">
              <caption class="sr">Prices in the window</caption>
              <thead>
                <tr>
                  <th scope="col" class="number">Price</th>
                  <th scope="col">From, {time.zoneName(zone.value, from)}</th>
                  <th scope="col">To</th>
                  <th scope="col" class="number">Lasted</th>
                  <th scope="col" class="number">Commit</th>
                </tr>
              </thead>
              <tbody>
                {inWindow.map((step) => (
                  <tr key={step.from}>
                    <th scope="row" class="number">
                      {money(step.price, step.currency)}
                      {step.price === reference.price ? " (lowest)" : ""}
                    </th>
                    <td class="nowrap">{time.brief(step.from, zone.value)}</td>
                    <td class="nowrap">{time.brief(step.to, zone.value)}</td>
                    <td class="number nowrap">{time.days(step.to - step.from)}</td>
                    <td class="number">{step.sequence}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="small">
            A calculation by the directive's text, not legal advice. Countries differ for perishable goods and growing reductions.{" "}
            <Copy text={curl(query(`${productPath(product.id)}/prices`, {}))} kind="link" told="The request is copied.">
              API request
            </Copy>
          </p>
        </>
      ) : null}
    </div>
  );
}
