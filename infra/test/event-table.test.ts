// Only the break-glass role may change or remove an item of the event table or the log table: asserted for every policy in the
// template, and for the table's resource policy, which covers principals outside the template.

import { describe, expect, it } from "vitest";
import { covers, type Statement, short, statements } from "./policies.ts";
import { type Json, one, STAGES, stage, type Template, text } from "./synth.ts";

const REWRITING = [
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
  "dynamodb:BatchWriteItem",
  "dynamodb:PartiQLUpdate",
  "dynamodb:PartiQLDelete",
];
const UNPROTECTING = [
  "dynamodb:DeleteTable",
  "dynamodb:UpdateTable",
  "dynamodb:UpdateContinuousBackups",
  "dynamodb:UpdateTimeToLive",
  "dynamodb:PutResourcePolicy",
  "dynamodb:DeleteResourcePolicy",
];
const RESTORING = ["dynamodb:RestoreTableToPointInTime", "dynamodb:ImportTable"];

/** The tables that are only inserted into, by the beginning of their logical ids, with the role that inserts. */
const INSERTERS = { EventTableEvents: "CommandApiFunctionRole", LogBatches: "SequencerConsumerFunctionRole" } as const;
type InsertOnlyTable = keyof typeof INSERTERS;
const CASES = STAGES.flatMap((name) => (Object.keys(INSERTERS) as InsertOnlyTable[]).map((of) => ({ name, of })));

function tableOf(template: Template, of: InsertOnlyTable) {
  return one(template, "AWS::DynamoDB::Table", of);
}

/** Whether a resource of a statement can match the event table: by name, by wildcard, or as `*`. */
function reaches(resource: string, table: string): boolean {
  const plain = resource.replace(/<AWS::(\w+)>/g, "$1");
  const isNamed = plain.includes(table) && !plain.includes(`${table}.StreamArn`);
  const isWild = plain === "*" || (/^arn:[^:]*:(dynamodb|\*)/.test(plain) && /[*?]/.test(plain));
  return isNamed || isWild;
}

function isIntrinsic(value: object): boolean {
  const [key = ""] = Object.keys(value);
  return key === "Ref" || key.startsWith("Fn::");
}

function rewriting(template: Template, of: InsertOnlyTable): Statement[] {
  const [table] = tableOf(template, of);
  return statements(template).filter(
    ({ effect, actions, resources }) =>
      effect === "Allow" &&
      actions.some((action) => [...REWRITING, ...UNPROTECTING, ...RESTORING].some((bad) => covers(action, bad))) &&
      resources.some((resource) => reaches(resource, table)),
  );
}

