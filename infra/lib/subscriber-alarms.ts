// The alarms of a subscriber that is a function. `docs/subscribing.md` says what to do about each.

import { Duration, Stack } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { LOST } from "./delivery-alarms.ts";
import type { LambdaSubscriber } from "./lambda-subscriber.ts";

/** The namespace of the metrics that the functions write, with the subscriber as their dimension `service`. */
export const SUBSCRIBERS = "Subscribers";

/** What a message waits at most before somebody should look. */
const OLDEST_SECONDS = 15 * 60;
/** It catches up four times in it. */
const CAUGHT_UP_WITHIN = Duration.hours(1);

/** Adds the alarms, which notify the topic. `bus` is the name of the bus. */
export function watchSubscriber(subscriber: LambdaSubscriber, bus: string, topic: ITopic): void {
  const { receive, catchUp, queue, deadLetters, rule, node } = subscriber;
  const period = Duration.minutes(5);
  const alarm = (
    name: string,
    metric: IMetric,
    rest: { threshold: number } & Partial<ConstructorParameters<typeof Alarm>[2]>,
  ) =>
    new Alarm(subscriber, `alarm-${name}`, {
      alarmName: `${Stack.of(subscriber).stackName}-${node.id}-${name}`,
      alarmDescription: `What to do: docs/subscribing.md, ${name}`,
      metric,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...rest,
    }).addAlarmAction(new SnsAction(topic));
  const own = (metricName: string, statistic: string, period: Duration) =>
    new Metric({ namespace: SUBSCRIBERS, metricName, statistic, period, dimensionsMap: { service: node.id } });
  const lost = LOST.map((metricName) => {
    const dimensionsMap = { EventBusName: bus, RuleName: rule };
    return new Metric({ namespace: "AWS/Events", metricName, statistic: "Sum", period, dimensionsMap });
  });
  alarm("oldest-message", queue.queue.metricApproximateAgeOfOldestMessage({ statistic: "Maximum", period }), {
    threshold: OLDEST_SECONDS,
  });
  const waiting = { statistic: "Maximum", period };
  alarm("dead-letters", deadLetters.queue.metricApproximateNumberOfMessagesVisible(waiting), { threshold: 0 });
  alarm("delivery", sum("Not delivered by the rule", lost), { threshold: 0 });
  alarm("errors", sum("Errors", [receive.metricErrors({ period }), catchUp.metricErrors({ period })]), {
    threshold: 0,
  });
  alarm("parked", own("parked_products", "Maximum", CAUGHT_UP_WITHIN), { threshold: 0 });
  alarm("not-caught-up", own("caught_up", "Sum", CAUGHT_UP_WITHIN), {
    threshold: 1,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    // A function that is not invoked writes nothing.
    treatMissingData: TreatMissingData.BREACHING,
  });
}

/** The sum of the metrics, with 0 where there is no value. */
function sum(label: string, metrics: readonly Metric[]): MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, place) => [`m${place}`, metric]));
  const terms = Object.keys(usingMetrics).map((id) => `FILL(${id}, 0)`);
  return new MathExpression({ label, expression: terms.join(" + "), usingMetrics, period: Duration.minutes(5) });
}
