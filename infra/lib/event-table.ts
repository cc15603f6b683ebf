// The event table: commits are inserted and never changed. Its resource policy denies every other write to all but the
// break-glass role, so that neither a compromised function nor an administrator's mistake can rewrite history.

import { Stack } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { BreakGlass } from "./break-glass.ts";
import type { LedgerKey } from "./key.ts";
import type { Settings } from "./settings.ts";
import { type Action, LedgerTable } from "./table.ts";

/** Every action that changes or removes an item, or could overwrite one. */
export const REWRITING: readonly Action[] = [
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
  "dynamodb:BatchWriteItem",
  "dynamodb:PartiQLUpdate",
  "dynamodb:PartiQLDelete",
];

/**
 * Every action that removes the table, its stream, its recovery or this protection. `UpdateTable` ends the stream and the
 * protection from deletion, and a time to live deletes items without a request that could be denied.
 */
export const UNPROTECTING: readonly Action[] = [
  "dynamodb:DeleteTable",
  "dynamodb:UpdateTable",
  "dynamodb:UpdateContinuousBackups",
  "dynamodb:UpdateTimeToLive",
  "dynamodb:PutResourcePolicy",
  "dynamodb:DeleteResourcePolicy",
];

export interface EventTableProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly breakGlass: BreakGlass;
  /** The role of the one function that inserts, by its ARN. */
  readonly inserter: string;
  /** The role that deploys this stack, by its ARN. */
  readonly deployer: string;
  readonly restoredAs: string | undefined;
}

/** The event table. */
export class EventTable extends Construct {
  readonly table: LedgerTable;
  /** What protects the table as it is deployed, for whoever checks that it still does: JSON. */
  readonly protection: string;

  constructor(scope: Construct, props: EventTableProps) {
    super(scope, "EventTable");
    const policy = protection(props);
    this.protection = Stack.of(this).toJsonString({ policy, deletion_protection: props.settings.keepData });
    this.table = new LedgerTable(this, props.restoredAs ? `Events-${props.restoredAs}` : "Events", {
      settings: props.settings,
      key: props.key,
      name: "events",
      recovery: "point-in-time",
      resourcePolicy: policy,
      tableName: props.restoredAs,
    });
    const { cfn } = this.table;
    props.breakGlass.allow(
      new PolicyStatement({ actions: [...REWRITING, ...UNPROTECTING, ...READING], resources: [cfn.attrArn] }),
    );
    props.key.grantTableWrite(props.breakGlass.role);
  }

  get streamArn(): string {
    return this.table.cfn.attrStreamArn;
  }

  /** Grants looking at the table's protection. */
  grantCheck(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: [...CHECKING], resources: [this.table.cfn.attrArn] }),
    );
  }

  /** Grants what Lambda's poller needs to read the stream. */
  grantStream(grantee: IGrantable): void {
    const principal = grantee.grantPrincipal;
    principal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        resources: [this.streamArn],
      }),
    );
    principal.addToPrincipalPolicy(new PolicyStatement({ actions: ["dynamodb:ListStreams"], resources: ["*"] }));
  }
}

/** What tells how the table is protected. */
export const CHECKING: readonly Action[] = [
  "dynamodb:DescribeTable",
  "dynamodb:DescribeContinuousBackups",
  "dynamodb:GetResourcePolicy",
];
const READING: readonly Action[] = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQLInsert"];

function protection(props: EventTableProps): PolicyDocument {
  const { breakGlass, inserter, deployer } = props;
  return new PolicyDocument({
    statements: [
      denied("NoRewriting", REWRITING, [breakGlass.role.roleArn]),
      denied("OneInserter", ["dynamodb:PartiQLInsert"], [breakGlass.role.roleArn, inserter]),
      denied("StaysProtected", UNPROTECTING, [breakGlass.role.roleArn, deployer]),
    ],
  });
}

/** A statement that denies actions; in a table's resource policy `*` is that table. */
function denied(sid: string, actions: readonly Action[], except: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    sid,
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: [...actions],
    resources: ["*"],
    conditions: { ArnNotEquals: { "aws:PrincipalArn": [...except] } },
  });
}
