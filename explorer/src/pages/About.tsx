// About this page: its version, what it keeps in this browser, its licences.

import { useEffect, useState } from "preact/hooks";
import { address } from "../api";
import { forget, kept } from "../kept";
import { config, say } from "../state";

export function About() {
  const [, setRound] = useState(0);
  useEffect(() => {
    document.title = `About · ${config.value.title}`;
  }, []);
  const all = kept();
  const lines = Object.entries(all);
  return (
    <div class="page text">
      <h1 tabIndex={-1}>About this page</h1>
      <section class="card">
        <h2>What it is</h2>
        <p>
          The explorer of a product ledger, version <code>{config.value.build}</code>. It only reads; the one exception is the sample that an empty ledger without
          sign-in offers to record. Everything that it loads comes from this server, and it sends nothing anywhere else.
        </p>
        <p>
          Hashes, chains and proofs are computed in this browser. The page itself came from the server that it checks, and a dishonest server could send a dishonest
          page: whoever must be sure checks with a program of their own.
        </p>
        <p>
          <a href={address("docs")}>Try it: every route, with a form</a> · <a href={address("openapi.json")}>OpenAPI</a> ·{" "}
          <a href={address("ui/LICENSES.txt")}>Licences</a>
        </p>
      </section>
      <section class="card">
        <h2>What is kept in this browser</h2>
        <p>
          No cookies. Of a sign-in, this tab keeps until it is closed that there was one, and the token only if you asked for that. For this address, for ever:
        </p>
        {lines.length === 0 ? (
          <p class="muted">Nothing.</p>
        ) : (
          <>
            <dl class="fields">
              {lines.map(([name, value]) => (
                <div key={name}>
                  <dt>{NAMES[name] ?? name}</dt>
                  <dd class="code">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
                </div>
              ))}
            </dl>
            <p class="muted small">Without the checkpoints, this browser can no longer tell whether something was removed since your last visit.</p>
            <button
              type="button"
              class="button"
              onClick={() => {
                forget();
                setRound((before) => before + 1);
                say("Forgotten.");
              }}
            >
              Forget it all
            </button>
          </>
        )}
      </section>
    </div>
  );
}

const NAMES: Readonly<Record<string, string>> = {
  theme: "colours",
  zone: "times",
  quiet: "single keys off",
  seen: "last seen",
  logs: "checkpoints",
};
