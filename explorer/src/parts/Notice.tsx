// What takes the place of a part that failed, and of one that is still loading.

import { Problem } from "../api";
import { may } from "../session";
import { Copy } from "./Copy";

/** What a token without `products/audit` leaves out. */
const NO_HISTORY = {
  title: "Your sign-in may read products, not their history.",
  detail: "It lacks products/audit; whoever runs this ledger can add it.",
};

/** The words for a problem. */
function words(error: unknown): { title: string; detail: string; reference: string } {
  if (!(error instanceof Problem)) {
    return { title: "This part could not be shown.", detail: error instanceof Error ? error.message : "", reference: "" };
  }
  const titles: Readonly<Record<string, string>> = {
    unauthorized: "Your sign-in is not accepted.",
    unavailable: "The store did not answer. Nothing was changed.",
    internal: "A fault of the ledger. Whoever runs it finds it by the reference.",
    malformed: "This link asks for something the ledger does not understand.",
  };
  if (error.kind === "forbidden" && !may("products/audit")) return { ...NO_HISTORY, reference: error.reference };
  if (error.kind === "forbidden") {
    return {
      title: "Your sign-in may not read this.",
      detail: "It lacks a scope, mostly products/audit; whoever runs this ledger can add it.",
      reference: error.reference,
    };
  }
  return { title: titles[error.kind] ?? error.title, detail: error.detail, reference: error.reference };
}

/** A failure, with a way to try again. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { title, detail, reference } = words(error);
  return (
    <div class="failure" role="alert">
      <strong>{title}</strong>
      {detail === "" ? null : <p>{detail}</p>}
      {reference === "" ? null : (
        <p class="muted">
          Reference <code>{reference}</code> <Copy text={reference} kind="link" />
        </p>
      )}
      {retry === undefined ? null : (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Grey lines in the place of what comes; they appear only after a moment. */
export function Waiting({ lines = 4 }: { readonly lines?: number }) {
  return (
    <div class="waiting" aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
