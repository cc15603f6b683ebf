// Authentication: a user pool with app clients for machines, each with a secret and fixed scopes. People do not sign in here.

import { createHash } from "node:crypto";
import { Aws, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import {
  AccountRecovery,
  FeaturePlan,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
  type UserPoolResourceServer,
} from "aws-cdk-lib/aws-cognito";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { removalOf } from "./removal.ts";
import { CLIENT_SCOPES, type ClientName, SCOPES, type Scope, type Settings } from "./settings.ts";

const MEANING: Record<Scope, string> = {
  read: "GET and LIST",
  write: "Commands",
  subscribe: "Commits of all products without receipts, events",
  audit: "History, prices, verification, past versions",
};

/** The user pool, its resource server and its clients. */
export class SignIn extends Construct {
  readonly pool: UserPool;
  readonly clients: Partial<Record<ClientName, UserPoolClient>> = {};

  constructor(scope: Construct, settings: Settings) {
    super(scope, "SignIn");
    this.pool = userPool(this, settings);
    const scopes = SCOPES.map((name) => new ResourceServerScope({ scopeName: name, scopeDescription: MEANING[name] }));
    const server = this.pool.addResourceServer("Products", { identifier: "products", scopes });
    const { stackName, account } = Stack.of(this);
    this.pool.addDomain("Domain", { cognitoDomain: { domainPrefix: domainPrefix(stackName, account) } });
    for (const name of settings.clients) {
      this.clients[name] = this.client(name, server, scopes);
    }
    new CfnOutput(this, "Issuer", {
      value: `https://cognito-idp.${Aws.REGION}.${Aws.URL_SUFFIX}/${this.pool.userPoolId}`,
      description: "Issuer of access tokens",
    });
  }

  private client(
    name: ClientName,
    server: UserPoolResourceServer,
    scopes: readonly ResourceServerScope[],
  ): UserPoolClient {
    const allowed = scopes.filter((scope) => CLIENT_SCOPES[name].some((held) => held === scope.scopeName));
    const client = this.pool.addClient(name, {
      generateSecret: true,
      oAuth: {
        flows: { clientCredentials: true },
        scopes: allowed.map((scope) => OAuthScope.resourceServer(server, scope)),
      },
      accessTokenValidity: Duration.hours(1),
      enableTokenRevocation: true,
      preventUserExistenceErrors: true,
    });
    new CfnOutput(this, `${name}-id`, { value: client.userPoolClientId, description: `Client id: ${name}` });
    return client;
  }
}

/**
 * The prefix of the domain that issues tokens: unique across all accounts of a region, and without the words that Cognito refuses, which
 * a branch may have in its name.
 */
function domainPrefix(stackName: string, account: string): string {
  const refused = /aws|amazon|cognito/.test(stackName);
  const name = refused
    ? `product-ledger-${createHash("sha256").update(stackName).digest("hex").slice(0, 20)}`
    : stackName;
  return `${name}-${account}`;
}

function userPool(scope: Construct, settings: Settings): UserPool {
  const pool = new UserPool(scope, "Pool", {
    userPoolName: Stack.of(scope).stackName,
    featurePlan: FeaturePlan.ESSENTIALS,
    selfSignUpEnabled: false,
    accountRecovery: AccountRecovery.NONE,
    mfa: Mfa.REQUIRED,
    mfaSecondFactor: { otp: true, sms: false },
    passwordPolicy: {
      minLength: 16,
      requireDigits: true,
      requireLowercase: true,
      requireSymbols: true,
      requireUppercase: true,
    },
    deletionProtection: settings.keepData,
    removalPolicy: removalOf(settings),
  });
  acknowledge(
    pool,
    ["AwsSolutions-COG8"],
    "Only machines get tokens here, by client credentials; the larger plan adds features for people who sign in.",
  );
  return pool;
}
