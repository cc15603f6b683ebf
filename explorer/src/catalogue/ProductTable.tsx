// The products of the Catalogue as a table, on a phone as a list.

import { useNarrow } from "../narrow";
import { Link } from "../parts/Link";
import { date, money } from "../state";
import { productView } from "../url";
import { mostDecimals, padding } from "../money";
import type { Clock, Row } from "./compare";
import type { Parameters, Sort } from "./list";

/** The parameters with which links lead to products at the same moment. */
export function momentOfLinks(parameters: Parameters, clock: Clock): Record<string, string> {
  const { at } = parameters;
  if (at === undefined) return {};
  return clock === "recorded" ? { at, clock } : { at };
}

interface Props {
  readonly rows: readonly Row[];
  readonly parameters: Parameters;
  readonly clock: Clock;
  readonly sort: Sort;
}

export function ProductTable(props: Props) {
  const { rows, parameters, clock, sort } = props;
  const isNarrow = useNarrow();
  const decimals = mostDecimals(rows.map((row) => row.price));
  // Version and time of what was in force are those of now.
  const isOfTheTime = parameters["at"] === undefined || clock === "recorded";
  if (isNarrow) return <Cards {...props} />;
  const sorted = (name: Sort) => (sort === name ? ({ "aria-sort": parameters["order"] === "desc" ? "descending" : "ascending" } as const) : {});
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
            {isOfTheTime ? <th scope="col" class="number">Version</th> : null}
            {isOfTheTime ? <th scope="col" {...sorted("updated_at")}>Changed</th> : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((product) => (
            <tr key={product.id} class="row" data-row tabIndex={-1} onKeyDown={openOnEnter}>
              <th scope="row" class="product">
                <ProductName product={product} parameters={momentOfLinks(parameters, clock)} /> {product.status === "deleted" ? <span class="tag">removed</span> : null}
              </th>
              <td class="sku">{product.sku ?? ""}</td>
              <td class="muted">
                <bdi>{product.category ?? ""}</bdi>
              </td>
              <td class="number price">
                {money(product.price, product.currency)}
                {padding(product.price, decimals)}
              </td>
              {isOfTheTime ? <td class="number muted">{product.version}</td> : null}
              {isOfTheTime ? (
                <td class="muted nowrap">
                  <time dateTime={product.updated_at} title={product.updated_at}>{date(product.updated_at)}</time>
                </td>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cards({ rows, parameters, clock }: Props) {
  return (
    <div class="card flush">
      <ul class="cards">
        {rows.map((product) => (
          <li key={product.id} class="row">
            <div class="card-top">
              <ProductName product={product} parameters={momentOfLinks(parameters, clock)} />
              <b class="number">{money(product.price, product.currency)}</b>
            </div>
            <div class="muted small">
              <span class="sku">{product.sku ?? ""}</span> {product.category ?? ""} {product.status === "deleted" ? <span class="tag">removed</span> : null}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function openOnEnter(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.target === event.currentTarget) (event.currentTarget as HTMLElement).querySelector("a")?.click();
}

export function ProductName({ product, parameters }: { readonly product: Row; readonly parameters: Record<string, string> }) {
  return (
    <Link to={productView(product.id, parameters)} class="name" title={product.name}>
      <bdi>{product.name}</bdi>
    </Link>
  );
}
