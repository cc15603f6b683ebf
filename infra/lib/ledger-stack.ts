// The stack of one ledger: assembles the parts and contains no settings of its own.

import { Aws, CfnOutput, DefaultStackSynthesizer, Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Alarms } from "./alarms.ts";
import { Api } from "./api.ts";
import { Backups } from "./backups.ts";
import { BreakGlass } from "./break-glass.ts";
import { Bus, busVariables, type LedgerBus } from "./bus.ts";
import { CommandApi } from "./command-api.ts";
import type { LedgerQueue } from "./dead-letters.ts";
import type { Watched } from "./delivery-alarms.ts";
import { EventTable } from "./event-table.ts";
import { FifoBus } from "./fifo-bus.ts";
import { FifoSubscriber } from "./fifo-subscriber.ts";
import { Firewall } from "./firewall.ts";
import { Intercept } from "./intercept.ts";
import { LedgerKey, protectKey } from "./key.ts";
import { People } from "./people.ts";
import { Projector } from "./projector.ts";
import { Publisher } from "./publisher.ts";
import { QueryApi } from "./query-api.ts";
import { RolloutGroups } from "./rollout.ts";
import type { RustFunction } from "./rust-function.ts";
import { Schedules } from "./schedule.ts";
import { Schemas } from "./schemas.ts";
import { Sequencer } from "./sequencer.ts";
import type { Settings } from "./settings.ts";
import { SignIn } from "./sign-in.ts";
import type { ConsumerProps, StreamConsumer } from "./stream-consumer.ts";
import { Subscriber } from "./subscriber.ts";
import { Subscribers } from "./subscribers.ts";
import type { LedgerTable } from "./table.ts";
import { Trail } from "./trail.ts";
import { LogFeed, TransparencyLog } from "./transparency-log.ts";
import { Views } from "./views.ts";

export interface LedgerStackProps extends StackProps {
  readonly settings: Settings;
  /** The folder of the built functions, from the root of the repository. */
  readonly binaries: string;
  /** The address that is notified of alarms. */
  readonly alarmEmail?: string | undefined;
  /** The name of an event table that was restored from a backup and replaces the old one. */
  readonly eventsTable?: string | undefined;
  /** The name of a log table that was restored from a backup and replaces the old one. */
  readonly logTable?: string | undefined;
  /** The ARN of the role that deploys, if it is not the one of `cdk bootstrap`. */
  readonly deployer?: string | undefined;
  /** The ARN of a vault in another account or region that gets a copy of each backup. */
  readonly backupCopy?: string | undefined;
  /** Other accounts that may subscribe to the bus. */
  readonly subscriberAccounts?: readonly string[] | undefined;
  /** The ARNs of the roles and users that may assume the break-glass role; without any, all with a second factor. */
  readonly breakGlass?: readonly string[] | undefined;
}

/** The resources that the functions share. */
interface SharedResources {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly binaries: string;
  readonly events: EventTable;
  readonly views: Views;
  readonly bus: LedgerBus;
  readonly feed: LogFeed;
  readonly log: TransparencyLog;
}

