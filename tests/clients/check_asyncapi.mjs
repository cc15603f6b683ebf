// Has the official parser read the AsyncAPI document, and fails for every error or warning it finds.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const file = new URL("../../schema/json/asyncapi.json", import.meta.url);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
// Severity 0 is an error, 1 a warning; 2 and 3 recommend, among other things a later version of AsyncAPI.
const faults = diagnostics.filter(({ severity }) => severity <= 1);
for (const { code, message, path } of faults) {
  console.error(`schema/json/asyncapi.json: ${path.join(".")}: ${message} (${code})`);
}
if (document === undefined || faults.length > 0) {
  process.exit(1);
}
const messages = document.allMessages().all();
console.log(`AsyncAPI ${document.version()}: ${messages.length} messages, valid by the official parser`);
if (messages.length === 0) {
  process.exit(1);
}
