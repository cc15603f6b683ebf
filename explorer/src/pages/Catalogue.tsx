// The Catalogue: the products that there are now.

import { useEffect, useState } from "preact/hooks";
import { get, query } from "../api";
import { curl } from "../curl";
import { download } from "../download";
import { newest } from "../live";
import { useLoad } from "../load";
import { csv } from "../csv";
import { Copy, copy } from "../parts/Copy";
import { Failure, Waiting } from "../parts/Notice";
import { Link } from "../parts/Link";
import { Popover } from "../parts/Popover";
import { useNarrow } from "../narrow";
import { config, count, date, has, money, orders, refine, say, view } from "../state";
import { status } from "../status";
import type { CategoryPage, Product, ProductPage } from "../types";
import { productView, understood } from "../url";
import { Empty } from "./Empty";

const FIRST = 50;
const MOST_CSV = 10_000;

type Parameters = Readonly<Record<string, string>>;

/** The request for a page, as far as the parameters go together. */
function listPath(parameters: Parameters, cursor: string | undefined, limit: number): string {
  const { q, sku, category, deleted } = parameters;
  const kept = orders();
  const isLookUp = sku !== undefined || category !== undefined;
  let sort = parameters["sort"] ?? (kept.includes("name") ? "name" : "id");
  if (q !== undefined || (isLookUp && sort !== "name")) sort = kept.includes("name") ? "name" : "id";
  if (deleted === "1" && !isLookUp && q === undefined) sort = "updated_at";
  return query("products", {
    sort,
    order: parameters["order"],
    name_prefix: sort === "name" ? q : undefined,
    id_prefix: sort === "id" ? q : undefined,
    sku,
    category,
    currency: sort === "price" ? (parameters["currency"] ?? config.value.default_currency) : undefined,
    include: sort === "updated_at" && deleted === "1" ? "deleted" : undefined,
    cursor,
    limit,
  });
}

interface List {
  readonly products: readonly Product[];
  readonly next: string | null;
}

/** Pages may be empty although more follow. */
async function load(parameters: Parameters, cursor: string | undefined, wanted: number, signal: AbortSignal): Promise<List> {
  const products: Product[] = [];
  let next: string | null | undefined = cursor;
  for (let pages = 0; pages < 20; pages += 1) {
    const page: ProductPage = await get<ProductPage>(listPath(parameters, next ?? undefined, Math.min(wanted, 100)), { signal });
    products.push(...page.products);
    next = page.next;
    if (next === null || products.length >= wanted) break;
  }
  return { products, next: next ?? null };
}

export function Catalogue() {
  const parameters = understood(view.value);
  const key = JSON.stringify(parameters);
  // The catalogue is loaded anew a moment after the ledger grew.
  const head = useSettled(newest.value ?? 0, 1500);
  const [rows, setRows] = useState(FIRST);
  useEffect(() => setRows(FIRST), [key]);
  const list = useLoad(`${key}`, (signal) => load(parameters, undefined, rows, signal));
  const { reload } = list;
  useEffect(() => reload(), [head, rows]);
  useEffect(() => {
    document.title = `Catalogue · ${config.value.title}`;
  }, []);
  const shown = list.data;
  const isPlain = Object.keys(parameters).length === 0;
  if (shown !== undefined && shown.products.length === 0 && shown.next === null && isPlain && !has("commits")) return <Empty />;
  return (
    <div class="page">
      <div class="head">
        <div>
          <h1 tabIndex={-1}>Catalogue</h1>
          <p class="muted" aria-live="polite">{total(shown, isPlain)}</p>
        </div>
        <div class="actions">
          <button type="button" class="button" onClick={() => void copy(location.href, "Link copied. It shows the same to everybody who may read this ledger.")}>
            Copy link
          </button>
          <Csv parameters={parameters} />
        </div>
      </div>
      <Filters parameters={parameters} />
      {list.error !== undefined ? <Failure error={list.error} retry={list.reload} /> : null}
      {shown === undefined ? (
        list.error === undefined ? <div class="card"><Waiting lines={10} /></div> : null
      ) : shown.products.length === 0 ? (
        <Nothing parameters={parameters} />
      ) : (
        <Products products={shown.products} parameters={parameters} />
      )}
      {shown === undefined || shown.products.length === 0 ? null : (
        <div class="below">
          <span class="muted">Showing {count(shown.products.length)}.</span>
          {shown.next === null ? null : shown.products.length >= 1000 ? (
            <span class="muted">More than 1000 rows are not shown; filter, or download the CSV.</span>
          ) : (
            <button type="button" class="button" disabled={list.isLoading} onClick={() => setRows(shown.products.length + 100)}>
              {list.isLoading ? "Loading…" : "Show 100 more"}
            </button>
          )}
          <Copy text={curl(listPath(parameters, undefined, FIRST))} kind="link" told="The request is copied, as a line for a terminal.">
            API request
          </Copy>
        </div>
      )}
    </div>
  );
}

