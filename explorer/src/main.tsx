// The start: asks what the server has, and shows the page of the address.

import { type ComponentType, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { away, busy, get } from "./api";
import { listen } from "./keys";
import { follow, newest } from "./live";
import { Failure, Waiting } from "./parts/Notice";
import { AwayBar, Frame } from "./parts/Frame";
import { isNeeded, refused, token } from "./session";
import { sealAtStart } from "./seal";
import { applyTheme, config, home, page, said, sampling, view } from "./state";
import type { Config } from "./types";
import { format, parse, type View } from "./url";
import { Ledger } from "./pages/Ledger";

type Shown = "ledger" | "catalogue" | "p" | "proof" | "sign-in" | "keys" | "about" | "evidence" | "empty";

/** The pages that are loaded when they are asked for. */
const LATER: Readonly<Record<Exclude<Shown, "ledger">, () => Promise<ComponentType>>> = {
  catalogue: async () => (await import("./pages/Catalogue")).Catalogue,
  p: async () => (await import("./pages/Product")).ProductPage,
  evidence: async () => (await import("./pages/Evidence")).Evidence,
  proof: async () => (await import("./pages/Proof")).Proof,
  "sign-in": async () => (await import("./pages/SignIn")).SignIn,
  keys: async () => (await import("./pages/Keys")).Keys,
  about: async () => (await import("./pages/About")).About,
  empty: async () => (await import("./pages/Empty")).Empty,
};

const loaded = new Map<string, ComponentType>([["ledger", Ledger]]);

function shown(): Shown {
  const asked = page.value;
  if (asked === "keys" || asked === "about") return asked;
  if (asked === "sign-in" && config.value.mode === "open") return home.value;
  if (config.value.mode === "token" && (token.value === undefined || refused.value)) return "sign-in";
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
      (failed: unknown) => setError(failed),
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
  const Page = loaded.get(name);
  return (
    <Frame>
      {error !== undefined ? (
        <div class="page">
          <Newer />
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

/** A part of this page is gone from the server, which has another build now. */
function Newer() {
  return (
    <div class="failure" role="alert">
      <strong>This ledger runs another version now, or a part of the page could not be loaded.</strong>
      <button type="button" class="button" onClick={() => location.reload()}>
        Load the page again
      </button>
    </div>
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
  // Links to a fragment are links within this page also below a path without a slash at its end.
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
  } catch (error) {
    render(<Failure error={error} retry={() => location.reload()} />, root);
    return;
  } finally {
    clearInterval(waiting);
  }
  isNeeded.value = config.value.mode === "token";
  render(null, root);
  root.replaceChildren();
  render(<Shell />, root);
  listen();
  sealAtStart();
  follow();
  void watchBuild();
}

/** Tells, once, that the server has another build than this page. */
async function watchBuild(): Promise<void> {
  const own = config.value.build;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    get<Config>("ui/config.json", { once: true }).then(
      (now) => {
        if (now.build !== own) said.value = "This ledger runs a newer version now. Load the page again to see it.";
      },
      () => undefined,
    );
  });
}

void start();

