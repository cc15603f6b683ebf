// What the log of all commits consists of: the table of its batches and its index, which is insert-only like the event table, the
// table of the items that tell the sequencer which commits are new, the bucket with its files, and the key that signs it.

import { CfnOutput } from "aws-cdk-lib";
import { Construct } from "constructs";
import { allowRepair, insertOnly, type InsertOnlyRoles, protectionOf } from "./insert-only.ts";
import type { LedgerKey } from "./key.ts";
import { LogBucket } from "./log-bucket.ts";
import { LogKey } from "./log-key.ts";
import type { Environment } from "./rust-function.ts";
import type { Settings } from "./settings.ts";
import { LedgerTable } from "./table.ts";

/** The table of feed items: the projector writes one for each batch of records, and the sequencer follows its stream. */
export class LogFeed extends Construct {
  readonly table: LedgerTable;

  constructor(scope: Construct, settings: Settings, key: LedgerKey) {
    super(scope, "LogFeed");
    this.table = new LedgerTable(this, "Items", {
      settings,
      key,
      name: "log-feed",
      recovery: { noneBecause: "The sequencer's reconcile finds every commit that no item announced." },
      expiresBy: "expires_at",
    });
  }
}

export interface TransparencyLogProps extends InsertOnlyRoles {
  readonly settings: Settings;
  readonly key: LedgerKey;
  /** The name of a log table that was restored from a backup. */
  readonly restoredAs: string | undefined;
}

/** Table, files and key of the log. `inserter` alone inserts, writes and signs. */
export class TransparencyLog extends Construct {
  readonly table: LedgerTable;
  readonly files: LogBucket;
  readonly signing: LogKey;
  /** The name of the log, which its key is bound to. */
  readonly origin: string;
  /** What protects the table as it is deployed, for whoever checks that it still does: JSON. */
  private readonly protection: string;
  private readonly settings: Settings;

  constructor(scope: Construct, props: TransparencyLogProps) {
    super(scope, "Log");
    const { settings, key, breakGlass, inserter, deployer, restoredAs } = props;
    this.settings = settings;
    const policy = insertOnly(props);
    this.table = new LedgerTable(this, restoredAs ? `Batches-${restoredAs}` : "Batches", {
      settings,
      key,
      name: "log",
      recovery: "point-in-time",
      resourcePolicy: policy,
      tableName: restoredAs,
    });
    this.protection = protectionOf(this.table, { policy, deletion_protection: settings.keepData, stream: false });
    allowRepair(breakGlass, this.table, key);
    this.files = new LogBucket(this, { settings, writer: inserter });
    this.signing = new LogKey(this, {
      settings,
      signer: inserter,
      masters: [breakGlass.role.roleArn, deployer],
    });
    breakGlass.allowRepairOf(this.signing.key);
    // A name that no other log has: the key is new with each log.
    this.origin = settings.logOrigin ?? `product-ledger.invalid/${this.signing.key.keyId}`;
    const output = (id: string, value: string, description: string) => new CfnOutput(this, id, { value, description });
    output("Bucket", this.files.name, "LEDGER_LOG_BUCKET");
    output("KeyId", this.signing.key.keyId, "LEDGER_LOG_KEY_ID");
    output("Origin", this.origin, "LEDGER_LOG_ORIGIN");
  }

  /** The settings of whoever reads the log. Its keys are on record in its table. */
  get reading(): Environment {
    return { LEDGER_LOG_TABLE: this.table.name, LEDGER_LOG_BUCKET: this.files.name };
  }

  /** The settings of the function that writes the log. */
  get writing(): Environment {
    const { logRetention } = this.settings;
    return {
      ...this.reading,
      LEDGER_LOG_KEY_ID: this.signing.key.keyId,
      LEDGER_LOG_ORIGIN: this.origin,
      LEDGER_LOG_PROTECTION: this.protection,
      ...(logRetention && { LEDGER_LOG_RETENTION: `${logRetention.mode}:${logRetention.days}` }),
    };
  }
}
