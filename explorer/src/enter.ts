// The start where requests need a token.

import { pasted } from "./pasted";
import { accept, fault } from "./session";
import { config } from "./state";
import { inTab, keepInTab } from "./tab";

/** Signs in with what this tab has: an answer of the issuer, a kept token, or the issuer once more. True: the page is being left. */
export async function enter(answer: URLSearchParams): Promise<boolean> {
  const kept = inTab();
  const code = async () => import("./code");
  if (config.value.mode === "oidc" && answer.has("state") && (answer.has("code") || answer.has("error"))) {
    await (await code()).finish(answer);
    return false;
  }
  const read = kept.token === undefined ? undefined : pasted(kept.token, Date.now());
  if (read !== undefined && "token" in read) {
    accept(read.token);
    return false;
  }
  if (kept.token !== undefined) keepInTab(kept.again === undefined ? {} : { again: true });
  if (config.value.mode !== "oidc" || kept.again === undefined) return false;
  await (await code()).begin(location.hash.slice(1), kept.token !== undefined);
  return fault.value === undefined;
}
