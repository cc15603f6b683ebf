// Whether a commit is in the log: the path from it to the root of the checked checkpoint, computed in this browser.

import { getText, query } from "./api";
import { type Loaded, useLoad } from "./load";
import { seal } from "./seal";
import type { Commit, Feed } from "./types";
import { access, verify } from "./verifier";

/** Where a commit is in the log. */
export interface Logged {
  /** Its position in the order of all commits; `undefined`: it has none yet. */
  readonly position: number | undefined;
  /** Whether the path leads to the root; `undefined`: no checkpoint covers it yet. */
  readonly isIncluded: boolean | undefined;
}

/** The checkpoint that was checked and accepted, if there is one. */
export function acceptedNote(): { readonly note: string; readonly size: number } | undefined {
  const now = seal.value;
  if (now.state !== "checked" || (now.answer.state !== "first" && now.answer.state !== "continues")) return undefined;
  return { note: now.answer.note, size: now.answer.size };
}

/** Looks a commit up in the log under the accepted checkpoint; without one nothing is looked up. */
export function useLogged(commit: Commit | undefined): Loaded<Logged | undefined> {
  const accepted = acceptedNote();
  return useLoad(`logged ${commit?.commit_id ?? ""} ${accepted?.note ?? ""}`, async (signal) => {
    if (commit === undefined || accepted === undefined) return undefined;
    const page = await getText(query("commits", { product: commit.product_id, commit_id: commit.commit_id, order: "desc", limit: 1 }), { signal });
    const entry = (JSON.parse(page) as Feed).commits[0];
    if (entry === undefined) return { position: undefined, isIncluded: undefined };
    const { position } = entry;
    if (entry.commit?.hash !== commit.hash) return { position, isIncluded: false };
    if (position >= accepted.size) return { position, isIncluded: undefined };
    const { isIncluded } = await verify<"inclusion">({ kind: "inclusion", access: access(), checkpoint: accepted.note, position, page }, { signal });
    return { position, isIncluded };
  });
}
