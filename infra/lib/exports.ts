// The writes of each day, from midnight to midnight UTC, to a bucket whose objects are locked. The event table is only inserted
// into and can be exported from its first day on, so these exports together are the whole ledger, and nobody can remove them.
// It needs no code: a schedule starts a workflow for each table, which waits for the export and then locks its files.

import { Aws, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { CfnSchedule, CfnScheduleGroup } from "aws-cdk-lib/aws-scheduler";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { NamedRule } from "./delivery-alarms.ts";
import type { LedgerKey } from "./key.ts";
import { lockedBucket } from "./locked-bucket.ts";
import type { BackupSettings } from "./settings.ts";
import type { LedgerTable } from "./table.ts";

export interface ExportsProps {
  readonly settings: BackupSettings;
  readonly logDays: number;
  readonly key: LedgerKey;
  readonly tables: Readonly<Record<string, LedgerTable>>;
  readonly failures: LedgerQueue;
}

/** The bucket, the workflow and its schedules. */
export class Exports extends Construct {
  /** The rule for exports that failed. */
  readonly rule: NamedRule;
  private readonly name: string;

  constructor(scope: Construct, props: ExportsProps) {
    super(scope, "Exports");
    // The workflow starts parts of itself, so its role has to know its name.
    this.name = `${Stack.of(this).stackName}-export`;
    // It is not documented that DynamoDB sends the checksums that locking on arrival demands.
    const bucket = lockedBucket(this, "Bucket", {
      days: props.settings.lockDays,
      expire: false,
      onArrival: false,
    });
    const workflow = this.workflow(bucket, props);
    this.schedule(workflow, props);
    this.rule = { rule: `${Stack.of(this).stackName}-failed-exports` };
    deliver(this, "ExportsThatFailed", {
      ruleName: this.rule.rule,
      description: "Exports that did not succeed",
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: { stateMachineArn: [workflow.stateMachineArn], status: ["FAILED", "TIMED_OUT", "ABORTED"] },
      },
      target: props.failures,
      deadLetters: props.failures,
    });
    new CfnOutput(this, "ExportsBucket", { value: bucket.bucketName, description: "The writes of each day" });
    new CfnOutput(this, "ExportWorkflow", { value: workflow.stateMachineArn, description: "Exports a day again" });
  }

  private workflow(bucket: Bucket, { settings, logDays, key, tables }: ExportsProps): StateMachine {
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("states.amazonaws.com") });
    const allow = (actions: string[], resources: string[]) =>
      role.addToPolicy(new PolicyStatement({ actions, resources }));
    const arns = Object.values(tables).map((table) => table.cfn.attrArn);
    allow(["dynamodb:DescribeContinuousBackups", "dynamodb:ExportTableToPointInTime"], arns);
    allow(
      ["dynamodb:DescribeExport"],
      arns.map((arn) => `${arn}/export/*`),
    );
    allow(
      ["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectRetention"],
      [bucket.arnForObjects("*")],
    );
    allow(["s3:ListBucket"], [bucket.bucketArn]);
    allow(["states:StartExecution"], [this.arn("stateMachine", this.name)]);
    key.grantTableRead(role);
    const workflow = new StateMachine(this, "Workflow", {
      stateMachineName: this.name,
      stateMachineType: StateMachineType.STANDARD,
      role,
      tracingEnabled: true,
      logs: { destination: this.logs(key, logDays), level: LogLevel.ALL },
      timeout: Duration.hours(20),
      definitionBody: DefinitionBody.fromString(JSON.stringify(definition(bucket.bucketName, settings.lockDays))),
    });
    acknowledge(
      role,
      [
        "AwsSolutions-IAM5[Resource::*]",
        ...Object.values(tables).map((table) => `AwsSolutions-IAM5[Resource::${idOf(table)}/export/*]`),
        `AwsSolutions-IAM5[Resource::${idOf(bucket)}/*]`,
      ],
      "Exports and objects have names that are not known before; X-Ray and log delivery do not support resources.",
    );
    return workflow;
  }

  private schedule(workflow: StateMachine, { tables, failures }: ExportsProps): void {
    const { stackName, account } = Stack.of(this);
    const group = new CfnScheduleGroup(this, "Group", { name: `${stackName}-export` });
    const role = new Role(this, "Starter", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account, "aws:SourceArn": group.attrArn } },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ["states:StartExecution"], resources: [workflow.stateMachineArn] }),
    );
    failures.grantSend(role);
    for (const [name, table] of Object.entries(tables)) {
      const schedule = new CfnSchedule(this, `Daily-${name}`, {
        groupName: group.ref,
        description: `Exports the writes of the day before: ${name}`,
        // Half an hour after midnight, when everything written before it can be exported.
        scheduleExpression: "cron(30 0 * * ? *)",
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: workflow.stateMachineArn,
          roleArn: role.roleArn,
          input: JSON.stringify({ name, table: table.cfn.attrArn }),
          retryPolicy: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: 3600 },
          deadLetterConfig: { arn: failures.queue.queueArn },
        },
      });
      schedule.node.addDependency(role);
    }
  }

  private logs(key: LedgerKey, retention: number): LogGroup {
    return new LogGroup(this, "Logs", {
      logGroupName: `/${Stack.of(this).stackName}/export`,
      encryptionKey: key.key,
      retention,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
  }

  private arn(kind: string, name: string): string {
    return `arn:${Aws.PARTITION}:states:${Aws.REGION}:${Aws.ACCOUNT_ID}:${kind}:${name}`;
  }
}

/** How the rule packs name a construct's ARN. */
function idOf(owner: LedgerTable | Bucket): string {
  const stack = Stack.of(owner);
  const cfn = "cfn" in owner ? owner.cfn : owner.node.defaultChild;
  return `<${stack.getLogicalId(cfn as Parameters<Stack["getLogicalId"]>[0])}.Arn>`;
}

const RETRY = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 60, BackoffRate: 2, MaxAttempts: 5 }];

