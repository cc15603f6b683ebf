// The entries of a commit on the bus, as its subscribers get them, and a pattern that matches them.

import { get } from "../api";
import { busEntries, pattern } from "../entry";
import { useLoad } from "../load";
import { seal } from "../seal";
import type { Commit } from "../types";
import { Copy } from "./Copy";
import { Failure } from "./Notice";

interface Settings {
  readonly settings: readonly { readonly name: string; readonly value: string | null }[];
}

export function BusEntries({ commit }: { readonly commit: Commit }) {
  const source = useLoad("source", async (signal) => {
    const { settings } = await get<Settings>("status", { signal });
    return settings.find((one) => one.name === "LEDGER_EVENT_SOURCE")?.value ?? null;
  });
  if (source.error !== undefined) return <Failure error={source.error} retry={source.reload} />;
  if (source.data === undefined) return null;
  if (source.data === null) return <p class="muted">This server does not tell under which source it publishes.</p>;
  const now = seal.value;
  const origin = now.state === "checked" && now.answer.state !== "broken" ? now.answer.origin : undefined;
  const entries = busEntries(commit, source.data, origin);
  if (entries === undefined) return <p class="muted">This page does not know an event of this commit; see JSON.</p>;
  return (
    <div class="more">
      <p class="small muted">
        What the publisher makes of the commit with today's source and log. The bus adds its own id and time; EventBridge also account and region.
      </p>
      {entries.map((entry, index) => {
        const text = JSON.stringify(entry, null, 2);
        return (
          <div key={index} class="wide">
            <pre tabIndex={0} aria-label={`Entry of event ${commit.sequence + index}`}>{text}</pre>
            <Copy text={text} kind="link">Copy the entry</Copy>{" "}
            <Copy text={pattern(entry)} kind="link" told="A pattern for a rule of EventBridge is copied.">
              Copy a matching EventBridge pattern
            </Copy>
          </div>
        );
      })}
    </div>
  );
}
