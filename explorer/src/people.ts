// The names of people, by the subject that is recorded; what has no name is shown as it is recorded.

import { signal } from "@preact/signals";
import { token } from "./session";
import { config } from "./state";

/** The names that are known. */
export const names = signal<ReadonlyMap<string, string>>(new Map());

/** Reads the file of names, if the server names one; without it the subjects are shown. */
export async function learnNames(): Promise<void> {
  const path = config.value.people_url;
  if (path === undefined) return;
  const headers = new Headers(token.value === undefined ? [] : [["authorization", `Bearer ${token.value}`]]);
  const answer = await fetch(path, { headers, cache: "no-cache" }).catch(() => undefined);
  const found: unknown = answer?.ok === true ? await answer.json().catch(() => undefined) : undefined;
  if (typeof found !== "object" || found === null) return;
  names.value = new Map(Object.entries(found).filter((one): one is [string, string] => typeof one[1] === "string" && one[1] !== ""));
}

/** The name of a subject, or the subject. */
export function named(subject: string): string {
  return names.value.get(subject) ?? subject;
}
