// What the whole page shares: where it is, what the server has, how times are shown, and what is announced.

import { computed, signal } from "@preact/signals";
import { keep, kept } from "./kept";
import { money as inMoney } from "./money";
import { may } from "./session";
import * as time from "./time";
import type { Config } from "./types";
import { changed, format, parse, type View } from "./url";

/** What the server is and has; set before anything is shown. */
export const config = signal<Config>({
  title: "Product ledger",
  build: "",
  base: "",
  mode: "open",
  features: [],
  default_currency: "USD",
});

/** Whether the server has a feature; the only switch of what is shown. */
export function has(feature: string): boolean {
  return config.value.features.includes(feature);
}

/** The orders of the catalogue that the server keeps. */
export function orders(): string[] {
  const found = config.value.features.find((feature) => feature.startsWith("orders:"));
  return found?.slice("orders:".length).split(",") ?? ["id"];
}

/** What is shown. */
export const view = signal<View>(parse(location.hash));

/** Whether the server has all commits in one order, and the token, if one is needed, may read them. */
export function hasFeed(): boolean {
  return has("commits") && (may("products/subscribe") || may("products/audit"));
}

/** The page that `#/` leads to. */
export const home = computed<"ledger" | "catalogue">(() => (hasFeed() ? "ledger" : "catalogue"));

/** The page that is shown. */
export const page = computed(() => (view.value.page === "home" ? home.value : view.value.page));

/** Opens a view as a new entry of the history, from its top unless it is a move within what is shown. */
export function go(next: View, { isMove = false } = {}): void {
  if (format(next) === location.hash) return;
  history.pushState(null, "", document.baseURI + format(next));
  view.value = next;
  if (!isMove) scrollTo(0, 0);
}

/** Changes parameters of the view in place. */
export function refine(parameters: Readonly<Record<string, string | undefined>>): void {
  const next = changed(view.value.page === "home" ? { ...view.value, page: home.value } : view.value, parameters);
  history.replaceState(history.state, "", document.baseURI + format(next));
  view.value = next;
}

/** How times are shown. */
export const zone = signal<time.Zone>(kept().zone ?? "utc");

/** Shows times in UTC or in the zone of this computer. */
export function switchZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
  keep({ zone: zone.value === "local" ? "local" : undefined });
}

/** The colours that were chosen; `system`: those of the system. */
export const theme = signal<"system" | "light" | "dark">(kept().theme ?? "system");

/** Chooses colours. */
export function choose(next: "system" | "light" | "dark"): void {
  theme.value = next;
  keep({ theme: next === "system" ? undefined : next });
  applyTheme();
}

/** Gives the document the chosen colours. */
export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

/** Whether single letters are keys. */
export const singleKeys = signal(kept().quiet !== true);

/** What screen readers are told, politely. */
export const said = signal("");

/** Tells screen readers, and shows it for a moment. */
export function say(text: string): void {
  said.value = "";
  queueMicrotask(() => (said.value = text));
}

/** The language of the browser, for digits. */
export const locale = navigator.language;

/** A price with the sign of its currency. */
export function money(price: string, currency: string): string {
  return inMoney(price, currency, locale);
}

/** A date in the chosen zone. */
export function date(at: string | number): string {
  return time.date(typeof at === "number" ? at : Date.parse(at), zone.value);
}

/** A moment in the chosen zone. */
export function moment(at: string | number): string {
  return time.moment(typeof at === "number" ? at : Date.parse(at), zone.value);
}

/** A count, with its digits grouped as the browser's language does. */
export function count(value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

/** So many of what a word names, in the plural but for one. */
export function amount(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** Whether the server has another build than this page. */
export const isOld = signal(false);

/** Whether this page is recording the sample; `stopped`: it recorded a part of it. */
export const sampling = signal<"no" | "loading" | "stopped">("no");
