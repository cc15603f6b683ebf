// An opened commit: its fields, its times, its hash checked here, its publication, and it as JSON.

import { useState } from "preact/hooks";
import { get, query } from "../api";
import { curl } from "../curl";
import { useLoad } from "../load";
import { useLogged } from "../logged";
import { has, hasFeed, moment, page, refine } from "../state";
import * as time from "../time";
import type { Commit, Feed, FeedEntry } from "../types";
import { verify } from "../verifier";
import { phrases } from "../words";
import { Copy } from "./Copy";
import { later } from "./Later";
import { Link } from "./Link";
import { FieldChanges, Phrases } from "./Phrases";
import { ProofFiles } from "./ProofFiles";
import { loggedSize } from "../seal";

const BusEntries = later(async () => (await import("./BusEntries")).BusEntries);

export function CommitDetails({ entry, place = "ledger" }: { readonly entry: FeedEntry; readonly place?: "ledger" | "product" }) {
  const commit = entry.commit;
  if (commit === null) return null;
  const [happened, recorded] = [Date.parse(commit.metadata.occurred_at), Date.parse(commit.recorded_at)];
  const details = phrases(commit).flatMap((phrase) => (phrase.kind === "details" ? phrase.changes : []));
  return (
    <div class="commit-details">
      <dl>
        {place === "product" ? null : (
          <div>
            <dt>Change</dt>
            <dd>
              <Phrases commit={commit} />
            </dd>
          </div>
        )}
        <div>
          <dt>In force from</dt>
          <dd>{moment(happened)}</dd>
        </div>
        <div>
          <dt>Recorded</dt>
          <dd>
            {moment(recorded)}
            {recorded - happened >= 1000 ? `, ${time.span(recorded - happened)} later` : ""}
          </dd>
        </div>
        <Published entry={entry} />
      </dl>
      <dl>
        <Conversation entry={entry} />
        {commit.metadata.causation_id === commit.commit_id ? null : (
          <div>
            <dt>Caused by</dt>
            <dd>
              <code>{commit.metadata.causation_id}</code>
            </dd>
          </div>
        )}
        <div>
          <dt>Commit</dt>
          <dd>
            <code>{commit.commit_id}</code>
          </dd>
        </div>
        <Hash entry={entry} />
      </dl>
      {details.length === 0 ? null : <FieldChanges changes={details} />}
      <div class="more">
        <AsJson entry={entry} />
        <AsSubscribersGotIt entry={entry} isShown={place === "product"} />
        <Proof commit={commit} position={place === "ledger" ? entry.position : undefined} />
      </div>
    </div>
  );
}

/** The proof of a commit, once the signed log has it. Where its position is not known, it is looked up. */
function Proof({ commit, position }: { readonly commit: Commit; readonly position: number | undefined }) {
  const size = loggedSize();
  const found = useLogged(position === undefined ? commit : undefined).data;
  const isLogged = position === undefined ? found?.isIncluded === true : size !== undefined && position < size;
  return isLogged ? <ProofFiles commit={commit} /> : null;
}

function Published({ entry }: { readonly entry: FeedEntry }) {
  const commit = entry.commit;
  const receipt = entry.receipts?.[0];
  if (commit === null || entry.receipts === undefined) return null;
  let words = "not yet";
  if (receipt?.restored === true) words = "before the ledger was restored";
  else if (receipt?.published_at !== undefined) {
    const later = Date.parse(receipt.published_at) - Date.parse(commit.recorded_at);
    const tries = receipt.attempts ?? 1;
    words = `${time.span(later)} later, ${tries} attempt${tries === 1 ? "" : "s"}, on ${receipt.bus ?? "the bus"}`;
  } else if (receipt != null) {
    const tries = receipt.attempts ?? 1;
    words = `failed: ${receipt.details?.error_code ?? receipt.error ?? "no reason given"}, ${tries} attempt${tries === 1 ? "" : "s"}`;
  }
  return (
    <div>
      <dt>Published</dt>
      <dd>{words}</dd>
    </div>
  );
}

