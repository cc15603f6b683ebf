import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { base64, equal, hex, joined, sha256, utf8 } from "../src/verify/bytes";
import { beginning, check, hashOf, leafOf } from "../src/verify/chain";
import { canonical, type Json, NotCheckable, object, read } from "../src/verify/json";
import { checkpointOf, opened, RefusedNote, verifierKey } from "../src/verify/note";
import { bundlePath, entryOf, nodesOf } from "../src/verify/tiles";
import { consistencyProof, inclusionProof, isConsistent, leafHash, nodeHash, rootOf, rootOfInclusion, RunningRoot, type TreeNode } from "../src/verify/tree";

declare const ROOT: string;

const LOG = join(ROOT, "log/tests/data");
const commits = (): string[] => gunzipSync(readFileSync(join(LOG, "export.ndjson.gz"))).toString("utf8").trimEnd().split("\n");

test("canonical JSON is that of RFC 8785", () => {
  for (const [given, expected] of [
    ['{"\\ufb33":1,"\\ud83d\\ude00":2,"\\u20ac":3,"1":4,"\\r":5}', '{"\\r":5,"1":4,"€":3,"😀":2,"\ufb33":1}'],
    ['{ "b" : [ null, true, false, "\\u20ac$\\u000F\\nA\'B\\"\\\\\\\\\\"/" ], "a" : {} }', '{"a":{},"b":[null,true,false,"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"]}'],
    ["[9007199254740991,-1,0]", "[9007199254740991,-1,0]"],
    ['"\u2028"', '"\u2028"'],
  ] as const) {
    assert.equal(canonical(read(given)), expected);
  }
});

test("what two readers could take for different values is refused", () => {
  for (const text of [
    '{"a":1,"a":1}', "9007199254740992", "1.0", "1e3", "-0", "01", '"\\ud800"', '"\ud800"', '"a', "[1,]", "{a:1}", "1 2", "", "\ufeff1", '"\\x"', '"\u0001"', "NaN", "+1", "[".repeat(80) + "]".repeat(80),
  ]) {
    assert.throws(() => read(text), NotCheckable, text);
  }
});

test("every commit of an export hashes to what it carries, and the chains hold", async () => {
  const places = new Map<string, Awaited<ReturnType<typeof place>>>();
  async function place(line: string, before: Parameters<typeof check>[1]) {
    const found = await check(read(line), before);
    assert.ok(!("reason" in found), "reason" in found ? found.reason : "");
    return found.place;
  }
  let number = 0;
  for (const line of commits()) {
    const product = String(object(read(line))?.get("product_id"));
    places.set(product, await place(line, places.get(product) ?? beginning(product)));
    number += 1;
  }
  assert.ok(number > 200, String(number));
});

/** Every value of a commit, changed. */
function mutants(value: Json, rebuild: (changed: Json) => Json): Json[] {
  if (value instanceof Map) {
    return [...value].flatMap(([name, member]) => mutants(member as Json, (changed) => rebuild(new Map([...value, [name, changed]]) as Json)));
  }
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return [rebuild([...list, "x"]), ...list.flatMap((item, index) => mutants(item, (changed) => rebuild(list.with(index, changed))))];
  }
  if (typeof value === "string") return [rebuild(`${value}x`)];
  return typeof value === "number" ? [rebuild(value + 1)] : [rebuild("x")];
}

test("a change of any value of a commit is found", async () => {
  let tried = 0;
  for (const line of commits().slice(0, 20)) {
    const commit = read(line);
    const product = String(object(commit)?.get("product_id"));
    for (const mutant of mutants(commit, (changed) => changed)) {
      const found = await check(mutant, undefined);
      assert.ok("reason" in found, `${product}: ${canonical(mutant)}`);
      tried += 1;
    }
  }
  assert.ok(tried > 300, String(tried));
});

