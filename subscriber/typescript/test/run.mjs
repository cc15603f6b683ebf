// Bundles each test and runs it: `node test/run.mjs [OPTIONS of node --test]`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
// Beside node_modules, where the bundles find the packages.
const folder = mkdtempSync(join(here, "../node_modules/.tests-"));
try {
  const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
  const options = { bundle: true, platform: "node", format: "esm", target: "node20", packages: "external", outExtension: { ".js": ".mjs" } };
  await build({ ...options, entryPoints: tests.map((name) => join(here, name)), outdir: folder });
  const bundles = readdirSync(folder).map((name) => join(folder, name));
  process.exitCode = spawnSync(process.execPath, ["--test", ...process.argv.slice(2), ...bundles], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
