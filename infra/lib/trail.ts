// Who did what: one trail of the account's management events, in a log with metrics of what endangers the ledger, and one trail of
// every write to the event table and the log table. Both go to a bucket whose objects are locked. Neither is encrypted with the ledger's key, so
// that disabling the key cannot silence them.

import { Aws, RemovalPolicy, Stack } from "aws-cdk-lib";
import { CfnTrail } from "aws-cdk-lib/aws-cloudtrail";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Key } from "aws-cdk-lib/aws-kms";
import { FilterPattern, LogGroup, MetricFilter } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { breakGlassName } from "./break-glass.ts";
import { UNPROTECTING } from "./insert-only.ts";
import { DISABLING } from "./key.ts";
import { lockedBucket } from "./locked-bucket.ts";
import { type Settings } from "./settings.ts";
import type { LedgerTable } from "./table.ts";

export interface TrailProps {
  readonly settings: Settings;
  /** Days for which records are kept and cannot be removed. */
  readonly days: number;
  /** The tables that are only inserted into, by their names in the trail. */
  readonly tables: Readonly<Record<"events" | "log", LedgerTable>>;
  /** The bucket of the log. */
  readonly files: Bucket;
  readonly keys: readonly Key[];
  /** The names of the roles that insert commits and write the log. */
  readonly inserters: readonly string[];
}

/** What the log of management events is searched for; an alarm has each name. */
export const WATCHED = ["break-glass", "key-changes", "protection-changes"] as const;
export type Watched = (typeof WATCHED)[number];

/** The requests that write items, by their names in CloudTrail. By name, because its word for PartiQL may be read or write. */
export const WRITES = [
  "PutItem",
  "UpdateItem",
  "DeleteItem",
  "BatchWriteItem",
  "TransactWriteItems",
  "ExecuteStatement",
  "BatchExecuteStatement",
  "ExecuteTransaction",
] as const;

/** The two trails, their bucket, and the metrics. */
export class Trail extends Construct {
  /** The namespace of the metrics, which have the names of `WATCHED`. */
  readonly namespace: string;

  constructor(scope: Construct, props: TrailProps) {
    super(scope, "Trail");
    const { stackName } = Stack.of(this);
    this.namespace = `ProductLedger/${stackName}`;
    const names = { management: stackName, writes: `${stackName}-writes` };
    const bucket = lockedBucket(this, "Bucket", { days: props.days, expire: true, onArrival: true });
    const allowed = allowDelivery(bucket, Object.values(names));
    const logs = new LogGroup(this, "Logs", {
      logGroupName: `/${stackName}/trail`,
      retention: props.settings.days.logs,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const role = deliveryRole(this, logs);
    const common = { s3BucketName: bucket.bucketName, isLogging: true, enableLogFileValidation: true };
    const management = new CfnTrail(this, "Management", {
      ...common,
      trailName: names.management,
      // A role may be assumed at the endpoint of any region, and IAM is recorded in us-east-1.
      isMultiRegionTrail: true,
      includeGlobalServiceEvents: true,
      cloudWatchLogsLogGroupArn: logs.logGroupArn,
      cloudWatchLogsRoleArn: role.roleArn,
      advancedEventSelectors: MANAGEMENT,
    });
    const writes = new CfnTrail(this, "Writes", {
      ...common,
      trailName: names.writes,
      isMultiRegionTrail: false,
      includeGlobalServiceEvents: false,
      advancedEventSelectors: [writesOf(Object.values(props.tables))],
    });
    for (const trail of [management, writes]) {
      trail.node.addDependency(allowed, role);
    }
    for (const [name, pattern] of patterns(this, props)) {
      this.count(logs, name, pattern);
    }
  }

  private count(logs: LogGroup, name: Watched, pattern: string): void {
    new MetricFilter(this, `${name}-${this.node.children.length}`, {
      logGroup: logs,
      filterPattern: FilterPattern.literal(pattern),
      metricNamespace: this.namespace,
      metricName: name,
      metricValue: "1",
    });
  }
}

const field = (name: string, ...equal: string[]): CfnTrail.AdvancedFieldSelectorProperty => ({
  field: name,
  equalTo: equal,
});

/**
 * All management events but what is read with KMS keys, which is as frequent as requests. `AssumeRole` counts as reading, and
 * the changes of keys as writing.
 */
const MANAGEMENT: CfnTrail.AdvancedEventSelectorProperty[] = [
  { name: "Changes", fieldSelectors: [field("eventCategory", "Management"), field("readOnly", "false")] },
  {
    name: "Reading and roles",
    fieldSelectors: [
      field("eventCategory", "Management"),
      field("readOnly", "true"),
      { field: "eventSource", notEquals: ["kms.amazonaws.com", "rdsdata.amazonaws.com"] },
    ],
  },
];

function writesOf(tables: readonly LedgerTable[]): CfnTrail.AdvancedEventSelectorProperty {
  return {
    name: "Writes to the event table and the log table",
    fieldSelectors: [
      field("eventCategory", "Data"),
      field("resources.type", "AWS::DynamoDB::Table"),
      field("resources.ARN", ...tables.map((table) => table.cfn.attrArn)),
      field("eventName", ...WRITES),
    ],
  };
}

/** Lets CloudTrail write for these trails only; the trails depend on the policy. */
function allowDelivery(bucket: Bucket, trails: readonly string[]): Construct {
  const arns = trails.map((name) => `arn:${Aws.PARTITION}:cloudtrail:${Aws.REGION}:${Aws.ACCOUNT_ID}:trail/${name}`);
  const principals = [new ServicePrincipal("cloudtrail.amazonaws.com")];
  const conditions = { StringEquals: { "aws:SourceArn": arns } };
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: "TrailsOfThisStackCheck",
      principals,
      actions: ["s3:GetBucketAcl"],
      resources: [bucket.bucketArn],
      conditions,
    }),
  );
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: "TrailsOfThisStackWrite",
      principals,
      actions: ["s3:PutObject"],
      resources: [bucket.arnForObjects(`AWSLogs/${Aws.ACCOUNT_ID}/*`)],
      conditions,
    }),
  );
  if (!bucket.policy) {
    throw new Error("the bucket of the trail has no policy");
  }
  return bucket.policy;
}

