// Printing a product: Ctrl-P on its page leads to the evidence sheet, which prints once it is checked.

import { signal } from "@preact/signals";
import { go, view } from "../state";
import { understood } from "../url";

/** Whether the sheet prints itself as soon as it says what was checked. */
export const printsWhenReady = signal(false);

/** The evidence sheet of the product that is shown, at the same moment. */
export function evidenceView(id: string) {
  const { at, clock } = understood(view.value);
  return { page: "evidence", id, parameters: { ...(at === undefined ? {} : { at }), ...(clock === undefined ? {} : { clock }) } } as const;
}

/** Takes Ctrl-P, or ⌘P, for the sheet; gives back what undoes it. */
export function printsEvidence(id: string): () => void {
  const press = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    printsWhenReady.value = true;
    go(evidenceView(id));
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
