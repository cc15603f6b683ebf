// Compares a checkpoint, a proof or an export that somebody kept elsewhere with the log as this browser checked it.

import { useState } from "preact/hooks";
import { access, verify } from "../verifier";
import type { CompareAnswer } from "../verify/tasks";

/** What the worker is given at most. */
const LARGEST = 50_000_000;

interface Props {
  readonly checkpoint: string;
  readonly trusted: string;
}

type State = "idle" | "busy" | CompareAnswer;

const TITLES: Readonly<Record<CompareAnswer["state"], string>> = {
  continues: "✓ It fits the file.",
  broken: "✕ Does not fit.",
  "another-log": "! This is another log than that of the file.",
  refused: "! Not compared.",
};

const LOOKS: Readonly<Record<CompareAnswer["state"], string>> = { continues: "good", broken: "bad", "another-log": "warn", refused: "warn" };

export function CompareFile({ checkpoint, trusted }: Props) {
  const [state, setState] = useState<State>("idle");
  const [text, setText] = useState("");
  const compare = (given: string): void => {
    setState("busy");
    verify<"compare">({ kind: "compare", access: access(), checkpoint, key: trusted, text: given }).then(setState, (error: unknown) =>
      setState({ state: "refused", text: error instanceof Error ? `${error.message}.` : String(error) }),
    );
  };
  const take = (file: File | null | undefined): void => {
    if (file === null || file === undefined) return;
    if (file.size > LARGEST) setState({ state: "refused", text: "The file has more than 50 MB: compare it with ledger verify --against." });
    else void file.text().then(compare);
  };
  return (
    <details class="compare" onDragOver={(event) => event.preventDefault()} onDrop={(event) => {
      event.preventDefault();
      take(event.dataTransfer?.files[0]);
    }}>
      <summary>Compare with a file</summary>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") compare(text);
      }}>
        <label>
          A checkpoint, a proof or an export that you kept: drop it here, or choose it{" "}
          <input type="file" onChange={(event) => take(event.currentTarget.files?.[0])} />
        </label>
        <label>
          or paste its text <textarea rows={4} value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button" disabled={state === "busy"}>
          {state === "busy" ? "Comparing…" : "Compare"}
        </button>
      </form>
      {typeof state === "string" ? null : (
        <p role={state.state === "broken" ? "alert" : "status"} class={LOOKS[state.state]}>
          <b>{TITLES[state.state]}</b> {state.text}
        </p>
      )}
    </details>
  );
}
