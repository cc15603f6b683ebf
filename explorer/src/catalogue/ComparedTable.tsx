// A comparison of two catalogues: tiles as tabs, and the products of the chosen one with old, new, change and person.

import { change, mostDecimals, padding } from "../money";
import { useNarrow } from "../narrow";
import { Link } from "../parts/Link";
import { ChangeTag } from "../parts/Phrases";
import { count, money, refine, zone } from "../state";
import * as time from "../time";
import { productView } from "../url";
import { type Clock, type Compared, type Row, SHOWN, type Shown } from "./compare";
import type { Parameters } from "./list";
import { momentOfLinks, openOnEnter, ProductName } from "./ProductTable";

const WORDS: Readonly<Record<Shown, string>> = {
  changed: "changed",
  new: "new",
  removed: "removed",
  dearer: "dearer",
  cheaper: "cheaper",
  renamed: "renamed",
  same: "unchanged",
};

/** The tiles; `same` is missing where the unchanged products were not counted, `renamed` where names are not those of the time. */
export function Tiles({ counts, shown, clock, hasSame }: {
  readonly counts: Readonly<Record<Shown, number>>;
  readonly shown: Shown;
  readonly clock: Clock;
  readonly hasSame: boolean;
}) {
  const tiles = SHOWN.filter((one) => (one !== "renamed" || clock === "recorded") && (one !== "same" || hasSame));
  const choose = (next: Shown): void => refine({ show: next === "changed" ? undefined : next });
  const keys = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = tiles[(tiles.indexOf(shown) + step + tiles.length) % tiles.length] as Shown;
    choose(next);
    document.getElementById(`tile-${next}`)?.focus();
  };
  return (
    <div class="tiles" role="tablist" aria-label="What changed" onKeyDown={keys}>
      {tiles.map((one) => (
        <button
          key={one}
          id={`tile-${one}`}
          type="button"
          role="tab"
          aria-selected={one === shown}
          aria-controls="compared"
          tabIndex={one === shown ? 0 : -1}
          onClick={() => choose(one)}
        >
          <b>{count(counts[one])}</b> <span>{WORDS[one]}</span>
        </button>
      ))}
    </div>
  );
}

interface Props {
  readonly rows: readonly Compared[];
  readonly parameters: Parameters;
  readonly clock: Clock;
}

export function ComparedTable({ rows, parameters, clock }: Props) {
  const isNarrow = useNarrow();
  const link = momentOfLinks(parameters, clock);
  const day = (at: string | undefined): string => (at === undefined ? "" : time.dayOrTime(Date.parse(at), zone.value));
  if (isNarrow) {
    return (
      <ul class="cards">
        {rows.map((one) => (
          <li key={one.id} class="row">
            <ProductName product={(one.after ?? one.before) as Row} parameters={link} />
            <div class="card-top small">
              <span class="sku">{(one.after ?? one.before)?.sku ?? ""}</span>
              <span class="old-new">
                <OldPrice one={one} /> <span aria-hidden="true">→</span>
                <span class="sr">to</span> <b>{one.after === undefined ? "–" : money(one.after.price, one.after.currency)}</b> <Changes one={one} />
              </span>
            </div>
            <div class="muted small">
              <Author one={one} />
            </div>
          </li>
        ))}
      </ul>
    );
  }
  const [before, after] = [mostDecimals(rows.map((one) => one.before?.price)), mostDecimals(rows.map((one) => one.after?.price))];
  return (
    <table class="compared">
      <caption class="sr">What changed, by product</caption>
      <thead>
        <tr>
          <th scope="col">Product</th>
          <th scope="col">SKU</th>
          <th scope="col">Category</th>
          <th scope="col" class="number">{day(parameters["vs"])}</th>
          <th scope="col" class="number">{day(parameters["at"])}</th>
          <th scope="col">Change</th>
          <th scope="col">By</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((one) => (
          <tr key={one.id} class="row" data-row tabIndex={-1} onKeyDown={openOnEnter}>
            <th scope="row" class="product">
              <ProductName product={(one.after ?? one.before) as Row} parameters={link} />
            </th>
            <td class="sku">{(one.after ?? one.before)?.sku ?? ""}</td>
            <td class="muted">
              <bdi>{(one.after ?? one.before)?.category ?? ""}</bdi>
            </td>
            <td class="number old">
              <OldPrice one={one} />
              {padding(one.before?.price ?? "0", before)}
            </td>
            <td class="number price">
              {one.after === undefined ? "–" : money(one.after.price, one.after.currency)}
              {padding(one.after?.price ?? "0", after)}
            </td>
            <td>
              <Changes one={one} />
            </td>
            <td class="muted">
              <Author one={one} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function OldPrice({ one }: { readonly one: Compared }) {
  return <span class="before">{one.before === undefined ? "–" : money(one.before.price, one.before.currency)}</span>;
}

function Changes({ one }: { readonly one: Compared }) {
  const { before, after, kinds } = one;
  return (
    <>
      {kinds.map((kind) => {
        if (kind === "new") return <Tag key={kind} kind="drop" sign="+" words="new" />;
        if (kind === "removed") return <Tag key={kind} kind="gone" sign="–" words="removed" />;
        if ((kind === "dearer" || kind === "cheaper") && before !== undefined && after !== undefined) {
          const by = change(before.price, after.price);
          return by.percent === undefined ? <Tag key={kind} kind="" sign={kind === "dearer" ? "▲" : "▼"} words={kind} /> : <ChangeTag key={kind} change={by} />;
        }
        if (kind === "renamed") {
          return (
            <span key={kind} class="small">
              renamed from <bdi class="before">{before?.name}</bdi>
            </span>
          );
        }
        return <Tag key={kind} kind="" sign="" words={kind} />;
      })}
    </>
  );
}

function Tag({ kind, sign, words }: { readonly kind: string; readonly sign: string; readonly words: string }) {
  return (
    <span class={`tag ${kind}`}>
      {sign === "" ? null : <span aria-hidden="true">{sign}</span>} {words}
    </span>
  );
}

/** Who made the change, and the product with that commit. */
function Author({ one }: { readonly one: Compared }) {
  if (one.kinds.length === 0) return null;
  if (one.by === undefined) return <span title="The commit is not among those between these days.">not known</span>;
  const { actor, sequence, version } = one.by;
  return (
    <>
      <bdi>{actor}</bdi>,{" "}
      <Link to={productView(one.id, { v: String(version), commit: String(sequence) })} class="nowrap">
        commit {sequence}
      </Link>
    </>
  );
}