/** A whole ledger. */
export class LedgerStack extends Stack {
  constructor(scope: Construct, id: string, props: LedgerStackProps) {
    super(scope, id, props);
    const { settings, binaries } = props;
    const { key, breakGlass, masters } = this.guarded(props);
    const { commands, events } = this.recorded(props, key, { breakGlass, masters });
    const views = new Views(this, settings, key);
    const { feed, log, sequencer } = this.logged(
      props,
      { settings, key, binaries, events, views },
      { breakGlass, masters },
    );
    const bus = settings.bus === "fifo" ? new FifoBus(this, settings, key) : new Bus(this, settings, key);
    const shared = { settings, key, binaries, events, views, bus, feed, log };
    const consumers = {
      projector: new Projector(this, shared).consumer,
      publisher: new Publisher(this, shared).consumer,
      sequencer,
    };
    const queries = new QueryApi(this, shared).function;
    const functions = { commands, queries };
    new RolloutGroups(this, settings, {
      "command-api": commands,
      "query-api": queries,
      projector: consumers.projector.function,
      publisher: consumers.publisher.function,
      sequencer: sequencer.function,
    });
    const signIn = new SignIn(this, settings);
    const api = new Api(this, { settings, key, signIn, functions });
    queries.set(signIn.people(api.pages));
    if (settings.firewall) {
      new Firewall(this, { settings, ...settings.firewall, key, stage: api.api.deploymentStage });
    }
    new Schemas(this);
    new Subscribers(this, key, bus, props.subscriberAccounts ?? []);
    const backups = this.backups(shared, breakGlass, Object.values(masters), props.backupCopy);
    new Alarms(this, {
      settings,
      api,
      ...functions,
      ...consumers,
      tables: this.named(shared),
      ...this.consuming(shared, consumers, { backups, userPool: signIn.pool.userPoolArn }),
      trail: this.trail(shared, [commands, sequencer.function], backups),
      email: props.alarmEmail,
    });
    Tags.of(this).add("project", "product-ledger");
    Tags.of(this).add("stage", settings.stage);
  }

  /** The key, which only two roles, `masters`, can make unusable. */
  private guarded({ settings, breakGlass: trusted, deployer: given }: LedgerStackProps) {
    const key = new LedgerKey(this, settings);
    const breakGlass = new BreakGlass(this, trusted ?? []);
    const masters = { breakGlass: breakGlass.role.roleArn, deployer: deployer(this, given) };
    protectKey(key.key, Object.values(masters));
    breakGlass.allowRepairOf(key.key);
    return { key, breakGlass, masters };
  }

  /** The event table and the function that inserts into it, whose role the table's policy names. */
  private recorded(
    { settings, binaries, eventsTable }: LedgerStackProps,
    key: LedgerKey,
    { breakGlass, masters }: Guards,
  ) {
    const commands = new CommandApi(this, settings, key, binaries);
    const events = new EventTable(this, {
      settings,
      key,
      breakGlass,
      inserter: commands.function.role.roleArn,
      deployer: masters.deployer,
      restoredAs: eventsTable,
    });
    commands.use(events);
    return { commands: commands.function, events };
  }

  /** The log and its sequencer, whose role the policies of the log name. */
  private logged({ logTable }: LedgerStackProps, common: ConsumerProps, { breakGlass, masters }: Guards) {
    const { settings, key } = common;
    const feed = new LogFeed(this, settings, key);
    const sequencer = new Sequencer(this, common, feed);
    const log = new TransparencyLog(this, {
      settings,
      key,
      breakGlass,
      inserter: sequencer.consumer.function.role.roleArn,
      deployer: masters.deployer,
      restoredAs: logTable,
    });
    sequencer.use(log);
    // What ledger log accept-restore needs beside the tables that it may repair.
    common.views.parking.grantWrite(
      breakGlass.role,
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
      "dynamodb:DeleteItem",
    );
    feed.table.grantRead(breakGlass.role, "dynamodb:Query");
    log.files.grantRead(breakGlass.role);
    return { feed, log, sequencer: sequencer.consumer };
  }

  /** Backups of the tables that cannot be derived from others. */
  private backups(
    { settings, key, events, views }: SharedResources,
    breakGlass: BreakGlass,
    except: readonly string[],
    copyTo: string | undefined,
  ): Backups | undefined {
    if (!settings.backups) {
      return undefined;
    }
    const tables = { events: events.table, receipts: views.receipts };
    const common = { settings: settings.backups, logDays: settings.days.logs, key };
    const backups = new Backups(this, { ...common, except, tables, copyTo });
    breakGlass.allowRepairOf(backups.key);
    return backups;
  }

  private trail(
    { settings, key, events, log }: SharedResources,
    inserting: readonly RustFunction[],
    backups: Backups | undefined,
  ) {
    if (!settings.trail) {
      return undefined;
    }
    return new Trail(this, {
      settings,
      ...settings.trail,
      tables: { events: events.table, log: log.table },
      files: log.files.bucket,
      keys: [key.key, ...log.signing.map(({ key }) => key), ...(backups ? [backups.key] : [])],
      inserters: inserting.map(({ role }) => role.roleName),
    });
  }

