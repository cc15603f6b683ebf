// SHA-256, Base64 and hexadecimal. SHA-256 is that of the browser or, on a page without a secure context, a library.

type Digest = (bytes: Uint8Array) => Promise<Uint8Array>;

let chosen: Promise<Digest> | undefined;

async function choose(): Promise<Digest> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle !== undefined) {
    return async (bytes) => new Uint8Array(await subtle.digest("SHA-256", bytes as BufferSource));
  }
  const { sha256 } = await import("@noble/hashes/sha2.js");
  return async (bytes) => sha256(bytes);
}

/** The SHA-256 of bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  chosen ??= choose();
  return (await chosen)(bytes);
}

/** Whether an Ed25519 key signed the message. */
export async function isSigned(key: Uint8Array, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  try {
    if (subtle !== undefined) {
      const imported = await subtle.importKey("raw", key as BufferSource, "Ed25519", false, ["verify"]);
      return await subtle.verify("Ed25519", imported, signature as BufferSource, message as BufferSource);
    }
  } catch {
    // This browser has no Ed25519, or refuses the key; the library decides.
  }
  const { verifyAsync, hashes } = await import("@noble/ed25519");
  if (subtle === undefined) {
    const { sha512 } = await import("@noble/hashes/sha2.js");
    hashes.sha512Async = async (message) => sha512(message);
  }
  try {
    return await verifyAsync(signature, message, key);
  } catch {
    return false;
  }
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of 64 lower-case hexadecimal digits; `undefined` for anything else. */
export function digestOf(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) return undefined;
  return Uint8Array.from({ length: 32 }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

/** Base64, only in the form in which it is written. */
export function base64(text: string): Uint8Array | undefined {
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return toBase64(bytes) === text ? bytes : undefined;
}

/** Base64 of bytes. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Bytes one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether bytes are equal. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const UTF8 = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array {
  return UTF8.encode(text);
}
