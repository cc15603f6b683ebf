// The keys of the page. Single letters do nothing while a field has the focus, and can be switched off.

import { copy } from "./parts/Copy";
import { go, hasFeed, page, refine, singleKeys, switchZone, view } from "./state";
import { hasLog } from "./seal";
import type { Page } from "./url";

/** The keys with what they do; the page `#/keys` lists them. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["/", "Search"],
  ["g l", "Ledger"],
  ["g c", "Catalogue"],
  ["g p", "Proof"],
  ["j  k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["o", "Open below the row, and close"],
  ["[  ]", "The commit before and after the opened one"],
  ["x", "The chart as a table, and back"],
  ["t", "Type a moment, on the page of a product"],
  ["n", "Back to now"],
  ["u", "UTC or local time"],
  ["c", "Copy the link of this view"],
  [".", "Show new commits"],
  ["?", "This list"],
  ["Esc", "Close what is open"],
];

/** What other parts of the page do on a key. */
export const actions = new Map<string, () => void>();

let prefix = false;

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function goTo(to: Page): void {
  go({ page: to, parameters: {} });
}

function row(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const focused = document.activeElement?.closest<HTMLElement>("[data-row]");
  const at = focused === null || focused === undefined ? -1 : rows.indexOf(focused);
  const next = rows[at < 0 && step < 0 ? rows.length - 1 : at + step];
  next?.focus();
}

/** Opens what is below the focused row, and closes it; false if no row has the focus, or nothing is below it. */
function openRow(): boolean {
  const row = document.activeElement;
  if (!(row instanceof HTMLElement) || !row.matches("[data-row]")) return false;
  const button = row.querySelector<HTMLElement>("button[aria-expanded]");
  button?.click();
  return button !== null;
}

/** Closes the opened commit. */
function closeOpened(): boolean {
  const { open, commit } = view.value.parameters;
  if (open === undefined && commit === undefined) return false;
  refine({ open: undefined, commit: undefined });
  return true;
}

function pressed(key: string): boolean {
  if (prefix) {
    prefix = false;
    if (key === "l" && hasFeed()) goTo("ledger");
    else if (key === "c") goTo("catalogue");
    else if (key === "p" && hasLog()) goTo("proof");
    else return false;
    return true;
  }
  switch (key) {
    case "g":
      prefix = true;
      setTimeout(() => (prefix = false), 1200);
      return true;
    case "/":
      document.getElementById("search")?.focus();
      return true;
    case "j":
    case "ArrowDown":
      if (key === "ArrowDown" && !document.activeElement?.matches("[data-row]")) return false;
      row(1);
      return true;
    case "k":
    case "ArrowUp":
      if (key === "ArrowUp" && !document.activeElement?.matches("[data-row]")) return false;
      row(-1);
      return true;
    case "Enter":
    case "o":
      return openRow();
    case "Escape":
      return closeOpened();
    case "n":
      if (page.value !== "p") return false;
      refine({ at: undefined, v: undefined, clock: undefined });
      return true;
    case "u":
      switchZone();
      return true;
    case "c":
      void copy(location.href, "Link copied. It shows the same to everybody who may read this ledger.");
      return true;
    case "?":
      goTo("keys");
      return true;
    default: {
      const action = actions.get(key);
      action?.();
      return action !== undefined;
    }
  }
}

/** Listens to the keys. */
export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isField(event.target)) return;
    const isLetter = event.key.length === 1;
    if (isLetter && !singleKeys.value) return;
    // A slider has the arrows for itself.
    if (document.activeElement?.getAttribute("role") === "slider" && event.key.startsWith("Arrow")) return;
    if (pressed(event.key)) event.preventDefault();
  });
}

/** Registers what a key does while a part is shown. */
export function onKey(key: string, action: () => void): () => void {
  actions.set(key, action);
  return () => {
    if (actions.get(key) === action) actions.delete(key);
  };
}

