// When somebody is called: every alarm by its name, what it watches and from when on. `docs/operations.md` says for each of
// them what to do. They go to one encrypted topic; the dashboard shows what they watch.

import { Aws, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import {
  type CustomAlarmThreshold,
  DefaultDashboardFactory,
  MonitoringFacade,
  notifySns,
} from "cdk-monitoring-constructs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Api } from "./api.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import type { LedgerKey } from "./key.ts";
import { watchLedger } from "./ledger-alarms.ts";
import { NAMESPACE } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";
import type { LedgerTable } from "./table.ts";

/** What is watched. */
export interface AlarmsProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly api: Api;
  readonly commands: RustFunction;
  readonly queries: RustFunction;
  readonly projector: RustFunction;
  readonly publisher: RustFunction;
  readonly tables: Readonly<Record<string, LedgerTable>>;
  readonly deadLetters: Readonly<Record<string, LedgerQueue>>;
  /** Who is told, if not somebody who subscribes by hand. */
  readonly email: string | undefined;
}

const FIVE_MINUTES = Duration.minutes(5);

/** Alarms, their topic and the dashboard. */
export class Alarms extends Construct {
  readonly topic: Topic;
  readonly monitoring: MonitoringFacade;
  private readonly settings: Settings;

  constructor(scope: Construct, props: AlarmsProps) {
    super(scope, "Alarms");
    this.settings = props.settings;
    const { stackName } = Stack.of(this);
    this.topic = new Topic(this, "Topic", { masterKey: props.key.key, enforceSSL: true });
    // A topic with a policy of its own lets nobody in that the policy does not name.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: "AlarmsOfThisStack",
        principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
        actions: ["sns:Publish"],
        resources: [this.topic.topicArn],
        conditions: {
          ArnLike: {
            "aws:SourceArn": `arn:${Aws.PARTITION}:cloudwatch:${Aws.REGION}:${Aws.ACCOUNT_ID}:alarm:${stackName}-*`,
          },
        },
      }),
    );
    if (props.email) {
      const mail = this.topic.addSubscription(new EmailSubscription(props.email));
      acknowledge(
        mail,
        ["Serverless-SNSRedrivePolicy"],
        "A mail that is refused is no loss: the alarm keeps its state.",
      );
    }
    this.monitoring = new MonitoringFacade(this, "Monitoring", {
      metricFactoryDefaults: { namespace: NAMESPACE },
      alarmFactoryDefaults: {
        alarmNamePrefix: stackName,
        actionsEnabled: true,
        datapointsToAlarm: 1,
        action: notifySns(this.topic),
      },
      dashboardFactory: new DefaultDashboardFactory(this, "Dashboards", {
        dashboardNamePrefix: stackName,
        createDashboard: true,
        createSummaryDashboard: false,
        createAlarmDashboard: false,
      }),
    });
    this.watchApi(props);
    this.watchFunctions(props);
    this.watchTables(props);
    this.watchDeadLetters(props);
    watchLedger(this, props);
    new CfnOutput(this, "TopicArn", { value: this.topic.topicArn, description: "Where alarms go" });
  }

  /** An alarm of this name, with what the operations page says about it. */
  named(name: string): CustomAlarmThreshold & { alarmNameOverride: string } {
    return {
      alarmNameOverride: `${Stack.of(this).stackName}-${name}`,
      alarmDescriptionOverride: `What to do: docs/operations.md, ${name}`,
      treatMissingDataOverride: TreatMissingData.NOT_BREACHING,
      period: FIVE_MINUTES,
    };
  }

  private watchApi({ api }: AlarmsProps): void {
    const { serverErrorPercent, p90Millis } = this.settings.alarms;
    this.monitoring.monitorApiGateway({
      api: api.api,
      apiStage: api.api.deploymentStage.stageName,
      humanReadableName: "API",
      add5XXFaultRateAlarm: { Critical: { ...this.named("api-5xx"), maxErrorRate: serverErrorPercent / 100 } },
      addLatencyP90Alarm: {
        Warning: {
          ...this.named("api-p90"),
          maxLatency: Duration.millis(p90Millis),
          datapointsToAlarm: 2,
          evaluationPeriods: 3,
        },
      },
    });
  }

  private watchFunctions(props: AlarmsProps): void {
    const functions = {
      "command-api": props.commands,
      "query-api": props.queries,
      projector: props.projector,
      publisher: props.publisher,
    };
    for (const [name, { lambda }] of Object.entries(functions)) {
      const follows = name === "projector" || name === "publisher";
      this.monitoring.monitorLambdaFunction({
        lambdaFunction: lambda,
        humanReadableName: name,
        isIterator: follows,
        addFaultCountAlarm: { Critical: { ...this.named(`${name}-errors`), maxErrorCount: 0 } },
        addThrottlesCountAlarm: { Warning: { ...this.named(`${name}-throttles`), maxErrorCount: 0 } },
        ...(follows && {
          addMaxIteratorAgeAlarm: {
            Critical: {
              ...this.named(`${name}-iterator-age`),
              maxAgeInMillis: this.settings.alarms.iteratorAgeSeconds * 1000,
            },
          },
        }),
      });
    }
  }

  private watchTables({ tables }: AlarmsProps): void {
    for (const [name, { table }] of Object.entries(tables)) {
      this.monitoring.monitorDynamoTable({
        table,
        humanReadableName: `Table ${name}`,
        addReadThrottledEventsCountAlarm: {
          Warning: { ...this.named(`${name}-read-throttles`), maxThrottledEventsThreshold: 0 },
        },
        addWriteThrottledEventsCountAlarm: {
          Warning: { ...this.named(`${name}-write-throttles`), maxThrottledEventsThreshold: 0 },
        },
      });
    }
  }

  private watchDeadLetters({ deadLetters }: AlarmsProps): void {
    for (const [name, { queue }] of Object.entries(deadLetters)) {
      this.monitoring.monitorSqsQueue({
        queue,
        humanReadableName: `Dead letters: ${name}`,
        addQueueMaxSizeAlarm: { Critical: { ...this.named(`${name}-dead-letters`), maxMessageCount: 0 } },
      });
    }
  }
}
