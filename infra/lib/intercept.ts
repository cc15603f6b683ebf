// Stores delivered messages for a while, so that end-to-end tests can look them up. It needs no code: the bus starts an
// express workflow whose only step writes the message to a table. Never in production.

import { Aws, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { CfnTable } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { LedgerBus } from "./bus.ts";
import { LedgerQueue } from "./dead-letters.ts";
import { deliver } from "./delivery.ts";
import type { Watched } from "./delivery-alarms.ts";
import { allowing } from "./fifo-bus.ts";
import type { LedgerKey } from "./key.ts";
import { EVENT_SOURCE } from "./settings.ts";

/** The table, the workflow and the rule. */
export class Intercept extends Construct {
  readonly table: CfnTable;
  readonly deadLetters: LedgerQueue;
  readonly rule: Watched;

  constructor(scope: Construct, key: LedgerKey, bus: LedgerBus, days: number) {
    super(scope, "Intercept");
    this.table = interceptedTable(this, key);
    this.deadLetters = new LedgerQueue(this, "DeadLetters", key);
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("states.amazonaws.com") });
    role.addToPolicy(new PolicyStatement({ actions: ["dynamodb:PutItem"], resources: [this.table.attrArn] }));
    key.grantTableWrite(role);
    const workflow = new StateMachine(this, "Workflow", {
      stateMachineType: StateMachineType.EXPRESS,
      role,
      tracingEnabled: true,
      logs: { destination: this.logs(key), level: LogLevel.ALL },
      timeout: Duration.minutes(1),
      definitionBody: DefinitionBody.fromString(JSON.stringify(definition(this.table.ref, days, bus))),
    });
    acknowledge(
      role,
      ["AwsSolutions-IAM5[Resource::*]"],
      "The actions of X-Ray and of log delivery setup do not support resources.",
    );
    this.rule = this.delivered(bus, workflow);
    new CfnOutput(this, "Intercepted", { value: this.table.ref, description: "What the bus delivered" });
  }

  /** Starts the workflow for every message. */
  private delivered(bus: LedgerBus, workflow: StateMachine): Watched {
    const name = `${bus.name}-intercept`;
    if (bus.kind === "fifo") {
      return bus.subscribe(this, "Everything", {
        name,
        description: "Every message of the ledger, for end-to-end tests",
        type: "UNORDERED",
        // A subscriber gives an execution a list of events; here it has one.
        batchConfiguration: { maxBatchSize: 1 },
        invoke: {
          parameters: { targetArn: workflow.stateMachineArn, stepFunctionsParameters: { invocationType: "EVENT" } },
          grant: allowing("states:StartExecution", workflow.stateMachineArn),
        },
        undelivered: this.deadLetters,
      });
    }
    const starter = new Role(this, "Starter", { assumedBy: new ServicePrincipal("events.amazonaws.com") });
    starter.addToPolicy(
      new PolicyStatement({ actions: ["states:StartExecution"], resources: [workflow.stateMachineArn] }),
    );
    deliver(this, "Everything", {
      eventBus: bus.bus,
      ruleName: name,
      description: "Every message of the ledger, for end-to-end tests",
      eventPattern: { source: [EVENT_SOURCE] },
      target: { arn: workflow.stateMachineArn, role: starter },
      deadLetters: this.deadLetters,
    });
    return { bus: bus.name, rule: name };
  }

  private logs(key: LedgerKey): LogGroup {
    return new LogGroup(this, "Logs", {
      logGroupName: `/${Stack.of(this).stackName}/intercept`,
      encryptionKey: key.key,
      retention: 7,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}

function interceptedTable(scope: Construct, key: LedgerKey): CfnTable {
  const table = new CfnTable(scope, "Table", {
    attributeDefinitions: ["pk", "sk"].map((attributeName) => ({ attributeName, attributeType: "S" })),
    keySchema: [
      { attributeName: "pk", keyType: "HASH" },
      { attributeName: "sk", keyType: "RANGE" },
    ],
    billingMode: "PAY_PER_REQUEST",
    sseSpecification: { sseEnabled: true, sseType: "KMS", kmsMasterKeyId: key.key.keyArn },
    timeToLiveSpecification: { attributeName: "expires_at", enabled: true },
  });
  table.applyRemovalPolicy(RemovalPolicy.DESTROY);
  acknowledge(table, ["AwsSolutions-DDB3"], "It holds the messages of tests for a day.");
  return table;
}

/** The workflow. pk is the source, sk is `<product>#<event name>#<created_at>`; data and metadata are JSON texts. */
function definition(table: string, days: number, { kind }: LedgerBus) {
  const text = (expression: string) => ({ S: `{% ${expression} %}` });
  const event = kind === "fifo" ? "$states.input[0]" : "$states.input";
  const message = `${event}.detail`;
  return {
    QueryLanguage: "JSONata",
    StartAt: "Keep",
    States: {
      Keep: {
        Type: "Task",
        Resource: `arn:${Aws.PARTITION}:states:::dynamodb:putItem`,
        Arguments: {
          TableName: table,
          Item: {
            pk: text(`${event}.source`),
            sk: text(
              `$join([${message}.metadata.product_id, ${message}.metadata.event_name, ${message}.metadata.created_at], '#')`,
            ),
            data: text(`$string(${message}.data)`),
            metadata: text(`$string(${message}.metadata)`),
            receipt_id: text(`${event}.id`),
            expires_at: { N: `{% $string($floor($millis() / 1000) + ${days * 86_400}) %}` },
          },
        },
        End: true,
      },
    },
  };
}
