// What this browser keeps for the address of this ledger: choices, what was seen last, checkpoints. Nothing else is kept.

import type { KeptCheckpoint } from "./verify/tasks";

/** Everything that is kept. */
export interface Kept {
  readonly theme?: "light" | "dark";
  readonly zone?: "local";
  /** Whether single letters are off as keys. */
  readonly quiet?: true;
  /** The newest position that was seen, and when. */
  readonly seen?: { readonly position: number; readonly at: string };
  /** The checkpoints of logs, by origin. */
  readonly logs?: Readonly<Record<string, KeptCheckpoint>>;
}

const name = (): string => `ledger${new URL(document.baseURI).pathname}`;

/** What is kept; nothing where the browser refuses. */
export function kept(): Kept {
  try {
    const text = localStorage.getItem(name());
    const value: unknown = text === null ? {} : JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Keeps more; `undefined` forgets. */
export function keep(change: Partial<Kept>): void {
  try {
    localStorage.setItem(name(), JSON.stringify({ ...kept(), ...change }));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** Forgets everything. */
export function forget(): void {
  try {
    localStorage.removeItem(name());
  } catch {
    // There was nothing.
  }
}
