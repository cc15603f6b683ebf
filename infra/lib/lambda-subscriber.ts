// A subscriber that is a function: a rule on the bus delivers every event to a queue, and the function takes them from there; on a
// schedule another function of the same code follows the ledger's feed and takes what never came. The packages in `subscriber/`
// give each event its effect once and in order, with what they remember in the inbox table.

import { Duration, Stack } from "aws-cdk-lib";
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { type IGrantable, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  type Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { LedgerKey } from "./key.ts";
import { removalOf } from "./removal.ts";
import { EVENT_SOURCE, type Settings } from "./settings.ts";

/** How a function reaches the ledger. */
export interface LedgerAccess {
  readonly url: string;
  readonly tokenUrl: string;
  /** The ARN of a secret with the ledger's client for subscribers: `{"client_id": …, "client_secret": …}`. */
  readonly credentials: string;
}

export interface LambdaSubscriberProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  /** The bus, by its name, and the ledger. */
  readonly bus: IEventBus;
  readonly ledger: LedgerAccess;
  readonly code: Code;
  readonly runtime: Runtime;
  /** The handlers of deliveries and of the schedule. */
  readonly handlers: { readonly receive: string; readonly catchUp: string };
  readonly environment: Readonly<Record<string, string>>;
}

/** How often a message is received before it is a dead letter. */
const RECEIVES = 5;
const RECEIVE_TIMEOUT = Duration.seconds(30);
/** How often it catches up, and how long it may take; the next call goes on. */
const CATCH_UP_MINUTES = 15;
const CATCH_UP_TIMEOUT = Duration.minutes(14);
/** Invocations at a time; the ledger's API and DynamoDB have the load of all. */
const CONCURRENCY = 5;

/** The rule, the queues, the functions and the inbox. */
export class LambdaSubscriber extends Construct {
  readonly receive: LambdaFunction;
  readonly catchUp: LambdaFunction;
  readonly inbox: Table;
  readonly queue: LedgerQueue;
  readonly deadLetters: LedgerQueue;
  readonly rule: string;
  private readonly props: LambdaSubscriberProps;

