// The REST API: checks tokens; throttles, logs and traces requests. A token with any of the API's scopes reaches the function,
// which checks the scope that the request requires. A known path answers other methods with 405 and `Allow`, an unknown path
// is a 404, both without a token. If the pages of other origins may use the API, a function answers their preflights.

import { Aws, CfnOutput, RemovalPolicy, Size, Stack } from "aws-cdk-lib";
import {
  AccessLogFormat,
  AuthorizationType,
  CognitoUserPoolsAuthorizer,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { corsHeaders } from "./cors.ts";
import { CustomDomain } from "./custom-domain.ts";
import { addFixedAnswer } from "./fixed-answer.ts";
import { GatewayResponses } from "./gateway-responses.ts";
import type { LedgerKey } from "./key.ts";
import { METHOD_NOT_ALLOWED, NOT_FOUND } from "./problem.ts";
import { removalOf } from "./removal.ts";
import { type Answering, allowed, BETWEEN, isOpen, PATHS, ROUTES, type Route } from "./routes.ts";
import type { RustFunction } from "./rust-function.ts";
import { SCOPES, type Settings } from "./settings.ts";
import type { SignIn } from "./sign-in.ts";

/** The first segment of every path; a breaking change of the interface would get another one. */
const VERSION = "v1";

/** From this size on answers are compressed for whoever takes that. A smaller one fits into a packet. */
const COMPRESSED_FROM = Size.kibibytes(1);

/** The resources that the API depends on. */
export interface ApiProps {
  readonly settings: Settings;
  readonly key: LedgerKey;
  readonly signIn: SignIn;
  readonly functions: Record<Answering, RustFunction>;
}

/** The API. */
export class Api extends Construct {
  readonly api: RestApi;
  /** The address of the pages for people, with the `/` at its end; not by the stage, which the functions would then depend on. */
  readonly pages: string;
  private readonly authorizer: CognitoUserPoolsAuthorizer;
  /** Headers of all answers that come from no function. */
  private readonly headers: Record<string, string>;
  private readonly integrations: Record<Answering, LambdaIntegration>;

  constructor(scope: Construct, props: ApiProps) {
    super(scope, "Api");
    this.api = restApi(this, props.settings, props.key);
    this.authorizer = new CognitoUserPoolsAuthorizer(this, "Tokens", { cognitoUserPools: [props.signIn.pool] });
    const integration = (by: Answering) => new LambdaIntegration(props.functions[by].live, { allowTestInvoke: false });
    this.integrations = { commands: integration("commands"), queries: integration("queries") };
    for (const route of ROUTES) {
      const isPublic = isOpen(route, props.settings.logPublic);
      this.add(route, route.verb, isPublic);
      if (route.verb === "GET") {
        this.add(route, "HEAD", isPublic);
      }
    }
    this.headers = corsHeaders(props.settings);
    for (const path of PATHS) {
      if (props.settings.corsOrigins.length > 0) {
        this.addPreflight(path);
      }
      this.refuseOthers(path);
    }
    this.refuseUnknown();
    new GatewayResponses(this, this.api, this.headers);
    const { domain } = props.settings;
    const own = this.api.deploymentStage.urlForPath("/log/key");
    const keys = domain ? `${new CustomDomain(this, this.api, domain).url}/log/key` : own;
    const ownPages = `https://${this.api.restApiId}.execute-api.${Aws.REGION}.${Aws.URL_SUFFIX}/${VERSION}/`;
    this.pages = domain ? `https://${[domain.name, domain.basePath].filter(Boolean).join("/")}/` : ownPages;
    new CfnOutput(this, "Pages", { value: this.pages, description: "The pages for people" });
    new CfnOutput(this, "LogKeys", { value: keys, description: "Verifier keys of the log" });
  }

  private add(route: Route, verb: string, isPublic: boolean): void {
    const resource = this.api.root.resourceForPath(route.path);
    const integration = this.integrations[route.by];
    if (isPublic) {
      const method = resource.addMethod(verb, integration, { authorizationType: AuthorizationType.NONE });
      withoutToken(
        method,
        "This route is public: pages for people, health, documentation, or what the settings open of the log.",
      );
      return;
    }
    resource.addMethod(verb, integration, {
      authorizationType: AuthorizationType.COGNITO,
      authorizer: this.authorizer,
      // The gateway answers a token without the required scope with 401, as if there were none; the functions answer 403. A
      // method without scopes would also accept id tokens, which permit nothing.
      authorizationScopes: SCOPES.map((scope) => `products/${scope}`),
    });
  }

  /** A preflight never reaches a route, so any function can answer it. */
  private addPreflight(path: string): void {
    const method = this.api.root.resourceForPath(path).addMethod("OPTIONS", this.integrations.queries, {
      authorizationType: AuthorizationType.NONE,
    });
    withoutToken(method, "Browsers send preflights without a token; the response says which requests a page may send.");
  }

  private refuseOthers(path: string): void {
    const headers = { Allow: allowed(path), ...this.headers };
    const method = addFixedAnswer(this.api.root.resourceForPath(path), METHOD_NOT_ALLOWED, headers);
    withoutToken(method, "The response lists the methods of the path, which are documented, and calls no function.");
  }

  /** Without these the gateway treats a token on an unknown path as an invalid AWS signature and answers 403. */
  private refuseUnknown(): void {
    const between = BETWEEN.map((path) => this.api.root.resourceForPath(path));
    for (const resource of [this.api.root.addResource("{proxy+}"), ...between]) {
      withoutToken(
        addFixedAnswer(resource, NOT_FOUND, this.headers),
        "The response says that the path is unknown, and calls no function.",
      );
    }
  }
}

function withoutToken(method: Method, reason: string): void {
  acknowledge(method, ["AwsSolutions-APIG4", "AwsSolutions-COG4"], reason);
}

function restApi(scope: Construct, settings: Settings, key: LedgerKey): RestApi {
  const { stackName } = Stack.of(scope);
  const logs = new LogGroup(scope, "AccessLogs", {
    logGroupName: `/${stackName}/access`,
    encryptionKey: key.key,
    retention: settings.days.logs,
    removalPolicy: removalOf(settings),
  });
  const api = new RestApi(scope, "Rest", {
    restApiName: stackName,
    description: "Commands and queries of the product ledger",
    endpointTypes: [EndpointType.REGIONAL],
    // Tiles are binary, and whoever reads them asks for any type or for none. Bodies of requests then arrive in base64.
    binaryMediaTypes: ["*/*"],
    // The functions answer text as text, and leave it to the gateway to compress it.
    minCompressionSize: COMPRESSED_FROM,
    // It would take older versions of TLS than the domain.
    ...(settings.domain && { disableExecuteApiEndpoint: true }),
    // API Gateway has one such role for a whole region, so it is kept when the stack is deleted.
    cloudWatchRole: true,
    cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
    deployOptions: {
      stageName: VERSION,
      throttlingRateLimit: settings.throttle.rate,
      throttlingBurstLimit: settings.throttle.burst,
      tracingEnabled: true,
      metricsEnabled: false,
      loggingLevel: MethodLoggingLevel.ERROR,
      dataTraceEnabled: false,
      accessLogDestination: new LogGroupLogDestination(logs),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(ACCESS)),
    },
  });
  acknowledge(
    api,
    [
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
    ],
    "API Gateway accepts only this managed policy, for the logs of all its APIs in the region.",
  );
  acknowledge(
    api,
    ["AwsSolutions-APIG2"],
    "The functions validate every request and report all errors at once, which a validator here would prevent.",
  );
  if (!settings.firewall) {
    acknowledge(api.deploymentStage, ["AwsSolutions-APIG3"], "Only production has the firewall, because of its cost.");
  }
  return api;
}

/** One access log line for each request, without token and body. */
const ACCESS = {
  time: "$context.requestTimeEpoch",
  request_id: "$context.requestId",
  trace: "$context.xrayTraceId",
  method: "$context.httpMethod",
  resource: "$context.resourcePath",
  path: "$context.path",
  status: "$context.status",
  latency: "$context.responseLatency",
  function_latency: "$context.integrationLatency",
  function_error: "$context.integrationErrorMessage",
  error: "$context.error.responseType",
  actor: "$context.authorizer.claims.sub",
  address: "$context.identity.sourceIp",
  agent: "$context.identity.userAgent",
  bytes: "$context.responseLength",
};
