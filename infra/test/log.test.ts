// The log: the sequencer alone writes and signs it, nothing of it is ever replaced, production keeps it, and the stack of any other
// stage can be deleted with it.

import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { short, statements } from "./policies.ts";
import { type Json, list, ofType, one, STAGES, stage, synthesize, text } from "./synth.ts";

const SEQUENCER = "<SequencerConsumerFunctionRole.Arn>";
const BUCKET = "<LogFilesBucket.Arn>";

/** What is denied about the objects of the bucket: action, objects, and the condition under which it is denied. */
function denied(name: (typeof STAGES)[number]): Record<string, unknown[]> {
  const { template } = stage(name);
  const [, policy] = one(template, "AWS::S3::BucketPolicy", "LogFiles");
  const { Statement } = policy.Properties.PolicyDocument as { Statement: Json[] };
  const found = Statement.filter(({ Effect, Sid }) => Effect === "Deny" && Sid !== undefined);
  return Object.fromEntries(
    found.map(({ Sid, Principal, Action, Resource, NotResource, Condition }) => {
      expect(Principal).toEqual({ AWS: "*" });
      const conditions = Object.entries((Condition ?? {}) as Json).map(([test, keys]) => [
        test,
        Object.fromEntries(Object.entries(keys as Json).map(([key, value]) => [key, short(text(value))])),
      ]);
      const objects = Resource === undefined ? `all but ${short(text(NotResource))}` : short(text(Resource));
      return [Sid, [...list(Action as string), objects, Object.fromEntries(conditions)]];
    }),
  );
}

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it("the sequencer alone writes files, each on condition that it is not there, or that the checkpoint is the one it has seen", () => {
    const { OnlyPartialFilesAreRemoved: _, NoVersionIsRemoved: __, ...writing } = denied(name);
    expect(writing).toEqual({
      OneWriter: ["s3:PutObject", `${BUCKET}/*`, { ArnNotEquals: { "aws:PrincipalArn": SEQUENCER } }],
      NothingIsReplaced: ["s3:PutObject", `all but ${BUCKET}/checkpoint`, { Null: { "s3:if-none-match": "true" } }],
      CheckpointsFollowOneAnother: [
        "s3:PutObject",
        `${BUCKET}/checkpoint`,
        { Null: { "s3:if-match": "true", "s3:if-none-match": "true" } },
      ],
    });
  });

  it("nobody outside of AWS's API reads the bucket, and only over TLS", () => {
    const [, { Properties }] = one(template, "AWS::S3::Bucket", "LogFiles");
    expect(Object.values(Properties.PublicAccessBlockConfiguration as Json)).toEqual([true, true, true, true]);
    const insecure = statements(template).filter(
      ({ on, condition }) => on.startsWith("LogFiles") && JSON.stringify(condition)?.includes("aws:SecureTransport"),
    );
    expect(insecure.map(({ effect, actions }) => [effect, actions])).toEqual([["Deny", ["s3:*"]]]);
    // The log has to be readable when the ledger's key is not.
    expect(JSON.stringify(Properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
  });

  it("what was removed or replaced is gone after a day, unless it is locked", () => {
    const [, { Properties }] = one(template, "AWS::S3::Bucket", "LogFiles");
    expect(Properties.VersioningConfiguration).toEqual({ Status: "Enabled" });
    expect(Properties.ObjectLockEnabled).toBe(true);
    // A default would lock partial files and the newest checkpoint.
    expect(Properties.ObjectLockConfiguration).toBeUndefined();
    const { Rules } = Properties.LifecycleConfiguration as { Rules: Json[] };
    expect(Rules).toEqual([
      {
        Status: "Enabled",
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        ExpiredObjectDeleteMarker: true,
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
      },
    ]);
  });

  it("the key signs with Ed25519, for the sequencer alone, and only two roles can make it unusable", () => {
    const [, { Properties }] = one(template, "AWS::KMS::Key", "LogSigningKey");
    expect([Properties.KeySpec, Properties.KeyUsage]).toEqual(["ECC_NIST_EDWARDS25519", "SIGN_VERIFY"]);
    const { Statement } = Properties.KeyPolicy as { Statement: Json[] };
    const [, ledger] = one(template, "AWS::KMS::Key", "Key");
    const ofLedger = (ledger.Properties.KeyPolicy as { Statement: Json[] }).Statement;
    const staysUsable = ofLedger.find(({ Sid }) => Sid === "StaysUsable");
    const [root, ...denies] = Statement;
    expect(root).toMatchObject({ Effect: "Allow", Action: "kms:*" });
    expect(denies).toHaveLength(2);
    expect(denies).toContainEqual(staysUsable);
    const [signing] = denies.filter(({ Sid }) => Sid === "OneSigner");
    expect(signing).toMatchObject({ Effect: "Deny", Principal: { AWS: "*" }, Action: "kms:Sign", Resource: "*" });
    const { ArnNotEquals } = signing?.Condition as { ArnNotEquals: Json };
    expect(list(ArnNotEquals["aws:PrincipalArn"]).map((one) => short(text(one)))).toEqual([SEQUENCER]);
  });

  it("no role but the sequencer's is allowed to write a file, to sign, or to remove what is not partial", () => {
    const [sequencer] = one(template, "AWS::IAM::Role", "SequencerConsumerFunctionRole");
    const [bucket] = one(template, "AWS::S3::Bucket", "LogFiles");
    const allowed = statements(template).filter(
      ({ effect, actions, resources, type }) =>
        effect === "Allow" &&
        type !== "AWS::KMS::Key" &&
        actions.some((action) => /^(s3:(Put|Delete)|kms:Sign)/.test(action)) &&
        resources.some((on) => on.includes(bucket) || on.includes("LogSigningKey")),
    );
    const others = allowed.filter(({ on }) => !on.startsWith("LogFilesBucketPolicy"));
    expect(new Set(others.flatMap(({ roles }) => roles))).toEqual(new Set([sequencer]));
    // In dev the bucket's own policy lets the function of CDK empty it when the stack is deleted.
    expect(allowed.length - others.length).toBe(name === "dev" ? 1 : 0);
  });

  it("readers of the log find what they need in the outputs", () => {
    const outputs = Object.values(template.Outputs).map(({ Description, Value }) => [Description, short(text(Value))]);
    expect(Object.fromEntries(outputs.filter(([description]) => description?.toString().includes("_LOG_")))).toEqual({
      LEDGER_LOG_TABLE: "<LogBatchesTable>",
      LEDGER_LOG_FEED_TABLE: "<LogFeedItemsTable>",
      LEDGER_LOG_BUCKET: "<LogFilesBucket>",
      LEDGER_LOG_KEY_ID: "<LogSigningKey>",
      LEDGER_LOG_ORIGIN: "product-ledger.invalid/<LogSigningKey>",
    });
    const [, keys] = outputs.find(([description]) => description === "Verifier keys of the log") ?? [];
    expect(keys).toMatch(/^https:\/\/<ApiRest>\.execute-api\..*\/log\/key$/);
  });
});

