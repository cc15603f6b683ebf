import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
// @ts-expect-error -- the build has no types
import { anchor, markup, procedures, runbook } from "../runbook.mjs";

declare const ROOT: string;

const OPERATIONS = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

test("each form of Markdown becomes its markup, and what is written as code is not read", () => {
  for (const [text, html] of [
    ["# A *title* with `<b>`", '<h1 id="a-title-with-b">A <em>title</em> with <code>&lt;b&gt;</code></h1>'],
    ["one\ntwo **bold [x](#a)**\n\n## a", '<p>one two <strong>bold <a href="#a">x</a></strong></p>\n<h2 id="a">a</h2>'],
    ["1. a\n   b\n   - c\n   - d\n2. e", "<ol><li>a b<ul><li>c<li>d</ul><li>e</ol>"],
    ["- a\n\nb", "<ul><li>a</ul>\n<p>b</p>"],
    ["```\n*a* <b>\n```", '<pre tabindex="0">*a* &lt;b&gt;</pre>'],
    ["see [Costs](costs.md#x), [the README](../infra/README.md)", "<p>see Costs (<code>docs/costs.md</code>), the README (<code>infra/README.md</code>)</p>"],
    ["| a | b |\n|---|---|\n| `x` | y |", '<div class="scroll-x" tabindex="0" role="region" aria-label="a"><table><thead><tr><th scope="col">a<th scope="col">b<tbody><tr><th scope="row"><code>x</code><td>y</table></div>'],
    ["`a*b` and `c*d`", "<p><code>a*b</code> and <code>c*d</code></p>"],
  ]) {
    assert.equal(markup(text), html, text);
  }
});

test("a form that it does not know, a link into nothing and one to another server are refused", () => {
  for (const text of ["> quoted", "![x](y.png)", "#### four", "[x](#nowhere)", "# a\n\n# a", "[x](https://example.com)"]) {
    assert.throws(() => markup(text), text);
  }
});

test("every word of the procedures is on the page, and the anchors that the pages lead to", () => {
  const page = runbook(OPERATIONS, "style.css") as string;
  const bare = (text: string): string[] => text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const plain = page.replace(/^[^]*<main[^>]*>/, "").replace(/<[^>]+>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&amp;/g, "&");
  // Of a link to another page, the anchor within it is left out; of one within the page, the target.
  const given = (procedures(OPERATIONS) as string).replace(/\]\(#[^)]*\)/g, "]").replace(/\]\(([^)#]*)(#[^)]*)?\)/g, "] $1").replace(/^\|[-|]+\|$/gm, "").replace(/^ *\d+\. /gm, "").replace(/^```.*$/gm, "");
  const shown = bare(plain).filter((word) => word !== "docs");
  assert.deepEqual(shown, bare(given).filter((word) => word !== "docs"));
  const health = ["src/health.ts", "src/pages/Health.tsx"].map((file) => readFileSync(join(ROOT, "explorer", file), "utf8")).join("");
  const led = [...health.matchAll(/(?:<Runbook anchor=|const link = \[)"([a-z-]+)"/g)].map(([, name]) => name);
  assert.deepEqual(led.sort(), ["a-consumer-is-behind", "a-product-is-parked", "commands-fail", "commits-that-are-not-logged", "tampering"]);
  for (const name of led) assert.ok(page.includes(`id="${name}"`), name);
  assert.ok(!page.includes("<script") && !page.includes("<style") && !page.includes("style="));
  assert.equal(anchor("Who runs what, and `how`?"), "who-runs-what-and-how");
});
