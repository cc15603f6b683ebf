// The requests that the server refused lately: what a developer looks for whose request does not show up in the Ledger.

import type { RefusedRequest } from "../health";
import { useNarrow } from "../narrow";
import { hasFeed, zone } from "../state";
import { brief, zoneName } from "../time";
import { Copy } from "./Copy";
import { Link } from "./Link";

/** The least status of an answer whose request may have left something behind nonetheless. */
const FAULT = 500;

/** Rows that are shown. */
const MOST = 20;

/** What is wrong with a request, in words. */
export function refusal(one: RefusedRequest): string {
  const errors = one.errors.map(({ pointer, detail }) => `${pointer === "" ? "the body" : pointer} ${detail}`);
  return errors.length === 0 ? one.detail : errors.join("; ");
}

export function Refused({ refused }: { readonly refused: readonly RefusedRequest[] | null }) {
  const isNarrow = useNarrow();
  const shown = (refused ?? []).slice(0, MOST);
  return (
    <section class="card flush" aria-labelledby="refused-title">
      <div class="card-head padded">
        <h2 id="refused-title">Refused lately</h2>
        <span class="small muted">
          {refused === null ? "" : refused.length > MOST ? `The newest ${MOST} of the last ${refused.length} problems.` : "The last 100 problems since the start, without what was sent."}
        </span>
      </div>
      {refused === null ? (
        <p class="padded">Not known here.</p>
      ) : shown.length === 0 ? (
        <p class="padded">Nothing was refused since the start.</p>
      ) : isNarrow ? (
        <ul class="cards">
          {shown.map((one) => (
            <li key={`${one.at} ${one.correlation_id}`}>
              <Request one={one} />
              <p class="small">{refusal(one)}</p>
              <p class="small muted">
                {brief(Date.parse(one.at), zone.value)} · <Reference one={one} />
              </p>
            </li>
          ))}
        </ul>
      ) : (
        <table>
          <caption class="sr">Requests that were refused lately</caption>
          <thead>
            <tr>
              <th scope="col">Time, {zoneName(zone.value, Date.now())}</th>
              <th scope="col">Request</th>
              <th scope="col">What was wrong</th>
              <th scope="col">Correlation id</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={`${one.at} ${one.correlation_id}`}>
                <td class="time">{brief(Date.parse(one.at), zone.value)}</td>
                <td>
                  <Request one={one} />
                </td>
                <td>{refusal(one)}</td>
                <td>
                  <Reference one={one} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Request({ one }: { readonly one: RefusedRequest }) {
  return (
    <>
      <code>
        {one.method} {one.route}
      </code>
      <br />
      <span class={one.status >= FAULT ? "small bad" : "small muted"}>
        {one.status} {one.kind}
      </span>
    </>
  );
}

function Reference({ one }: { readonly one: RefusedRequest }) {
  return (
    <>
      <bdi class="code">{one.correlation_id}</bdi> <Copy text={one.correlation_id} kind="link" />
      {one.status >= FAULT && hasFeed() ? (
        <>
          {" "}
          <Link to={{ page: "ledger", parameters: { thread: one.correlation_id } }}>Recorded nonetheless?</Link>
        </>
      ) : null}
    </>
  );
}
