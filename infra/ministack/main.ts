// `tsx ministack/main.ts < template.json > local.json`

import { forMinistack } from "./transform.ts";

let input = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  input += chunk;
}
process.stdout.write(`${JSON.stringify(forMinistack(JSON.parse(input)), null, 1)}\n`);
