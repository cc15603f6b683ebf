// The grants of every role, written out: fails for any grant more or less than the adapters need.

import { describe, expect, it } from "vitest";
import { granted, grants, short } from "./policies.ts";
import { CONFIGURED, type Json, ofType, one, STAGES, stage, synthesize, text } from "./synth.ts";

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
const repair = (key: string) =>
  on(key, "kms:CancelKeyDeletion", "kms:EnableKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy");
const EVENTS = "<EventTableEventsTable.Arn>";
const STREAM = "<EventTableEventsTable.StreamArn>";
const streamOf = (stream: string) => [
  ...on(stream, "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
  ...on("*", "dynamodb:ListStreams"),
];
const stream = streamOf(STREAM);
const LOG = "<LogBatchesTable.Arn>";
const FEED = "<LogFeedItemsTable.Arn>";
const FILES = "<LogFilesBucket.Arn>";
const SIGNING = "<LogSigningKey.Arn>";
const readFiles = [...on(`${FILES}/*`, "s3:GetObject"), ...on(FILES, "s3:ListBucket")];
const lookups = ["by_sku", "by_sku_name", "by_category", "by_category_name"];
const indexes = ["by_id", "by_name", "by_price", "changes", ...lookups].map(
  (index) => `dynamodb:Query on <ViewsProductsTable.Arn>/index/${index}`,
);

const parking = on(
  "<ViewsParkingTable.Arn>",
  "dynamodb:GetItem",
  "dynamodb:Query",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
);
const checking = ["dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:GetResourcePolicy"];

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
    ...on("<ViewsParkingTable.Arn>", "dynamodb:GetItem", "dynamodb:Query"),
    ...on(LOG, "dynamodb:Query"),
    ...readFiles,
    ...readKey,
    ...log("QueryApi"),
    ...traces,
  ],
  ProjectorConsumerFunctionRole: [
    ...on(EVENTS, "dynamodb:Query", "dynamodb:Scan"),
    ...on("<ViewsProductsTable.Arn>", "dynamodb:GetItem", "dynamodb:PutItem"),
    ...on("<ViewsPricesTable.Arn>", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    ...on(FEED, "dynamodb:PutItem"),
    ...parking,
    ...on("<ProjectorConsumerDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...stream,
    ...writeKey,
    ...sendKey,
    ...log("ProjectorConsumer"),
    ...traces,
  ],
  PublisherConsumerFunctionRole: [
    ...on(EVENTS, "dynamodb:Query", "dynamodb:Scan", ...checking),
    ...on("<ViewsReceiptsTable.Arn>", "dynamodb:Query", "dynamodb:BatchWriteItem", "dynamodb:PutItem"),
    ...parking,
    "events:PutEvents on <Bus.Arn> if events:source=product-ledger.products",
    ...on("<Bus.Arn>", "events:DescribeEventBus"),
    ...on("<PublisherConsumerDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...stream,
    ...writeKey,
    ...sendKey,
    ...log("PublisherConsumer"),
    ...traces,
  ],
  SequencerConsumerFunctionRole: [
    ...on(EVENTS, "dynamodb:Query", "dynamodb:Scan"),
    ...on(FEED, "dynamodb:Query"),
    ...on(LOG, "dynamodb:PartiQLInsert", "dynamodb:Query"),
    ...on(LOG, "dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:GetResourcePolicy"),
    ...parking,
    ...readFiles,
    ...on(`${FILES}/*`, "s3:PutObject"),
    // Files of which there is a full one.
    ...on(`${FILES}/tile/*.p/*`, "s3:DeleteObject"),
    `kms:Sign on ${SIGNING} if kms:MessageType=RAW and kms:SigningAlgorithm=ED25519_SHA_512`,
    ...on(SIGNING, "kms:GetPublicKey"),
    ...on("<SequencerConsumerDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...streamOf("<LogFeedItemsTable.StreamArn>"),
    ...writeKey,
    ...sendKey,
    ...log("SequencerConsumer"),
    ...traces,
  ],
  RetryScheduleRole: [
    ...on("<ProjectorConsumerFunctionLive>", "lambda:InvokeFunction"),
    ...on("<PublisherConsumerFunctionLive>", "lambda:InvokeFunction"),
    ...on("<SequencerConsumerFunctionLive>", "lambda:InvokeFunction"),
    ...on("<RetryScheduleDeadLettersQueue.Arn>", "sqs:SendMessage"),
    ...sendKey,
  ],
  BreakGlassRole: [
    ...[EVENTS, LOG].flatMap((table) => [
      ...on(
        table,
        ...["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete"].map(prefixed),
        ...["DeleteTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive"].map(prefixed),
        ...["PutResourcePolicy", "DeleteResourcePolicy"].map(prefixed),
        ...["GetItem", "Query", "Scan", "PartiQLInsert"].map(prefixed),
      ),
    ]),
    // To accept a restore.
    ...parking,
    ...on(FEED, "dynamodb:Query"),
    ...readFiles,
    ...writeKey,
    ...repair("<Key.Arn>"),
    ...repair(SIGNING),
  ],
  // The managed policies of these are asserted with the event table.
  ApiRestCloudWatchRole: [],
  RolloutRole: [],
};

const delivery = [
  ...on("*", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups"),
  ...on("*", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
  ...on("*", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"),
  ...on("*", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
  ...traces,
];
const DEV: Record<string, readonly string[]> = {
  // Empties the bucket of the log when the stack is deleted; the bucket's policy admits it.
  CustomS3AutoDeleteObjectsCustomResourceProviderRole: [],
  InterceptStarter: ["states:StartExecution on <InterceptWorkflow>"],
  InterceptRole: [...on("<InterceptTable.Arn>", "dynamodb:PutItem"), ...writeKey, ...delivery],
};

const RECEIPTS = "<ViewsReceiptsTable.Arn>";
const EXPORTS = "<BackupsExportsBucket.Arn>";
const PRODUCTION: Record<string, readonly string[]> = {
  TrailRole: on("<TrailLogs.Arn>", "logs:CreateLogStream", "logs:PutLogEvents"),
  // Its managed policy is asserted with the event table.
  BackupsRole: [],
  BackupsExportsRole: [
    ...[EVENTS, RECEIPTS].flatMap((table) => [
      ...on(table, "dynamodb:DescribeContinuousBackups", "dynamodb:ExportTableToPointInTime"),
      ...on(`${table}/export/*`, "dynamodb:DescribeExport"),
    ]),
    ...on(
      `${EXPORTS}/*`,
      ...["AbortMultipartUpload", "PutObject", "PutObjectAcl", "PutObjectRetention"].map((action) => `s3:${action}`),
    ),
    ...on(EXPORTS, "s3:ListBucket"),
    "states:StartExecution on arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:product-ledger-production-export",
    ...readKey,
    ...delivery,
  ],
  BackupsExportsStarter: [
    "states:StartExecution on <BackupsExportsWorkflow>",
    ...on("<BackupsFailuresQueue.Arn>", "sqs:SendMessage"),
    ...sendKey,
  ],
};

/** What roles of both stages may in production alone. */
const MORE_IN_PRODUCTION: Record<string, readonly string[]> = {
  BreakGlassRole: repair("<BackupsKey.Arn>"),
  SequencerConsumerFunctionRole: on(`${FILES}/*`, "s3:PutObjectRetention"),
};

const AUDITOR = [
  ...on(EVENTS, "dynamodb:Query", "dynamodb:Scan"),
  ...on("<ViewsProductsTable.Arn>", "dynamodb:GetItem", "dynamodb:Scan"),
  ...indexes,
  ...on("<ViewsPricesTable.Arn>", "dynamodb:Query", "dynamodb:Scan"),
  ...on("<ViewsReceiptsTable.Arn>", "dynamodb:Query"),
  ...on("<ViewsParkingTable.Arn>", "dynamodb:GetItem", "dynamodb:Query"),
  ...on(LOG, "dynamodb:Query"),
  ...readFiles,
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

/** Needs resources of the stage. */
const runbook = (name: string) => {
  const stack = `product-ledger-${name}`;
  const here = (service: string, rest: string) =>
    `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;
  const consumers = ["Projector", "Publisher", "Sequencer"].map((consumer) => `${consumer}ConsumerDeadLetters`);
  const queues = ["BusDeadLetters", ...consumers];
  const stages = [name === "dev" ? "InterceptDeadLetters" : "BackupsFailures"];
  const consumed = ["DeleteMessage", "GetQueueAttributes", "PurgeQueue", "ReceiveMessage", "StartMessageMoveTask"];
  return [
    ...on("<AWS::StackId>", "cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
    ...on("*", "cloudtrail:LookupEvents", "cloudwatch:DescribeAlarms"),
    ...on("*", "lambda:ListEventSourceMappings", "scheduler:ListSchedules"),
    ...on(EVENTS, ...checking),
    ...on(here("logs", `log-group:/${stack}/*:*`), "logs:FilterLogEvents"),
    ...on(here("logs", `log-group:aws-waf-logs-${stack}:*`), "logs:FilterLogEvents"),
    ...via("logs", "Decrypt"),
    ...[...queues, "RetryScheduleDeadLetters", "SubscriberDeadLetters", ...stages].flatMap((queue) =>
      on(`<${queue}Queue.Arn>`, ...consumed.map((action) => `sqs:${action}`)),
    ),
    ...on("<SubscriberQueue.Arn>", "sqs:GetQueueAttributes", "sqs:SendMessage"),
    ...sendKey,
    ...on("<Bus.Arn>", "events:DescribeReplay", "events:StartReplay"),
    ...on(here("events", `archive/${stack}`), "events:DescribeReplay", "events:StartReplay"),
    ...on(here("events", `replay/${stack}-*`), "events:DescribeReplay", "events:StartReplay"),
  ];
};
const STACK = on("<AWS::StackId>", "cloudformation:DescribeStacks", "cloudformation:ListStackResources");
const TESTER = [
  ...STACK,
  ...on("<SignInPool.Arn>", "cognito-idp:DescribeUserPool", "cognito-idp:DescribeUserPoolClient"),
  ...on("<InterceptTable.Arn>", "dynamodb:Query"),
  ...on("<SubscriberQueue.Arn>", "sqs:DeleteMessage", "sqs:ReceiveMessage"),
  ...on("<ProjectorConsumerFunctionLive>", "lambda:InvokeFunction"),
  ...on("<PublisherConsumerFunctionLive>", "lambda:InvokeFunction"),
  ...on("<SequencerConsumerFunctionLive>", "lambda:InvokeFunction"),
  ...readKey,
  ...sendKey,
];

function prefixed(action: string): string {
  return `dynamodb:${action}`;
}

describe.each(STAGES)("%s", (name) => {
  const expected = { ...ROLES, ...(name === "dev" ? DEV : PRODUCTION) };

  it("has these roles and no other", () => {
    const roles = ofType(stage(name).template, "AWS::IAM::Role").map(([id]) => short(`<${id}>`).slice(1, -1));
    expect(roles.sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))("%s may exactly this", (role, may) => {
    const { template } = stage(name);
    const [id] = ofType(template, "AWS::IAM::Role").find(([id]) => short(`<${id}>`) === `<${role}>`) ?? [];
    const more = (name === "production" ? MORE_IN_PRODUCTION[role] : undefined) ?? [];
    expect(grants(template, id ?? "")).toEqual([...may, ...more].sort());
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

  it.each(Object.entries({ ...PEOPLE, Runbook: runbook(name), Tester: name === "dev" ? TESTER : STACK }))(
    "%s may exactly this, and only those to whom it is attached by hand",
    (id, may) => {
      const { template } = stage(name);
      const [policy, { Properties }] = one(template, "AWS::IAM::ManagedPolicy", `People${id}`);
      expect(granted(template, policy)).toEqual([...may].sort());
      expect([Properties.Roles, Properties.Users, Properties.Groups]).toEqual([undefined, undefined, undefined]);
    },
  );

  it("people have these policies and no other, each of at most 6,144 characters", () => {
    const found = ofType(stage(name).template, "AWS::IAM::ManagedPolicy");
    const ids = found.map(([id]) => id.replace(/[0-9A-F]{8}$/, ""));
    expect(ids.sort()).toEqual(
      ["PeopleAuditor", "PeopleOperator", "PeopleRunbook", "PeopleTester", "SubscribersPolicy"].sort(),
    );
    for (const [id, { Properties }] of found) {
      // References are longest for tables: name of the stack, logical id, and what CloudFormation appends.
      const text = JSON.stringify(Properties.PolicyDocument).replace(/\{"Ref":"AWS::\w+"\}/g, "eu-central-1");
      expect(text.replace(/\{"Fn::GetAtt":\["\w+","Arn"\]\}/g, "x".repeat(130)).length, id).toBeLessThan(6144);
    }
  });
});

it("the break-glass role is for those whom the setting names, who need no second factor of AWS", () => {
  const [, role] = one(stage("configured").template, "AWS::IAM::Role", "BreakGlassRole");
  const { Statement } = role.Properties.AssumeRolePolicyDocument as { Statement: Json[] };
  expect(Statement.map(({ Condition, Principal }) => [Condition, text((Principal as Json).AWS)])).toEqual([
    [{ ArnLike: { "aws:PrincipalArn": CONFIGURED.breakGlass.split(",") } }, `arn:aws:iam::${CONFIGURED.account}:root`],
  ]);
  expect(() => synthesize("dev", { breakGlass: "me" })).toThrow('"me" is no ARN');
});
