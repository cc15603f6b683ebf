// The fragment of the address and the view that it stands for. Pure; `format(parse(text))` gives a fragment of the same view.

/** The pages, by the first segment of the fragment. */
export const PAGES = ["ledger", "catalogue", "p", "proof", "health", "sign-in", "keys", "about"] as const;

/** A page of the explorer; `home` leads to the first page that this server has. */
export type Page = "home" | "evidence" | (typeof PAGES)[number];

/** What is shown: a page, for a product its id, and the parameters as they stand in the fragment. */
export interface View {
  readonly page: Page;
  /** The product, on the page of a product and on its evidence sheet. */
  readonly id?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What a parameter may be. */
type Rule = RegExp | readonly string[] | ((value: string) => boolean);

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const NUMBER = /^(0|[1-9][0-9]{0,14})$/;
const PRICE = /^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$/;
/** Where no clock is named, it is `force`. */
const CLOCKS = ["force", "recorded"] as const;
const ANY = /^[^]{1,300}$/;

/** The kinds of change that the Ledger can be asked for. */
export const KINDS = ["price", "details", "name", "created", "deleted", "restored"] as const;

const KIND_LIST = /^(price|details|name|created|deleted|restored)(,(price|details|name|created|deleted|restored))*$/;

/** The parameters of each page, with what they may be. */
const RULES: Readonly<Record<Page, Readonly<Record<string, Rule>>>> = {
  home: {},
  ledger: {
    who: ANY,
    what: KIND_LIST,
    product: ANY,
    thread: ANY,
    from: INSTANT,
    to: INSTANT,
    by: ["happened"],
    only: ["drops", "late"],
    since: ["visit"],
    open: NUMBER,
    old: ["1"],
  },
  catalogue: {
    q: ANY,
    sku: ANY,
    category: ANY,
    sort: ["name", "price", "updated_at"],
    order: ["desc"],
    currency: /^[A-Z]{3}$/,
    min: PRICE,
    max: PRICE,
    deleted: ["1"],
    at: INSTANT,
    clock: CLOCKS,
    vs: INSTANT,
    show: ["changed", "new", "removed", "dearer", "cheaper", "renamed", "same"],
  },
  p: {
    at: INSTANT,
    clock: CLOCKS,
    v: NUMBER,
    range: isRange,
    commit: NUMBER,
    view: ["table", "json", "code"],
    only: ["prices", "details"],
  },
  evidence: { at: INSTANT, clock: ["recorded"], from: INSTANT, to: INSTANT },
  proof: { position: NUMBER },
  health: { parked: ANY },
  "sign-in": { then: ANY },
  keys: {},
  about: {},
};

/** A parameter that the page does not understand. */
export interface Misunderstood {
  readonly name: string;
  readonly value: string;
}

/** The view of a fragment, with or without its `#`. What cannot be understood leads home. */
export function parse(fragment: string): View {
  const text = fragment.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1))) {
    if (value !== "") parameters[name] = value;
  }
  const segments = path.split("/").filter((segment) => segment !== "");
  const [first, second, third] = segments;
  const found = PAGES.find((name) => name === first);
  const page = found === "p" && third === "evidence" ? "evidence" : found;
  if (page === undefined || segments.length > (page === "evidence" ? 3 : 2)) return { page: "home", parameters: {} };
  if (page !== "p" && page !== "evidence") return segments.length === 1 ? { page, parameters } : { page: "home", parameters: {} };
  const id = decoded(second);
  return id === undefined ? { page: "home", parameters: {} } : { page, id, parameters };
}

function decoded(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** The fragment of a view, with its `#`. Unknown parameters are kept. */
export function format(view: View): string {
  const parameters = Object.entries(view.parameters).filter(([, value]) => value !== "");
  parameters.sort(([a], [b]) => (a < b ? -1 : 1));
  const query = new URLSearchParams(parameters).toString();
  const product = `p/${encodeURIComponent(view.id ?? "")}`;
  const path = view.page === "home" ? "" : view.page === "p" ? product : view.page === "evidence" ? `${product}/evidence` : view.page;
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}

/** The view with other parameters; `undefined` takes one away. */
export function changed(view: View, parameters: Readonly<Record<string, string | undefined>>): View {
  const next: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...view.parameters, ...parameters })) {
    if (value !== undefined && value !== "") next[name] = value;
  }
  return { ...view, parameters: next };
}

/** The parameters with values that the page knows. */
export function understood(view: View): Record<string, string> {
  const rules = RULES[view.page];
  const known = Object.entries(view.parameters).filter(([name, value]) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    return rule !== undefined && fits(rule, value);
  });
  return Object.fromEntries(known);
}

/** The parameters that the page knows, with values that it does not. */
export function misunderstood(view: View): Misunderstood[] {
  const rules = RULES[view.page];
  return Object.entries(view.parameters)
    .filter(([name, value]) => Object.hasOwn(rules, name) && !fits(rules[name] as Rule, value))
    .map(([name, value]) => ({ name, value }));
}

function fits(rule: Rule, value: string): boolean {
  if (typeof rule === "function") return rule(value);
  if (!(rule instanceof RegExp)) return rule.includes(value);
  return rule === INSTANT ? isInstant(value) : rule.test(value);
}

/** Whether a text is an instant of the calendar. */
function isInstant(value: string): boolean {
  return INSTANT.test(value) && !Number.isNaN(Date.parse(value));
}

/** Whether a text names a range of the price chart, or has two instants of which the second is later. */
function isRange(value: string): boolean {
  const [from = "", to, ...rest] = value.split("~");
  if (to === undefined) return /^(30d|90d|18m|all)$/.test(value);
  return rest.length === 0 && isInstant(from) && isInstant(to) && Date.parse(from) < Date.parse(to);
}

/** The view of a product. */
export function productView(id: string, parameters: Readonly<Record<string, string>> = {}): View {
  return { page: "p", id, parameters };
}
