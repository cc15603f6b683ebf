// The app with one stack, configured by the CDK context: `stage` (default dev), `branch`, `binaries`, `alarmEmail`,
// `eventsTable`, `deployer`. Nothing is looked up, so synthesis needs no credentials and no network.

import { App, type AppProps, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { LedgerStack } from "./ledger-stack.ts";
import { type Settings, settingsOf, stackName } from "./settings.ts";

/** The app with its one stack, checked by both rule packs. `changed` replaces settings of the stage. */
export function ledgerApp(props?: AppProps, changed: Partial<Settings> = {}): { app: App; stack: LedgerStack } {
  const app = new App(props);
  const branch = text(app, "branch");
  const own = branch === undefined ? {} : { domain: undefined };
  const settings = { ...settingsOf(text(app, "stage") ?? "dev"), ...changed, ...own };
  const stack = new LedgerStack(app, "ledger", {
    stackName: stackName(settings.stage, branch),
    description: `Product ledger, ${settings.stage}`,
    terminationProtection: settings.keepData,
    settings,
    binaries: text(app, "binaries") ?? "target/lambda-arm64",
    alarmEmail: text(app, "alarmEmail"),
    eventsTable: text(app, "eventsTable"),
    deployer: text(app, "deployer"),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return { app, stack };
}

function text(app: App, name: string): string | undefined {
  const value: unknown = app.node.tryGetContext(name);
  if (value !== undefined && typeof value !== "string") {
    throw new Error(`${name}=${JSON.stringify(value)}: must be a text`);
  }
  return value;
}
