// The filters of the Catalogue: name, category, SKU, price, order, removed ones; what cannot be had says why.

import { useEffect, useState } from "preact/hooks";
import { get, query } from "../api";
import { useLoad } from "../load";
import { Failure, Waiting } from "../parts/Notice";
import { Popover } from "../parts/Popover";
import { config, count, has, orders, refine } from "../state";
import type { CategoryPage } from "../types";
import type { Clock } from "./compare";
import { kept } from "./data";
import { type Parameters, refusal, type Sort, sortOf } from "./list";

interface Props {
  readonly parameters: Parameters;
  readonly clock: Clock;
  /** The order that is shown, which is the ledger's where the list is too long for this page to sort. */
  readonly own: Sort;
  readonly isTooLong: boolean;
  readonly hasCurrencies: boolean;
}

const NAMES: Readonly<Record<Sort, string>> = { name: "Name", price: "Price", updated_at: "Changed", id: "Id" };

export function CatalogueFilters({ parameters, clock, own, isTooLong, hasCurrencies }: Props) {
  const asked = sortOf(parameters, kept());
  const sort = refusal(asked, parameters, clock, own, isTooLong) === undefined ? asked : own;
  const isDescending = parameters["order"] === "desc";
  const isPast = parameters["at"] !== undefined;
  const isDeletedToo = parameters["deleted"] === "1" && !isPast;
  const choices = (["name", "price", "updated_at"] as const).filter((name) => isPast || orders().includes(name));
  return (
    <div class="filters" role="group" aria-label="Filters">
      <NameField parameters={parameters} />
      {has("categories") ? (
        <Popover label="Category" value={<bdi>{parameters["category"] ?? "all"}</bdi>} isSet={parameters["category"] !== undefined}>
          {(close) => <Categories value={parameters["category"]} close={close} />}
        </Popover>
      ) : null}
      {parameters["sku"] === undefined ? null : (
        <button type="button" class="pill set" onClick={() => refine({ sku: undefined })}>
          SKU <b>{parameters["sku"]}</b> <span aria-hidden="true">×</span>
          <span class="sr">, press to clear</span>
        </button>
      )}
      <PriceFilter parameters={parameters} isSorted={sort === "price"} hasCurrencies={hasCurrencies} />
      <Popover label="Sorted by" value={NAMES[sort]}>
        {(close) =>
          choices.map((name) => {
            const reason = refusal(name, parameters, clock, own, isTooLong);
            return (
              <button
                key={name}
                type="button"
                class="choice"
                disabled={reason !== undefined}
                aria-pressed={name === sort}
                onClick={() => {
                  refine({ sort: name === "name" && !isDeletedToo ? undefined : name, order: name === "updated_at" ? "desc" : undefined });
                  close();
                }}
              >
                {NAMES[name]}
                {reason === undefined ? null : <small> {reason}</small>}
              </button>
            );
          })
        }
      </Popover>
      <button type="button" class="pill" disabled={isTooLong && isPast} onClick={() => refine({ order: isDescending ? undefined : "desc" })}>
        <b>{direction(sort, isDescending && !(isTooLong && isPast))}</b>
      </button>
      {orders().includes("updated_at") ? (
        <button
          type="button"
          class="pill"
          disabled={isPast}
          aria-pressed={isDeletedToo}
          onClick={() => refine(isDeletedToo ? { deleted: undefined, order: undefined } : { deleted: "1", order: parameters["sort"] === undefined ? "desc" : parameters["order"] })}
        >
          <b>Show removed ones too</b>
          {isPast ? <small> now alone</small> : null}
        </button>
      ) : null}
    </div>
  );
}

function direction(sort: Sort, isDescending: boolean): string {
  if (sort === "price") return isDescending ? "Dearest first" : "Cheapest first";
  if (sort === "updated_at") return isDescending ? "Newest first" : "Oldest first";
  return isDescending ? "Z to A" : "A to Z";
}

/** The beginning of a name; the order that was chosen stays. */
function NameField({ parameters }: { readonly parameters: Parameters }) {
  const [text, setText] = useState(parameters["q"] ?? "");
  const own = parameters["q"] ?? "";
  useEffect(() => setText((before) => (before.trim() === own ? before : own)), [own]);
  useEffect(() => {
    const given = text.trim();
    if (given === own) return undefined;
    const timer = setTimeout(() => refine({ q: given === "" ? undefined : given }), 250);
    return () => clearTimeout(timer);
  }, [text]);
  const what = orders().includes("name") ? "Name begins with" : "Id begins with";
  return (
    <input class="pill-input" type="search" value={text} placeholder={`${what}…`} aria-label={what} onInput={(event) => setText(event.currentTarget.value)} />
  );
}

