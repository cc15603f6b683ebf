// Serves the explorer while it is worked on, built anew for each page, in front of a running ledger: `node dev.mjs [LEDGER] [PORT]`.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buildInto } from "./build.mjs";

const ledger = new URL(process.argv[2] ?? "http://127.0.0.1:8080");
const port = Number(process.argv[3] ?? 8090);
const folder = mkdtempSync(join(tmpdir(), "explorer-"));
const TYPES = { js: "text/javascript", css: "text/css", tsv: "text/tab-separated-values", txt: "text/plain", html: "text/html" };

process.on("SIGINT", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});

createServer(async (asked, answer) => {
  const path = new URL(asked.url, "http://localhost").pathname;
  try {
    if (path === "/") {
      await buildInto(folder, { dev: true });
      answer.setHeader("content-type", "text/html; charset=utf-8").end(readFileSync(join(folder, "index.html")));
      return;
    }
    if (path.startsWith("/ui/") && path !== "/ui/config.json") {
      const name = basename(path);
      answer.setHeader("content-type", `${TYPES[name.split(".").pop()]}; charset=utf-8`).end(readFileSync(join(folder, name)));
      return;
    }
  } catch (error) {
    answer.writeHead(500).end(String(error));
    return;
  }
  const headers = { ...asked.headers, host: ledger.host };
  if (headers.origin) headers.origin = ledger.origin;
  const passed = request(ledger.origin + asked.url, { method: asked.method, headers }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
  });
  passed.on("error", () => answer.writeHead(502).end());
  asked.pipe(passed);
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port} in front of ${ledger.origin}`));
