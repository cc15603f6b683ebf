// Builds the explorer into dist/, or into the folder that is given: `node build.mjs [FOLDER]`. The output depends on the sources, the lock file and esbuild alone.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { runbook } from "./runbook.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const RUNBOOK = join(HERE, "../docs/operations.md");
const SAMPLE = join(HERE, "../tests/data/adventureworks.ndjson");

/** The options of every bundle. */
export const OPTIONS = {
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: HERE,
};

const hashed = (text) => createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();

/** The raw text of a value in a line of JSON, as `ledger import` sends it: members in order of their names, values as written. */
function bodyOf(line) {
  const members = [];
  const found = /"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|\{[^{}]*\}|[^,{}\s]+)\s*[,}]/gy;
  found.lastIndex = 1;
  for (;;) {
    while (line[found.lastIndex] === " ") found.lastIndex += 1;
    const match = found.exec(line);
    if (match === null) break;
    members.push([match[1], match[2]]);
  }
  const value = JSON.parse(line);
  if (members.length !== Object.keys(value).length) throw new Error(`a line of the sample is read in part: ${line}`);
  const sent = members.filter(([name]) => name !== "command" && name !== "product_id");
  sent.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sent.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** The sample as the page sends it: one command a line, its verb, its product and its body. */
export function sample() {
  const text = readFileSync(SAMPLE, "utf8");
  const lines = text.split("\n").filter((line) => line !== "").map((line) => {
    const { command, product_id } = JSON.parse(line);
    return `${command}\t${product_id}\t${bodyOf(line)}\n`;
  });
  return { text: lines.join(""), hash: createHash("sha256").update(text).digest("hex") };
}

/**
 * Makes every part that is loaded later depend on the start. So esbuild puts what the first page needs into one file, whichever other
 * pages need some of it too: many small files are larger together, and each is a request.
 */
const START_IN_ONE = {
  name: "start-in-one",
  setup({ onLoad }) {
    const root = join(HERE, "src");
    const sources = readdirSync(root, { recursive: true }).filter((name) => /\.tsx?$/.test(name)).map((name) => join(root, name));
    const later = new Set(sources.flatMap((from) =>
      [...readFileSync(from, "utf8").matchAll(/\bimport\("(\.[^"]+)"\)/g)].map(([, to]) => join(dirname(from), to))));
    onLoad({ filter: /\.tsx?$/ }, ({ path }) => {
      if (!later.has(path.replace(/\.tsx?$/, ""))) return undefined;
      const start = JSON.stringify(join(root, "main.tsx"));
      return { contents: `${readFileSync(path, "utf8")}\nimport ${start};\n`, loader: path.endsWith("x") ? "tsx" : "ts" };
    });
  },
};

/** The licences of what is bundled. */
function licences(metafiles) {
  const packages = new Set();
  for (const { inputs } of metafiles) {
    for (const path of Object.keys(inputs)) {
      const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
      if (found) packages.add(found[1]);
    }
  }
  return [...packages].sort().map((name) => {
    const folder = join(HERE, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
    return `${name} ${version} (${license})\n\n${text}\n`;
  }).join(`\n${"-".repeat(72)}\n\n`);
}

/** Builds everything into a folder. */
export async function buildInto(folder, { dev = false } = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { text, hash } = sample();
  const sampleName = `sample-${hashed(text)}.tsv`;
  const shared = { ...OPTIONS, outdir: folder, splitting: true, metafile: true, entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]", minify: !dev, sourcemap: dev ? "inline" : false };
  const worker = await build({ ...shared, entryPoints: ["src/verify/worker.ts"] });
  const sheet = await build({ ...shared, entryPoints: ["src/styles/sheet.css"] });
  const nameOf = (result, entry) => basename(Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === entry)[0]);
  const define = { SHEET: JSON.stringify(nameOf(sheet, "src/styles/sheet.css")), WORKER: JSON.stringify(nameOf(worker, "src/verify/worker.ts")), SAMPLE: JSON.stringify(sampleName), SAMPLE_HASH: JSON.stringify(hash) };
  const page = await build({ ...shared, entryPoints: ["src/main.tsx", "src/style.css"], define, plugins: [START_IN_ONE] });
  writeFileSync(join(folder, sampleName), text);
  writeFileSync(join(folder, "LICENSES.txt"), licences([worker.metafile, page.metafile]));
  const html = readFileSync(join(HERE, "src/index.html"), "utf8");
  writeFileSync(join(folder, "runbook.html"), runbook(readFileSync(RUNBOOK, "utf8"), nameOf(page, "src/style.css")));
  const style = `ui/${nameOf(page, "src/style.css")}`;
  const main = `ui/${nameOf(page, "src/main.tsx")}`;
  const preloads = page.metafile.outputs[Object.keys(page.metafile.outputs).find((name) => basename(name) === basename(main))].imports
    .filter((one) => one.kind === "import-statement")
    .map((one) => `    <link rel="modulepreload" href="ui/${basename(one.path)}">\n`).join("");
  writeFileSync(join(folder, "index.html"), html.replace("STYLE", style).replace("MAIN", main).replace(/( *<script)/, `${preloads}$1`));
  return { worker, page };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildInto(resolve(process.argv[2] ?? join(HERE, "dist")));
}
