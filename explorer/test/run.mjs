// Bundles each test with esbuild, because Node.js runs no TypeScript, and runs them all.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { OPTIONS, sample } from "../build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "explorer-tests-"));
try {
  const entryPoints = readdirSync(here).filter((name) => name.endsWith(".test.ts")).map((name) => join(here, name));
  const define = { ROOT: JSON.stringify(join(here, "../..")), SAMPLE: '""', SAMPLE_HASH: JSON.stringify(sample().hash), WORKER: '""' };
  await build({ ...OPTIONS, entryPoints, outdir: folder, platform: "node", outExtension: { ".js": ".mjs" }, minify: false, define });
  const files = readdirSync(folder).filter((name) => name.endsWith(".mjs")).map((name) => join(folder, name));
  const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
