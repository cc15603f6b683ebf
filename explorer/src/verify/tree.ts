// The Merkle tree of a log (RFC 6962): hashes, roots, inclusion and consistency. Sizes are numbers below 2^53.

import { equal, joined, sha256 } from "./bytes";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The hash of an entry. */
export function leafHash(entry: Uint8Array): Promise<Uint8Array> {
  return sha256(joined(LEAF, entry));
}

/** The hash of two subtrees. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array> {
  return sha256(joined(NODE, left, right));
}

/** The root of a tree without entries. */
export function emptyRoot(): Promise<Uint8Array> {
  return sha256(new Uint8Array());
}

/** A complete subtree: of the entries from `index · 2^level` on, `2^level` many. */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/** Gives the hash of a complete subtree. */
export type NodeReader = (node: TreeNode) => Promise<Uint8Array>;

interface Span {
  readonly from: number;
  readonly to: number;
}

function halves({ from, to }: Span): [Span, Span] {
  const middle = from + 2 ** floorLog2(to - from - 1);
  return [
    { from, to: middle },
    { from: middle, to },
  ];
}

function floorLog2(value: number): number {
  let level = 0;
  while (2 ** (level + 1) <= value) level += 1;
  return level;
}

/** The complete subtrees over entries, from left to right. */
function subtrees({ from, to }: Span): TreeNode[] {
  const nodes: TreeNode[] = [];
  let at = from;
  while (at < to) {
    const level = floorLog2(to - at);
    nodes.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

async function hashOf(span: Span, read: NodeReader): Promise<Uint8Array> {
  const hashes = await Promise.all(subtrees(span).map(read));
  return joinedRight(hashes);
}

/** The root over complete subtrees, from left to right. */
async function joinedRight(hashes: readonly Uint8Array[]): Promise<Uint8Array> {
  let root = hashes.at(-1);
  if (root === undefined) return emptyRoot();
  for (const hash of hashes.slice(0, -1).reverse()) root = await nodeHash(hash, root);
  return root;
}

/** The root of the first `size` entries. */
export function rootOf(size: number, read: NodeReader): Promise<Uint8Array> {
  return hashOf({ from: 0, to: size }, read);
}

/** The hashes that show that the entry at `index` is in the tree of `size` entries. */
export async function inclusionProof(index: number, size: number, read: NodeReader): Promise<Uint8Array[]> {
  let within: Span = { from: 0, to: size };
  const path: Uint8Array[] = [];
  while (within.to - within.from > 1) {
    const [left, right] = halves(within);
    const isLeft = index < left.to;
    path.unshift(await hashOf(isLeft ? right : left, read));
    within = isLeft ? left : right;
  }
  return path;
}

/** The hashes that show that the tree of `next` entries begins with those of the tree of `old` entries. */
export async function consistencyProof(old: number, next: number, read: NodeReader): Promise<Uint8Array[]> {
  if (old === 0 || old > next) return [];
  let within: Span = { from: 0, to: next };
  const path: Uint8Array[] = [];
  while (within.to !== old) {
    const [left, right] = halves(within);
    const isLeft = old <= left.to;
    path.unshift(await hashOf(isLeft ? right : left, read));
    within = isLeft ? left : right;
  }
  if (within.from > 0) path.unshift(await hashOf(within, read));
  return path;
}

/** The root that a proof leads to from an entry's hash; `undefined` if it cannot be a proof of this index and size. */
export async function rootOfInclusion(
  index: number,
  size: number,
  entry: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<Uint8Array | undefined> {
  if (index >= size) return undefined;
  let [at, last, root] = [index, size - 1, entry];
  for (const hash of proof) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      root = await nodeHash(hash, root);
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      root = await nodeHash(root, hash);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : undefined;
}

/** Whether a proof shows that the new tree begins with the entries of the old one. */
export async function isConsistent(
  old: { readonly size: number; readonly root: Uint8Array },
  next: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): Promise<boolean> {
  if (old.size > next.size) return false;
  if (old.size === 0) return proof.length === 0 && equal(old.root, await emptyRoot());
  if (old.size === next.size) return proof.length === 0 && equal(old.root, next.root);
  let [at, last] = [old.size - 1, next.size - 1];
  while (at % 2 === 1) [at, last] = [(at - 1) / 2, Math.floor(last / 2)];
  const isComplete = Number.isInteger(Math.log2(old.size));
  const first = isComplete ? old.root : proof[0];
  if (first === undefined) return false;
  let [then, now] = [first, first];
  for (const hash of isComplete ? proof : proof.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      then = await nodeHash(hash, then);
      now = await nodeHash(hash, now);
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      now = await nodeHash(now, hash);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(then, old.root) && equal(now, next.root);
}

/** The root of entries that come one after the other; it keeps one hash for each complete subtree. */
export class RunningRoot {
  private readonly subtrees: { level: number; hash: Uint8Array }[] = [];
  private count = 0;

  /** How many entries came. */
  get size(): number {
    return this.count;
  }

  /** Adds an entry. */
  async push(entry: Uint8Array): Promise<void> {
    let added = { level: 0, hash: await leafHash(entry) };
    for (;;) {
      const last = this.subtrees.at(-1);
      if (last === undefined || last.level !== added.level) break;
      this.subtrees.pop();
      added = { level: added.level + 1, hash: await nodeHash(last.hash, added.hash) };
    }
    this.subtrees.push(added);
    this.count += 1;
  }

  /** The root of all of them. */
  root(): Promise<Uint8Array> {
    return joinedRight(this.subtrees.map((subtree) => subtree.hash));
  }
}
