// The grants of every role, written out: fails for any grant more or less than the adapters need.

import { describe, expect, it } from "vitest";
import { granted, grants, short } from "./policies.ts";
import { ofType, one, STAGES, stage } from "./synth.ts";

const on = (resource: string, ...actions: string[]) => actions.map((action) => `${action} on ${resource}`);
const via = (service: string, ...actions: string[]) =>
  actions.map((action) => `kms:${action} on <Key.Arn> if kms:ViaService=${service}.<AWS::Region>.amazonaws.com`);
const readKey = via("dynamodb", "Decrypt", "DescribeKey");
const writeKey = [
  ...readKey,
  ...via("dynamodb", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
];
const sendKey = via("sqs", "Decrypt", "GenerateDataKey");
const traces = on("*", "xray:PutTelemetryRecords", "xray:PutTraceSegments");
const log = (id: string) => on(`<${id}FunctionLogs.Arn>`, "logs:CreateLogStream", "logs:PutLogEvents");
const EVENTS = "<EventTableEventsTable.Arn>";
const STREAM = "<EventTableEventsTable.StreamArn>";
const stream = [
  ...on(STREAM, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
  ...on("*", "dynamodb:ListStreams"),
];
const lookups = ["by_sku", "by_sku_name", "by_category", "by_category_name"];
const indexes = ["by_id", "by_name", "by_price", "changes", ...lookups].map(
  (index) => `dynamodb:Query on <ViewsProductsTable.Arn>/index/${index}`,
);

const ROLES: Record<string, readonly string[]> = {
  CommandApiFunctionRole: [
    ...on(EVENTS, "dynamodb:PartiQLInsert", "dynamodb:Query"),
    ...writeKey,
    ...log("CommandApi"),
    ...traces,
  ],
  QueryApiFunctionRole: [
    ...on(EVENTS, "dynamodb:Query"),
    ...on("<ViewsProductsTable.Arn>", "dynamodb:GetItem", "dynamodb:BatchGetItem"),
    ...indexes,
    ...on("<ViewsPricesTable.Arn>", "dynamodb:Query"),
    ...on("<ViewsReceiptsTable.Arn>", "dynamodb:Query"),
    ...readKey,
    ...log("QueryApi"),
    ...traces,
  ],
  ProjectorConsumerFunctionRole: [
    ...on(EVENTS, "dynamodb:Query"),
    ...on("<ViewsProductsTable.Arn>", "dynamodb:GetItem", "dynamodb:PutItem"),
    ...on("<ViewsPricesTable.Arn>", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    ...on("<ViewsParkingTable.Arn>", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
    ...on("<ProjectorConsumerDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...stream,
    ...writeKey,
    ...sendKey,
    ...log("ProjectorConsumer"),
    ...traces,
  ],
  PublisherConsumerFunctionRole: [
    ...on(EVENTS, "dynamodb:Query"),
    ...on("<ViewsReceiptsTable.Arn>", "dynamodb:Query", "dynamodb:BatchWriteItem", "dynamodb:PutItem"),
    ...on(
      "<ViewsParkingTable.Arn>",
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
      "dynamodb:DeleteItem",
    ),
    "events:PutEvents on <Bus.Arn> if events:source=product-ledger.products",
    ...on("<PublisherConsumerDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...stream,
    ...writeKey,
    ...sendKey,
    ...log("PublisherConsumer"),
    ...traces,
  ],
  RetryScheduleRole: [
    ...on("<ProjectorConsumerFunctionLambda.Arn>", "lambda:InvokeFunction"),
    ...on("<PublisherConsumerFunctionLambda.Arn>", "lambda:InvokeFunction"),
    ...on("<RetryScheduleDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...sendKey,
  ],
  BreakGlassRole: [
    ...on(
      EVENTS,
      ...["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete"].map(prefixed),
      ...["DeleteTable", "PutResourcePolicy", "DeleteResourcePolicy"].map(prefixed),
      ...["GetItem", "Query", "Scan", "PartiQLInsert"].map(prefixed),
    ),
    ...writeKey,
  ],
  // Its managed policy is asserted with the API.
  ApiRestCloudWatchRole: [],
};

const INTERCEPT: Record<string, readonly string[]> = {
  InterceptStarter: ["states:StartExecution on <InterceptWorkflow>"],
  InterceptRole: [
    ...on("<InterceptTable.Arn>", "dynamodb:PutItem"),
    ...writeKey,
    ...on("*", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
    ...on("*", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
    ...on("*", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
    ...on("*", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
    ...traces,
  ],
};

const AUDITOR = [
  ...on(EVENTS, "dynamodb:Query", "dynamodb:Scan"),
  ...on("<ViewsProductsTable.Arn>", "dynamodb:GetItem", "dynamodb:Scan"),
  ...indexes,
  ...on("<ViewsPricesTable.Arn>", "dynamodb:Query", "dynamodb:Scan"),
  ...on("<ViewsReceiptsTable.Arn>", "dynamodb:Query"),
  ...on("<ViewsParkingTable.Arn>", "dynamodb:GetItem", "dynamodb:Query"),
];
const PEOPLE: Record<string, readonly string[]> = {
  Auditor: [...AUDITOR, ...readKey],
  Operator: [
    ...AUDITOR,
    ...on("<ViewsProductsTable.Arn>", "dynamodb:PutItem", "dynamodb:DeleteItem"),
    ...on("<ViewsPricesTable.Arn>", ...["PutItem", "UpdateItem", "DeleteItem"].map(prefixed)),
    ...on("<ViewsReceiptsTable.Arn>", ...["BatchWriteItem", "PutItem"].map(prefixed)),
    ...on("<ViewsParkingTable.Arn>", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
    ...on("<Bus.Arn>", "events:PutEvents", "events:DescribeEventBus"),
    ...writeKey,
  ],
};

function prefixed(action: string): string {
  return `dynamodb:${action}`;
}

describe.each(STAGES)("%s", (name) => {
  const expected = name === "dev" ? { ...ROLES, ...INTERCEPT } : ROLES;

  it("has these roles and no other", () => {
    const roles = ofType(stage(name).template, "AWS::IAM::Role").map(([id]) => short(`<${id}>`).slice(1, -1));
    expect(roles.sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))("%s may exactly this", (role, may) => {
    const { template } = stage(name);
    const [id] = ofType(template, "AWS::IAM::Role").find(([id]) => short(`<${id}>`) === `<${role}>`) ?? [];
    expect(grants(template, id ?? "")).toEqual([...may].sort());
  });

  it("every role is for one service of this account, or for people with a second factor", () => {
    for (const [id, role] of ofType(stage(name).template, "AWS::IAM::Role")) {
      const trust = JSON.stringify(role.Properties.AssumeRolePolicyDocument);
      if (id.startsWith("BreakGlass")) {
        expect(trust).toContain('"aws:MultiFactorAuthPresent":"true"');
      } else {
        expect(trust).toMatch(/"Principal":\{"Service":"[a-z.]+"\}/);
      }
    }
  });

  it.each(Object.entries(PEOPLE))("%s may exactly this, and only those to whom it is attached by hand", (id, may) => {
    const { template } = stage(name);
    const [policy, { Properties }] = one(template, "AWS::IAM::ManagedPolicy", `People${id}`);
    expect(granted(template, policy)).toEqual([...may].sort());
    expect([Properties.Roles, Properties.Users, Properties.Groups]).toEqual([undefined, undefined, undefined]);
  });

  it("people have no third policy", () => {
    expect(ofType(stage(name).template, "AWS::IAM::ManagedPolicy")).toHaveLength(2);
  });
});