describe.each(CASES)("$name: $of", ({ name, of }) => {
  const { template } = stage(name);

  it("only the break-glass role is ever allowed to rewrite", () => {
    const [role] = one(template, "AWS::IAM::Role", "BreakGlassRole");
    const found = rewriting(template, of);
    expect(found.map((statement) => statement.roles)).toEqual([[role]]);
  });

  it("the assertion covers wildcards, inline policies, managed policies and NotAction", () => {
    const [table] = tableOf(template, of);
    const arn = { "Fn::GetAtt": [table, "Arn"] };
    const everywhere = { "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, ":dynamodb:*:*:table/*"]] };
    for (const bad of [
      { Effect: "Allow", Action: "dynamodb:*", Resource: "*" },
      { Effect: "Allow", Action: "*", Resource: arn },
      { Effect: "Allow", Action: ["dynamodb:Query", "dynamodb:BatchWrite*"], Resource: [arn] },
      { Effect: "Allow", Action: "dynamodb:PutItem", Resource: everywhere },
      { Effect: "Allow", Action: "dynamodb:DeleteItem", Resource: { "Fn::Sub": `\${${table}.Arn}` } },
      { Effect: "Allow", NotAction: "s3:*", Resource: "*" },
      { Effect: "Allow", Action: "dynamodb:UpdateItem", NotResource: "arn:aws:s3:::b" },
    ]) {
      for (const carrier of [
        { Type: "AWS::IAM::Role", Properties: { Policies: [{ PolicyDocument: { Statement: [bad] } }] } },
        { Type: "AWS::IAM::ManagedPolicy", Properties: { PolicyDocument: { Statement: bad } } },
        { Type: "AWS::DynamoDB::Table", Properties: { ResourcePolicy: { PolicyDocument: { Statement: [bad] } } } },
      ]) {
        const Resources = { ...template.Resources, Bad: carrier };
        expect(rewriting({ ...template, Resources }, of), JSON.stringify(carrier)).toHaveLength(2);
      }
    }
  });

  it("the table's resource policy denies rewriting to all but the break-glass role", () => {
    const [, table] = tableOf(template, of);
    const policy = table.Properties.ResourcePolicy as { PolicyDocument: { Statement: Json[] } };
    const found = policy.PolicyDocument.Statement.map((statement) => ({
      sid: statement.Sid,
      effect: statement.Effect,
      principal: statement.Principal,
      actions: [statement.Action].flat(),
      resource: statement.Resource,
      condition: Object.entries(statement.Condition as Json).map(([test, value]) => [
        test,
        Object.entries(value as Json).map(([key, except]) => [key, [except].flat().map((one) => short(text(one)))]),
      ]),
    }));
    const deployer =
      "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/cdk-hnb659fds-cfn-exec-role-<AWS::AccountId>-<AWS::Region>";
    const all = { effect: "Deny", principal: { AWS: "*" }, resource: "*" };
    const but = (...roles: string[]) => [["ArnNotEquals", [["aws:PrincipalArn", roles]]]];
    const glass = "<BreakGlassRole.Arn>";
    expect(found).toEqual([
      { sid: "NoRewriting", ...all, actions: [...REWRITING].sort(), condition: but(glass) },
      {
        sid: "OneInserter",
        ...all,
        actions: ["dynamodb:PartiQLInsert"],
        condition: but(glass, `<${INSERTERS[of]}.Arn>`),
      },
      { sid: "StaysProtected", ...all, actions: [...UNPROTECTING].sort(), condition: but(glass, deployer) },
    ]);
  });

  it("each statement stays below the 8,192 characters and the policy below the 20 KB that are taken", () => {
    const [, table] = tableOf(template, of);
    expect(JSON.stringify(table.Properties.ResourcePolicy).length).toBeLessThan(8_192);
  });

  it("it can be restored to any second of five weeks", () => {
    const [, table] = tableOf(template, of);
    expect(table.Properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
  });
});

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it("managed policies of AWS are attached to roles of API Gateway, CodeDeploy and AWS Backup, and of what empties a bucket of dev", () => {
    const attached = Object.entries(template.Resources)
      .filter(([, resource]) => resource.Properties?.ManagedPolicyArns !== undefined)
      .map(([id, resource]) => [short(`<${id}>`), JSON.stringify(resource.Properties.ManagedPolicyArns)]);
    expect(Object.fromEntries(attached)).toEqual({
      "<ApiRestCloudWatchRole>": expect.stringContaining("AmazonAPIGatewayPushToCloudWatchLogs"),
      "<RolloutRole>": expect.stringContaining("AWSCodeDeployRoleForLambdaLimited"),
      ...(name === "production"
        ? { "<BackupsRole>": expect.stringContaining("AWSBackupServiceRolePolicyForBackup") }
        : {
            "<CustomS3AutoDeleteObjectsCustomResourceProviderRole>":
              expect.stringContaining("AWSLambdaBasicExecutionRole"),
          }),
    });
  });

  it.each([
    ["Publisher", "EventTableEvents", "LEDGER_EVENTS_PROTECTION"] as const,
    ["Sequencer", "LogBatches", "LEDGER_LOG_PROTECTION"] as const,
  ])("the %s is told how its table is protected, word for word", (id, name, variable) => {
    const [, table] = tableOf(template, name);
    const [, checking] = one(template, "AWS::Lambda::Function", id);
    const { Variables } = checking.Properties.Environment as { Variables: Json };
    const told = JSON.parse(text(Variables[variable])) as Json;
    const { PolicyDocument } = table.Properties.ResourcePolicy as { PolicyDocument: unknown };
    const resolved = (value: unknown): unknown =>
      typeof value !== "object" || value === null || isIntrinsic(value)
        ? text(value)
        : Array.isArray(value)
          ? value.map(resolved)
          : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
    expect(told.policy).toEqual(resolved(PolicyDocument));
    expect(told.deletion_protection).toBe(table.Properties.DeletionProtectionEnabled);
    expect(told.stream ?? true).toBe(table.Properties.StreamSpecification !== undefined);
    // All variables of a function together may have 4 KB; a reference to a role is longer than its ARN here.
    expect(JSON.stringify(Variables).length).toBeLessThan(4096);
  });
});