test("a commit that is well hashed but stands in the wrong place is found", async () => {
  const lines = commits();
  const first = lines.find((line) => line.includes('"sequence":1,')) as string;
  const product = String(object(read(first))?.get("product_id"));
  const own = beginning(product);
  for (const place of [{ ...own, product: "other" }, { ...own, next: 2 }, { ...own, head: "1".repeat(64) }, { ...own, recordedAt: "9999" }]) {
    assert.ok("reason" in (await check(read(first), place)), JSON.stringify(place));
  }
  // A change under a hash that fits again breaks the link of the next commit.
  const changed = new Map(object(read(first)));
  changed.set("recorded_at", "2001-01-01T00:00:00.000Z");
  changed.set("hash", await hashOf(changed));
  const forged = await check(changed, own);
  assert.ok(!("reason" in forged));
  const second = lines.find((line) => line.includes(`"product_id":"${product}"`) && !line.includes('"sequence":1,'));
  if (second !== undefined) assert.ok("reason" in (await check(read(second), forged.place)));
});

async function tree(size: number) {
  const entries = Array.from({ length: size }, (_, index) => utf8(`entry ${index}`));
  const hashes = await Promise.all(entries.map(leafHash));
  const node = async ({ level, index }: TreeNode): Promise<Uint8Array> => {
    if (level === 0) return hashes[index] as Uint8Array;
    return nodeHash(await node({ level: level - 1, index: 2 * index }), await node({ level: level - 1, index: 2 * index + 1 }));
  };
  return { entries, hashes, node };
}

test("proofs hold for every entry and every size, and for nothing else", async () => {
  const most = 40;
  const { entries, hashes, node } = await tree(most);
  const running = new RunningRoot();
  const roots: Uint8Array[] = [await rootOf(0, node)];
  for (let size = 1; size <= most; size += 1) {
    await running.push(entries[size - 1] as Uint8Array);
    roots.push(await rootOf(size, node));
    assert.ok(equal(await running.root(), roots[size] as Uint8Array), String(size));
  }
  for (let size = 1; size <= most; size += 1) {
    const root = roots[size] as Uint8Array;
    for (let index = 0; index < size; index += 1) {
      const proof = await inclusionProof(index, size, node);
      const found = await rootOfInclusion(index, size, hashes[index] as Uint8Array, proof);
      assert.ok(found !== undefined && equal(found, root));
      const other = await rootOfInclusion((index + 1) % size, size, hashes[index] as Uint8Array, proof);
      assert.ok(size === 1 || other === undefined || !equal(other, root));
    }
    for (let old = 0; old <= size; old += 1) {
      const proof = await consistencyProof(old, size, node);
      const before = { size: old, root: roots[old] as Uint8Array };
      assert.ok(await isConsistent(before, { size, root }, proof), `${old} ${size}`);
      if (old > 0 && old < size) {
        const forged = { size: old, root: roots[old - 1] as Uint8Array };
        assert.ok(!(await isConsistent(forged, { size, root }, proof)), `forged ${old} ${size}`);
      }
      if (old < size) assert.ok(!(await isConsistent({ size, root }, before, proof)), "a shrunk log");
    }
  }
});

/** The entries of the golden logs: the commits of the export by time, product and sequence. */
async function goldenEntries(): Promise<Uint8Array[]> {
  const all = commits().map((line) => ({ line, commit: JSON.parse(line) as { recorded_at: string; product_id: string; sequence: number } }));
  const place = ({ commit }: (typeof all)[number]): string => `${commit.recorded_at} ${commit.product_id} ${String(commit.sequence).padStart(9, "0")}`;
  all.sort((a, b) => (place(a) < place(b) ? -1 : 1));
  return Promise.all(all.map(async ({ line }) => (await leafOf(object(read(line)) as ReadonlyMap<string, Json>)) as Uint8Array));
}

