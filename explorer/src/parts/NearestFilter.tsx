// An empty list: which single filter keeps everything out.

import { get } from "../api";
import { type Filters, isPicked, pagePath } from "../feed";
import { useLoad } from "../load";
import { date, refine } from "../state";
import type { Feed, FeedEntry } from "../types";

/** The filters that can be dropped, each with its parameters, as the page names them. */
const GROUPS: readonly (readonly [name: string, parameters: readonly string[]])[] = [
  ["When", ["from", "to", "by"]],
  ["What", ["what", "only"]],
  ["Who", ["who"]],
  ["Product", ["product"]],
  ["Conversation", ["thread"]],
];
const MOST_REQUESTS = 4;

/** A filter without which there is something, and the newest of it. */
interface Nearest {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly entry: FeedEntry;
}

async function look(filters: Filters, signal: AbortSignal): Promise<Nearest[]> {
  const set = GROUPS.filter(([, parameters]) => parameters.some((name) => filters[name] !== undefined)).slice(0, MOST_REQUESTS);
  const found = await Promise.all(
    set.map(async ([name, parameters]) => {
      const kept = Object.fromEntries(Object.entries(filters).filter(([one]) => !parameters.includes(one)));
      // A drop is picked by the page, so that one entry does not tell whether there is any.
      const feed = await get<Feed>(pagePath(kept, undefined, kept["only"] === "drops" ? 100 : 1), { signal });
      const entry = feed.commits.find((one) => isPicked(one, kept, -1));
      return entry === undefined ? undefined : { name, parameters, entry };
    }),
  );
  return found.filter((one) => one !== undefined);
}

export function NearestFilter({ filters, clear }: { readonly filters: Filters; readonly clear: () => void }) {
  const { open: _open, since: _since, ...asked } = filters;
  const nearest = useLoad(`nearest ${JSON.stringify(asked)}`, (signal) => look(asked, signal));
  return (
    <>
      {(nearest.data ?? []).map(({ name, parameters, entry }) => (
        <p key={name}>
          Without “{name}” there is something
          {entry.commit === null ? "" : `, the newest by ${entry.commit.metadata.actor} on ${date(entry.commit.recorded_at)}`}.{" "}
          <button type="button" class="button" onClick={() => refine(Object.fromEntries(parameters.map((one) => [one, undefined])))}>
            Clear {name}
          </button>
        </p>
      ))}
      <button type="button" class="button" onClick={clear}>
        Clear all filters
      </button>
    </>
  );
}
