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
  /** The key that signs, and the one before it, if it signs too. */
  readonly signing: readonly [LogKey, ...LogKey[]];
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
    const masters = [breakGlass.role.roleArn, deployer];
    const numbered = (number: number) => new LogKey(this, { settings, number, signer: inserter, masters });
    this.signing = signingKeys(settings).map(numbered) as [LogKey, ...LogKey[]];
    for (const { key } of this.signing) {
      breakGlass.allowRepairOf(key);
    }
    const [{ key: newest }] = this.signing;
    // A name that no other log has: the first key is new with each log.
    this.origin = settings.logOrigin ?? `product-ledger.invalid/${newest.keyId}`;
    const output = (id: string, value: string, description: string) => new CfnOutput(this, id, { value, description });
    output("Bucket", this.files.name, "LEDGER_LOG_BUCKET");
    output("KeyId", newest.keyId, "LEDGER_LOG_KEY_ID");
    output("Origin", this.origin, "LEDGER_LOG_ORIGIN");
  }

  /** The settings of whoever reads the log. Its keys are on record in its table. */
  get reading(): Environment {
    return { LEDGER_LOG_TABLE: this.table.name, LEDGER_LOG_BUCKET: this.files.name };
  }

  /** The settings of the function that writes the log. */
  get writing(): Environment {
    const { logRetention, logKey } = this.settings;
    const [newest, former] = this.signing;
    return {
      ...this.reading,
      LEDGER_LOG_KEY_ID: newest.key.keyId,
      ...(former && {
        LEDGER_LOG_FORMER_KEY_ID: former.key.keyId,
        LEDGER_LOG_OVERLAP: `${logKey.overlapDays}`,
      }),
      ...(logKey.lost !== undefined && { LEDGER_LOG_LOST_KEY: logKey.lost }),
      LEDGER_LOG_ORIGIN: this.origin,
      LEDGER_LOG_PROTECTION: this.protection,
      ...(logRetention && { LEDGER_LOG_RETENTION: `${logRetention.mode}:${logRetention.days}` }),
    };
  }
}

/** The numbers of the keys that sign, the newest first. */
function signingKeys({ logKey: { number, overlapDays, lost }, logOrigin }: Settings): number[] {
  if (!Number.isInteger(number) || number < 1) {
    throw new Error(`logKey: ${number} is no number of a key, which are counted from 1`);
  }
  if (number === 1) {
    return [1];
  }
  if (logOrigin === undefined) {
    throw new Error(
      "logKey: set logOrigin to the name that the log has (output LEDGER_LOG_ORIGIN), which has the id of its first key in it",
    );
  }
  return overlapDays === undefined || lost !== undefined ? [number] : [number, number - 1];
}
