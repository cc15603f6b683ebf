// The checks of the worker: a page of a history, the log's checkpoint, all commits, the entry of one commit.

import { equal, hex, toBase64 } from "./bytes";
import { beginning, check, type ChainPlace, leafOf } from "./chain";
import { type Json, list, NotCheckable, object, read } from "./json";
import { checkpointOf, keysOf, opened, RefusedNote, verifierKey, type VerifierKey } from "./note";
import type {
  Access,
  CheckpointAnswer,
  CheckpointTask,
  CompareAnswer,
  CompareTask,
  HistoryAnswer,
  HistoryTask,
  InclusionAnswer,
  InclusionTask,
  WholeAnswer,
  WholeTask,
} from "./tasks";
import { bundlePath, entryOf, nodesOf } from "./tiles";
import { consistencyProof, inclusionProof, isConsistent, leafHash, nodeHash, RunningRoot } from "./tree";

/** The server did not answer as it should; not a fault of what it keeps. */
export class NoAnswer extends Error {
  constructor(
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

const SILENCE = 40_000;

async function get(access: Access, path: string): Promise<Response> {
  const headers = new Headers(access.token === undefined ? [] : [["authorization", `Bearer ${access.token}`]]);
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), SILENCE);
  try {
    const response = await fetch(access.base + path, { headers, cache: "no-store", credentials: "same-origin", signal: control.signal });
    if (!response.ok) throw new NoAnswer(`${path.split("?")[0]} was answered ${response.status}`, response.status);
    // With its end, so that the limit is one of the whole answer.
    return new Response(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    throw new NoAnswer(control.signal.aborted ? "the server does not answer" : "the answer of the server broke off, or the server is away");
  } finally {
    clearTimeout(timer);
  }
}

const file = (access: Access) => async (path: string): Promise<Uint8Array> =>
  new Uint8Array(await (await get(access, `log/${path}`)).arrayBuffer());

/** Checks the commits of a page of a history. */
export async function checkHistory(task: HistoryTask): Promise<HistoryAnswer> {
  const checked: { sequence: number; hash: string }[] = [];
  let place = task.place;
  let commits: readonly Json[] | undefined;
  try {
    commits = list(object(read(task.text))?.get("commits"));
  } catch (error) {
    if (!(error instanceof NotCheckable)) throw error;
    return { checked, place, fault: { sequence: place?.next, reason: error.message, notCheckable: true } };
  }
  for (const commit of commits ?? []) {
    const found = await check(commit, place);
    if ("reason" in found) return { checked, place, fault: found };
    checked.push({ sequence: found.sequence, hash: found.hash });
    place = found.place;
  }
  return { checked, place, fault: undefined };
}

/** Fetches the checkpoint, checks its signature, and whether the log only grew since the kept one. */
export async function checkCheckpoint({ access, kept }: CheckpointTask): Promise<CheckpointAnswer> {
  // The checkpoint first: a key that is added in between is then known.
  const note = await (await get(access, "log/checkpoint")).text();
  const keys = await keysOf(await (await get(access, "log/key")).text());
  try {
    const { origin, size } = checkpointOf(note);
    const own = Object.hasOwn(kept, origin) ? kept[origin] : undefined;
    if (own === undefined) {
      const { key, root } = await openedByOne(note, keys);
      const state = Object.keys(kept).length > 0 ? "another-log" : "first";
      return { state, note, key: key.text, origin, size, root: toBase64(root), oldSize: undefined };
    }
    const key = await verifierKey(own.key);
    if (key === undefined) throw new RefusedNote("the kept key cannot be read");
    if (!keys.some((one) => one.text === key.text)) {
      const { key: other } = await openedByOne(note, keys);
      return { state: "another-key", note, key: other.text, origin, size };
    }
    const next = await opened(note, key);
    const old = await opened(own.note, key);
    const proof = old.size < next.size ? await consistencyProof(old.size, next.size, nodesOf(next.size, file(access))) : [];
    if (!(await isConsistent(old, next, proof))) {
      const reason = `the log of ${old.size} commit${old.size === 1 ? "" : "s"} that this browser kept is not the beginning of today's`;
      return { state: "broken", note, reason, size, oldSize: old.size };
    }
    return { state: "continues", note, key: key.text, origin, size, root: toBase64(next.root), oldSize: old.size };
  } catch (error) {
    if (!(error instanceof RefusedNote)) throw error;
    return { state: "broken", note, reason: `the checkpoint is not accepted: ${error.message}`, size: undefined, oldSize: undefined };
  }
}

async function openedByOne(note: string, keys: readonly VerifierKey[]): Promise<{ key: VerifierKey; root: Uint8Array }> {
  let refused = new RefusedNote("this server names no key for it");
  for (const key of keys.toReversed()) {
    try {
      return { key, root: (await opened(note, key)).root };
    } catch (error) {
      if (!(error instanceof RefusedNote)) throw error;
      refused = error;
    }
  }
  throw refused;
}

const PROOF = "c2sp.org/tlog-proof@v1\n";

/** Compares what somebody kept in a file with the log of a checkpoint. Mails change the ends of lines, so they are made what they were. */
export async function checkCompare(task: CompareTask): Promise<CompareAnswer> {
  const text = `${task.text.replaceAll("\r\n", "\n").trim()}\n`;
  if (text.startsWith("{")) return compareExport(task, text);
  const isProof = text.startsWith(PROOF);
  return isProof ? compareNote(task, text.slice(text.indexOf("\n\n") + 2), "proof") : compareNote(task, text, "checkpoint");
}

async function compareNote(task: CompareTask, note: string, name: string): Promise<CompareAnswer> {
  try {
    const key = await verifierKey(task.key);
    if (key === undefined) throw new RefusedNote("the trusted key cannot be read");
    const next = await opened(task.checkpoint, key);
    const { origin } = checkpointOf(note);
    if (origin !== next.origin) return { state: "another-log", text: `The file is of the log ${origin}, and this is ${next.origin}: they cannot be compared.` };
    const old = await opened(note, key);
    const proof = old.size < next.size ? await consistencyProof(old.size, next.size, nodesOf(next.size, file(task.access))) : [];
    const what = `The log of ${old.size} commits in the ${name}`;
    if (await isConsistent(old, next, proof)) return { state: "continues", text: `${what} is the beginning of today's, which has ${next.size}.` };
    return { state: "broken", text: `${what} is not the beginning of today's, which has ${next.size}.` };
  } catch (error) {
    if (!(error instanceof RefusedNote)) throw error;
    return { state: "refused", text: `This is no checkpoint, proof or export of this log: ${error.message}.` };
  }
}

/** More products are compared by the program. */
const MOST_PRODUCTS = 2000;

/**
 * Compares an export, one commit a line, with the histories: the newest commit of each product has the hashes of all before it.
 * One by position begins with a checkpoint, and has the entry alone of a commit that is gone.
 */
async function compareExport(task: CompareTask, text: string): Promise<CompareAnswer> {
  const { access } = task;
  const places = new Map<string, { readonly place: ChainPlace; readonly sequence: number; readonly hash: string }>();
  const lines = text.trimEnd().split("\n");
  let commits = 0;
  for (const [index, line] of lines.entries()) {
    let commit: Json;
    try {
      commit = read(line);
    } catch (error) {
      if (!(error instanceof NotCheckable)) throw error;
      return { state: "refused", text: `Line ${index + 1} of the file is no commit: ${error.message}.` };
    }
    const note = object(commit)?.get("checkpoint");
    if (typeof note === "string") {
      const answer = await compareNote(task, note, "export");
      if (answer.state !== "continues") return answer;
      continue;
    }
    if (object(commit)?.has("entry") === true) continue;
    commits += 1;
    const product = String(object(commit)?.get("product_id"));
    const found = await check(commit, places.get(product)?.place ?? beginning(product));
    if ("reason" in found) return { state: "refused", text: `The file does not fit together: line ${index + 1}, of product ${product}: ${found.reason}.` };
    places.set(product, { place: found.place, sequence: found.sequence, hash: found.hash });
    if (places.size > MOST_PRODUCTS) return { state: "refused", text: `The file has more than ${MOST_PRODUCTS} products: compare it by ledger verify.` };
  }
  for (const [product, { sequence, hash }] of places) {
    const path = `products/${encodeURIComponent(product)}/history?after=${sequence - 1}&limit=1`;
    const now = await hashAt(access, path);
    if (now !== hash) {
      return { state: "broken", text: `Commit ${sequence} of product ${product} in the file is ${now === undefined ? "not in this ledger" : "another one in this ledger"}.` };
    }
  }
  return { state: "continues", text: `All ${commits} commits of ${places.size} products in the file are in this ledger, each as it was.` };
}

/** The hash of the first commit of a page of a history, computed here; `undefined`: there is none. */
async function hashAt(access: Access, path: string): Promise<string | undefined> {
  try {
    const commit = list(object(read(await (await get(access, path)).text()))?.get("commits"))?.[0];
    if (commit === undefined) return undefined;
    const found = await check(commit, undefined);
    return "reason" in found ? "" : found.hash;
  } catch (error) {
    if (error instanceof NotCheckable) return "";
    if (error instanceof NoAnswer && error.status === 404) return undefined;
    throw error;
  }
}

/** Hashes every commit below the checkpoint's size, follows each chain, and compares the root of all entries. */
export async function checkWhole(
  task: WholeTask,
  report: (done: number, of: number) => void,
  isStopped: () => boolean,
): Promise<WholeAnswer> {
  const started = performance.now();
  const { size, root } = checkpointOf(task.checkpoint);
  const running = new RunningRoot();
  const places = new Map<string, ChainPlace>();
  const bundles = new Map<string, Uint8Array>();
  const answer = (fault: string | undefined): WholeAnswer => ({
    commits: running.size,
    products: places.size,
    root: toBase64(root),
    milliseconds: performance.now() - started,
    fault,
  });
  while (running.size < size) {
    if (isStopped()) throw new NoAnswer("stopped");
    report(running.size, size);
    const text = await (await get(task.access, `commits?after=${running.size - 1}&before=${size}&limit=100`)).text();
    const entries = list(object(read(text))?.get("commits")) ?? [];
    if (entries.length === 0) return answer(`the feed ends at ${running.size}, before the log`);
    for (const entry of entries) {
      const item = object(entry);
      const position = running.size;
      if (item?.get("position") !== position) return answer(`position ${position} is missing in the feed`);
      const commit = object(item.get("commit"));
      if (commit === undefined) {
        const { path, place } = bundlePath(position, size);
        let bundle = bundles.get(path);
        if (bundle === undefined) {
          bundle = await file(task.access)(path);
          bundles.clear();
          bundles.set(path, bundle);
        }
        const logged = entryOf(bundle, place);
        if (logged === undefined) return answer(`the log has no entry ${position}`);
        await running.push(logged);
        continue;
      }
      const product = String(commit.get("product_id"));
      const found = await check(commit, places.get(product) ?? beginning(product));
      if ("reason" in found) return answer(`the commit at position ${position}, of product ${product}: ${found.reason}`);
      places.set(product, found.place);
      const leaf = await leafOf(commit);
      if (leaf === undefined) return answer(`the commit at position ${position} has no hashes`);
      await running.push(leaf);
    }
  }
  report(size, size);
  const fits = equal(await running.root(), root);
  return answer(fits ? undefined : "the commits do not lead to the root that the log signed");
}

/** Computes the path from a commit to the root of a checkpoint. */
export async function checkInclusion(task: InclusionTask): Promise<InclusionAnswer> {
  const { size, root } = checkpointOf(task.checkpoint);
  const entry = object(list(object(read(task.page))?.get("commits"))?.[0]);
  const commit = object(entry?.get("commit"));
  if (commit === undefined || entry?.get("position") !== task.position) throw new NoAnswer("there is no commit at this position");
  const found = await check(commit, undefined);
  const leaf = await leafOf(commit);
  if ("reason" in found || leaf === undefined) throw new NoAnswer("reason" in found ? found.reason : "it carries no hash");
  const hash = await leafHash(leaf);
  const proof = await inclusionProof(task.position, size, nodesOf(size, file(task.access)));
  const path: { hash: string; side: "left" | "right"; leads: string }[] = [];
  let [at, last, current] = [task.position, size - 1, hash];
  for (const other of proof) {
    const isRight = at % 2 === 1 || at === last;
    current = isRight ? await nodeHash(other, current) : await nodeHash(current, other);
    path.push({ hash: hex(other), side: isRight ? "left" : "right", leads: hex(current) });
    if (isRight) while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return { isIncluded: equal(current, root), index: task.position, size, path, entry: hex(hash) };
}