/** How many pages are asked for the commits of a conversation; one may have none, although more follow. */
const MOST_PAGES = 20;

async function countThread(id: string, signal: AbortSignal): Promise<{ readonly commits: number; readonly isAll: boolean }> {
  let commits = 0;
  let after: number | undefined;
  for (let pages = 0; pages < MOST_PAGES && commits < 100; pages += 1) {
    const feed: Feed = await get<Feed>(query("commits", { correlation_id: id, after, limit: 100 }), { signal });
    commits += feed.commits.length;
    if (feed.next === null || feed.next === feed.newest) return { commits, isAll: true };
    after = feed.next;
  }
  return { commits, isAll: false };
}

function Conversation({ entry }: { readonly entry: FeedEntry }) {
  const id = entry.commit?.metadata.correlation_id ?? "";
  const found = useLoad(`thread ${id}`, (signal) => (hasFeed() ? countThread(id, signal) : Promise.resolve(undefined)));
  const total = found.data === undefined ? "" : ` · ${found.data.commits}${found.data.isAll ? "" : " or more"} commit${found.data.commits === 1 ? "" : "s"}`;
  return (
    <div>
      <dt>Conversation</dt>
      <dd>
        {hasFeed() ? (
          <Link to={{ page: "ledger", parameters: { thread: id } }}>
            <code>{id}</code>
          </Link>
        ) : (
          <code>{id}</code>
        )}
        {total}
      </dd>
    </div>
  );
}

/** The hash, computed in this browser from the commit that is shown. */
function Hash({ entry }: { readonly entry: FeedEntry }) {
  const commit = entry.commit;
  const text = JSON.stringify({ commits: [commit] });
  const checked = useLoad(`hash ${text}`, (signal) => verify<"history">({ kind: "history", text, place: undefined }, { signal }));
  if (commit === null) return null;
  const answer = checked.data;
  const fits = answer?.fault === undefined && answer?.checked[0]?.hash === commit.hash;
  return (
    <div>
      <dt>Hash</dt>
      <dd>
        <code title={commit.hash}>
          {commit.hash.slice(0, 12)}…{commit.hash.slice(-4)}
        </code>{" "}
        <Copy text={commit.hash} kind="link" />{" "}
        {answer === undefined ? null : fits ? (
          <span class="good">✓ checked in this browser</span>
        ) : (
          <span class="bad">✕ {answer.fault?.reason ?? "it is another commit"}</span>
        )}
      </dd>
    </div>
  );
}

/** The entries on the bus of a commit that was published; where the server tells under which source. */
function AsSubscribersGotIt({ entry, isShown }: { readonly entry: FeedEntry; readonly isShown: boolean }) {
  const [isOpen, setOpen] = useState(isShown);
  const isPublished = entry.receipts?.some((receipt) => receipt?.published_at !== undefined || receipt?.restored === true) === true;
  if (entry.commit === null || !isPublished || !has("status")) return null;
  return (
    <>
      <button type="button" class="as-link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        As subscribers got it
      </button>
      {isOpen ? <BusEntries commit={entry.commit} /> : null}
    </>
  );
}

function AsJson({ entry }: { readonly entry: FeedEntry }) {
  const [isOpen, setOpen] = useState(false);
  const commit = entry.commit;
  if (commit === null) return null;
  return (
    <>
      <button type="button" class="as-link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        JSON
      </button>
      {page.value === "ledger" ? (
        <button type="button" class="as-link" onClick={() => refine({ product: commit.product_id, open: undefined })}>
          Only this product
        </button>
      ) : null}
      <Copy text={curl(query(`products/${encodeURIComponent(commit.product_id)}/history`, { after: commit.sequence - 1, limit: 1 }))} kind="link" told="The request is copied.">
        API request
      </Copy>
      {isOpen ? <pre tabIndex={0} aria-label="The commit as JSON">{JSON.stringify(commit, null, 2)}</pre> : null}
    </>
  );
}