function useSettled(value: number, delay: number): number {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delay);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function total(list: List | undefined, isAll: boolean): string {
  if (list === undefined) return "";
  const number = list.products.length;
  if (list.next === null) return `${count(number)} product${number === 1 ? "" : "s"}`;
  const counted = isAll ? status()?.products?.active : undefined;
  return counted === undefined || counted < number ? `More than ${count(number)} products` : `${count(counted)} products`;
}

function Filters({ parameters }: { readonly parameters: Parameters }) {
  const [text, setText] = useState(parameters["q"] ?? "");
  useEffect(() => {
    const given = text.trim();
    if (given === (parameters["q"] ?? "")) return undefined;
    const timer = setTimeout(() => refine({ q: given === "" ? undefined : given, deleted: undefined, sort: undefined }), 250);
    return () => clearTimeout(timer);
  }, [text]);
  const sort = parameters["deleted"] === "1" ? "updated_at" : (parameters["sort"] ?? "name");
  const names: Readonly<Record<string, string>> = { name: "Name", price: "Price", updated_at: "Changed" };
  const isDescending = parameters["order"] === "desc";
  const hasNames = orders().includes("name");
  const isNarrowed = parameters["q"] !== undefined || parameters["category"] !== undefined || parameters["sku"] !== undefined;
  return (
    <div class="filters" role="group" aria-label="Filters">
      <input
        class="pill-input"
        type="search"
        value={text}
        placeholder={hasNames ? "Name begins with…" : "Id begins with…"}
        aria-label={hasNames ? "Name begins with" : "Id begins with"}
        onInput={(event) => setText(event.currentTarget.value)}
      />
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
      <Popover label="Sorted by" value={isNarrowed ? "Name" : (names[sort] ?? sort)}>
        {(close) => (
          <>
            {Object.entries(names)
              .filter(([name]) => orders().includes(name))
              .map(([name, title]) => (
                <button
                  key={name}
                  type="button"
                  class="choice"
                  disabled={isNarrowed && name !== "name"}
                  aria-pressed={name === sort}
                  onClick={() => {
                    refine({ sort: name === "name" ? undefined : name, order: name === "updated_at" ? "desc" : undefined, deleted: undefined });
                    close();
                  }}
                >
                  {title}
                  {isNarrowed && name !== "name" ? <small> not together with a filter</small> : null}
                </button>
              ))}
          </>
        )}
      </Popover>
      <button type="button" class="pill" onClick={() => refine({ order: isDescending ? undefined : "desc" })}>
        <b>{direction(sort, isDescending)}</b>
      </button>
      {sort === "price" && !isNarrowed ? <CurrencyField value={parameters["currency"] ?? config.value.default_currency} /> : null}
      {orders().includes("updated_at") ? (
        <button
          type="button"
          class="pill"
          aria-pressed={parameters["deleted"] === "1"}
          onClick={() => {
            const isOn = parameters["deleted"] === "1";
            setText("");
            refine(isOn ? { deleted: undefined, order: undefined } : { deleted: "1", order: "desc", q: undefined, category: undefined, sku: undefined, sort: undefined });
          }}
        >
          <b>Show removed ones too</b>
        </button>
      ) : null}
    </div>
  );
}

function direction(sort: string, isDescending: boolean): string {
  if (sort === "price") return isDescending ? "Dearest first" : "Cheapest first";
  if (sort === "updated_at") return isDescending ? "Newest first" : "Oldest first";
  return isDescending ? "Z to A" : "A to Z";
}