function PriceFilter({ parameters, isSorted, hasCurrencies }: { readonly parameters: Parameters; readonly isSorted: boolean; readonly hasCurrencies: boolean }) {
  const { currency, min, max } = parameters;
  const isSet = currency !== undefined || min !== undefined || max !== undefined;
  const code = currency ?? config.value.default_currency;
  const range = min === undefined ? (max === undefined ? "" : ` to ${max}`) : max === undefined ? ` from ${min}` : ` ${min} to ${max}`;
  return (
    <Popover label="Price" value={isSet || isSorted ? `${code}${range}` : "any"} isSet={isSet}>
      {(close) => <PriceForm parameters={parameters} hasCurrency={hasCurrencies || isSorted || isSet} close={close} />}
    </Popover>
  );
}

function PriceForm({ parameters, hasCurrency, close }: { readonly parameters: Parameters; readonly hasCurrency: boolean; readonly close: () => void }) {
  const own = config.value.default_currency;
  const [given, setGiven] = useState({ currency: parameters["currency"] ?? own, min: parameters["min"] ?? "", max: parameters["max"] ?? "" });
  const [fault, setFault] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    const [min, max, currency] = [given.min.trim(), given.max.trim(), given.currency.trim().toUpperCase()];
    const isPrice = (text: string): boolean => text === "" || /^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$/.test(text);
    if (!isPrice(min) || !isPrice(max)) setFault("A price is a plain decimal, for example 34.99.");
    else if (!/^[A-Z]{3}$/.test(currency)) setFault("A currency has three letters, for example EUR.");
    else {
      const isDefault = currency === own && parameters["currency"] === undefined;
      refine({ min: min || undefined, max: max || undefined, currency: isDefault ? undefined : currency });
      close();
    }
  };
  const field = (name: "min" | "max" | "currency", label: string) => (
    <label class="field">
      {label}
      <input type="text" value={given[name]} onInput={(event) => setGiven({ ...given, [name]: event.currentTarget.value })} autocomplete="off" spellcheck={false} />
    </label>
  );
  return (
    <form onSubmit={submit}>
      {hasCurrency ? field("currency", "Currency") : null}
      {field("min", "From")}
      {field("max", "To, that price included")}
      {fault === "" ? null : (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <p class="actions">
        <button type="submit" class="button">
          Show
        </button>
        <button
          type="button"
          class="as-link"
          onClick={() => {
            refine({ min: undefined, max: undefined, currency: undefined });
            close();
          }}
        >
          Any price
        </button>
      </p>
    </form>
  );
}

function Categories({ value, close }: { readonly value: string | undefined; readonly close: () => void }) {
  const [text, setText] = useState("");
  const all = useLoad("categories", async (signal) => {
    const found: { category: string; products: number }[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 10; pages += 1) {
      const page: CategoryPage = await get<CategoryPage>(query("categories", { limit: 100, cursor }), { signal });
      found.push(...page.categories);
      if (page.next === null) break;
      cursor = page.next;
    }
    return found;
  });
  const put = (category: string | undefined): void => {
    refine({ category });
    close();
  };
  const wanted = text.trim().toLowerCase();
  const shown = (all.data ?? []).filter((one) => one.category.toLowerCase().includes(wanted));
  return (
    <>
      <label class="field">
        Find a category
        <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      {all.error === undefined ? null : <Failure error={all.error} retry={all.reload} />}
      {all.data === undefined && all.error === undefined ? <Waiting /> : null}
      <div class="scroll" role="group" tabIndex={0} aria-label="Categories">
        {shown.slice(0, 200).map((one) => (
          <button key={one.category} type="button" class="choice" aria-pressed={one.category === value} onClick={() => put(one.category)}>
            <bdi>{one.category}</bdi> <small class="muted">{count(one.products)}</small>
          </button>
        ))}
      </div>
      <button type="button" class="as-link" onClick={() => put(undefined)}>
        All categories
      </button>
    </>
  );
}
