// Production is backed up where nobody can remove the backups; no other stage is, because its stack has to be deletable.

import { describe, expect, it } from "vitest";
import { short, statements } from "./policies.ts";
import { CONFIGURED, type Json, list, ofType, one, stage, text } from "./synth.ts";

const { template } = stage("production");
const TABLES = ["<EventTableEventsTable.Arn>", "<ViewsReceiptsTable.Arn>"];

/** The definition of the workflow, with its references as text. */
interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Resource?: string;
  readonly Arguments?: Json;
  readonly Assign?: Record<string, string>;
  readonly [name: string]: unknown;
}
const definition = () => {
  const [, workflow] = one(template, "AWS::StepFunctions::StateMachine", "BackupsExports");
  return JSON.parse(text(workflow.Properties.DefinitionString)) as { StartAt: string; States: Record<string, State> };
};

describe("backups", () => {
  it("are taken of the tables that cannot be derived from others, every week", () => {
    const [, selection] = one(template, "AWS::Backup::BackupSelection", "Backups");
    const { Resources } = selection.Properties.BackupSelection as { Resources: unknown[] };
    expect(Resources.map((one) => short(text(one)))).toEqual(TABLES);
    const [, plan] = one(template, "AWS::Backup::BackupPlan", "Backups");
    const { BackupPlanRule } = plan.Properties.BackupPlan as { BackupPlanRule: Json[] };
    expect(BackupPlanRule).toMatchObject([
      { ScheduleExpression: "cron(0 3 ? * SUN *)", Lifecycle: { DeleteAfterDays: 15 } },
    ]);
    expect(BackupPlanRule[0]?.CopyActions).toBeUndefined();
  });

  it("lie in a vault that is locked for good after three days, and that takes what the plan makes", () => {
    const [, vault] = one(template, "AWS::Backup::BackupVault", "Backups");
    expect(vault.Properties.LockConfiguration).toEqual({
      ChangeableForDays: 3,
      MinRetentionDays: 15,
      MaxRetentionDays: 365,
    });
    expect(vault.DeletionPolicy).toMatch(/^Retain/);
  });

  it("have a key of their own, which only break-glass and deployment can make unusable", () => {
    const [key, { Properties }] = one(template, "AWS::KMS::Key", "BackupsKey");
    const [, vault] = one(template, "AWS::Backup::BackupVault", "Backups");
    expect(vault.Properties.EncryptionKeyArn).toEqual({ "Fn::GetAtt": [key, "Arn"] });
    const { Statement } = Properties.KeyPolicy as { Statement: Json[] };
    const [, ledger] = one(template, "AWS::KMS::Key", "Key");
    const denied = (ledger.Properties.KeyPolicy as { Statement: Json[] }).Statement.filter(
      ({ Effect }) => Effect === "Deny",
    );
    expect(Statement.filter(({ Effect }) => Effect === "Deny")).toEqual(denied);
    expect(Statement.map(({ Sid }) => Sid)).toEqual([undefined, "StaysUsable"]);
  });

  it("are copied to the vault that the setting names, whose account may read them", () => {
    const copied = stage("configured").template;
    const [, plan] = one(copied, "AWS::Backup::BackupPlan", "Backups");
    const { BackupPlanRule } = plan.Properties.BackupPlan as { BackupPlanRule: Json[] };
    expect(BackupPlanRule[0]?.CopyActions).toEqual([
      { DestinationBackupVaultArn: CONFIGURED.backupCopy, Lifecycle: { DeleteAfterDays: 15 } },
    ]);
    const [key] = one(copied, "AWS::KMS::Key", "BackupsKey");
    const others = statements(copied).filter(
      ({ on, principal }) => on === key && text(list((principal as Json).AWS)[0]).includes("210987654321"),
    );
    expect(others.map(({ sid, actions }) => [sid, actions])).toEqual([
      ["CopiesRead", ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"]],
      ["CopiesGrant", ["kms:CreateGrant"]],
    ]);
    expect(others[1]?.condition).toEqual({ Bool: { "kms:GrantIsForAWSResource": "true" } });
  });
});

describe("exports", () => {
  it("begin every day after midnight, for each of the same tables", () => {
    const schedules = ofType(template, "AWS::Scheduler::Schedule").filter(([id]) => id.startsWith("BackupsExports"));
    const [workflow] = one(template, "AWS::StepFunctions::StateMachine", "BackupsExports");
    const found = schedules.map(([, { Properties }]) => {
      const { Arn, Input } = Properties.Target as Json;
      expect(Properties.ScheduleExpression).toBe("cron(30 0 * * ? *)");
      expect(Arn).toEqual({ Ref: workflow });
      return JSON.parse(text(Input)) as Json;
    });
    expect(found.map(({ name, table }) => [name, short(String(table))])).toEqual([
      ["events", TABLES[0]],
      ["receipts", TABLES[1]],
    ]);
  });

  it("hold what was written from midnight to midnight, so that together they are everything", () => {
    const { States, StartAt } = definition();
    expect(StartAt).toBe("Since when");
    const { Export, Lock } = States;
    expect(Export?.Arguments).toMatchObject({
      ExportType: "INCREMENTAL_EXPORT",
      IncrementalExportSpecification: {
        ExportFromTime: "{% $from %}",
        ExportToTime: "{% $to %}",
        ExportViewType: "NEW_IMAGE",
      },
      // The key of the ledger is not needed to read them.
      S3SseAlgorithm: "AES256",
    });
    const { from, to } = States["Since when"]?.Assign ?? {};
    expect(from).toContain("EarliestRestorableDateTime");
    expect(from).toContain("'T00:00:00Z'");
    expect(to).toContain("'T00:00:00Z') + 86400000");
    expect(Lock).toBeDefined();
  });

  it("are locked file by file once they are complete: the bucket demands no checksum of DynamoDB", () => {
    const [bucket, { Properties, DeletionPolicy }] = one(template, "AWS::S3::Bucket", "BackupsExports");
    expect(Properties.ObjectLockEnabled).toBe(true);
    expect(Properties.ObjectLockConfiguration).toBeUndefined();
    expect(JSON.stringify(Properties.LifecycleConfiguration)).not.toContain("Expiration");
    expect(DeletionPolicy).toMatch(/^Retain/);
    const { States } = definition();
    const after = (name: string): string[] => {
      const next = States[name]?.Next;
      return next === undefined ? [] : [next, ...(next === "Then" ? [] : after(next))];
    };
    expect(after("Since when")).toEqual(["Export", "Wait", "Is it there", "Then"]);
    expect(States.Then?.Choices).toMatchObject([
      { Condition: "{% $states.input.status = 'COMPLETED' %}", Next: "Lock" },
      { Condition: "{% $states.input.status = 'IN_PROGRESS' %}", Next: "Wait" },
    ]);
    expect(States.Then?.Default).toBe("Failed");
    const lock = JSON.stringify(States.Lock);
    expect(lock).toContain('"Mode":"COMPLIANCE"');
    expect(lock).toContain(`$millis() + ${365 * 86_400_000}`);
    expect(lock).toContain(`"Bucket":"<${bucket}>","Prefix":"{% $folder & '/' %}"`);
  });

  it("cannot be removed by anybody, not even before they are locked", () => {
    for (const start of ["BackupsExports", "Trail"]) {
      const [, policy] = one(template, "AWS::S3::BucketPolicy", start);
      const { Statement } = policy.Properties.PolicyDocument as { Statement: Json[] };
      expect(Statement).toContainEqual(
        expect.objectContaining({
          Effect: "Deny",
          Principal: { AWS: "*" },
          Action: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        }),
      );
    }
  });
});

it("a backup, a copy or an export that fails is in the queue that has an alarm", () => {
  const rules = ofType(template, "AWS::Events::Rule").filter(([id]) => id.startsWith("Backups"));
  const [, vault] = one(template, "AWS::Backup::BackupVault", "Backups");
  expect(vault.Properties.BackupVaultName).toBe("product-ledger-production");
  expect(
    rules.map(([, { Properties }]) => {
      const [target] = Properties.Targets as Json[];
      return [(Properties.EventPattern as Json)["detail-type"], short(text(target?.Arn))];
    }),
  ).toEqual([
    [["Backup Job State Change", "Copy Job State Change"], "<BackupsFailuresQueue.Arn>"],
    [["Step Functions Execution Status Change"], "<BackupsFailuresQueue.Arn>"],
  ]);
});

it("dev has none of it, so that its stack can be deleted", () => {
  const types = new Set(Object.values(stage("dev").template.Resources).map(({ Type }) => Type));
  expect(types.has("AWS::Backup::BackupVault")).toBe(false);
  // The bucket of the log is emptied when the stack is deleted.
  expect(ofType(stage("dev").template, "AWS::S3::Bucket").map(([id]) => short(`<${id}>`))).toEqual([
    "<LogFilesBucket>",
  ]);
});