/** The files of a log of entries, made here; what their bytes must be stands in `files.sha256`. */
function filesOf(size: number, entries: readonly Uint8Array[], hashes: readonly Uint8Array[]) {
  const known = new Map(
    readFileSync(join(LOG, "golden", String(size), "files.sha256"), "utf8").trimEnd().split("\n").filter((line) => line !== "").map((line) => {
      const [hash = "", path = ""] = line.split(/ +/);
      return [path, hash];
    }),
  );
  const node = async (level: number, index: number): Promise<Uint8Array> =>
    level === 0 ? (hashes[index] as Uint8Array) : nodeHash(await node(level - 1, 2 * index), await node(level - 1, 2 * index + 1));
  return async (path: string): Promise<Uint8Array> => {
    const found = /^tile\/(\d+|entries)\/(\d{3})(?:\.p\/(\d+))?$/.exec(path);
    assert.ok(found !== null, path);
    const [, level = "", index = "", width = "256"] = found;
    const places = Array.from({ length: Number(width) }, (_, place) => Number(index) * 256 + place);
    const parts =
      level === "entries"
        ? places.map((place) => joined(Uint8Array.of(0, 64), entries[place] as Uint8Array))
        : await Promise.all(places.map((place) => node(8 * Number(level), place)));
    const bytes = joined(...parts);
    assert.equal(hex(await sha256(bytes)), known.get(path), path);
    return bytes;
  };
}

for (const size of [0, 1, 2, 255, 256, 257, 513]) {
  test(`the log of ${size} entries that was written once has the same root, tiles and proofs here`, async () => {
    const folder = join(LOG, "golden", String(size));
    const entries = (await goldenEntries()).slice(0, size);
    const hashes = await Promise.all(entries.map(leafHash));
    const key = await verifierKey(readFileSync(join(LOG, "golden/key.vkey"), "utf8").trim());
    assert.ok(key !== undefined);
    const checkpoint = await opened(readFileSync(join(folder, "checkpoint"), "utf8"), key);
    assert.equal(checkpoint.size, size);
    const file = filesOf(size, entries, hashes);
    const nodes = nodesOf(size, file);
    assert.ok(equal(await rootOf(size, nodes), checkpoint.root));
    const running = new RunningRoot();
    for (let entry = 0; entry < size; entry += 1) {
      const { path, place } = bundlePath(entry, size);
      await running.push(entryOf(await file(path), place) as Uint8Array);
    }
    assert.ok(equal(await running.root(), checkpoint.root));
    for (const name of readdirSync(folder).filter((one) => one.endsWith(".tlog-proof"))) {
      const lines = readFileSync(join(folder, name), "utf8").split("\n");
      const index = Number(lines.find((line) => line.startsWith("index "))?.slice(6));
      const first = lines.findIndex((line) => line.startsWith("index ")) + 1;
      const given = lines.slice(first, lines.indexOf("", first)).map((line) => base64(line) as Uint8Array);
      const own = await inclusionProof(index, size, nodes);
      assert.deepEqual(own.map(hex), given.map(hex), name);
      const root = await rootOfInclusion(index, size, hashes[index] as Uint8Array, given);
      assert.ok(root !== undefined && equal(root, checkpoint.root), name);
    }
  });
}

test("a note with a change in it is refused", async () => {
  const note = readFileSync(join(LOG, "golden/257/checkpoint"), "utf8");
  const text = readFileSync(join(LOG, "golden/key.vkey"), "utf8").trim();
  const key = await verifierKey(text);
  assert.ok(key !== undefined);
  const { size } = checkpointOf(note);
  for (const changed of [
    note.replace(String(size), String(size + 1)),
    note.replace("\n\n", "\nmore\n\n"),
    note.replace("\u2014 example.com/ledger", "\u2014 example.com/other"),
    note.replace(/\n\n[^]*$/, "\n\n"),
    `x${note}`,
    note.replace(/(.)=\n$/, (_, letter: string) => `${letter === "A" ? "B" : "A"}=\n`),
  ]) {
    assert.notEqual(changed, note);
    await assert.rejects(opened(changed, key), RefusedNote, changed);
  }
  for (const changed of [text.replace("+", "x+"), text.slice(0, -4), `${text}A`, ""]) assert.equal(await verifierKey(changed), undefined);
});

test("the entry of a commit is the hash before it and its own", async () => {
  const [line] = commits();
  const commit = object(read(line as string));
  assert.ok(commit !== undefined);
  const leaf = await leafOf(commit);
  assert.ok(leaf !== undefined && leaf.length === 64);
  assert.equal(hex(leaf.slice(32)), commit.get("hash"));
});
