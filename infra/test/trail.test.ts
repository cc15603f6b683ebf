// The trail records every write to the event table and the log table, and whatever endangers the ledger, where neither the ledger's key nor anybody
// can silence it.

import { describe, expect, it } from "vitest";
import { UNPROTECTING } from "../lib/insert-only.ts";
import { DISABLING } from "../lib/key.ts";
import { WATCHED } from "../lib/trail.ts";
import { short, statements } from "./policies.ts";
import { type Json, ofType, one, stage, text } from "./synth.ts";

const { template } = stage("production");
const trails = Object.fromEntries(
  ofType(template, "AWS::CloudTrail::Trail").map(([, { Properties }]) => [String(Properties.TrailName), Properties]),
);
const MANAGEMENT = "product-ledger-production";
const WRITES = "product-ledger-production-writes";

interface Selector {
  readonly Field: string;
  readonly Equals?: string[];
  readonly NotEquals?: string[];
}
const selectors = (trail: string) =>
  (trails[trail]?.AdvancedEventSelectors as { FieldSelectors: Selector[] }[]).map(({ FieldSelectors }) =>
    Object.fromEntries(FieldSelectors.map(({ Field, Equals, NotEquals }) => [Field, Equals ?? { not: NotEquals }])),
  );

describe("the trails", () => {
  it("record each request that can write to the event table or the log table, PartiQL's included, whatever CloudTrail calls it", () => {
    const [selected, ...others] = selectors(WRITES);
    expect(others).toEqual([]);
    expect(selected).toMatchObject({ eventCategory: ["Data"], "resources.type": ["AWS::DynamoDB::Table"] });
    expect(selected?.readOnly).toBeUndefined();
    const tables = ["EventTableEvents", "LogBatches"].map((start) => one(template, "AWS::DynamoDB::Table", start)[0]);
    expect(selected?.["resources.ARN"]).toEqual(tables.map((table) => ({ "Fn::GetAtt": [table, "Arn"] })));
    for (const action of [
      "PutItem",
      "UpdateItem",
      "DeleteItem",
      "BatchWriteItem",
      "ExecuteStatement",
      "BatchExecuteStatement",
    ]) {
      expect(selected?.eventName).toContain(action);
    }
  });

  it("record AssumeRole, which counts as reading, and changes of keys, but not each use of a key", () => {
    expect(selectors(MANAGEMENT)).toEqual([
      { eventCategory: ["Management"], readOnly: ["false"] },
      {
        eventCategory: ["Management"],
        readOnly: ["true"],
        eventSource: { not: ["kms.amazonaws.com", "rdsdata.amazonaws.com"] },
      },
    ]);
    // A role may be assumed in any region.
    expect(trails[MANAGEMENT]).toMatchObject({ IsMultiRegionTrail: true, IncludeGlobalServiceEvents: true });
  });

  it("go to a bucket that is locked for a year, in files whose changes show", () => {
    const [bucket, { Properties, DeletionPolicy }] = one(template, "AWS::S3::Bucket", "Trail");
    expect(Properties.ObjectLockConfiguration).toEqual({
      ObjectLockEnabled: "Enabled",
      Rule: { DefaultRetention: { Days: 365, Mode: "COMPLIANCE" } },
    });
    expect(DeletionPolicy).toMatch(/^Retain/);
    for (const trail of Object.values(trails)) {
      expect(trail).toMatchObject({ S3BucketName: { Ref: bucket }, EnableLogFileValidation: true, IsLogging: true });
    }
    const writing = statements(template).filter(
      ({ on, actions }) => on.startsWith("TrailBucketPolicy") && actions.includes("s3:PutObject"),
    );
    expect(writing.map(({ effect, condition }) => [effect, Object.keys(condition ?? {})])).toEqual([
      ["Allow", ["StringEquals"]],
    ]);
    expect(JSON.stringify(writing[0]?.condition)).toContain(`:trail/${MANAGEMENT}"`);
    expect(JSON.stringify(writing[0]?.condition)).toContain(`:trail/${WRITES}"`);
  });

  it("need no key of the ledger, because disabling it must not silence them", () => {
    const [, logs] = one(template, "AWS::Logs::LogGroup", "Trail");
    expect(logs.Properties.KmsKeyId).toBeUndefined();
    for (const trail of Object.values(trails)) {
      expect(trail.KMSKeyId).toBeUndefined();
    }
    const [, bucket] = one(template, "AWS::S3::Bucket", "Trail");
    expect(JSON.stringify(bucket.Properties.BucketEncryption)).toContain('"SSEAlgorithm":"AES256"');
  });
});

