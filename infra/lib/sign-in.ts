// Authentication: a user pool with app clients for machines, each with a secret and fixed scopes, and one without a secret for people,
// who sign in on the pages at `/` by a code with PKCE and read.

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
  UserPoolClientIdentityProvider,
  type UserPoolDomain,
} from "aws-cdk-lib/aws-cognito";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { removalOf } from "./removal.ts";
import type { Environment } from "./rust-function.ts";
import { CLIENT_SCOPES, type ClientName, SCOPES, type Scope, type Settings } from "./settings.ts";

const MEANING: Record<Scope, string> = {
  read: "GET and LIST",
  write: "Commands",
  subscribe: "Commits of all products without receipts, events",
  audit: "History, prices, verification, past versions",
};

/** What people ask for: the pages read. */
const READING: readonly Scope[] = ["read", "audit"];

/** The user pool, its resource server and its clients. */
export class SignIn extends Construct {
  readonly pool: UserPool;
  readonly clients: Partial<Record<ClientName, UserPoolClient>> = {};
  private readonly domain: UserPoolDomain;
  private readonly granted: (scopes: readonly Scope[]) => OAuthScope[];

  constructor(scope: Construct, settings: Settings) {
    super(scope, "SignIn");
    this.pool = userPool(this, settings);
    const scopes = SCOPES.map((name) => new ResourceServerScope({ scopeName: name, scopeDescription: MEANING[name] }));
    const server = this.pool.addResourceServer("Products", { identifier: "products", scopes });
    const { stackName, account } = Stack.of(this);
    this.granted = (names) =>
      scopes
        .filter(({ scopeName }) => names.some((name) => name === scopeName))
        .map((scope) => OAuthScope.resourceServer(server, scope));
    this.domain = this.pool.addDomain("Domain", { cognitoDomain: { domainPrefix: domainPrefix(stackName, account) } });
    for (const name of settings.clients) {
      this.clients[name] = this.client(name);
    }
    new CfnOutput(this, "Issuer", {
      value: `https://cognito-idp.${Aws.REGION}.${Aws.URL_SUFFIX}/${this.pool.userPoolId}`,
      description: "Issuer of access tokens",
    });
  }

  /**
   * Lets people sign in on the pages at this address, which a code and a sign-out come back to exactly; gives what the query function
   * tells the pages. The stack knows the endpoints of its pool, so the function asks nobody for them.
   */
  people(address: string): Environment {
    const client = this.pool.addClient("explorer", {
      // Whoever reads the files of a page would read its secret.
      generateSecret: false,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: this.granted(READING),
        callbackUrls: [address],
        logoutUrls: [address],
      },
      supportedIdentityProviders: [UserPoolClientIdentityProvider.COGNITO],
      accessTokenValidity: Duration.hours(1),
      // A page keeps it in memory alone.
      refreshTokenValidity: Duration.hours(12),
      enableTokenRevocation: true,
      preventUserExistenceErrors: true,
    });
    new CfnOutput(this, "explorer-id", {
      value: client.userPoolClientId,
      description: "Client id: people, on the pages",
    });
    const issuer = this.domain.baseUrl();
    return {
      LEDGER_AUTH_CLIENT: client.userPoolClientId,
      LEDGER_AUTH_AUTHORIZE_URL: `${issuer}/oauth2/authorize`,
      LEDGER_AUTH_TOKEN_URL: `${issuer}/oauth2/token`,
      LEDGER_AUTH_END_SESSION_URL: `${issuer}/logout`,
    };
  }

  private client(name: ClientName): UserPoolClient {
    const client = this.pool.addClient(name, {
      generateSecret: true,
      oAuth: {
        flows: { clientCredentials: true },
        scopes: this.granted(CLIENT_SCOPES[name]),
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
    "Machines get tokens by client credentials. People have a second factor; the larger plan adds what watches for stolen passwords.",
  );
  return pool;
}
