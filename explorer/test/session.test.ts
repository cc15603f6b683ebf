import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, allowed, challenge, isNeeded, isRefreshed, may, refreshed, replaced, token } from "../src/session";
import { pasted } from "../src/pasted";

const NOW = Date.parse("2026-11-30T12:00:00Z");

function made(claims: Record<string, unknown>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "EdDSA" })}.${part({ sub: "a.lindt", scope: "products/read", exp: NOW / 1000 + 3600, ...claims })}.c2lnbmVk`;
}

test("a pasted text is a token, or says why not", () => {
  const faultOf = (text: string): string | undefined => {
    const read = pasted(text, NOW);
    return "fault" in read ? read.fault : undefined;
  };
  assert.equal(faultOf(made({})), undefined);
  assert.equal(faultOf(`  bearer ${made({})}\n`), undefined);
  for (const text of ["", "a.b", "a.b.c", "a.b.c.d", `${made({})}=`]) assert.equal(faultOf(text), "That is no token.", text);
  assert.equal(faultOf(made({ token_use: "id" })), "This is an id token; an access token is needed.");
  assert.equal(faultOf(made({ scope: undefined, at_hash: "x" })), "This is an id token; an access token is needed.");
  assert.equal(faultOf(made({ scope: undefined })), undefined);
  assert.equal(faultOf(made({ exp: NOW / 1000 })), "It ended less than a minute ago.");
  assert.equal(faultOf(made({ exp: NOW / 1000 - 60 })), "It ended 1 minute ago.");
});

test("what scopes allow is a sentence", () => {
  assert.equal(allowed(["products/audit", "products/read", "openid"]), "read products and audit");
  assert.equal(allowed(["products/read", "products/write", "products/audit"]), "read products, change products and audit");
  assert.equal(allowed(["products/read"]), "read products");
  assert.equal(allowed(["openid"]), "do nothing here");
});

test("a token that is not accepted is replaced by itself once, and then by somebody", async () => {
  isNeeded.value = true;
  const [first, second, third] = [made({ n: 1 }), made({ n: 2 }), made({ n: 3 })] as const;
  let asked = 0;
  accept(first, async () => {
    asked += 1;
    return second;
  });
  await Promise.all([replaced(first, true), replaced(first, true)]);
  assert.deepEqual([token.value === second, asked, challenge.value], [true, 1, "no"]);
  const waiting = replaced(second, false);
  await Promise.resolve();
  assert.equal(challenge.value, "asked");
  accept(third);
  await waiting;
  assert.deepEqual([challenge.value, isRefreshed.value, may("products/read"), may("products/audit")], ["no", false, true, false]);
  // Somebody has signed in meanwhile.
  await replaced(second, false);
  const control = new AbortController();
  const stopped = replaced(third, true, control.signal);
  control.abort();
  await assert.rejects(stopped, { name: "AbortError" });
});

test("an issuer that gives no more tokens is not asked again, one that is away is", async () => {
  accept(made({}), () => Promise.reject(new Error("away")));
  assert.deepEqual([await refreshed(), isRefreshed.value], [false, true]);
  accept(made({}), () => Promise.resolve(undefined));
  assert.deepEqual([await refreshed(), isRefreshed.value], [false, false]);
});
