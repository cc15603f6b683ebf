// Sign-in at the issuer, by an authorization code with PKCE: the way there, the way back, and the tokens after the first. A refresh
// token is in memory alone.

import { accept, fault, type Refresh } from "./session";
import { config, view } from "./state";
import { inTab, keepInTab } from "./tab";
import { parse } from "./url";
import { sha256 } from "./verify/bytes";

/** The issuer, by the name of its server. */
export function issuer(): string {
  return new URL(config.value.authorize_url ?? document.baseURI).host;
}

function urlSafe(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

const random = (): string => urlSafe(crypto.getRandomValues(new Uint8Array(32)));

/** Leaves for the issuer; `then` is the fragment to come back to. */
export async function begin(then: string, keep: boolean): Promise<void> {
  const { authorize_url: authorize, client_id: client, scopes } = config.value;
  if (authorize === undefined || client === undefined) return;
  const [state, verifier] = [random(), random()];
  if (!keepInTab({ begun: { state, verifier, then, scroll: scrollY, keep } })) {
    fault.value = "This browser keeps nothing for this page, not even in this tab, so nobody can sign in elsewhere. Paste a token.";
    return;
  }
  const url = new URL(authorize);
  const asked = {
    response_type: "code",
    client_id: client,
    redirect_uri: document.baseURI,
    scope: scopes ?? "",
    state,
    code_challenge: urlSafe(await sha256(new TextEncoder().encode(verifier))),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Takes the issuer's answer, and goes on where the sign-in was begun; what went wrong is told on the page. */
export async function finish(answer: URLSearchParams): Promise<void> {
  const { begun } = inTab();
  // Whatever the answer is, it answers this sign-in only once.
  keepInTab({});
  const failed = await taken(answer, begun);
  if (begun !== undefined && begun.state === answer.get("state")) {
    history.replaceState(null, "", `${document.baseURI}#${begun.then}`);
    view.value = parse(begun.then);
    if (failed === undefined) scrollBack(begun.scroll);
  }
  fault.value = failed;
}

async function taken(answer: URLSearchParams, begun: ReturnType<typeof inTab>["begun"]): Promise<string | undefined> {
  if (begun === undefined || answer.get("state") !== begun.state) {
    return `The answer of ${issuer()} belongs to no sign-in of this tab, so nothing of it was used. Sign in again.`;
  }
  const error = answer.get("error");
  if (error !== null) return inWords(error, answer.get("error_description") ?? "");
  const given = await tokens({
    grant_type: "authorization_code",
    code: answer.get("code") ?? "",
    redirect_uri: document.baseURI,
    code_verifier: begun.verifier,
  });
  if (typeof given === "string") return given;
  keepInTab(begun.keep ? { again: true, token: given.access } : { again: true });
  accept(given.access, given.refresh === undefined ? undefined : by(given.refresh));
  return undefined;
}

/** Uses a refresh token, which may be replaced each time. */
function by(refresh: string): Refresh {
  let newest = refresh;
  return async () => {
    const given = await tokens({ grant_type: "refresh_token", refresh_token: newest });
    if (typeof given === "string") return undefined;
    newest = given.refresh ?? newest;
    return given.access;
  };
}

/** Asks the issuer for tokens; a text says what went wrong. */
async function tokens(asked: Readonly<Record<string, string>>): Promise<{ readonly access: string; readonly refresh: string | undefined } | string> {
  const { token_url: url, client_id: client } = config.value;
  const answer = await fetch(url ?? "", {
    method: "POST",
    body: new URLSearchParams({ ...asked, client_id: client ?? "" }),
    headers: { accept: "application/json" },
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(15_000),
  }).catch(() => undefined);
  if (answer === undefined) return `${issuer()} gave no token: it did not answer, or does not let this page read its answer (CORS).`;
  const found = (await answer.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  const word = (name: string): string => (typeof found[name] === "string" ? found[name] : "");
  if (!answer.ok) return word("error") === "invalid_grant" ? "This sign-in took too long, or was used before. Sign in again." : inWords(word("error"), word("error_description"));
  if (word("access_token").split(".").length !== 3) return `${issuer()} gave an access token that is no JSON Web Token, which the ledger cannot read.`;
  return { access: word("access_token"), refresh: word("refresh_token") || undefined };
}

/** An error of the issuer (RFC 6749, OpenID Connect Core) in words. */
function inWords(error: string, description: string): string {
  const host = issuer();
  const known: Readonly<Record<string, string>> = {
    access_denied: `${host} did not let you in: it was refused there.`,
    login_required: `${host} wants you to sign in there first.`,
    interaction_required: `${host} wants to ask you something first.`,
    consent_required: `${host} wants your consent first.`,
    invalid_scope: `${host} does not give what this page asks for. Whoever runs this ledger can correct the scopes.`,
    unauthorized_client: `${host} does not let this page sign anybody in. Whoever runs this ledger can correct that.`,
    invalid_client: `${host} does not know this page. Whoever runs this ledger can correct that.`,
    server_error: `${host} cannot sign anybody in now. Try again later.`,
    temporarily_unavailable: `${host} cannot sign anybody in now. Try again later.`,
  };
  const words = known[error] ?? `${host} refused the sign-in${error === "" ? "" : ` (${error.slice(0, 60)})`}.`;
  return description === "" ? words : `${words} It says: ${description.slice(0, 300)}`;
}

/** Scrolls to where the reader was, once the page is long enough. */
function scrollBack(scroll: number): void {
  let tries = 0;
  const timer = setInterval(() => {
    tries += 1;
    if (document.documentElement.scrollHeight < scroll + innerHeight && tries < 50) return;
    clearInterval(timer);
    scrollTo(0, scroll);
  }, 60);
}
