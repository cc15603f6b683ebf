// What keeps a table insert-only: its resource policy denies every change of an item to all but the break-glass role, inserts to all
// but one role, and changes of the protection to all but the role that deploys. So neither a compromised function nor an
// administrator's mistake can rewrite history.

import { Stack } from "aws-cdk-lib";
import { AnyPrincipal, Effect, type IGrantable, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { BreakGlass } from "./break-glass.ts";
import type { LedgerKey } from "./key.ts";
import type { Action, LedgerTable } from "./table.ts";

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

const READING: readonly Action[] = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQLInsert"];

/** The roles that the policy of an insert-only table does not deny everything. */
export interface InsertOnlyRoles {
  readonly breakGlass: BreakGlass;
  /** The role of the one function that inserts, by its ARN. */
  readonly inserter: string;
  /** The role that deploys this stack, by its ARN. */
  readonly deployer: string;
}

/** The resource policy of an insert-only table. */
export function insertOnly({ breakGlass, inserter, deployer }: InsertOnlyRoles): PolicyDocument {
  return new PolicyDocument({
    statements: [
      denied("NoRewriting", REWRITING, [breakGlass.role.roleArn]),
      denied("OneInserter", ["dynamodb:PartiQLInsert"], [breakGlass.role.roleArn, inserter]),
      denied("StaysProtected", UNPROTECTING, [breakGlass.role.roleArn, deployer]),
    ],
  });
}

/** What tells how a table is protected. */
export const CHECKING: readonly Action[] = [
  "dynamodb:DescribeTable",
  "dynamodb:DescribeContinuousBackups",
  "dynamodb:GetResourcePolicy",
];

/** What protects a table as it is deployed, for whoever checks that it still does: JSON. */
export interface DeployedProtection {
  readonly policy: PolicyDocument;
  readonly deletion_protection: boolean;
  /** `false` of a table without a stream. */
  readonly stream?: false;
}

/** The protection as the functions read it. */
export function protectionOf(table: LedgerTable, deployed: DeployedProtection): string {
  return Stack.of(table).toJsonString(deployed);
}

/** Grants looking at the protection of a table. */
export function grantCheck(grantee: IGrantable, table: LedgerTable): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: [...CHECKING], resources: [table.cfn.attrArn] }),
  );
}

/** Lets the break-glass role repair an insert-only table. */
export function allowRepair(breakGlass: BreakGlass, table: LedgerTable, key: LedgerKey): void {
  const actions = [...REWRITING, ...UNPROTECTING, ...READING];
  breakGlass.allow(new PolicyStatement({ actions, resources: [table.cfn.attrArn] }));
  key.grantTableWrite(breakGlass.role);
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
