// The alarms of the API, the functions, the tables with their indexes, the log, the rules, the dead-letter queues and the trail, with
// their thresholds. `docs/operations.md` says what to do about each. All of them notify one topic, and a dashboard shows their
// metrics. The topic is not encrypted with the ledger's key: an alarm about the key has to arrive when the key can no longer be
// used.

import { Annotations, Aws, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { DefaultDashboardFactory, MetricStatistic, MonitoringFacade, notifySns } from "cdk-monitoring-constructs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { alarm } from "./alarm.ts";
import type { Api } from "./api.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import { type Watched, watchRules } from "./delivery-alarms.ts";
import { watchLedger } from "./ledger-alarms.ts";
import { watchLog } from "./log-alarms.ts";
import { NAMESPACE } from "./metrics.ts";
import type { RustFunction } from "./rust-function.ts";
import { Series } from "./series.ts";
import type { Settings } from "./settings.ts";
import { watchSilence } from "./silence-alarms.ts";
import type { StreamConsumer } from "./stream-consumer.ts";
import type { LedgerTable } from "./table.ts";
import type { Trail } from "./trail.ts";
import { watchTrail } from "./trail-alarms.ts";

/** The resources that have alarms. */
export interface AlarmsProps {
  readonly settings: Settings;
  readonly api: Api;
  readonly commands: RustFunction;
  readonly queries: RustFunction;
  readonly projector: StreamConsumer;
  readonly publisher: StreamConsumer;
  readonly sequencer: StreamConsumer;
  readonly tables: Readonly<Record<string, LedgerTable>>;
  readonly deadLetters: Readonly<Record<string, LedgerQueue>>;
  readonly rules: Readonly<Record<string, Watched>>;
  /** The trail, where there is one. */
  readonly trail: Trail | undefined;
  /** The address to notify; without one, subscribe to the topic by hand. */
  readonly email: string | undefined;
}

/** The alarms, their topic and the dashboard. */
export class Alarms extends Construct {
  readonly topic: Topic;
  private readonly monitoring: MonitoringFacade;
  private readonly settings: Settings;

  constructor(scope: Construct, props: AlarmsProps) {
    super(scope, "Alarms");
    this.settings = props.settings;
    const { stackName } = Stack.of(this);
    this.topic = alarmTopic(this, props);
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
    watchRules(this.monitoring, props.rules);
    watchSilence(this.monitoring, props);
    watchLedger(this.monitoring, {
      settings: props.settings,
      commands: props.commands,
      projector: props.projector.function,
      publisher: props.publisher.function,
      sequencer: props.sequencer.function,
    });
    watchLog(this.monitoring, { settings: props.settings, sequencer: props.sequencer.function });
    if (props.trail) {
      watchTrail(this.monitoring, props.trail);
    }
    new CfnOutput(this, "TopicArn", { value: this.topic.topicArn, description: "Topic that alarms notify" });
  }

  private watchApi({ api }: AlarmsProps): void {
    const { serverErrorPercent, p90Millis } = this.settings.alarms;
    this.monitoring.monitorApiGateway({
      api: api.api,
      apiStage: api.api.deploymentStage.stageName,
      humanReadableName: "API",
      add5XXFaultRateAlarm: { Critical: { ...alarm(this, "api-5xx"), maxErrorRate: serverErrorPercent / 100 } },
      addLatencyP90Alarm: {
        Warning: {
          ...alarm(this, "api-p90"),
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
      projector: props.projector.function,
      publisher: props.publisher.function,
      sequencer: props.sequencer.function,
    };
    for (const [name, { lambda }] of Object.entries(functions)) {
      const followsStream = name === "projector" || name === "publisher" || name === "sequencer";
      this.monitoring.monitorLambdaFunction({
        lambdaFunction: lambda,
        humanReadableName: name,
        isIterator: followsStream,
        addFaultCountAlarm: { Critical: { ...alarm(this, `${name}-errors`), maxErrorCount: 0 } },
        addThrottlesCountAlarm: { Warning: { ...alarm(this, `${name}-throttles`), maxErrorCount: 0 } },
        ...(followsStream && {
          addMaxIteratorAgeAlarm: {
            Critical: {
              ...alarm(this, `${name}-iterator-age`),
              maxAgeInMillis: this.settings.alarms.iteratorAgeSeconds * 1000,
            },
          },
        }),
      });
    }
  }

  private watchTables({ tables }: AlarmsProps): void {
    for (const [name, watched] of Object.entries(tables)) {
      this.monitoring.monitorDynamoTable({
        table: watched.table,
        humanReadableName: `Table ${name}`,
        addReadThrottledEventsCountAlarm: {
          Warning: { ...alarm(this, `${name}-read-throttles`), maxThrottledEventsThreshold: 0 },
        },
        addWriteThrottledEventsCountAlarm: {
          Warning: { ...alarm(this, `${name}-write-throttles`), maxThrottledEventsThreshold: 0 },
        },
      });
      if (watched.indexes.length > 0) {
        this.watchIndexes(name, watched);
      }
    }
  }

  /** The metrics of a table leave out those of its indexes, which LIST reads alone. */
  private watchIndexes(name: string, table: LedgerTable): void {
    const series = new Series(this.monitoring);
    this.monitoring.monitorCustom({
      humanReadableName: `Indexes of ${name}`,
      alarmFriendlyName: `${name}-indexes`,
      metricGroups: table.indexes.map((index) => {
        const dimensions = { TableName: table.name, GlobalSecondaryIndexName: index };
        const throttled = ["ReadThrottleEvents", "WriteThrottleEvents"].map((metric) =>
          series.ofAws("AWS/DynamoDB", metric, MetricStatistic.SUM, dimensions),
        );
        const alarmed = series.above(`${name}-${index.replaceAll("_", "-")}-throttles`, 0, "SUM", throttled);
        return { title: `Throttles of ${index}`, metrics: [alarmed] };
      }),
    });
  }

  private watchDeadLetters({ deadLetters }: AlarmsProps): void {
    for (const [name, { queue }] of Object.entries(deadLetters)) {
      this.monitoring.monitorSqsQueue({
        queue,
        humanReadableName: `Dead letters: ${name}`,
        addQueueMaxSizeAlarm: { Critical: { ...alarm(this, `${name}-dead-letters`), maxMessageCount: 0 } },
      });
    }
  }
}

/** The topic, which mails the address; without one a warning says that nobody is notified of production. */
export function alarmTopic(scope: Construct, { settings, email }: Pick<AlarmsProps, "settings" | "email">): Topic {
  const { stackName } = Stack.of(scope);
  const topic = new Topic(scope, "Topic", { enforceSSL: true });
  // A topic with its own policy accepts only the principals that the policy names.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: "AlarmsOfThisStack",
      principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
      actions: ["sns:Publish"],
      resources: [topic.topicArn],
      conditions: {
        ArnLike: {
          "aws:SourceArn": `arn:${Aws.PARTITION}:cloudwatch:${Aws.REGION}:${Aws.ACCOUNT_ID}:alarm:${stackName}-*`,
        },
      },
    }),
  );
  if (email) {
    const mail = topic.addSubscription(new EmailSubscription(email));
    acknowledge(mail, ["Serverless-SNSRedrivePolicy"], "A rejected mail loses nothing: the alarm keeps its state.");
  } else if (settings.stage === "production") {
    Annotations.of(scope).addWarningV2(
      "ledger:nobody-is-notified",
      "Nobody is notified of alarms: deploy with -c alarmEmail=ADDRESS, or subscribe to the topic in the output AlarmsTopicArn.",
    );
  }
  return topic;
}
