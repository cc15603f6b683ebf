// A Rust function on arm64 with tracing, its own role, which may only write its log and traces until more is granted, and a
// log group with limited retention. Every deployment makes a version; all invocations go to the alias `live`, which a
// deployment moves from one version to the next (`rollout.ts`).

import { type Duration, Stack } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Alias,
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { codeOf, type FunctionName } from "./binaries.ts";
import type { LedgerKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import type { Settings } from "./settings.ts";

/** The settings that the functions read, by the names of `schema/src/settings.rs` and `lambda/src/function.rs`. */
export type Environment = Partial<Record<Variable, string>>;
export type Variable =
  | "LEDGER_EVENTS_TABLE"
  | "LEDGER_PRODUCTS_TABLE"
  | "LEDGER_PRICES_TABLE"
  | "LEDGER_RECEIPTS_TABLE"
  | "LEDGER_PARKING_TABLE"
  | "LEDGER_EVENT_BUS"
  | "LEDGER_EVENTS_PROTECTION"
  | "LEDGER_LOG_PROTECTION"
  | "LEDGER_EVENT_SOURCE"
  | "LEDGER_LOG_ORIGIN"
  | "LEDGER_DEFAULT_CURRENCY"
  | "LEDGER_ORDERS"
  | "LEDGER_CORS_ORIGINS"
  | "LEDGER_LOG_TABLE"
  | "LEDGER_LOG_FEED_TABLE"
  | "LEDGER_LOG_BUCKET"
  | "LEDGER_LOG_KEY_ID"
  | "LEDGER_LOG_FORMER_KEY_ID"
  | "LEDGER_LOG_OVERLAP"
  | "LEDGER_LOG_LOST_KEY"
  | "LEDGER_LOG_RETENTION"
  | "LEDGER_LOG_PUBLIC"
  | "LEDGER_AUTH_CLIENT"
  | "LEDGER_AUTH_AUTHORIZE_URL"
  | "LEDGER_AUTH_TOKEN_URL"
  | "LEDGER_AUTH_END_SESSION_URL"
  | "LEDGER_PEOPLE_URL";

export interface RustFunctionProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly name: FunctionName;
  /** The folder of the built functions. */
  readonly binaries: string;
  readonly memory: number;
  readonly timeout: Duration;
  /** A fixed name of the role, for policies that name it; generated otherwise. */
  readonly roleName?: string;
  /** Concurrent invocations that are kept for the function, and its limit. */
  readonly reserved?: number | undefined;
}

/** The alias that is invoked. */
export const LIVE = "live";

/** A function and its role. */
export class RustFunction extends Construct {
  /** The function itself, for its settings and metrics. Invoke `live`. */
  readonly lambda: LambdaFunction;
  readonly live: Alias;
  readonly role: Role;
  readonly logs: LogGroup;

  constructor(scope: Construct, props: RustFunctionProps) {
    super(scope, "Function");
    const { name, settings } = props;
    const full = `${Stack.of(this).stackName}-${name}`;
    this.role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      ...(props.roleName !== undefined && { roleName: props.roleName }),
    });
    this.logs = logGroup(this, name, props);
    this.lambda = new LambdaFunction(this, "Lambda", {
      functionName: full,
      role: this.role,
      runtime: Runtime.PROVIDED_AL2023,
      architecture: Architecture.ARM_64,
      handler: "bootstrap",
      code: codeOf(this, name, props.binaries),
      memorySize: props.memory,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      logGroup: this.logs,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: settings.logLevels.application,
      systemLogLevelV2: settings.logLevels.system,
      ...(props.reserved !== undefined && { reservedConcurrentExecutions: props.reserved }),
      // The versions of production stay, so that the alias can be moved back to one by hand.
      currentVersionOptions: { removalPolicy: removalOf(settings) },
    });
    this.live = new Alias(this, "Live", { aliasName: LIVE, version: this.lambda.currentVersion });
    this.role.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [this.logs.logGroupArn],
      }),
    );
    acknowledge(
      this.role,
      ["AwsSolutions-IAM5[Resource::*]"],
      "X-Ray's actions, and ListStreams for the stream's readers, do not support resources.",
    );
  }

  /** Accepts that there is no dead-letter queue, with the reason: what replaces it, or that there are no asynchronous calls. */
  withoutDeadLetterTarget(reason: string): void {
    acknowledge(this.lambda, ["Serverless-LambdaDLQ"], reason);
  }

  /** Sets environment variables. */
  set(environment: Environment): void {
    for (const [name, value] of Object.entries(environment)) {
      this.lambda.addEnvironment(name, value);
    }
  }
}

function logGroup(scope: Construct, name: string, props: Pick<RustFunctionProps, "settings" | "key">): LogGroup {
  return new LogGroup(scope, "Logs", {
    logGroupName: `/${Stack.of(scope).stackName}/${name}`,
    encryptionKey: props.key.key,
    retention: props.settings.days.logs,
    removalPolicy: removalOf(props.settings),
  });
}
