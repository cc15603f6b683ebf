// The two files that prove a commit to somebody else, and the command that checks them.

import { useState } from "preact/hooks";
import { getText, query, productPath } from "../api";
import { download, fileName } from "../download";
import { quoted } from "../quoted";
import { say } from "../state";
import { seal } from "../seal";
import type { Commit } from "../types";
import { Copy } from "./Copy";

/** The commit in the answer as the server wrote it, without what the answer adds. */
function commitOf(history: string): string {
  const found = JSON.parse(history) as { commits: Record<string, unknown>[] };
  const { receipts: _, ...commit } = found.commits[0] ?? {};
  return `${JSON.stringify(commit)}\n`;
}

/** The names of the two files of a commit. */
function namesOf(commit: Commit): string[] {
  return [commit.state.sku ?? commit.product_id, String(commit.sequence)];
}

/** The command that checks the two files with the key of the log; `joint` stands before its options. */
export function proofCommand(commit: Commit, joint = " "): string {
  const now = seal.value;
  const key = now.state === "checked" && "key" in now.answer ? now.answer.key : "KEY";
  const names = namesOf(commit);
  return `ledger verify --proof ${fileName(names, "tlog-proof")}${joint}--commit ${fileName(names, "json")}${joint}--key ${quoted(key)}`;
}

export function ProofFiles({ commit, isPrimary = false }: { readonly commit: Commit; readonly isPrimary?: boolean }) {
  const [isBusy, setBusy] = useState(false);
  const names = namesOf(commit);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const path = productPath(commit.product_id);
      const [proof, history] = await Promise.all([
        getText(`${path}/history/${commit.sequence}/proof`, { accept: "text/plain" }),
        getText(query(`${path}/history`, { after: commit.sequence - 1, limit: 1 })),
      ]);
      download(names, "json", commitOf(history), "application/json");
      download(names, "tlog-proof", proof, "text/plain");
      say("Two files are saved: the commit, and its proof.");
    } catch (error) {
      say(error instanceof Error ? error.message : "The proof could not be fetched.");
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={isPrimary ? "button primary" : "as-link"} disabled={isBusy} onClick={() => void save()}>
        Download proof
      </button>
      <Copy text={proofCommand(commit)} kind={isPrimary ? "button" : "link"} told="The command is copied.">
        Copy the command that checks it
      </Copy>
    </>
  );
}
