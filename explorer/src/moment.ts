// The moment at which a product is shown: now, at a time by one of the two clocks, or at a version.

import type { View } from "./url";
import { understood } from "./url";

/** What is asked for. */
export type Moment =
  | { readonly kind: "now" }
  | { readonly kind: "force"; readonly at: number }
  | { readonly kind: "recorded"; readonly at: number }
  | { readonly kind: "version"; readonly version: number };

/** The moment of a view. */
export function momentOf(view: View): Moment {
  const { at, v, clock } = understood(view);
  if (v !== undefined) return { kind: "version", version: Number(v) };
  if (at === undefined) return { kind: "now" };
  const time = Date.parse(at);
  if (Number.isNaN(time)) return { kind: "now" };
  return clock === "recorded" ? { kind: "recorded", at: time } : { kind: "force", at: time };
}

/** The parameters with which the moment of a view stays on another page. */
export function stays(view: View): Record<string, string> {
  const { at, clock } = understood(view);
  if (at === undefined || (view.page !== "p" && view.page !== "catalogue")) return {};
  return clock === undefined ? { at } : { at, clock };
}
