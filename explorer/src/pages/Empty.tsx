// An empty ledger: how to record a first product, and the sample.

import { useEffect, useRef, useState } from "preact/hooks";
import { address } from "../api";
import { authorization } from "../curl";
import { newest } from "../live";
import { Copy } from "../parts/Copy";
import { Link } from "../parts/Link";
import { refusal } from "../parts/Refused";
import { hasLog } from "../seal";
import { loadSample, type SampleProgress } from "../sample";
import { config, count, go, has, sampling } from "../state";
import { hasStatus, isWatched, status } from "../status";

const LANGUAGES = ["curl", "TypeScript", "Python"] as const;

type Language = (typeof LANGUAGES)[number];

function example(language: Language): string {
  const url = address("products/helmet");
  const needsToken = config.value.mode !== "open";
  switch (language) {
    case "curl":
      return `curl -X PUT ${url} \\\n${needsToken ? `  ${authorization().trim()} \\\n` : ""}  -H 'content-type: application/json' \\\n  -d '{"name":"Sport-100 Helmet, Red","price":"34.99"}'`;
    case "TypeScript":
      return `await fetch("${url}", {\n  method: "PUT",\n  headers: { "content-type": "application/json"${needsToken ? ", authorization: `Bearer ${process.env.LEDGER_TOKEN}`" : ""} },\n  body: JSON.stringify({ name: "Sport-100 Helmet, Red", price: "34.99" }),\n});`;
    case "Python":
      return `import json${needsToken ? ", os" : ""}, urllib.request\nurllib.request.urlopen(urllib.request.Request(\n    "${url}", method="PUT",\n    headers={"content-type": "application/json"${needsToken ? ', "authorization": "Bearer " + os.environ["LEDGER_TOKEN"]' : ""}},\n    data=json.dumps({"name": "Sport-100 Helmet, Red", "price": "34.99"}).encode()))`;
  }
}

export function Empty() {
  const [language, setLanguage] = useState<Language>("curl");
  useEffect(() => {
    document.title = config.value.title;
  }, []);
  return (
    <div class="page empty">
      <h1 tabIndex={-1}>{sampling.value === "no" ? "This ledger is empty." : "The sample is being recorded."}</h1>
      <p class="lead">{sampling.value === "no" ? "Record a first product, and it appears here the moment it is written." : "What is recorded already is in the Catalogue."}</p>
      <section class="card">
        <div class="card-head">
          <h2>From a terminal</h2>
          <span class="spring" />
          <div class="switch" role="group" aria-label="Language">
            {LANGUAGES.map((one) => (
              <button key={one} type="button" aria-pressed={one === language} onClick={() => setLanguage(one)}>
                {one}
              </button>
            ))}
          </div>
        </div>
        <pre tabIndex={0} aria-label="A request that records a product">{example(language)}</pre>
        <div class="card-foot">
          <Copy text={example(language)} kind="primary" />
          <a href={address("docs")}>Every route, with a form to try it</a>
          {newest.value === -1 ? <span class="muted waits">Waiting for the first commit</span> : null}
        </div>
        {newest.value === -1 ? <LastRefused /> : null}
      </section>
      {config.value.mode === "open" && has("commits") ? <Sample /> : null}
      <div class="three">
        <div>
          <h2>API developers</h2>
          <a href={address("docs")}>Try it</a> · <a href={address("openapi.json")}>OpenAPI</a>
        </div>
        {hasLog() ? (
          <div>
            <h2>Auditors</h2>
            <Link to={{ page: "proof", parameters: {} }}>What can be proved</Link>
          </div>
        ) : null}
        {has("commits") ? (
          <div>
            <h2>Operators</h2>
            {hasStatus() ? (
              <>
                <Link to={{ page: "health", parameters: {} }}>Health</Link> · <a href={address("ui/runbook.html")}>Runbook</a>
                {status()?.load ? " · " : ""}
              </>
            ) : null}
            {status()?.load ? <a href={address("metrics")}>Metrics</a> : null}
          </div>
        ) : null}
      </div>
    </div>
  );
}

/** The newest command that was refused: it is what keeps the page empty. */
function LastRefused() {
  useEffect(() => {
    isWatched.value = true;
    return () => {
      isWatched.value = false;
    };
  }, []);
  const last = status()?.refused?.find((one) => !["GET", "HEAD", "OPTIONS"].includes(one.method));
  if (last === undefined) return null;
  return (
    <p class="warn" role="status">
      Your last request was refused: <code>{`${last.method} ${last.route}`}</code>, {last.status} {last.kind}: {refusal(last)}{" "}
      {hasStatus() ? <Link to={{ page: "health", parameters: {} }}>Health</Link> : null}
    </p>
  );
}

function Sample() {
  const [progress, setProgress] = useState<SampleProgress | undefined>(undefined);
  const [fault, setFault] = useState("");
  const [isAsked, setAsked] = useState(false);
  const control = useRef<AbortController | undefined>(undefined);
  const load = async (): Promise<void> => {
    setAsked(false);
    setFault("");
    control.current = new AbortController();
    try {
      sampling.value = "loading";
      await loadSample(setProgress, control.current.signal);
      sampling.value = "no";
      go({ page: "catalogue", parameters: {} });
    } catch (error) {
      const isStopped = control.current.signal.aborted;
      go({ page: "home", parameters: {} });
      sampling.value = "stopped";
      setFault(isStopped ? "Stopped. Loading it again goes on where it stopped." : error instanceof Error ? error.message : String(error));
    }
    setProgress(undefined);
  };
  return (
    <section class="card sample">
      <div>
        <h2>Or look around with sample data</h2>
        <p>
          504 products of a bicycle maker, six years of list prices, 696 commits; some seconds.{" "}
          <b>A ledger forgets nothing: the sample stays in it for ever.</b> To try without a trace, start <code>ledger serve --in-memory</code>.
        </p>
        {fault === "" ? null : (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
      </div>
      {progress !== undefined ? (
        <div class="progress">
          <progress max={progress.of} value={progress.done} aria-label="Commands of the sample that are recorded" />
          <span>
            {count(progress.done)} of {count(progress.of)}
          </span>
          <button type="button" class="button" onClick={() => control.current?.abort()}>
            Stop
          </button>
        </div>
      ) : isAsked ? (
        <div class="ask" role="group" aria-label="Load the sample?">
          <p>Load 504 products that can never be removed?</p>
          <button type="button" class="button primary" onClick={() => void load()}>
            Load them
          </button>{" "}
          <button type="button" class="button" onClick={() => setAsked(false)}>
            No
          </button>
        </div>
      ) : (
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Load the sample
        </button>
      )}
    </section>
  );
}