describe("the alarms", () => {
  const filters = ofType(template, "AWS::Logs::MetricFilter").map(([, { Properties }]) => {
    const [{ MetricName, MetricNamespace }] = Properties.MetricTransformations as [Json];
    return { metric: String(MetricName), namespace: MetricNamespace, pattern: text(Properties.FilterPattern) };
  });
  const patterns = (metric: string) => filters.filter((found) => found.metric === metric).map(({ pattern }) => pattern);

  it("watch the metrics that the log of the trail is searched for", () => {
    expect([...new Set(filters.map(({ metric }) => metric))].sort()).toEqual([...WATCHED].sort());
    for (const name of WATCHED) {
      const [found] = ofType(template, "AWS::CloudWatch::Alarm").filter(
        ([, { Properties }]) => Properties.AlarmName === `${MANAGEMENT}-${name}`,
      );
      const watching = JSON.stringify(found?.[1].Properties);
      expect(watching).toContain(`"MetricName":"${name}","Namespace":"ProductLedger/product-ledger-production"`);
    }
    expect(new Set(filters.map(({ namespace }) => namespace))).toEqual(
      new Set(["ProductLedger/product-ledger-production"]),
    );
  });

  it("see the break-glass role assumed by the API, in the console, and whatever it then does", () => {
    const role = "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/product-ledger-production-break-glass";
    expect(patterns("break-glass")).toEqual([
      `{ ($.requestParameters.roleArn = "${role}") || ($.additionalEventData.SwitchTo = "*product-ledger-production-break-glass*") || ($.userIdentity.sessionContext.sessionIssuer.arn = "${role}") }`,
    ]);
  });

  it("see each request that the policies of keys and table deny, tried or done", () => {
    const keys = patterns("key-changes");
    expect(keys.map((pattern) => /keyId = "\*(<\w+>)"/.exec(pattern)?.[1]).map((key) => short(key ?? ""))).toEqual([
      "<Key>",
      "<LogSigningKey>",
      "<BackupsKey>",
    ]);
    for (const action of DISABLING) {
      expect(keys.every((pattern) => pattern.includes(`"${action.replace("kms:", "")}"`))).toBe(true);
    }
    const found = patterns("protection-changes").filter((pattern) => pattern.includes('"dynamodb.amazonaws.com"'));
    for (const [place, table] of ["EventTableEvents", "LogBatches"].entries()) {
      for (const action of UNPROTECTING) {
        expect(found[place]).toContain(`"${action.replace("dynamodb:", "")}"`);
      }
      expect(short(found[place] ?? "")).toContain(`requestParameters.resourceArn = "<${table}Table.Arn>"`);
    }
  });

  it("see changes of the roles that may rewrite or insert, of the bucket of the log, and of the trails themselves", () => {
    const found = patterns("protection-changes").map(short).join();
    expect(found).toContain('$.requestParameters.roleName = "product-ledger-production-break-glass"');
    expect(found).toContain('$.requestParameters.roleName = "<CommandApiFunctionRole>"');
    expect(found).toContain('$.requestParameters.roleName = "<SequencerConsumerFunctionRole>"');
    expect(found).toContain('($.requestParameters.bucketName = "<LogFilesBucket>")');
    expect(found).toContain('($.eventName = "PutBucketPolicy")');
    expect(found).toContain('($.eventName = "StopLogging")');
    expect(found).toContain('($.requestParameters.logGroupName = "/product-ledger-production/trail")');
  });

  it("have patterns of at most 1,024 characters, references included", () => {
    for (const { pattern } of filters) {
      expect(pattern.replace(/<[^>]+>/g, "x".repeat(80)).length).toBeLessThan(1024);
    }
  });
});

it("dev has no trail, of which an account may have five in a region", () => {
  expect(ofType(stage("dev").template, "AWS::CloudTrail::Trail")).toEqual([]);
});
