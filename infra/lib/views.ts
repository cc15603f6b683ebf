// The tables that are derived from the event table: views, publication receipts, parked products.

import { Construct } from "constructs";
import type { LedgerKey } from "./key.ts";
import type { Settings } from "./settings.ts";
import { LedgerTable } from "./table.ts";

/** All tables except the event table. */
export class Views extends Construct {
  readonly products: LedgerTable;
  readonly prices: LedgerTable;
  readonly receipts: LedgerTable;
  readonly parking: LedgerTable;

  constructor(scope: Construct, settings: Settings, key: LedgerKey) {
    super(scope, "Views");
    const common = { settings, key };
    const rebuilt = { noneBecause: "`ledger rebuild` recreates this view from the event table." };
    this.products = new LedgerTable(this, "Products", { ...common, name: "products", recovery: rebuilt });
    this.prices = new LedgerTable(this, "Prices", { ...common, name: "prices", recovery: rebuilt });
    // Receipts are evidence of the heads and cannot be recreated.
    this.receipts = new LedgerTable(this, "Receipts", { ...common, name: "receipts", recovery: "point-in-time" });
    this.parking = new LedgerTable(this, "Parking", {
      ...common,
      name: "parking",
      recovery: { noneBecause: "`ledger reconcile` finds every product that is behind, parked or not." },
    });
  }
}
