// The function for commands. On the event table it may only insert by PartiQL and query: even if compromised it could not
// change or remove a commit.

import { Duration, Stack } from "aws-cdk-lib";
import { Construct } from "constructs";
import { corsEnvironment } from "./cors.ts";
import type { EventTable } from "./event-table.ts";
import type { LedgerKey } from "./key.ts";
import { RustFunction } from "./rust-function.ts";
import { DEFAULT_CURRENCY, type Settings } from "./settings.ts";

/** The command function. Its grants follow once the event table exists, whose policy names its role. */
export class CommandApi extends Construct {
  readonly function: RustFunction;

  private readonly settings: Settings;

  constructor(scope: Construct, settings: Settings, key: LedgerKey, binaries: string) {
    super(scope, "CommandApi");
    this.settings = settings;
    this.function = new RustFunction(this, {
      settings,
      key,
      name: "command-api",
      binaries,
      memory: settings.memory.api,
      timeout: Duration.seconds(15),
      // The event table's policy admits it by its name, so a replaced role must not get another one.
      roleName: `${Stack.of(this).stackName}-command-api`,
    });
    this.function.withoutDeadLetterTarget("API Gateway invokes it synchronously; nothing is queued.");
  }

  /** Grants it the event table and sets its environment. */
  use(events: EventTable): void {
    this.function.set({
      LEDGER_EVENTS_TABLE: events.table.name,
      LEDGER_DEFAULT_CURRENCY: DEFAULT_CURRENCY,
      ...corsEnvironment(this.settings),
    });
    events.table.grantWrite(this.function.role, "dynamodb:PartiQLInsert", "dynamodb:Query");
  }
}
