// What is left when the tables, their key or the whole account are lost: a backup of event table and receipts every week, in a
// vault that nobody can empty, with its own key and by setting with a copy in another account or region; and the writes of
// every day (`exports.ts`). One queue has everything that failed.

import { Aws, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { CfnBackupPlan, CfnBackupSelection, CfnBackupVault } from "aws-cdk-lib/aws-backup";
import { ArnPrincipal, ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { NamedRule } from "./delivery-alarms.ts";
import { Exports } from "./exports.ts";
import { type LedgerKey, protectKey } from "./key.ts";
import type { BackupSettings } from "./settings.ts";
import type { LedgerTable } from "./table.ts";

export interface BackupsProps {
  readonly settings: BackupSettings;
  readonly logDays: number;
  /** The ledger's key, for the queue and the log. */
  readonly key: LedgerKey;
  /** The roles that may make the backups' key unusable, by their ARNs. */
  readonly except: readonly string[];
  /** The tables that cannot be derived from others. */
  readonly tables: Readonly<Record<string, LedgerTable>>;
  /** The ARN of a vault in another account or region. */
  readonly copyTo: string | undefined;
}

/** The vault and its plan, the exports, and the queue of failures. */
export class Backups extends Construct {
  readonly key: Key;
  /** Failed backups, copies and exports; an alarm watches it. */
  readonly failures: LedgerQueue;
  /** The rules that fill it; an alarm watches each. */
  readonly rules: Readonly<Record<"backups" | "exports", NamedRule>>;

  constructor(scope: Construct, props: BackupsProps) {
    super(scope, "Backups");
    const { settings, key, tables } = props;
    this.failures = new LedgerQueue(this, "Failures", key);
    this.key = backupKey(this, props);
    const vault = lockedVault(this, settings, this.key);
    this.plan(vault, props);
    const backups = { rule: `${Stack.of(this).stackName}-failed-backups` };
    this.report("BackupsThatFailed", backups.rule, vault.attrBackupVaultArn, vault.ref);
    const exports = new Exports(this, { settings, logDays: props.logDays, key, tables, failures: this.failures });
    this.rules = { backups, exports: exports.rule };
  }

  private plan(vault: CfnBackupVault, { settings, tables, copyTo }: BackupsProps): void {
    const { stackName } = Stack.of(this);
    const lifecycle = { deleteAfterDays: settings.keepDays };
    const plan = new CfnBackupPlan(this, "Plan", {
      backupPlan: {
        backupPlanName: stackName,
        backupPlanRule: [
          {
            ruleName: "weekly",
            targetBackupVault: vault.ref,
            scheduleExpression: "cron(0 3 ? * SUN *)",
            startWindowMinutes: 60,
            completionWindowMinutes: Duration.days(2).toMinutes(),
            lifecycle,
            ...(copyTo && { copyActions: [{ destinationBackupVaultArn: copyTo, lifecycle }] }),
          },
        ],
      },
    });
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("backup.amazonaws.com"),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName("service-role/AWSBackupServiceRolePolicyForBackup")],
    });
    acknowledge(
      role,
      [
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]",
      ],
      "AWS keeps this policy at what a backup needs; it can read and create backups, and change no item.",
    );
    new CfnBackupSelection(this, "Selection", {
      backupPlanId: plan.ref,
      backupSelection: {
        selectionName: "tables-that-cannot-be-derived",
        iamRoleArn: role.roleArn,
        resources: Object.values(tables).map((table) => table.cfn.attrArn),
      },
    });
  }

  /** Sends what AWS Backup says of jobs of this vault that did not succeed to the queue. */
  private report(id: string, ruleName: string, vaultArn: string, vaultName: string): void {
    deliver(this, id, {
      ruleName,
      description: "Backups and copies that did not succeed",
      eventPattern: {
        source: ["aws.backup"],
        detailType: ["Backup Job State Change", "Copy Job State Change"],
        detail: {
          state: ["FAILED", "EXPIRED", "ABORTED"],
          $or: [{ backupVaultName: [vaultName] }, { backupVaultArn: [vaultArn] }, { sourceBackupVaultArn: [vaultArn] }],
        },
      },
      target: this.failures,
      deadLetters: this.failures,
    });
  }
}

/** A key for the backups alone: whoever makes the ledger's key unusable leaves the backups readable. */
function backupKey(scope: Construct, { except, copyTo }: BackupsProps): Key {
  const key = new Key(scope, "Key", {
    alias: `alias/${Stack.of(scope).stackName}-backups`,
    description: "Backups of the product ledger",
    enableKeyRotation: true,
    rotationPeriod: Duration.days(365),
    pendingWindow: Duration.days(30),
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  protectKey(key, except);
  if (copyTo !== undefined) {
    allowCopying(key, copyTo);
  }
  return key;
}

/** Lets the account of the other vault read backups in order to encrypt its copies with its own key. */
function allowCopying(key: Key, copyTo: string): void {
  const account = copyTo.split(":")[4] ?? "";
  const principals = [new ArnPrincipal(`arn:${Aws.PARTITION}:iam::${account}:root`)];
  const resources = ["*"];
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "CopiesRead",
      principals,
      actions: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
      resources,
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "CopiesGrant",
      principals,
      actions: ["kms:CreateGrant"],
      resources,
      conditions: { Bool: { "kms:GrantIsForAWSResource": "true" } },
    }),
  );
}

function lockedVault(scope: Construct, { keepDays }: BackupSettings, key: Key): CfnBackupVault {
  const vault = new CfnBackupVault(scope, "Vault", {
    backupVaultName: Stack.of(scope).stackName,
    encryptionKeyArn: key.keyArn,
    // After three days, which is AWS's minimum, nobody can shorten or remove the lock, nor delete a backup before its time.
    lockConfiguration: { minRetentionDays: keepDays, maxRetentionDays: 365, changeableForDays: 3 },
  });
  vault.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
  return vault;
}
