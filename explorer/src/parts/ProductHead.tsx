// The head of a product: where it belongs, its name, its state, its price.

import type { ComponentChildren } from "preact";
import type { Step } from "../chart/steps";
import { type Moment, stays } from "../moment";
import { date, has, money, view, zone } from "../state";
import * as time from "../time";
import type { Commit, Product } from "../types";
import { named } from "../people";
import { Actor } from "./Actor";
import { Copy } from "./Copy";
import { Link } from "./Link";
import { ChooseMoment } from "./MomentBar";

interface Props {
  readonly product: Product;
  /** As it is shown, at the moment that was asked for. */
  readonly shown: Product;
  readonly moment: Moment;
  readonly isKnown: boolean;
  /** Whether nothing was in force at the moment. */
  readonly isGone: boolean;
  readonly deletedAt: string | undefined;
  readonly deletedBy: string | undefined;
  /** What was in force at the moment, and the commit that set it. */
  readonly step: Step | undefined;
  readonly by: Commit | undefined;
  /** At a recorded moment: what was in force then, as it is known now; `null`: nothing was. */
  readonly known: Step | null | undefined;
  /** The prices that were in force earlier on the day whose end is shown. */
  readonly before: readonly Step[];
}

export function ProductHead(props: Props) {
  const { product, shown, moment, isKnown, isGone } = props;
  const isNow = moment.kind === "now";
  return (
    <div class="head product-head">
      <div>
        <Crumbs category={shown.category} />
        <h1 tabIndex={-1} dir="auto">
          {shown.name}
        </h1>
        <p class="facts">
          {isNow ? (
            <State isActive={product.status === "active"}>
              Removed {props.deletedAt === undefined ? "" : date(props.deletedAt)}
              {props.deletedBy === undefined ? "" : ` by ${named(props.deletedBy)}`}
            </State>
          ) : isKnown || isGone ? (
            <State isActive={moment.kind === "force" ? props.step !== undefined : shown.status === "active"}>Not in the catalogue</State>
          ) : null}
          {shown.sku === undefined ? null : (
            <span class="sku">
              {shown.sku} <Copy text={shown.sku} kind="link" told="The SKU is copied." />
            </span>
          )}
          {isKnown && !isGone ? (
            <span class="muted">
              version {shown.version}, changed {date(shown.updated_at)}
            </span>
          ) : null}
          <ChooseMoment />
        </p>
      </div>
      {isKnown || isGone ? <Price {...props} /> : null}
    </div>
  );
}

function Crumbs({ category }: { readonly category: string | undefined }) {
  return (
    <nav class="crumbs" aria-label="Where it belongs">
      <Link to={{ page: "catalogue", parameters: stays(view.value) }}>Catalogue</Link>
      {category === undefined ? null : (
        <>
          <span aria-hidden="true"> / </span>
          {has("categories") ? (
            <Link to={{ page: "catalogue", parameters: { ...stays(view.value), category } }}>
              <bdi>{category}</bdi>
            </Link>
          ) : (
            <bdi>{category}</bdi>
          )}
        </>
      )}
    </nav>
  );
}

/** That it is in the catalogue, or else the words for that it is not. */
function State({ isActive, children }: { readonly isActive: boolean; readonly children: ComponentChildren }) {
  return (
    <span class={isActive ? "state" : "state removed"}>
      <span aria-hidden="true">{isActive ? "●" : "□"}</span> {isActive ? "In the catalogue" : children}
    </span>
  );
}

function Price({ shown, moment, step, by, before, known }: Props) {
  if (moment.kind === "force") {
    const when = date(moment.at);
    if (step === undefined) return <p class="price-then">On {when} it was not in the catalogue.</p>;
    return (
      <p class="price-then">
        On {when} it cost{" "}
        {before.map((one) => (
          <span key={one.from}>
            {money(one.price, one.currency)} until {time.clock(one.to ?? moment.at, zone.value).slice(0, 5)}, then{" "}
          </span>
        ))}
        <b>{money(step.price, step.currency)}</b>
        {by === undefined ? (
          `, set in commit ${step.sequence}.`
        ) : (
          <>
            , set by <Actor of={by.metadata.actor} /> in commit {step.sequence}, recorded {date(by.recorded_at)}.
          </>
        )}
      </p>
    );
  }
  if (moment.kind === "recorded") {
    return (
      <p class="price-then">
        On {time.date(moment.at, zone.value)} the ledger said{" "}
        <b>{shown.status === "deleted" ? "nothing: it was removed" : money(shown.price, shown.currency)}</b>.
        {known === undefined ? null : (
          <>
            <br />
            <span class="muted">in force, as known now: {known === null ? "nothing" : money(known.price, known.currency)}</span>
          </>
        )}
      </p>
    );
  }
  return (
    <p class="price-now">
      <b>{money(shown.price, shown.currency)}</b>
      {shown.price_occurred_at === undefined ? null : (
        <span class="muted">{shown.status === "deleted" ? "before it was removed" : `since ${date(shown.price_occurred_at)}`}</span>
      )}
    </p>
  );
}
