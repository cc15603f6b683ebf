// The function for queries, the log and the feed of all commits among them. It has read permissions only.

import { Duration } from "aws-cdk-lib";
import { Construct } from "constructs";
import { corsEnvironment } from "./cors.ts";
import type { EventTable } from "./event-table.ts";
import type { LedgerKey } from "./key.ts";
import { RustFunction } from "./rust-function.ts";
import { EVENT_SOURCE, type Settings } from "./settings.ts";
import type { TransparencyLog } from "./transparency-log.ts";
import type { Views } from "./views.ts";

/** The resources that the query function depends on. */
export interface QueryApiProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
  readonly log: TransparencyLog;
}

/** The query function. */
export class QueryApi extends Construct {
  readonly function: RustFunction;

  constructor(scope: Construct, props: QueryApiProps) {
    super(scope, "QueryApi");
    const { settings, key, binaries, events, views, log } = props;
    this.function = new RustFunction(this, {
      settings,
      key,
      name: "query-api",
      binaries,
      memory: settings.memory.api,
      // Verifying a long chain takes time; API Gateway's timeout is 29 seconds.
      timeout: Duration.seconds(28),
    });
    this.function.withoutDeadLetterTarget("API Gateway invokes it synchronously; nothing is queued.");
    const { role } = this.function;
    this.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_PRODUCTS_TABLE: views.products.name,
      LEDGER_PRICES_TABLE: views.prices.name,
      LEDGER_RECEIPTS_TABLE: views.receipts.name,
      LEDGER_PARKING_TABLE: views.parking.name,
      LEDGER_ORDERS: settings.orders.join(","),
      // Of the messages that a subscriber missed.
      LEDGER_EVENT_SOURCE: EVENT_SOURCE,
      LEDGER_LOG_ORIGIN: log.origin,
      ...log.reading,
      ...(settings.logPublic !== "no" && { LEDGER_LOG_PUBLIC: settings.logPublic }),
      ...(settings.peopleUrl !== undefined && { LEDGER_PEOPLE_URL: settings.peopleUrl }),
      ...corsEnvironment(settings),
    });
    events.table.grantRead(role, "dynamodb:Query");
    views.products.grantRead(role, "dynamodb:GetItem", "dynamodb:BatchGetItem");
    views.products.grantQueryIndexes(role);
    views.prices.grantRead(role, "dynamodb:Query");
    views.receipts.grantRead(role, "dynamodb:Query");
    // For the status: parked products, and the products that the reconcile counted.
    views.parking.grantRead(role, "dynamodb:GetItem", "dynamodb:Query");
    log.table.grantRead(role, "dynamodb:Query");
    log.files.grantRead(role);
  }
}
