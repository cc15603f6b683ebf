// The stack of the samples in `subscriber/samples`: a price list for each language, kept by a subscriber that is a function. It is a stack of
// its own, as of another team, made only where the context `samples` names languages, and knows of the ledger its bus and its API alone.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Annotations, CfnOutput, CfnParameter, Stack, type StackProps, Tags } from "aws-cdk-lib";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Code, Runtime } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { alarmTopic } from "./alarms.ts";
import { codeOf, PLACEHOLDER, SAMPLE } from "./binaries.ts";
import { LedgerKey } from "./key.ts";
import { LambdaSubscriber, type LedgerAccess } from "./lambda-subscriber.ts";
import { REPOSITORY } from "./repository.ts";
import type { Settings } from "./settings.ts";
import { SUBSCRIBERS, watchSubscriber } from "./subscriber-alarms.ts";

/** What Powertools for AWS reads: the dimension and the namespace of the metrics. */
const powertools = (service: string) => ({
  POWERTOOLS_SERVICE_NAME: service,
  POWERTOOLS_METRICS_NAMESPACE: SUBSCRIBERS,
});

/** How the function of each language runs. */
const LANGUAGES = {
  python: {
    runtime: Runtime.PYTHON_3_14,
    handlers: { receive: "price_list.receive", catchUp: "price_list.catch_up" },
    environment: powertools("python"),
  },
  typescript: {
    runtime: Runtime.NODEJS_24_X,
    handlers: { receive: "price-list.receive", catchUp: "price-list.catchUp" },
    environment: powertools("typescript"),
  },
  rust: {
    runtime: Runtime.PROVIDED_AL2023,
    handlers: { receive: "receive", catchUp: "catch-up" },
    environment: { SERVICE_NAME: "rust", METRICS_NAMESPACE: SUBSCRIBERS },
  },
} as const;
export type Language = keyof typeof LANGUAGES;

/** The languages of a list separated by commas; throws for an unknown one. */
export function languagesOf(text: string): readonly Language[] {
  const names = Object.keys(LANGUAGES) as Language[];
  return text.split(",").map((name) => {
    const found = names.find((language) => language === name);
    if (!found) {
      throw new Error(`samples=${text}: choose of ${names.join(", ")}`);
    }
    return found;
  });
}

export interface SamplesStackProps extends StackProps {
  readonly settings: Settings;
  readonly languages: readonly Language[];
  /** The name of the ledger's bus. */
  readonly bus: string;
  /** The folder of the built functions, from the root of the repository. */
  readonly built: string;
  /** The folder of the functions in Rust. */
  readonly binaries: string;
  readonly alarmEmail?: string | undefined;
}

/** A price list for each language. */
export class SamplesStack extends Stack {
  constructor(scope: Construct, id: string, props: SamplesStackProps) {
    super(scope, id, props);
    const { settings, languages, built } = props;
    const key = new LedgerKey(this, settings, "subscribers");
    const topic = alarmTopic(this, { settings, email: props.alarmEmail });
    const bus = EventBus.fromEventBusName(this, "Bus", props.bus);
    const ledger = this.access();
    for (const language of languages) {
      const subscriber = new LambdaSubscriber(this, language, {
        settings,
        key,
        bus,
        ledger,
        code: language === "rust" ? codeOf(this, SAMPLE, props.binaries) : codeOfSample(this, language, built),
        ...LANGUAGES[language],
      });
      if (language === "python") {
        for (const one of [subscriber.receive, subscriber.catchUp]) {
          const rules = ["AwsSolutions-L1", "Serverless-LambdaLatestVersion"];
          acknowledge(one, rules, "Powertools for AWS supports Python up to this version.");
        }
      }
      const prices = subscriber.own("Prices", "PRICES_TABLE", "id", "dynamodb:PutItem", "dynamodb:DeleteItem");
      watchSubscriber(subscriber, props.bus, topic);
      new CfnOutput(this, `${language}-prices`, { value: prices.tableName, description: `Price list: ${language}` });
    }
    Tags.of(this).add("project", "product-ledger");
    Tags.of(this).add("stage", settings.stage);
  }

  private access(): LedgerAccess {
    const parameter = (id: string, description: string, allowedPattern: string) =>
      new CfnParameter(this, id, { description, allowedPattern }).valueAsString;
    return {
      url: parameter("LedgerUrl", "The address of the ledger's API", "https?://.+"),
      tokenUrl: parameter("TokenUrl", "Where the ledger's client for subscribers gets tokens", "https?://.+"),
      credentials: parameter(
        "Credentials",
        'The ARN of a secret with {"client_id": …, "client_secret": …} of that client',
        "arn:[^:]+:secretsmanager:.+",
      ),
    };
  }
}

/** The code of a language, built by `subscriber/samples/build`; a placeholder with a warning if it is not. */
function codeOfSample(scope: Construct, language: Language, built: string): Code {
  const folder = resolve(REPOSITORY, built, language);
  if (existsSync(folder)) {
    return Code.fromAsset(folder);
  }
  Annotations.of(scope).addWarningV2(
    `ledger:not-built-${language}`,
    `The sample in ${language} is not built: run subscriber/samples/build. It is replaced by a placeholder that answers every invocation with an error.`,
  );
  return Code.fromAsset(PLACEHOLDER);
}