function deliveryRole(scope: Construct, logs: LogGroup): Role {
  const role = new Role(scope, "Role", { assumedBy: new ServicePrincipal("cloudtrail.amazonaws.com") });
  role.addToPolicy(
    new PolicyStatement({ actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logs.logGroupArn] }),
  );
  return role;
}

/** The patterns of each metric. A pattern has at most 1,024 characters, so there are several. */
function patterns(scope: Construct, { tables, files, keys, inserters }: TrailProps): [Watched, string][] {
  const { stackName } = Stack.of(scope);
  const glass = breakGlassName(scope);
  const glassArn = `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${glass}`;
  const anyOf = (key: string, values: readonly string[]) => `(${values.map((one) => is(key, one)).join(" || ")})`;
  const from = (service: string, names: readonly string[], ...on: string[]) =>
    `{ ${is("eventSource", `${service}.amazonaws.com`)} && ${anyOf("eventName", names)} && (${on.join(" || ")}) }`;
  const plain = (actions: readonly string[]) => actions.map((action) => action.split(":")[1] ?? action);
  const requested = (name: string, value: string) => is(`requestParameters.${name}`, value);
  return [
    [
      "break-glass",
      `{ ${requested("roleArn", glassArn)} || ${is("additionalEventData.SwitchTo", `*${glass}*`)} || ${is("userIdentity.sessionContext.sessionIssuer.arn", glassArn)} }`,
    ],
    ...keys.map((key): [Watched, string] => [
      "key-changes",
      from("kms", [...plain(DISABLING), "DisableKeyRotation"], requested("keyId", `*${key.keyId}`)),
    ]),
    ...Object.values(tables).map((table): [Watched, string] => [
      "protection-changes",
      from(
        "dynamodb",
        plain(UNPROTECTING),
        requested("tableName", `*${table.name}`),
        requested("resourceArn", table.cfn.attrArn),
      ),
    ]),
    ["protection-changes", from("s3", BUCKET_CHANGES, requested("bucketName", files.bucketName))],
    [
      "protection-changes",
      from("iam", ROLE_CHANGES, ...[glass, ...inserters].map((role) => requested("roleName", role))),
    ],
    [
      "protection-changes",
      from("cloudtrail", TRAIL_CHANGES, requested("name", `*${stackName}*`), requested("trailName", `*${stackName}*`)),
    ],
    [
      "protection-changes",
      from(
        "logs",
        ["DeleteLogGroup", "DeleteMetricFilter", "PutMetricFilter"],
        requested("logGroupName", `/${stackName}/trail`),
      ),
    ],
  ];
}

const is = (field: string, value: string) => `($.${field} = "${value}")`;

/** The requests that change who may assume a role, or what it may do. */
const ROLE_CHANGES = [
  "UpdateAssumeRolePolicy",
  "PutRolePolicy",
  "DeleteRolePolicy",
  "AttachRolePolicy",
  "DetachRolePolicy",
  "DeleteRolePermissionsBoundary",
  "DeleteRole",
];
/** The requests that change who may write to a bucket, or what is kept in it. */
const BUCKET_CHANGES = [
  "PutBucketPolicy",
  "DeleteBucketPolicy",
  "PutBucketVersioning",
  "PutBucketLifecycle",
  "PutBucketObjectLockConfiguration",
  "PutBucketPublicAccessBlock",
  "DeleteBucket",
];
const TRAIL_CHANGES = ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"];
