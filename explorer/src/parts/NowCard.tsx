// The fields of a product, at the version that is shown.

import { useState } from "preact/hooks";
import { address, productPath, query } from "../api";
import { authorization, curl, quoted } from "../curl";
import { digits } from "../money";
import { locale, money } from "../state";
import type { Product } from "../types";
import { Copy } from "./Copy";

const LONG = 160;

export function NowCard({ product, title }: { readonly product: Product; readonly title: string }) {
  const [isJson, setJson] = useState(false);
  const attributes = Object.entries(product.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const at = title === "Now" ? productPath(product.id) : query(productPath(product.id), { version: product.version });
  const patch = `curl -X PATCH${authorization()} ${quoted(address(productPath(product.id)))} -H 'content-type: application/json' -H 'if-match: "${product.version}"' -H "idempotency-key: $(uuidgen)" -d '{"price":"${product.price}"}'`;
  return (
    <section class="card" aria-labelledby="now-title">
      <h2 id="now-title">{title}</h2>
      {isJson ? (
        <pre tabIndex={0} aria-label="The product as JSON">{JSON.stringify(product, null, 2)}</pre>
      ) : (
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
      )}
      <p class="links">
        <button type="button" class="as-link" aria-pressed={isJson} onClick={() => setJson(!isJson)}>
          {isJson ? "Fields" : "JSON"}
        </button>
        <Copy text={curl(at)} kind="link" told="The request is copied.">
          curl
        </Copy>
        {title === "Now" && product.status === "active" ? (
          <Copy text={patch} kind="link" told="A request that changes the price is copied, with the version that you see.">
            curl to change it
          </Copy>
        ) : null}
      </p>
    </section>
  );
}

function Field({ name, value, isCode = false, title }: { readonly name: string; readonly value: string; readonly isCode?: boolean; readonly title?: string }) {
  const [isAll, setAll] = useState(false);
  const isLong = value.length > LONG;
  const shown = isLong && !isAll ? `${value.slice(0, LONG)}…` : value;
  return (
    <div>
      <dt dir="auto">{name}</dt>
      <dd dir="auto" {...(title === undefined ? {} : { title })} class={isCode ? "code" : ""}>
        {shown}{" "}
        {isLong ? (
          <button type="button" class="as-link" onClick={() => setAll(!isAll)}>
            {isAll ? "less" : `show all ${value.length} characters`}
          </button>
        ) : null}
      </dd>
    </div>
  );
}