  /** `id` is in the names of rule, functions and alarms. */
  constructor(scope: Construct, id: string, props: LambdaSubscriberProps) {
    super(scope, id);
    this.props = props;
    const { key } = props;
    this.rule = `${Stack.of(this).stackName}-${id}`;
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key, { behindQueue: true });
    this.queue = new LedgerQueue(this, "Queue", key, {
      deadLetterQueue: { queue: this.deadLetters.queue, maxReceiveCount: RECEIVES },
      // As long as AWS advises: a batch is not received again while retries of it go on.
      hidden: Duration.seconds(6 * RECEIVE_TIMEOUT.toSeconds()),
    });
    this.inbox = this.table("Inbox", "pk", "sk");
    this.receive = this.function("receive", props.handlers.receive, RECEIVE_TIMEOUT);
    this.catchUp = this.function("catch-up", props.handlers.catchUp, CATCH_UP_TIMEOUT);
    // It also lists what is parked, and ends a parking.
    this.grant(this.catchUp, this.inbox, "dynamodb:Query", "dynamodb:DeleteItem");
    this.deliver();
    this.poll();
    this.schedule();
  }

  /** A table that both functions get in this environment variable, and may use for these actions. */
  own(id: string, variable: string, partition: string, ...actions: `dynamodb:${string}`[]): Table {
    const table = this.table(id, partition);
    for (const one of [this.receive, this.catchUp]) {
      one.addEnvironment(variable, table.tableName);
      this.grant(one, table, ...actions);
    }
    return table;
  }

  private table(id: string, partition: string, sort?: string): Table {
    const key = (name: string) => ({ name, type: AttributeType.STRING });
    return new Table(this, id, {
      partitionKey: key(partition),
      // Only the inbox has one, and items that expire.
      ...(sort !== undefined && { sortKey: key(sort), timeToLiveAttribute: "expires" }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: this.props.key.key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: this.props.settings.keepData,
      removalPolicy: removalOf(this.props.settings),
    });
  }

  private function(name: string, handler: string, timeout: Duration): LambdaFunction {
    const { settings, key, ledger } = this.props;
    const { stackName } = Stack.of(this);
    const role = new Role(this, `${name}-role`, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    const logGroup = new LogGroup(this, `${name}-logs`, {
      logGroupName: `/${stackName}/${this.node.id}-${name}`,
      encryptionKey: key.key,
      retention: settings.days.logs,
      removalPolicy: removalOf(settings),
    });
    const made = new LambdaFunction(this, name, {
      functionName: `${stackName}-${this.node.id}-${name}`,
      role,
      runtime: this.props.runtime,
      architecture: Architecture.ARM_64,
      handler,
      code: this.props.code,
      memorySize: settings.memory.stream,
      timeout,
      tracing: Tracing.ACTIVE,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: {
        LEDGER_URL: ledger.url,
        TOKEN_URL: ledger.tokenUrl,
        CREDENTIALS: ledger.credentials,
        INBOX_TABLE: this.inbox.tableName,
        ...this.props.environment,
      },
    });
    const allow = (actions: string[], resource: string) =>
      role.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [resource] }));
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], logGroup.logGroupArn);
    allow(["secretsmanager:GetSecretValue"], ledger.credentials);
    this.grant(role, this.inbox, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem");
    acknowledge(role, ["AwsSolutions-IAM5[Resource::*]"], "X-Ray's actions do not support resources.");
    acknowledge(made, ["Serverless-LambdaDLQ"], "What it does not take stays in the queue, or is in the feed.");
    return made;
  }

  private grant(grantee: IGrantable, table: Table, ...actions: `dynamodb:${string}`[]): void {
    grantee.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [table.tableArn] }));
    this.props.key.grantTableWrite(grantee);
  }

  /** Every event, of whichever type: one that the rule left out would be a gap. */
  private deliver(): void {
    deliver(this, "Rule", {
      eventBus: this.props.bus,
      ruleName: this.rule,
      description: `Every event of the ledger, for ${this.node.id}`,
      eventPattern: { source: [EVENT_SOURCE] },
      target: this.queue,
      deadLetters: this.deadLetters,
    });
  }

  private poll(): void {
    const { queue } = this.queue;
    this.receive.role?.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        resources: [queue.queueArn],
      }),
    );
    this.props.key.grantQueueReceive(this.receive);
    const poll = new EventSourceMapping(this, "Poll", {
      target: this.receive,
      eventSourceArn: queue.queueArn,
      batchSize: 10,
      maxConcurrency: CONCURRENCY,
      reportBatchItemFailures: true,
    });
    // Creating a mapping fails if its function may not read the queue yet.
    poll.node.addDependency(this.receive.role ?? this.receive);
    const dead = "The queue has a dead-letter queue; a mapping of a queue has no destination of its own.";
    acknowledge(poll, ["Serverless-LambdaEventSourceMappingDestination"], dead);
  }

  private schedule(): void {
    const role = new Role(this, "Scheduler", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    });
    const [arn, givenUp] = [this.catchUp.functionArn, this.deadLetters.queue.queueArn];
    role.addToPrincipalPolicy(new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [arn] }));
    this.deadLetters.grantSend(role);
    const schedule = new CfnSchedule(this, "Schedule", {
      description: `Catches up with the ledger: ${this.node.id}`,
      scheduleExpression: `rate(${CATCH_UP_MINUTES} minutes)`,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn,
        roleArn: role.roleArn,
        input: "{}",
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
        deadLetterConfig: { arn: givenUp },
      },
    });
    schedule.node.addDependency(role);
    // The next call is the retry.
    const onFailure = { bind: () => ({ destination: givenUp }) };
    this.deadLetters.grantSend(this.catchUp);
    this.catchUp.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1), onFailure });
  }
}
