// The function behind the queries. It reads and never writes.

import { Duration } from "aws-cdk-lib";
import { Construct } from "constructs";
import type { EventTable } from "./event-table.ts";
import type { LedgerKey } from "./key.ts";
import { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";
import type { Views } from "./views.ts";

/** What the query function reads. */
export interface QueryApiProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
}

/** The query function. */
export class QueryApi extends Construct {
  readonly function: RustFunction;

  constructor(scope: Construct, props: QueryApiProps) {
    super(scope, "QueryApi");
    const { settings, key, binaries, events, views } = props;
    this.function = new RustFunction(this, {
      settings,
      key,
      name: "query-api",
      binaries,
      memory: settings.memory.api,
      // A long chain takes a while to verify; API Gateway waits 29 seconds.
      timeout: Duration.seconds(28),
    });
    this.function.withoutDeadLetterTarget("API Gateway invokes it and waits for the answer; nothing is queued.");
    const { role } = this.function;
    this.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_PRODUCTS_TABLE: views.products.name,
      LEDGER_PRICES_TABLE: views.prices.name,
      LEDGER_RECEIPTS_TABLE: views.receipts.name,
      LEDGER_ORDERS: settings.orders.join(","),
    });
    events.table.grantRead(role, "dynamodb:Query");
    views.products.grantRead(role, "dynamodb:GetItem");
    views.products.grantQueryIndexes(role);
    views.prices.grantRead(role, "dynamodb:Query");
    views.receipts.grantRead(role, "dynamodb:Query");
  }
}
