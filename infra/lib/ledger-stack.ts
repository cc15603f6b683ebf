// The stack of one ledger: assembles the parts and contains no settings of its own.

import { Aws, CfnOutput, DefaultStackSynthesizer, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Alarms } from "./alarms.ts";
import { Api } from "./api.ts";
import { BreakGlass } from "./break-glass.ts";
import { Bus } from "./bus.ts";
import { CommandApi } from "./command-api.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import { EventTable } from "./event-table.ts";
import { Firewall } from "./firewall.ts";
import { Intercept } from "./intercept.ts";
import { LedgerKey } from "./key.ts";
import { People } from "./people.ts";
import { Projector } from "./projector.ts";
import { Publisher } from "./publisher.ts";
import { QueryApi } from "./query-api.ts";
import { RetrySchedule } from "./schedule.ts";
import { Schemas } from "./schemas.ts";
import type { Settings } from "./settings.ts";
import { SignIn } from "./sign-in.ts";
import type { StreamConsumer } from "./stream-consumer.ts";
import { Subscriber } from "./subscriber.ts";
import type { LedgerTable } from "./table.ts";
import { Views } from "./views.ts";

export interface LedgerStackProps extends StackProps {
  readonly settings: Settings;
  /** The folder of the built functions, from the root of the repository. */
  readonly binaries: string;
  /** The address that is notified of alarms. */
  readonly alarmEmail?: string | undefined;
  /** The name of an event table that was restored from a backup and replaces the old one. */
  readonly eventsTable?: string | undefined;
  /** The ARN of the role that deploys, if it is not the one of `cdk bootstrap`. */
  readonly deployer?: string | undefined;
}

/** The resources that the functions share. */
interface SharedResources {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
  readonly bus: Bus;
}

/** A whole ledger. */
export class LedgerStack extends Stack {
  constructor(scope: Construct, id: string, props: LedgerStackProps) {
    super(scope, id, props);
    const { settings, binaries } = props;
    const key = new LedgerKey(this, settings);
    const commands = new CommandApi(this, settings, key, binaries);
    const events = new EventTable(this, {
      settings,
      key,
      breakGlass: new BreakGlass(this),
      inserter: commands.function.role.roleArn,
      deployer: deployer(this, props.deployer),
      restoredAs: props.eventsTable,
    });
    commands.use(events);
    const views = new Views(this, settings, key);
    const shared = { settings, key, binaries, events, views, bus: new Bus(this, settings, key) };
    const consumers = {
      projector: new Projector(this, shared).consumer,
      publisher: new Publisher(this, shared).consumer,
    };
    const queries = new QueryApi(this, shared).function;
    const functions = { commands: commands.function, queries };
    const api = new Api(this, { settings, key, signIn: new SignIn(this, settings), functions });
    if (settings.firewall) {
      new Firewall(this, { settings, ...settings.firewall, key, stage: api.api.deploymentStage });
    }
    new Schemas(this);
    new People(this, events, views, shared.bus);
    const tables = this.named(shared);
    new Alarms(this, {
      settings,
      key,
      api,
      ...functions,
      ...consumers,
      tables,
      ...this.consuming(shared, consumers),
      email: props.alarmEmail,
    });
    Tags.of(this).add("project", "product-ledger");
    Tags.of(this).add("stage", settings.stage);
  }

  /** Everything that consumes the bus or the stream, with its dead-letter queue and its rule; alarms watch both. */
  private consuming(shared: SharedResources, { projector, publisher }: Consumers) {
    const { settings, key, bus } = shared;
    const schedule = new RetrySchedule(this, key, { Projector: projector, Publisher: publisher });
    const subscriber = new Subscriber(this, key, bus);
    const intercept = settings.intercept && new Intercept(this, key, bus, settings.intercept.days);
    const deadLetters: Record<string, LedgerQueue> = {
      projector: projector.deadLetters,
      publisher: publisher.deadLetters,
      schedule: schedule.deadLetters,
      bus: bus.deadLetters,
      subscriber: subscriber.deadLetters,
      ...(intercept && { intercept: intercept.deadLetters }),
    };
    const rules = {
      archive: bus.archiving,
      subscriber: subscriber.rule,
      ...(intercept && { intercept: intercept.rule }),
    };
    return { deadLetters, rules };
  }

  /** The tables, with outputs for the environment variables of the program `ledger`. */
  private named({ events, views, bus }: SharedResources): Record<string, LedgerTable> {
    const { products, prices, receipts, parking } = views;
    const tables = { events: events.table, products, prices, receipts, parking };
    for (const [name, table] of Object.entries(tables)) {
      const description = `LEDGER_${name.toUpperCase()}_TABLE`;
      new CfnOutput(this, `${name}-table`, { value: table.name, description });
    }
    new CfnOutput(this, "bus-name", { value: bus.bus.eventBusName, description: "LEDGER_EVENT_BUS" });
    return tables;
  }
}

type Consumers = Record<"projector" | "publisher", StreamConsumer>;

/** The ARN of the role with which this stack is deployed: the given one, or CloudFormation's as named by `cdk bootstrap`. */
function deployer(stack: Stack, given: string | undefined): string {
  if (given !== undefined) {
    if (!/^arn:[a-z-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(given)) {
      throw new Error(`deployer=${given}: must be the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME`);
    }
    return given;
  }
  const qualifier =
    stack.node.tryGetContext("@aws-cdk/core:bootstrapQualifier") ?? DefaultStackSynthesizer.DEFAULT_QUALIFIER;
  const name = `cdk-${qualifier}-cfn-exec-role-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
  return `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/${name}`;
}
