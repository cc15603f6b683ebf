// The page before all others where requests need a token: what was asked for, and how to get there.

import { useEffect, useState } from "preact/hooks";
import { SignInForm } from "../parts/SignInForm";
import { claims } from "../session";
import { config, date, view } from "../state";
import { inTab, keepInTab } from "../tab";
import { parse, understood } from "../url";

/** What was asked for, in words. */
function askedFor(then: string | undefined): string | undefined {
  if (then === undefined) return undefined;
  const target = parse(then);
  const { at } = understood(target);
  const moment = at === undefined ? "" : `, on ${date(at)}`;
  if (target.page === "evidence") return `the evidence sheet of the product ${target.id ?? ""}${moment}`;
  if (target.page === "p") return `the product ${target.id ?? ""}${moment}`;
  const names: Readonly<Record<string, string>> = { ledger: "the Ledger", catalogue: "the Catalogue", proof: "Proof", health: "Health" };
  const name = names[target.page];
  return name === undefined ? undefined : `${name}${moment}`;
}

export function SignIn() {
  const [isOut] = useState(() => inTab().out === true);
  const then = understood(view.value)["then"] ?? "/";
  useEffect(() => {
    document.title = `Sign in · ${config.value.title}`;
    const { out: _, ...rest } = inTab();
    keepInTab(rest);
  }, []);
  const asked = askedFor(then);
  const entered = (): void => {
    const target = parse(then);
    history.replaceState(null, "", `${document.baseURI}#${target.page === "sign-in" ? "/" : then}`);
    view.value = target.page === "sign-in" ? parse("/") : target;
  };
  return (
    <div class="page sign-in">
      <h1 tabIndex={-1}>Sign in to read this ledger.</h1>
      {isOut && claims.value === undefined ? <p role="status">You are signed out.</p> : null}
      {asked === undefined ? null : (
        <p class="muted">
          You asked for <b dir="auto">{asked}</b>. You will be taken there.
        </p>
      )}
      <SignInForm then={then} entered={entered} />
    </div>
  );
}
