// Says that a sign-in is about to end, unless it is renewed by itself.

import { useEffect } from "preact/hooks";
import { useNow } from "../load";
import { challenge, claims, isRefreshed, refreshed } from "../session";
import { config } from "../state";
import { inTab } from "../tab";

/** How long before its end a token is replaced. */
const EARLY = 120_000;

async function renew(): Promise<void> {
  if (config.value.mode !== "oidc") {
    challenge.value = "asked";
    return;
  }
  const { begin } = await import("../code");
  await begin(location.hash.slice(1), inTab().token !== undefined);
}

export function SessionBar() {
  const now = useNow(1000);
  const ends = claims.value?.ends;
  const isEnding = ends !== undefined && ends - now <= EARLY;
  useEffect(() => {
    if (isEnding) void refreshed();
  }, [isEnding]);
  if (challenge.value === "later") {
    return (
      <div class="bar bad" role="alert">
        <span>Your sign-in is not accepted any more.</span>
        <button type="button" class="button" onClick={() => (challenge.value = "asked")}>
          Sign in again
        </button>
      </div>
    );
  }
  if (!isEnding || isRefreshed.value) return null;
  const minutes = Math.ceil((ends - now) / 60_000);
  return (
    <div class="bar" role="status">
      <span>
        {ends <= now ? "Your sign-in has ended." : `Your sign-in ends in ${minutes > 1 ? `${minutes} minutes` : "a minute"}.`}
      </span>
      <button type="button" class="button" onClick={() => void renew()}>
        Renew
      </button>
    </div>
  );
}