describe("production", () => {
  const { template } = stage("production");

  it("keeps bucket and key, and locks files for a year, in which nobody removes them", () => {
    for (const [type, start] of [
      ["AWS::S3::Bucket", "LogFiles"],
      ["AWS::KMS::Key", "LogSigningKey"],
    ] as const) {
      const [, resource] = one(template, type, start);
      expect([resource.DeletionPolicy, resource.UpdateReplacePolicy], start).toEqual([
        "RetainExceptOnCreate",
        "Retain",
      ]);
    }
    const { OnlyPartialFilesAreRemoved, NoVersionIsRemoved } = denied("production");
    expect(OnlyPartialFilesAreRemoved).toEqual(["s3:DeleteObject", `all but ${BUCKET}/tile/*.p/*`, {}]);
    expect(NoVersionIsRemoved).toEqual(["s3:DeleteObjectVersion", `${BUCKET}/*`, {}]);
    const [, sequencer] = one(template, "AWS::Lambda::Function", "Sequencer");
    const { Variables } = sequencer.Properties.Environment as { Variables: Json };
    expect(Variables.LEDGER_LOG_RETENTION).toBe("COMPLIANCE:365");
  });
});

describe("dev", () => {
  const { template } = stage("dev");

  it("locks nothing and empties the bucket, so that the stack can be deleted", () => {
    const [bucket, resource] = one(template, "AWS::S3::Bucket", "LogFiles");
    expect([resource.DeletionPolicy, resource.UpdateReplacePolicy]).toEqual(["Delete", "Delete"]);
    const [, emptied] = one(template, "Custom::S3AutoDeleteObjects", "LogFiles");
    expect(emptied.Properties.BucketName).toEqual({ Ref: bucket });
    const denies = denied("dev");
    expect([denies.OnlyPartialFilesAreRemoved, denies.NoVersionIsRemoved]).toEqual([undefined, undefined]);
    const [, sequencer] = one(template, "AWS::Lambda::Function", "Sequencer");
    const { Variables } = sequencer.Properties.Environment as { Variables: Json };
    expect(Variables.LEDGER_LOG_RETENTION).toBeUndefined();
    const [, key] = one(template, "AWS::KMS::Key", "LogSigningKey");
    expect([key.DeletionPolicy, key.Properties.PendingWindowInDays]).toEqual(["Delete", 7]);
  });

  it("is refused a lock, with which the stack could not be deleted", () => {
    const logRetention = { mode: "GOVERNANCE", days: 1 } as const;
    expect(() => synthesize("dev", {}, { logRetention })).toThrow("could not be deleted");
  });
});

