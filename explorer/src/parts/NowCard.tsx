// The fields of a product, at the version that is shown; as the answer in JSON, and as programs that ask and change it.

import { productPath, query } from "../api";
import { curl } from "../curl";
import { digits } from "../money";
import { locale, money, refine, view } from "../state";
import type { Product } from "../types";
import { understood } from "../url";
import { visible } from "../visible";
import { Copy } from "./Copy";
import { later } from "./Later";
import { LongText } from "./LongText";

const RawProduct = later(async () => (await import("./ProductCode")).RawProduct);
const ProductCode = later(async () => (await import("./ProductCode")).ProductCode);

const VIEWS = [
  [undefined, "Fields"],
  ["json", "JSON"],
  ["code", "Code"],
] as const;

/** `note`: how the fields beside the price belong to the moment. */
export function NowCard({ product, title, note }: { readonly product: Product; readonly title: string; readonly note?: string }) {
  const chosen = understood(view.value)["view"];
  const shown = chosen === "json" || chosen === "code" ? chosen : undefined;
  const { id } = product;
  // Of a removed product there is the version before.
  const version = product.status === "deleted" ? product.version - 1 : product.version;
  const isNow = title === "Now" && product.status === "active";
  const at = isNow ? productPath(id) : query(productPath(id), { version });
  // The view may lag behind what is shown.
  const answer = query(productPath(id), isNow ? { min_version: version } : { version });
  return (
    <section class="card" aria-labelledby="now-title">
      <h2 id="now-title">{title}</h2>
      {note === undefined ? null : <p class="muted small">{note}</p>}
      {shown === "json" ? <RawProduct path={answer} /> : shown === "code" ? <ProductCode product={product} path={at} /> : <Fields product={product} />}
      <p class="links">
        {VIEWS.map(([name, words]) => (
          <button key={words} type="button" class="as-link" aria-pressed={shown === name} onClick={() => refine({ view: name })}>
            {words}
          </button>
        ))}
        <Copy text={curl(at)} kind="link" told="The request is copied.">
          curl
        </Copy>
      </p>
    </section>
  );
}

function Fields({ product }: { readonly product: Product }) {
  const attributes = Object.entries(product.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <dl class="fields">
      <Field name="price" value={`${digits(product.price, locale)} ${product.currency}`} title={money(product.price, product.currency)} />
      {product.sku === undefined ? null : <Field name="sku" value={product.sku} isCode />}
      {product.category === undefined ? null : <Field name="category" value={product.category} />}
      {attributes.map(([name, value]) => (
        <Field key={name} name={name} value={value} />
      ))}
      {product.description === undefined ? null : <Field name="description" value={product.description} />}
      <Field name="id" value={product.id} isCode />
    </dl>
  );
}

function Field({ name, value, isCode = false, title }: { readonly name: string; readonly value: string; readonly isCode?: boolean; readonly title?: string }) {
  return (
    <div>
      <dt dir="auto">{visible(name)}</dt>
      <dd dir="auto" {...(title === undefined ? {} : { title })} class={isCode ? "code" : ""}>
        <LongText text={value} />
      </dd>
    </div>
  );
}
