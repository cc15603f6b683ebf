// A product for programs: the answer as it came, and requests in three languages, with the version that is shown.

import { useState } from "preact/hooks";
import { address, getText, productPath } from "../api";
import { curl } from "../curl";
import { useLoad } from "../load";
import { type Language, LANGUAGES, changing, reading } from "../programs";
import { config, count } from "../state";
import type { Product } from "../types";
import { Copy } from "./Copy";
import { Failure } from "./Notice";

const MOST_LINES = 200;
const MOST_CHARACTERS = 20_000;

/** The answer as it came: it is neither read nor written again. */
export function RawProduct({ path, version }: { readonly path: string; readonly version: number }) {
  const answer = useLoad(`raw ${path} ${version}`, (signal) => getText(path, { signal }));
  const [isAll, setAll] = useState(false);
  if (answer.error !== undefined) return <Failure error={answer.error} retry={answer.reload} />;
  if (answer.data === undefined) return null;
  const text = answer.data;
  const head = text.split("\n").slice(0, MOST_LINES).join("\n").slice(0, MOST_CHARACTERS);
  const isFolded = !isAll && head.length < text.length;
  return (
    <>
      <pre class="raw" tabIndex={0} aria-label="The product as JSON">{isFolded ? `${head}…` : text}</pre>
      <p class="links">
        <Copy text={text} kind="link" told="The answer is copied.">
          Copy the JSON
        </Copy>
        {isFolded ? (
          <button type="button" class="as-link" onClick={() => setAll(true)}>
            Show all {count(text.length)} characters
          </button>
        ) : null}
      </p>
    </>
  );
}

export function ProductCode({ product, path }: { readonly product: Product; readonly path: string }) {
  const [language, setLanguage] = useState<Language>("curl");
  const hasToken = config.value.mode !== "open";
  const url = address(path);
  const own = address(productPath(product.id));
  const read = language === "curl" ? curl(path) : reading(language, url, hasToken);
  const change = changing(language, own, hasToken, product);
  return (
    <>
      <div class="switch" role="group" aria-label="Language">
        {LANGUAGES.map(([name, words]) => (
          <button key={name} type="button" aria-pressed={name === language} onClick={() => setLanguage(name)}>
            {words}
          </button>
        ))}
      </div>
      <h3>Read it</h3>
      <pre class="raw" tabIndex={0} aria-label="A request that reads the product">{read}</pre>
      <Copy text={read} kind="link" told="The request is copied.">
        Copy
      </Copy>
      {product.status === "active" ? (
        <>
          <h3>Change it, if it is still at version {product.version}</h3>
          <pre class="raw" tabIndex={0} aria-label="A request that changes the product">{change}</pre>
          <Copy text={change} kind="link" told="The request is copied, with the version that you see.">
            Copy
          </Copy>
        </>
      ) : null}
    </>
  );
}
