// The event table: commits are inserted and never changed.

import { Construct } from "constructs";
import { allowRepair, insertOnly, type InsertOnlyRoles, protectionOf } from "./insert-only.ts";
import type { LedgerKey } from "./key.ts";
import type { Settings } from "./settings.ts";
import { LedgerTable } from "./table.ts";

export interface EventTableProps extends InsertOnlyRoles {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly restoredAs: string | undefined;
}

/** The event table. */
export class EventTable extends Construct {
  readonly table: LedgerTable;
  /** What protects the table as it is deployed, for whoever checks that it still does: JSON. */
  readonly protection: string;

  constructor(scope: Construct, props: EventTableProps) {
    super(scope, "EventTable");
    const policy = insertOnly(props);
    this.table = new LedgerTable(this, props.restoredAs ? `Events-${props.restoredAs}` : "Events", {
      settings: props.settings,
      key: props.key,
      name: "events",
      recovery: "point-in-time",
      resourcePolicy: policy,
      tableName: props.restoredAs,
    });
    this.protection = protectionOf(this.table, { policy, deletion_protection: props.settings.keepData });
    allowRepair(props.breakGlass, this.table, props.key);
  }
}
