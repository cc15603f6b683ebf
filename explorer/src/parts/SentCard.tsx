// Whether the events of a product's commits were published.

import { useNow } from "../load";
import { hasStatus } from "../status";
import { span } from "../time";
import type { Commit, Receipts } from "../types";
import { Link } from "./Link";

export function SentCard({ commits }: { readonly commits: readonly (Commit & { readonly receipts?: Receipts })[] }) {
  const now = useNow(1000);
  const known = commits.filter((commit) => commit.receipts !== undefined);
  if (known.length === 0) return null;
  const receipts = known.flatMap((commit) => commit.receipts ?? []);
  const sent = receipts.filter((one) => one !== null && one.error === undefined);
  const failed = known.find((commit) => commit.receipts?.some((one) => one?.error !== undefined || one?.failed_at !== undefined));
  const waiting = known.find((commit) => commit.receipts?.some((one) => one === null));
  const attempts = Math.max(0, ...sent.map((one) => one?.attempts ?? 0));
  const newest = known.at(-1);
  const published = newest?.receipts?.at(-1)?.published_at;
  const later = newest === undefined || published === undefined ? "" : `, the newest after ${span(Date.parse(published) - Date.parse(newest.recorded_at))}`;
  return (
    <section class="card" aria-labelledby="sent-title">
      <h2 id="sent-title">Sent to subscribers</h2>
      <p>
        {waiting === undefined && failed === undefined ? <span class="good" aria-hidden="true">✓ </span> : null}
        {sent.length} of {receipts.length} events{later}
        {attempts > 0 ? `, never more than ${attempts} attempt${attempts === 1 ? "" : "s"}` : ""}.
      </p>
      {failed === undefined ? null : (
        <p class="bad">
          Commit {failed.sequence} failed: {failed.receipts?.find((one) => one?.details !== undefined)?.details?.error_code ?? "see the log of the server"}. <ToHealth id={failed.product_id} />
        </p>
      )}
      {waiting === undefined || failed !== undefined ? null : (
        <p class="warn">
          Commit {waiting.sequence} not published yet ({span(Math.max(0, now - Date.parse(waiting.recorded_at)))}). <ToHealth id={waiting.product_id} />
        </p>
      )}
    </section>
  );
}

/** To the page that tells why, and whether the product is parked. */
function ToHealth({ id }: { readonly id: string }) {
  return hasStatus() ? <Link to={{ page: "health", parameters: { parked: id } }}>Health</Link> : null;
}
