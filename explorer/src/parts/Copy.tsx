// A button that copies a text and says so.

import { useState } from "preact/hooks";
import { say } from "../state";

/** Copies a text to the clipboard and tells so; false where the browser refuses. */
export async function copy(text: string, told: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    say(told);
    return true;
  } catch {
    say("This browser does not let the page copy.");
    return false;
  }
}

export function Copy({ text, children = "Copy", kind = "button", told = "Copied." }: {
  readonly text: string;
  readonly children?: string;
  readonly kind?: "button" | "primary" | "link";
  readonly told?: string;
}) {
  const [done, setDone] = useState(false);
  const press = async (): Promise<void> => {
    if (!(await copy(text, told))) return;
    setDone(true);
    setTimeout(() => setDone(false), 1600);
  };
  const look = kind === "link" ? "as-link" : kind === "primary" ? "button primary" : "button";
  return (
    <button type="button" class={look} onClick={() => void press()}>
      {done ? "Copied" : children}
    </button>
  );
}