function CurrencyField({ value }: { readonly value: string }) {
  return (
    <label class="pill">
      Currency{" "}
      <input
        type="text"
        class="currency"
        maxLength={3}
        value={value}
        onChange={(event) => {
          const code = event.currentTarget.value.toUpperCase();
          if (/^[A-Z]{3}$/.test(code)) refine({ currency: code === config.value.default_currency ? undefined : code });
        }}
      />
    </label>
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
    refine({ category, deleted: undefined, sort: undefined });
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

function Products({ products, parameters }: { readonly products: readonly Product[]; readonly parameters: Parameters }) {
  const isNarrow = useNarrow();
  if (isNarrow) {
    return (
      <div class="card flush">
        <ul class="cards">
          {products.map((product) => (
            <li key={product.id} class="row">
              <div class="card-top">
                <ProductName product={product} />
                <b class="number">{money(product.price, product.currency)}</b>
              </div>
              <div class="muted small">
                <span class="sku">{product.sku ?? ""}</span> {product.category ?? ""} {product.status === "deleted" ? <Removed /> : null}
              </div>
            </li>
          ))}
        </ul>
      </div>
    );
  }
  const sorted = (name: string) => {
    const sort = parameters["sort"] ?? "name";
    return sort === name ? ({ "aria-sort": parameters["order"] === "desc" ? "descending" : "ascending" } as const) : {};
  };
  return (
    <div class="card flush">
      <table>
        <caption class="sr">Products</caption>
        <thead>
          <tr>
            <th scope="col" {...sorted("name")}>Product</th>
            <th scope="col">SKU</th>
            <th scope="col">Category</th>
            <th scope="col" class="number" {...sorted("price")}>Price</th>
            <th scope="col" class="number">Version</th>
            <th scope="col" {...sorted("updated_at")}>Changed</th>
          </tr>
        </thead>
        <tbody>
          {products.map((product) => (
            <tr key={product.id} class="row" data-row tabIndex={-1} onKeyDown={openOnEnter}>
              <th scope="row" class="product">
                <ProductName product={product} /> {product.status === "deleted" ? <Removed /> : null}
              </th>
              <td class="sku">{product.sku ?? ""}</td>
              <td class="muted">
                <bdi>{product.category ?? ""}</bdi>
              </td>
              <td class="number price">{money(product.price, product.currency)}</td>
              <td class="number muted">{product.version}</td>
              <td class="muted nowrap">
                <time dateTime={product.updated_at} title={product.updated_at}>{date(product.updated_at)}</time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function openOnEnter(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.target === event.currentTarget) (event.currentTarget as HTMLElement).querySelector("a")?.click();
}

function ProductName({ product }: { readonly product: Product }) {
  return (
    <Link to={productView(product.id)} class="name" title={product.name}>
      <bdi>{product.name}</bdi>
    </Link>
  );
}

function Removed() {
  return <span class="tag">removed</span>;
}

function Nothing({ parameters }: { readonly parameters: Parameters }) {
  const q = parameters["q"];
  return (
    <div class="card nothing">
      <p>
        <b>{q === undefined ? "No product fits." : `No product begins with “${q}”.`}</b>
      </p>
      <p class="actions">
        {q !== undefined && has("sku") ? (
          <button type="button" class="button" onClick={() => refine({ sku: q, q: undefined })}>
            Look for it as a SKU
          </button>
        ) : null}
        <button type="button" class="button" onClick={() => refine({ q: undefined, sku: undefined, category: undefined, deleted: undefined })}>
          Show all products
        </button>
      </p>
    </div>
  );
}

const COLUMNS = ["product_id", "sku", "name", "category", "price", "currency", "status", "version", "recorded_at"] as const;

function Csv({ parameters }: { readonly parameters: Parameters }) {
  const [made, setMade] = useState<number | undefined>(undefined);
  const make = async (): Promise<void> => {
    const control = new AbortController();
    const rows: Product[] = [];
    let cursor: string | undefined;
    setMade(0);
    try {
      do {
        const page: List = await load(parameters, cursor, 100, control.signal);
        rows.push(...page.products);
        setMade(rows.length);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined && rows.length < MOST_CSV);
      const text = csv(COLUMNS, rows.map((one) => [one.id, one.sku, one.name, one.category, one.price, one.currency, one.status, String(one.version), one.updated_at]));
      download(["catalogue", parameters["category"], parameters["q"], new Date().toISOString().slice(0, 10)], "csv", text, "text/csv");
      say(cursor === undefined ? `A file with ${count(rows.length)} products is ready.` : `The file has the first ${count(rows.length)} products; filter for less.`);
    } catch (error) {
      say(error instanceof Error ? error.message : "The file could not be made.");
    }
    setMade(undefined);
  };
  return (
    <button type="button" class="button" disabled={made !== undefined} onClick={() => void make()}>
      {made === undefined ? "Download CSV" : `Preparing ${count(made)} rows…`}
    </button>
  );
}
