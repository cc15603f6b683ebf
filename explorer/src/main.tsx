// The start: asks what the server has, and shows the page of the address.

import { effect } from "@preact/signals";
import { type ComponentType, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { away, busy, get } from "./api";
import { listen } from "./keys";
import { follow, newest } from "./live";
import { Failure, Waiting } from "./parts/Notice";
import { AwayBar, Frame } from "./parts/Frame";
import { learnNames } from "./people";
import { challenge, isNeeded, may, token } from "./session";
import { sealAtStart } from "./seal";
import { watchStatus } from "./status";
import { applyTheme, config, home, isOld, page, sampling, view } from "./state";
import type { Config } from "./types";
import { format, parse, type View } from "./url";
import { Ledger } from "./pages/Ledger";

type Shown = "ledger" | "catalogue" | "p" | "proof" | "health" | "sign-in" | "keys" | "about" | "evidence" | "empty" | "lacking";

/** The pages that are loaded when they are asked for. */
const LATER: Readonly<Record<Exclude<Shown, "ledger">, () => Promise<ComponentType>>> = {
  catalogue: async () => (await import("./pages/Catalogue")).Catalogue,
  p: async () => (await import("./pages/Product")).ProductPage,
  evidence: async () => (await import("./pages/Evidence")).Evidence,
  proof: async () => (await import("./pages/Proof")).Proof,
  health: async () => (await import("./pages/Health")).Health,
  "sign-in": async () => (await import("./pages/SignIn")).SignIn,
  keys: async () => (await import("./pages/Keys")).Keys,
  about: async () => (await import("./pages/About")).About,
  empty: async () => (await import("./pages/Empty")).Empty,
  lacking: async () => (await import("./pages/Lacking")).Lacking,
};

const loaded = new Map<string, ComponentType>([["ledger", Ledger]]);

/** What tells that a sign-in ends, where there is one. */
let sessionBar: ComponentType | undefined;

function shown(): Shown {
  const asked = page.value;
  if (asked === "keys" || asked === "about") return asked;
  if (asked === "sign-in" && config.value.mode === "open") return home.value;
  if (isNeeded.value && token.value === undefined) return "sign-in";
  // Told by the token itself: behind a gateway such a token gets the answer of none.
  if (asked !== "sign-in" && !may("products/read")) return "lacking";
  if (sampling.value === "loading" && (asked === "ledger" || asked === "catalogue")) return "empty";
  if (sampling.value === "stopped" && view.value.page === "home") return "empty";
  if (newest.value === -1 && (asked === "ledger" || asked === "catalogue")) return "empty";
  return asked;
}

function Shell() {
  const name = shown();
  const [, setRound] = useState(0);
  const [error, setError] = useState<unknown>(undefined);
  useEffect(() => {
    if (loaded.has(name) || name === "ledger") return;
    setError(undefined);
    LATER[name]().then(
      (component) => {
        loaded.set(name, component);
        setRound((before) => before + 1);
      },
      (failed: unknown) => {
        setError(failed);
        void compareBuild();
      },
    );
  }, [name]);
  useEffect(() => {
    // The address that was asked for stays in the way back from signing in.
    if (name === "sign-in" && view.value.page !== "sign-in") {
      const then = format(view.value);
      const next: View = { page: "sign-in", parameters: then === "#/" ? {} : { then: then.slice(1) } };
      history.replaceState(null, "", document.baseURI + format(next));
      view.value = next;
    }
  }, [name]);
  const [Again, setAgain] = useState<ComponentType | undefined>(undefined);
  const isAsked = challenge.value === "asked" && name !== "sign-in";
  useEffect(() => {
    if (isAsked) import("./parts/SignInAgain").then((part) => setAgain(() => part.SignInAgain), setError);
  }, [isAsked]);
  const [Page, Bar] = [loaded.get(name), sessionBar];
  return (
    <Frame>
      {Bar === undefined ? null : <Bar />}
      {isAsked && Again !== undefined ? <Again /> : null}
      {error !== undefined ? (
        <div class="page">
          <h1 tabIndex={-1}>This page could not be loaded.</h1>
          {isOld.value ? (
            <p>Its file belongs to a version that this ledger does not run any more.</p>
          ) : (
            <button type="button" class="button" onClick={() => location.reload()}>
              Try again
            </button>
          )}
        </div>
      ) : Page === undefined ? (
        <div class="page">
          <Waiting lines={8} />
        </div>
      ) : (
        <Page />
      )}
    </Frame>
  );
}

/** The server did not answer the first request. */
function Nothing() {
  return (
    <main class="page">
      <AwayBar />
      <h1>Nothing to show yet.</h1>
    </main>
  );
}

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (root === null) return;
  // What the issuer answers is in the query, and gone from the address before anything else runs. Links to a fragment are links
  // within this page also below a path without a slash at its end.
  const answer = new URLSearchParams(location.search);
  history.replaceState(history.state, "", document.baseURI + location.hash);
  applyTheme();
  addEventListener("popstate", () => (view.value = parse(location.hash)));
  addEventListener("hashchange", () => {
    const next = parse(location.hash);
    if (format(next) !== format(view.value)) view.value = next;
  });
  const waiting = setInterval(() => {
    if (away.value === undefined && busy.value === undefined) return;
    clearInterval(waiting);
    render(<Nothing />, root);
  }, 100);
  try {
    config.value = await get<Config>("ui/config.json");
    isNeeded.value = config.value.mode !== "open";
    if (isNeeded.value) {
      const [{ enter }, { SessionBar }] = await Promise.all([import("./enter"), import("./parts/SessionBar")]);
      sessionBar = SessionBar;
      if (await enter(answer)) return;
    }
  } catch (error) {
    render(<Failure error={error} retry={() => location.reload()} />, root);
    return;
  } finally {
    clearInterval(waiting);
  }
  render(null, root);
  root.replaceChildren();
  render(<Shell />, root);
  listen();
  sealAtStart();
  follow();
  effect(() => {
    if (!isNeeded.value || token.value !== undefined) void learnNames();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void compareBuild();
  });
  watchStatus();
}

/** Notes whether the server has another build than this page. */
async function compareBuild(): Promise<void> {
  const now = await get<Config>("ui/config.json", { once: true }).catch(() => undefined);
  if (now !== undefined && now.build !== config.value.build) isOld.value = true;
}

void start();

