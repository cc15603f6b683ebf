// Checkpoints (C2SP tlog-checkpoint, signed-note) and the keys that sign them.

import { base64, equal, isSigned, joined, sha256, utf8 } from "./bytes";

/** What a log says of itself. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** A public key of a log. */
export interface VerifierKey {
  readonly name: string;
  /** The id that its signatures carry, four bytes. */
  readonly id: Uint8Array;
  readonly key: Uint8Array;
  /** As it was given. */
  readonly text: string;
}

/** A note is not a checkpoint that a key signed: it says why. */
export class RefusedNote extends Error {}

const ED25519 = 1;

/** Reads `NAME+ID+KEY`; `undefined` if it is none, or not of Ed25519, or its id does not belong to it. */
export async function verifierKey(text: string): Promise<VerifierKey | undefined> {
  const found = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text);
  const bytes = base64(found?.[3] ?? "");
  if (found === null || bytes?.length !== 33 || bytes[0] !== ED25519) return undefined;
  const name = found[1] as string;
  const id = (await sha256(joined(utf8(`${name}\n`), bytes))).slice(0, 4);
  const given = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return given === found[2] ? { name, id, key: bytes.slice(1), text } : undefined;
}

/** The keys in the answer of `/log/key`, the newest last: one a line, `VKEY from SIZE`. */
export async function keysOf(answer: string): Promise<VerifierKey[]> {
  const lines = answer.split("\n").filter((line) => line !== "");
  const keys = await Promise.all(lines.map((line) => verifierKey(line.split(" ")[0] ?? "")));
  return keys.filter((key) => key !== undefined);
}

/** The text of a note and the lines of its signatures. */
function parts(note: string): { text: string; signatures: string[] } {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) throw new RefusedNote("it is no signed note");
  return { text: note.slice(0, end + 1), signatures: note.slice(end + 2, -1).split("\n") };
}

/** The checkpoint in a note, whoever signed it. */
export function checkpointOf(note: string): Checkpoint {
  const { text } = parts(note);
  const [origin = "", size = "", root = ""] = text.split("\n");
  const bytes = base64(root);
  if (origin === "" || !/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)) || bytes?.length !== 32) {
    throw new RefusedNote("it is no checkpoint");
  }
  return { origin, size: Number(size), root: bytes };
}

/** The checkpoint in a note that this key signed. */
export async function opened(note: string, key: VerifierKey): Promise<Checkpoint> {
  const { text, signatures } = parts(note);
  const checkpoint = checkpointOf(note);
  if (checkpoint.origin !== key.name) throw new RefusedNote("it is of another log than the key");
  let signed = false;
  for (const line of signatures) {
    const found = /^\u2014 (\S+) (\S+)$/.exec(line);
    const bytes = base64(found?.[2] ?? "");
    if (found === null || bytes === undefined || bytes.length < 5) throw new RefusedNote("one of its signatures is none");
    if (found[1] !== key.name || !equal(bytes.slice(0, 4), key.id)) continue;
    if (!(await isSigned(key.key, bytes.slice(4), utf8(text)))) throw new RefusedNote("its signature does not verify");
    signed = true;
  }
  if (!signed) throw new RefusedNote("the key did not sign it");
  return checkpoint;
}
