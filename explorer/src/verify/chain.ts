// The chain of a product's commits: each has the hash that it carries, and names the hash, the end and the product of the one before it.

import { digestOf, hex, joined, sha256, utf8 } from "./bytes";
import { type Json, type JsonObject, canonical, list, object } from "./json";

const GENESIS = "0".repeat(64);

/** What is wrong with a commit. */
export interface ChainFault {
  readonly sequence: number | undefined;
  readonly reason: string;
  /** Whether nothing is known to be wrong, but it could not be checked. */
  readonly notCheckable?: boolean;
}

/** How far a chain has been checked: what the next commit must follow. */
export interface ChainPlace {
  readonly product: string;
  /** The sequence of the next commit. */
  readonly next: number;
  /** The hash of the commit before it. */
  readonly head: string;
  readonly recordedAt: string;
}

/** A checked commit. */
export interface CheckedCommit {
  readonly sequence: number;
  readonly hash: string;
  readonly place: ChainPlace;
}

/** The place before a product's first commit. */
export function beginning(product: string): ChainPlace {
  return { product, next: 1, head: GENESIS, recordedAt: "" };
}

/** The hash of a commit, over all of it but `hash` and what an answer adds to it. */
export async function hashOf(commit: JsonObject): Promise<string> {
  const rest = new Map<string, Json>();
  for (const [name, value] of commit) if (name !== "hash" && name !== "receipts") rest.set(name, value);
  return hex(await sha256(utf8(canonical(rest))));
}

/** Checks a commit at a place. `undefined` as place: any commit may come, and only its hash is checked. */
export async function check(commit: Json, place: ChainPlace | undefined): Promise<CheckedCommit | ChainFault> {
  const given = object(commit);
  if (given === undefined) return { sequence: place?.next, reason: "it is no commit" };
  const sequence = given.get("sequence");
  const [product, recordedAt, hash] = [given.get("product_id"), given.get("recorded_at"), given.get("hash")];
  const events = list(given.get("events"));
  if (typeof sequence !== "number" || typeof product !== "string" || typeof recordedAt !== "string" || !events?.length) {
    return { sequence: place?.next, reason: "it lacks a field that each commit has" };
  }
  if (digestOf(hash) === undefined) return { sequence, reason: "it carries no hash" };
  const computed = await hashOf(given);
  if (computed !== hash) return { sequence, reason: `it carries hash ${short(hash as string)} but hashes to ${short(computed)}` };
  if (place !== undefined) {
    const reason = misplaced(given, place);
    if (reason !== undefined) return { sequence, reason };
  }
  return { sequence, hash: computed, place: { product, next: sequence + events.length, head: computed, recordedAt } };
}

function misplaced(commit: JsonObject, place: ChainPlace): string | undefined {
  if (commit.get("product_id") !== place.product) return "it is of another product";
  if (commit.get("sequence") !== place.next) return `it stands where commit ${place.next} belongs`;
  if (commit.get("previous_hash") !== place.head) return "it does not follow the commit before it";
  if ((commit.get("recorded_at") as string) < place.recordedAt) return "it was recorded before the commit before it";
  return undefined;
}

/** The beginning of a hash. */
export function short(hash: string): string {
  return hash.slice(0, 8);
}

const FIRST = utf8("product-ledger/product\n");

/** The entry that a log has of a commit: the hash of the commit before it, and its own. */
export async function leafOf(commit: JsonObject): Promise<Uint8Array | undefined> {
  const [previous, own] = [commit.get("previous_hash"), digestOf(commit.get("hash"))];
  const product = commit.get("product_id");
  if (own === undefined || typeof product !== "string") return undefined;
  const parent = previous === GENESIS ? await sha256(joined(FIRST, utf8(product))) : digestOf(previous);
  return parent === undefined ? undefined : joined(parent, own);
}