/**
 * The workflow. Its input has `name` and `table`, the ARN, and may have `day`, such as `2026-11-30`, to export a day again; the
 * default is yesterday. On the day on which the table was created the export begins when it could first be restored.
 */
function definition(bucket: string, lockDays: number) {
  return {
    Comment: "Exports the writes of a day and locks the files",
    QueryLanguage: "JSONata",
    StartAt: "Since when",
    States: {
      "Since when": {
        Type: "Task",
        Resource: `arn:${Aws.PARTITION}:states:::aws-sdk:dynamodb:describeContinuousBackups`,
        Arguments: { TableName: "{% $states.input.table %}" },
        Retry: RETRY,
        Assign: {
          table: "{% $states.input.table %}",
          folder: `{% $states.input.name & '/' & ${day()} %}`,
          to: `{% $fromMillis($toMillis(${day()} & 'T00:00:00Z') + 86400000) %}`,
          from: `{% (${FIRST}; $midnight := $toMillis(${day()} & 'T00:00:00Z'); $fromMillis($max([$first, $midnight]))) %}`,
        },
        Next: "Export",
      },
      ...exporting(bucket),
      ...locking(bucket, lockDays),
      Failed: {
        Type: "Fail",
        Error: "ExportFailed",
        Cause: "DescribeExport says FAILED; its FailureMessage has the reason",
      },
    },
  };
}

const day = () =>
  "($exists($states.input.day) ? $states.input.day : $substring($fromMillis($toMillis($states.context.Execution.StartTime) - 86400000), 0, 10))";
const FIRST =
  "$first := $toMillis($states.result.ContinuousBackupsDescription.PointInTimeRecoveryDescription.EarliestRestorableDateTime)";

function exporting(bucket: string) {
  return {
    Export: {
      Type: "Task",
      Resource: `arn:${Aws.PARTITION}:states:::aws-sdk:dynamodb:exportTableToPointInTime`,
      Arguments: {
        TableArn: "{% $table %}",
        ClientToken: "{% $states.context.Execution.Name %}",
        S3Bucket: bucket,
        S3Prefix: "{% $folder %}",
        S3SseAlgorithm: "AES256",
        ExportFormat: "DYNAMODB_JSON",
        ExportType: "INCREMENTAL_EXPORT",
        IncrementalExportSpecification: {
          ExportFromTime: "{% $from %}",
          ExportToTime: "{% $to %}",
          ExportViewType: "NEW_IMAGE",
        },
      },
      Retry: RETRY,
      Assign: { export: "{% $states.result.ExportDescription.ExportArn %}" },
      Next: "Wait",
    },
    Wait: { Type: "Wait", Seconds: 300, Next: "Is it there" },
    "Is it there": {
      Type: "Task",
      Resource: `arn:${Aws.PARTITION}:states:::aws-sdk:dynamodb:describeExport`,
      Arguments: { ExportArn: "{% $export %}" },
      Retry: RETRY,
      Output: { status: "{% $states.result.ExportDescription.ExportStatus %}" },
      Next: "Then",
    },
    Then: {
      Type: "Choice",
      Choices: [
        { Condition: "{% $states.input.status = 'COMPLETED' %}", Next: "Lock" },
        { Condition: "{% $states.input.status = 'IN_PROGRESS' %}", Next: "Wait" },
      ],
      Default: "Failed",
    },
  };
}

/** Locks every file of the folder, each in a part of its own: an export may have more files than one execution can list. */
function locking(bucket: string, days: number) {
  return {
    Lock: {
      Type: "Map",
      ItemReader: {
        Resource: `arn:${Aws.PARTITION}:states:::s3:listObjectsV2`,
        Arguments: { Bucket: bucket, Prefix: "{% $folder & '/' %}" },
      },
      MaxConcurrency: 40,
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
        StartAt: "Lock a file",
        States: {
          "Lock a file": {
            Type: "Task",
            Resource: `arn:${Aws.PARTITION}:states:::aws-sdk:s3:putObjectRetention`,
            Arguments: {
              Bucket: bucket,
              Key: "{% $states.input.Key %}",
              Retention: {
                Mode: "COMPLIANCE",
                RetainUntilDate: `{% $fromMillis($millis() + ${days * 86_400_000}) %}`,
              },
            },
            Retry: RETRY,
            End: true,
          },
        },
      },
      End: true,
    },
  };
}
