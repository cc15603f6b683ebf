// Requests as lines for a terminal.

import { address } from "./api";
import { quoted } from "./quoted";
import { config } from "./state";

/** The option that sends the token, where one is needed. */
export function authorization(): string {
  return config.value.mode === "open" ? "" : ' -H "Authorization: Bearer $LEDGER_TOKEN"';
}

/** A request that reads. */
export function curl(path: string): string {
  return `curl -s${authorization()} ${quoted(address(path))}`;
}
