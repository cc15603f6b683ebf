// The app with the stack of a ledger, configured by the CDK context: `stage` (default dev), `branch`, `account` and `region`, `binaries`,
// `alarmEmail`, `eventsTable`, `logTable`, `deployer`, `backupCopy`, `breakGlass`, `subscriberAccounts`, `rollout`, `bus`; with `samples` (languages,
// separated by commas) and `samplesBuilt` there is a second stack, of the sample subscribers. Nothing is looked up, so synthesis needs no
// credentials and no network.

import { App, type AppProps, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { LedgerStack } from "./ledger-stack.ts";
import { languagesOf, SamplesStack } from "./samples.ts";
import { busKindOf, rolloutOf, type Settings, settingsOf, stackName } from "./settings.ts";

/** The app with its stacks, checked by both rule packs. `changed` replaces settings of the stage. */
export function ledgerApp(props?: AppProps, changed: Partial<Settings> = {}): { app: App; stack: LedgerStack } {
  const app = new App(props);
  const branch = text(app, "branch");
  const stage = settingsOf(text(app, "stage") ?? "dev");
  const rollout = rolloutOf(text(app, "rollout") ?? stage.rollout);
  const bus = busKindOf(text(app, "bus") ?? stage.bus);
  const own = branch === undefined ? {} : { domain: undefined };
  const settings = { ...stage, rollout, bus, ...changed, ...own };
  const binaries = text(app, "binaries") ?? "target/lambda-arm64";
  const stack = new LedgerStack(app, "ledger", {
    stackName: stackName(settings.stage, branch),
    ...pinned(app),
    description: `Product ledger, ${settings.stage}`,
    terminationProtection: settings.keepData,
    settings,
    binaries,
    alarmEmail: text(app, "alarmEmail"),
    eventsTable: text(app, "eventsTable"),
    logTable: text(app, "logTable"),
    deployer: text(app, "deployer"),
    backupCopy: arns(app, "backupCopy")?.[0],
    subscriberAccounts: text(app, "subscriberAccounts")?.split(","),
    breakGlass: arns(app, "breakGlass"),
  });
  const samples = text(app, "samples");
  if (samples !== undefined) {
    if (settings.bus === "fifo") {
      throw new Error("samples: a rule delivers to them, and a FIFO bus has none");
    }
    new SamplesStack(app, "samples", {
      // Not below the ledger's name: rules that begin with it are the ledger's own.
      stackName: stack.stackName.replace("product-ledger", "price-lists"),
      ...pinned(app),
      description: `Sample subscribers of ${stack.stackName}`,
      settings,
      languages: languagesOf(samples),
      bus: stack.stackName,
      binaries,
      built: text(app, "samplesBuilt") ?? "target/samples",
      alarmEmail: text(app, "alarmEmail"),
    });
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return { app, stack };
}

/** The account and region that the stack is for; the command line refuses credentials of any other. */
function pinned(app: App): { env: { account: string; region: string } } | undefined {
  const [account, region] = [text(app, "account"), text(app, "region")];
  if (account === undefined && region === undefined) {
    return undefined;
  }
  if (account === undefined || region === undefined || !/^\d{12}$/.test(account)) {
    throw new Error(`account=${account}, region=${region}: give both, the account with its 12 digits`);
  }
  return { env: { account, region } };
}

/** ARNs separated by commas. */
function arns(app: App, name: string): readonly string[] | undefined {
  const given = text(app, name)?.split(",");
  const wrong = given?.find((arn) => !arn.startsWith("arn:"));
  if (wrong !== undefined) {
    throw new Error(`${name}: ${JSON.stringify(wrong)} is no ARN; separate several ARNs by commas`);
  }
  return given;
}

function text(app: App, name: string): string | undefined {
  const value: unknown = app.node.tryGetContext(name);
  if (value !== undefined && typeof value !== "string") {
    throw new Error(`${name}=${JSON.stringify(value)}: must be a text`);
  }
  return value;
}
