// The event table: commits are inserted and never changed.

import { Stack } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { allowRepair, insertOnly, type InsertOnlyRoles } from "./insert-only.ts";
import type { LedgerKey } from "./key.ts";
import type { Settings } from "./settings.ts";
import { type Action, LedgerTable } from "./table.ts";

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
    this.protection = Stack.of(this).toJsonString({ policy, deletion_protection: props.settings.keepData });
    this.table = new LedgerTable(this, props.restoredAs ? `Events-${props.restoredAs}` : "Events", {
      settings: props.settings,
      key: props.key,
      name: "events",
      recovery: "point-in-time",
      resourcePolicy: policy,
      tableName: props.restoredAs,
    });
    allowRepair(props.breakGlass, this.table, props.key);
  }

  /** Grants looking at the table's protection. */
  grantCheck(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: [...CHECKING], resources: [this.table.cfn.attrArn] }),
    );
  }
}

/** What tells how the table is protected. */
export const CHECKING: readonly Action[] = [
  "dynamodb:DescribeTable",
  "dynamodb:DescribeContinuousBackups",
  "dynamodb:GetResourcePolicy",
];