it("a log has the name that the setting gives, everywhere, and goes on in a table that was restored", () => {
  const named = { logOrigin: "ledger.example.com/log" };
  const { template, directory } = synthesize("dev", { logTable: "restored-log" }, named);
  rmSync(directory, { recursive: true, force: true });
  for (const id of ["Publisher", "Sequencer"]) {
    const [, lambda] = one(template, "AWS::Lambda::Function", id);
    const { Variables } = lambda.Properties.Environment as { Variables: Json };
    expect(Variables.LEDGER_LOG_ORIGIN, id).toBe("ledger.example.com/log");
  }
  const [, table] = one(template, "AWS::DynamoDB::Table", "LogBatchesrestored");
  expect(table.Properties.TableName).toBe("restored-log");
}, 300_000);

describe("another key", () => {
  const next = { logOrigin: "ledger.example.com/log", logKey: { number: 2, overlapDays: 30, lost: undefined } };
  const of = (settings: Parameters<typeof synthesize>[2]) => {
    const { template, directory } = synthesize("dev", {}, settings);
    rmSync(directory, { recursive: true, force: true });
    const [, lambda] = one(template, "AWS::Lambda::Function", "Sequencer");
    const { Variables } = lambda.Properties.Environment as { Variables: Json };
    const told = Object.entries(Variables).map(([name, value]) => [name, short(text(value))]);
    return { template, told: Object.fromEntries(told) };
  };

  it("signs beside the one before it, with both of which the sequencer alone may sign", () => {
    const { template, told } = of(next);
    expect(told).toMatchObject({
      LEDGER_LOG_KEY_ID: "<LogSigningKey2Key>",
      LEDGER_LOG_FORMER_KEY_ID: "<LogSigningKey>",
      LEDGER_LOG_OVERLAP: "30",
      LEDGER_LOG_ORIGIN: "ledger.example.com/log",
    });
    expect(told.LEDGER_LOG_LOST_KEY).toBeUndefined();
    const signing = statements(template).filter(
      ({ effect, actions, type }) => effect === "Allow" && type !== "AWS::KMS::Key" && actions.includes("kms:Sign"),
    );
    expect(
      signing
        .flatMap(({ resources }) => resources)
        .map(short)
        .sort(),
    ).toEqual(["<LogSigningKey.Arn>", "<LogSigningKey2Key.Arn>"]);
    for (const id of ["LogSigningKey", "LogSigningKey2Key"]) {
      const keys = ofType(template, "AWS::KMS::Key").filter(([key]) => key.replace(/[0-9A-F]{8}$/, "") === id);
      expect(keys, id).toHaveLength(1);
      const { Statement } = keys[0]?.[1].Properties.KeyPolicy as { Statement: Json[] };
      expect(Statement.map(({ Sid }) => Sid)).toEqual(expect.arrayContaining(["OneSigner", "StaysUsable"]));
    }
  }, 300_000);

  it("signs alone once the overlap is over, and where the one before it is lost", () => {
    const alone = of({ ...next, logKey: { number: 2, overlapDays: undefined, lost: undefined } });
    expect(alone.told.LEDGER_LOG_FORMER_KEY_ID).toBeUndefined();
    expect(ofType(alone.template, "AWS::KMS::Key")).toHaveLength(2);
    const lost = of({ ...next, logKey: { number: 2, overlapDays: 30, lost: "name+12345678+AAAA" } });
    expect(lost.told).toMatchObject({
      LEDGER_LOG_KEY_ID: "<LogSigningKey2Key>",
      LEDGER_LOG_LOST_KEY: "name+12345678+AAAA",
    });
    expect(lost.told.LEDGER_LOG_FORMER_KEY_ID).toBeUndefined();
  }, 300_000);

  it("is refused without the name of the log, which would change with it, and without a number", () => {
    expect(() => synthesize("dev", {}, { logKey: next.logKey })).toThrow("logOrigin");
    const wrong = { ...next, logKey: { ...next.logKey, number: 0 } };
    expect(() => synthesize("dev", {}, wrong)).toThrow("counted from 1");
  }, 300_000);
});

it("the roles that the policies of event table, bucket and key name have fixed names", () => {
  for (const name of STAGES) {
    const [, role] = one(stage(name).template, "AWS::IAM::Role", "SequencerConsumerFunctionRole");
    expect(role.Properties.RoleName).toBe(`product-ledger-${name}-sequencer`);
  }
});

it("each log has one bucket and one key of its own, beside those of the ledger", () => {
  expect(ofType(stage("dev").template, "AWS::KMS::Key")).toHaveLength(2);
  expect(ofType(stage("dev").template, "AWS::S3::Bucket")).toHaveLength(1);
});
