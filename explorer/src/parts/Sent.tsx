// Whether the events of a commit were published, and whether the commit is in a signed checkpoint of the log.

import type { Receipts } from "../types";

/** What became of the publication of a commit's events. */
export type Sent = "sent" | "waiting" | "failed" | "unknown";

/** What became of the publication of all events of a commit; without receipts it is not known. */
export function sentOf(receipts: Receipts | undefined): Sent {
  if (receipts === undefined) return "unknown";
  if (receipts.some((one) => one?.error !== undefined || one?.failed_at !== undefined)) return "failed";
  return receipts.every((one) => one !== null) ? "sent" : "waiting";
}

const WORDS: Readonly<Record<Sent, string>> = {
  sent: "published",
  waiting: "not published yet",
  failed: "publication failed",
  unknown: "publication not known",
};

export function SentMark({ receipts, isLogged }: { readonly receipts: Receipts | undefined; readonly isLogged: boolean | undefined }) {
  const sent = sentOf(receipts);
  const logged = isLogged === undefined ? "" : isLogged ? ", in the signed log" : ", not in the signed log yet";
  const code = receipts?.find((one) => one?.details?.error_code !== undefined)?.details?.error_code;
  const words = `${WORDS[sent]}${code === undefined ? "" : ` (${code})`}${logged}`;
  const mark = sent === "sent" ? "✓" : sent === "failed" ? "!" : "·";
  return (
    <span class={`sent ${sent}`} title={words}>
      <span aria-hidden="true">
        {mark}
        {isLogged === undefined ? "" : isLogged ? "✓" : "·"}
      </span>
      <span class="sr">{words}</span>
    </span>
  );
}
