// All data at rest is encrypted with the stack's own key, which only this stack's services may use, and which only two roles
// can make unusable. The topic of the alarms is not: its messages have no data, and have to arrive without the key.

import { describe, expect, it } from "vitest";
import { short } from "./policies.ts";
import { type Json, list, ofType, one, STAGES, stage, text } from "./synth.ts";

const KEY = "<Key.Arn>";

/** The property that names the key, for each type that stores data. */
const NAMED: Record<string, (properties: Json) => unknown> = {
  "AWS::DynamoDB::Table": (properties) => (properties.SSESpecification as Json).KMSMasterKeyId,
  "AWS::SQS::Queue": (properties) => properties.KmsMasterKeyId,
  "AWS::Logs::LogGroup": (properties) => properties.KmsKeyId,
  "AWS::Events::EventBus": (properties) => properties.KmsKeyIdentifier,
  "AWS::Events::Archive": (properties) => properties.KmsKeyIdentifier,
};

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it.each(Object.keys(NAMED))("every %s is encrypted with the key", (type) => {
    // The trail's log has to be written when the key cannot be used.
    const found = ofType(template, type).filter(([id]) => !id.startsWith("TrailLogs"));
    expect(found.length).toBeGreaterThan(0);
    for (const [id, { Properties }] of found) {
      expect(short(text(NAMED[type]?.(Properties))), id).toBe(KEY);
    }
  });

  it("the key rotates once a year", () => {
    const [, key] = one(template, "AWS::KMS::Key", "Key");
    expect(key.Properties).toMatchObject({ EnableKeyRotation: true, RotationPeriodInDays: 365 });
  });

  it("services may use the key only for this stack, and nobody outside the account at all", () => {
    const [, key] = one(template, "AWS::KMS::Key", "Key");
    const { Statement } = key.Properties.KeyPolicy as { Statement: Json[] };
    const found = Statement.map((statement) => [
      statement.Sid,
      text(Object.values(statement.Principal as Json)[0]),
      list(statement.Action as string[]).join(" "),
      JSON.stringify(statement.Condition ?? {})
        .match(/"[a-z]+:[A-Za-z:-]+"/g)
        ?.filter((key) => !key.startsWith('":')),
    ]);
    const region = "<AWS::Region>.amazonaws.com";
    expect(found).toEqual([
      [undefined, "arn:<AWS::Partition>:iam::<AWS::AccountId>:root", "kms:*", undefined],
      [
        "LogGroupsOfThisStack",
        `logs.${region}`,
        "kms:Decrypt kms:Describe* kms:Encrypt kms:GenerateDataKey* kms:ReEncrypt*",
        ['"kms:EncryptionContext:aws:logs:arn"'],
      ],
      ["EventBridgeLooksAtTheKey", "events.amazonaws.com", "kms:DescribeKey", undefined],
      [
        "BusAndArchiveOfThisStack",
        "events.amazonaws.com",
        "kms:Decrypt kms:GenerateDataKey kms:ReEncrypt*",
        ['"kms:EncryptionContext:aws:events:event-bus:arn"'],
      ],
      ["DeliveriesToQueues", "events.amazonaws.com", "kms:Decrypt kms:GenerateDataKey", ['"aws:SourceAccount"']],
      ["StaysUsable", "*", "kms:DisableKey kms:PutKeyPolicy kms:ScheduleKeyDeletion", ['"aws:PrincipalArn"']],
    ]);
  });

  it("EventBridge needs to name no source of a request: the archive and deliveries to queues may not have one", () => {
    const [, key] = one(template, "AWS::KMS::Key", "Key");
    const { Statement } = key.Properties.KeyPolicy as { Statement: Json[] };
    const ofEvents = Statement.filter(({ Principal }) => (Principal as Json).Service === "events.amazonaws.com");
    const bus = `arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/product-ledger-${name}`;
    const conditions = ofEvents.map(({ Condition }) =>
      Object.entries((Condition ?? {}) as Json).map(([test, keys]) => [
        test,
        Object.entries(keys as Json).map(([key, value]) => `${key}=${text(value)}`),
      ]),
    );
    expect(conditions).toEqual([
      [],
      [["StringEquals", [`kms:EncryptionContext:aws:events:event-bus:arn=${bus}`]]],
      // Another account is refused only if one is named.
      [["StringEqualsIfExists", ["aws:SourceAccount=<AWS::AccountId>"]]],
    ]);
  });

  it("only the break-glass role and the deployment role can disable or delete the key, or change its policy", () => {
    const [, key] = one(template, "AWS::KMS::Key", "Key");
    const { Statement } = key.Properties.KeyPolicy as { Statement: Json[] };
    const denied = Statement.filter(({ Effect }) => Effect === "Deny");
    expect(denied).toMatchObject([{ Sid: "StaysUsable", Principal: { AWS: "*" }, Resource: "*" }]);
    const { ArnNotEquals } = denied[0]?.Condition as { ArnNotEquals: Json };
    const except = list(ArnNotEquals["aws:PrincipalArn"]).map((one) => short(text(one)));
    expect(except).toEqual([
      "<BreakGlassRole.Arn>",
      "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/cdk-hnb659fds-cfn-exec-role-<AWS::AccountId>-<AWS::Region>",
    ]);
  });

  it("an alarm about the key arrives when the key cannot be used", () => {
    const [, topic] = one(template, "AWS::SNS::Topic", "Alarms");
    expect(topic.Properties.KmsMasterKeyId).toBeUndefined();
  });

  it("the key's policy covers the name of every log group, and each has a retention", () => {
    const { stackName } = { stackName: `product-ledger-${name}` };
    for (const [, { Properties }] of ofType(template, "AWS::Logs::LogGroup")) {
      const group = String(Properties.LogGroupName);
      expect(group.startsWith(`/${stackName}/`) || group === `aws-waf-logs-${stackName}`).toBe(true);
      expect(Properties.RetentionInDays).toBe(name === "production" ? 365 : 7);
    }
  });

  it("bus and archive have fixed names, which the key's policy and an alarm have", () => {
    const [, bus] = one(template, "AWS::Events::EventBus", "Bus");
    const [, archive] = one(template, "AWS::Events::Archive", "Bus");
    expect([bus.Properties.Name, archive.Properties.ArchiveName]).toEqual([
      `product-ledger-${name}`,
      `product-ledger-${name}`,
    ]);
    expect(archive.Properties.RetentionDays).toBe(name === "production" ? 365 : 7);
    expect(short(text((bus.Properties.DeadLetterConfig as Json).Arn))).toBe("<BusDeadLettersQueue.Arn>");
  });

  it("queues and topic accept TLS only", () => {
    for (const type of ["AWS::SQS::Queue", "AWS::SNS::Topic"]) {
      for (const [id] of ofType(template, type)) {
        const policies = [...ofType(template, "AWS::SQS::QueuePolicy"), ...ofType(template, "AWS::SNS::TopicPolicy")];
        const own = policies.filter(([, { Properties }]) =>
          JSON.stringify([Properties.Queues, Properties.Topics]).includes(`"${id}"`),
        );
        expect(own.map(([, policy]) => JSON.stringify(policy)).join(), id).toContain(
          '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"',
        );
      }
    }
  });
});