  /** Everything that consumes bus or stream, with its dead-letter queue and its rule: alarms watch both, and people purge the queues. */
  private consuming(
    shared: SharedResources,
    { projector, publisher, sequencer }: Consumers,
    { backups, userPool }: { readonly backups: Backups | undefined; readonly userPool: string },
  ) {
    const { settings, key, bus } = shared;
    const schedule = new Schedules(this, key, {
      Projector: projector,
      Publisher: publisher,
      Sequencer: sequencer,
    });
    const { subscriber, watched, ...ofBus } = this.subscribing(key, bus);
    const intercept = settings.intercept && new Intercept(this, key, bus, settings.intercept.days);
    const deadLetters: Record<string, LedgerQueue> = {
      projector: projector.deadLetters,
      publisher: publisher.deadLetters,
      sequencer: sequencer.deadLetters,
      schedule: schedule.deadLetters,
      ...ofBus.deadLetters,
      ...(intercept && { intercept: intercept.deadLetters }),
      ...(backups && { backup: backups.failures }),
    };
    const rules = {
      ...watched,
      ...(intercept && { intercept: intercept.rule }),
      ...backups?.rules,
    };
    new People(this, {
      ...shared,
      deadLetters: Object.values(deadLetters),
      subscriber: subscriber.queue,
      tests: intercept && {
        intercepted: intercept.table.attrArn,
        userPool,
        invoked: [projector.function, publisher.function, sequencer.function],
      },
    });
    return { deadLetters, rules };
  }

  /** The example subscriber of the bus, with what the two give up. */
  private subscribing(key: LedgerKey, bus: LedgerBus): Subscribing {
    if (bus.kind === "fifo") {
      const subscriber = new FifoSubscriber(this, key, bus);
      const { deadLetters, undelivered } = subscriber;
      return {
        subscriber,
        deadLetters: { subscriber: deadLetters, "subscriber-undelivered": undelivered },
        watched: { subscriber: subscriber.watched },
      };
    }
    const subscriber = new Subscriber(this, key, bus);
    return {
      subscriber,
      deadLetters: { bus: bus.deadLetters, subscriber: subscriber.deadLetters },
      watched: { archive: bus.archiving, subscriber: subscriber.rule },
    };
  }

  /** The tables, with outputs for the environment variables of the program `ledger`. */
  private named({ events, views, bus, feed, log }: SharedResources): Record<string, LedgerTable> {
    const { products, prices, receipts, parking } = views;
    const ofLog = { log: log.table, "log-feed": feed.table };
    const tables = { events: events.table, products, prices, receipts, parking, ...ofLog };
    for (const [name, table] of Object.entries(tables)) {
      const description = `LEDGER_${name.toUpperCase().replace("-", "_")}_TABLE`;
      new CfnOutput(this, `${name}-table`, { value: table.name, description });
    }
    const { LEDGER_EVENT_BUS, LEDGER_EVENT_BUS_KIND } = busVariables(bus);
    new CfnOutput(this, "bus-name", { value: LEDGER_EVENT_BUS, description: "LEDGER_EVENT_BUS" });
    if (LEDGER_EVENT_BUS_KIND) {
      new CfnOutput(this, "bus-kind", { value: LEDGER_EVENT_BUS_KIND, description: "LEDGER_EVENT_BUS_KIND" });
    }
    return tables;
  }
}

/** The roles that may change what protects the ledger. */
interface Guards {
  readonly breakGlass: BreakGlass;
  readonly masters: { readonly breakGlass: string; readonly deployer: string };
}

/** A queue that subscribes, and what has to be looked at. */
interface Subscribing {
  readonly subscriber: { readonly queue: LedgerQueue };
  readonly deadLetters: Readonly<Record<string, LedgerQueue>>;
  readonly watched: Readonly<Record<string, Watched>>;
}

type Consumers = Record<"projector" | "publisher" | "sequencer", StreamConsumer>;

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
