// Reads the hashes of a log from its tiles (C2SP tlog-tiles).

import { nodeHash, type NodeReader, type TreeNode } from "./tree";

const WIDTH = 256;
const HASH = 32;

/** Fetches a file of the log by its path. */
export type FileReader = (path: string) => Promise<Uint8Array>;

/** The index in groups of three digits, and the width of a file that is not full. */
function numbered(index: number, width: number): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return groups.join("/") + (width < WIDTH ? `.p/${width}` : "");
}

/** The path of a tile of hashes of a log of `size` entries. */
export function tilePath(level: number, index: number, size: number): string {
  const width = Math.min(WIDTH, Math.floor(size / WIDTH ** level) - index * WIDTH);
  return `tile/${level}/${numbered(index, width)}`;
}

/** The path of the bundle with an entry, and the entry's place in it. */
export function bundlePath(entry: number, size: number): { path: string; place: number } {
  const index = Math.floor(entry / WIDTH);
  const width = Math.min(WIDTH, size - index * WIDTH);
  return { path: `tile/entries/${numbered(index, width)}`, place: entry % WIDTH };
}

/** The entry at a place of a bundle; `undefined` if it has none there. */
export function entryOf(bundle: Uint8Array, place: number): Uint8Array | undefined {
  let at = 0;
  for (let index = 0; at + 2 <= bundle.length; index += 1) {
    const length = (bundle[at] as number) * 256 + (bundle[at + 1] as number);
    const entry = bundle.subarray(at + 2, at + 2 + length);
    if (entry.length < length) return undefined;
    if (index === place) return entry;
    at += 2 + length;
  }
  return undefined;
}

/** Reads the hashes of complete subtrees of a log of `size` entries; each tile once. */
export function nodesOf(size: number, read: FileReader): NodeReader {
  const tiles = new Map<string, Promise<Uint8Array>>();
  return async ({ level, index }: TreeNode) => {
    const tileLevel = Math.floor(level / 8);
    const count = 2 ** (level % 8);
    const first = index * count;
    const path = tilePath(tileLevel, Math.floor(first / WIDTH), size);
    let tile = tiles.get(path);
    if (tile === undefined) {
      tile = read(path);
      tiles.set(path, tile);
    }
    const bytes = await tile;
    const start = (first % WIDTH) * HASH;
    let hashes: Uint8Array[] = Array.from({ length: count }, (_, place) => bytes.slice(start + place * HASH, start + (place + 1) * HASH));
    if (hashes.some((hash) => hash.length !== HASH)) throw new Error(`the log's file ${path} is too short`);
    while (hashes.length > 1) {
      const pairs = Array.from({ length: hashes.length / 2 }, (_, pair) => pair * 2);
      hashes = await Promise.all(pairs.map((at) => nodeHash(hashes[at] as Uint8Array, hashes[at + 1] as Uint8Array)));
    }
    return hashes[0] as Uint8Array;
  };
}
