// Sign in with an access token, which stays in the memory of this page.

import { useEffect, useState } from "preact/hooks";
import { claims, pasted, refused, token } from "../session";
import { config, moment, view } from "../state";
import { span } from "../time";
import { parse, understood } from "../url";

/** What was asked for, in words. */
function askedFor(then: string | undefined): string | undefined {
  if (then === undefined) return undefined;
  const target = parse(then);
  if (target.page === "evidence") return `the evidence sheet of the product ${target.id ?? ""}`;
  if (target.page === "p") return `the product ${target.id ?? ""}`;
  const names: Readonly<Record<string, string>> = { ledger: "the Ledger", catalogue: "the Catalogue", proof: "Proof" };
  return names[target.page];
}

const NEEDED = ["products/read", "products/audit"];

export function SignIn() {
  const [text, setText] = useState("");
  const then = understood(view.value)["then"];
  useEffect(() => {
    document.title = `Sign in · ${config.value.title}`;
  }, []);
  const read = text.trim() === "" ? undefined : pasted(text, Date.now());
  const asked = askedFor(then);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (read === undefined || "fault" in read) return;
    refused.value = false;
    token.value = read.token;
    const next = parse(then ?? "/");
    const target = next.page === "sign-in" ? parse("/") : next;
    history.replaceState(null, "", `${document.baseURI}#${then ?? "/"}`);
    view.value = target;
  };
  return (
    <div class="page sign-in">
      <section class="card">
        <h1 tabIndex={-1}>Sign in to read this ledger.</h1>
        {asked === undefined ? null : (
          <p>
            You asked for <b dir="auto">{asked}</b>. You will be taken there.
          </p>
        )}
        {refused.value && token.value !== undefined ? (
          <p class="fault" role="alert">
            The ledger does not accept the token that you gave{claims.value?.ends !== undefined && claims.value.ends < Date.now() ? ": it has ended" : ""}.
          </p>
        ) : null}
        <form onSubmit={submit}>
          <label class="field">
            Access token
            <input type="password" autocomplete="off" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <div aria-live="polite" class="token-words">
            {read === undefined ? null : "fault" in read ? <p class="fault">{read.fault}</p> : <Words claims={read.claims} />}
          </div>
          <button type="submit" class="button primary" disabled={read === undefined || "fault" in read}>
            Sign in
          </button>
        </form>
        <p class="muted small">The token stays in the memory of this tab. It is not stored, and loading the page again forgets it.</p>
      </section>
    </div>
  );
}

function Words({ claims: own }: { readonly claims: { readonly subject: string; readonly scopes: readonly string[]; readonly ends: number | undefined } }) {
  const missing = NEEDED.filter((scope) => !own.scopes.includes(scope));
  return (
    <>
      <p>
        It is for <b dir="auto">{own.subject === "" ? "somebody without a name" : own.subject}</b>
        {own.ends === undefined ? "" : `, and ends in ${span(own.ends - Date.now())}, at ${moment(own.ends)}`}.
      </p>
      {missing.map((scope) => (
        <p key={scope} class="warn">
          It lacks <code>{scope}</code>: {scope === "products/audit" ? "no history, no prices over time, no proof" : "no catalogue"}.
        </p>
      ))}
    </>
  );
}
