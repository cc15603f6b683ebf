// The two ways to sign in: at the issuer, and with a token that somebody has.

import { useId, useState } from "preact/hooks";
import { pasted } from "../pasted";
import { accept, allowed, type Claims, fault } from "../session";
import { config } from "../state";
import { keepInTab } from "../tab";
import { span } from "../time";

/** `then`: the fragment to come back to from the issuer. `entered`: a pasted token was taken. */
export function SignInForm({ then, entered }: { readonly then: string; readonly entered: () => void }) {
  const [text, setText] = useState("");
  const [keeps, setKeeps] = useState(false);
  const id = useId();
  const read = text.trim() === "" ? undefined : pasted(text, Date.now());
  const atIssuer = config.value.mode === "oidc";
  const submit = (event: Event): void => {
    event.preventDefault();
    if (read === undefined || "fault" in read) return;
    keepInTab(keeps ? { token: read.token } : {});
    accept(read.token);
    entered();
  };
  return (
    <>
      {fault.value === undefined ? null : (
        <p class="fault" role="alert">
          {fault.value}
        </p>
      )}
      {atIssuer ? (
        <>
          <button type="button" class="button primary" onClick={() => void import("../code").then(({ begin }) => begin(then, keeps))}>
            Continue with {new URL(config.value.authorize_url ?? document.baseURI).host}
          </button>
          <p class="or">or</p>
        </>
      ) : null}
      <form onSubmit={submit}>
        <label class="field">
          Paste an access token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={text}
            aria-describedby={`${id}-words`}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div aria-live="polite" class="token-words muted" id={`${id}-words`}>
          {read === undefined ? null : "fault" in read ? <p class="fault">{read.fault}</p> : <Words claims={read.claims} keeps={keeps} />}
        </div>
        <button type="submit" class="button" disabled={read === undefined || "fault" in read}>
          Use this token
        </button>
      </form>
      <label class="tick">
        <input type="checkbox" checked={keeps} onChange={(event) => setKeeps(event.currentTarget.checked)} />
        Keep me signed in in this tab
      </label>
      <p class="muted small">
        Then this tab keeps the token until you sign out or close it, and loading the page again asks for nothing; whoever gets at this browser meanwhile
        can use it. Without it the token is in memory alone.
      </p>
    </>
  );
}

function Words({ claims: own, keeps }: { readonly claims: Claims; readonly keeps: boolean }) {
  const lacks = (scope: string): boolean => !own.scopes.includes(scope);
  return (
    <>
      <p>
        {keeps ? "Kept in this tab until you close it." : "Kept in this tab only, never stored."} It is for{" "}
        <b dir="auto">{own.subject === "" ? "somebody without a name" : own.subject}</b>, may {allowed(own.scopes)}
        {own.ends === undefined ? "." : `, and ends in ${span(own.ends - Date.now())}.`}
      </p>
      {lacks("products/read") ? (
        <p class="warn">
          It lacks <code>products/read</code>: no catalogue.
        </p>
      ) : null}
      {lacks("products/audit") ? (
        <p class="warn">
          It lacks <code>products/audit</code>: no history, no proof.
        </p>
      ) : null}
    </>
  );
}
