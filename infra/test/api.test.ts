// The API has the routes of `schema/json/openapi.json`, passes requests with any token of the ledger to the functions, and
// answers everything else with a problem.

import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { ResponseType } from "aws-cdk-lib/aws-apigateway";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../lib/repository.ts";
import { short } from "./policies.ts";
import { isOpen, ROUTES as LISTED } from "../lib/routes.ts";
import type { LogPublic } from "../lib/settings.ts";
import { type Json, ledgerFunctions, ofType, one, STAGES, stage, synthesize, type Template, text } from "./synth.ts";

const TOKEN = "COGNITO_USER_POOLS products/read products/write products/subscribe products/audit";
const COMMAND = `${TOKEN} to CommandApi`;
const QUERY = `${TOKEN} to QueryApi`;
const PUBLIC = "NONE to QueryApi";
const REFUSED = "NONE 405";
const UNKNOWN = { ANY: "NONE 404" };

const reading = (answer: string) => ({ GET: answer, HEAD: answer, ANY: REFUSED });
/** By path and method: the authorization and the function. */
const ROUTES: Record<string, Record<string, string>> = {
  "": reading(PUBLIC),
  "/ui/config.json": reading(PUBLIC),
  "/ui/{file}": reading(PUBLIC),
  "/{proxy+}": UNKNOWN,
  // Without a method a token on these paths would count as an invalid AWS signature.
  "/ui": UNKNOWN,
  "/log": UNKNOWN,
  "/log/tile": UNKNOWN,
  "/log/tile/entries": UNKNOWN,
  "/products/{id}/history/{sequence}": UNKNOWN,
  "/products": { ...reading(QUERY), POST: COMMAND },
  "/categories": reading(QUERY),
  "/products/{id}": { ...reading(QUERY), PUT: COMMAND, PATCH: COMMAND, DELETE: COMMAND },
  "/products/{id}/restore": { POST: COMMAND, ANY: REFUSED },
  "/products/{id}/history": reading(QUERY),
  "/products/{id}/messages": reading(QUERY),
  "/products/{id}/prices": reading(QUERY),
  "/products/{id}/verification": reading(QUERY),
  "/status": reading(QUERY),
  "/products/{id}/history/{sequence}/proof": reading(QUERY),
  "/commits": reading(QUERY),
  "/commits/days": reading(QUERY),
  "/log/checkpoint": reading(QUERY),
  "/log/key": reading(QUERY),
  "/log/tile/{path+}": reading(QUERY),
  // A route of its own, because a setting opens it apart from the others.
  "/log/tile/entries/{path+}": reading(QUERY),
  "/health": reading(PUBLIC),
  "/openapi.json": reading(PUBLIC),
  "/asyncapi.json": reading(PUBLIC),
  "/docs": reading(PUBLIC),
  "/docs/{asset}": reading(PUBLIC),
};
/** Routes that only `ledger serve` has, and whether they are public: metrics, which are in CloudWatch here, and the bus. */
const LOCAL = {
  "/metrics": { GET: false },
  "/events": { GET: false },
};

function pathOf(template: Template, id: unknown): string {
  const resource = template.Resources[text(id).slice(1, -1)];
  return resource?.Type === "AWS::ApiGateway::Resource"
    ? `${pathOf(template, resource.Properties.ParentId)}/${resource.Properties.PathPart}`
    : "";
}

/** The one response of a mock integration, with its parts. */
function answerOf(properties: Json): Json {
  const [answer, ...others] = (properties.Integration as { IntegrationResponses: Json[] }).IntegrationResponses;
  expect(others).toEqual([]);
  return answer ?? {};
}
const parametersOf = (properties: Json) => answerOf(properties).ResponseParameters as Json;
const bodyOf = (properties: Json) =>
  JSON.parse((answerOf(properties).ResponseTemplates as Record<string, string>)["application/json"] ?? "") as unknown;

function answering(properties: Json): string {
  const integration = properties.Integration as Json;
  const scopes = ((properties.AuthorizationScopes as string[]) ?? []).join(" ");
  const who = [properties.AuthorizationType, scopes].filter(Boolean).join(" ");
  if (integration.Type === "MOCK") {
    return `${who} ${answerOf(properties).StatusCode}`;
  }
  const [, lambda] = /<(\w+?)Function/.exec(short(text(integration.Uri))) ?? [];
  return `${who} to ${lambda}`;
}

describe.each(STAGES)("%s", (name) => {
  const { template } = stage(name);

  it("has exactly these methods, each with its authorization", () => {
    const found: Record<string, Record<string, string>> = {};
    for (const [, { Properties }] of ofType(template, "AWS::ApiGateway::Method")) {
      const path = pathOf(template, Properties.ResourceId);
      found[path] = { ...found[path], [String(Properties.HttpMethod)]: answering(Properties) };
    }
    expect(found).toEqual(ROUTES);
  });

  it("every resource answers, also one that only others are below", () => {
    const answered = new Set(
      ofType(template, "AWS::ApiGateway::Method").map(([, { Properties }]) => text(Properties.ResourceId)),
    );
    for (const [id] of ofType(template, "AWS::ApiGateway::Resource")) {
      expect(answered, id).toContain(`<${id}>`);
    }
  });

  it("an unsupported method gets a 405 with the methods of the path, an unknown path a 404", () => {
    const found = ofType(template, "AWS::ApiGateway::Method").filter(([, one]) => one.Properties.HttpMethod === "ANY");
    expect(found).toHaveLength(Object.keys(ROUTES).length);
    for (const [, { Properties }] of found) {
      const path = pathOf(template, Properties.ResourceId);
      const others = Object.keys(ROUTES[path] ?? {}).filter((method) => method !== "ANY");
      const known = others.length > 0;
      const { "method.response.header.Allow": allow, ...parameters } = parametersOf(Properties);
      expect(parameters).toEqual({
        "method.response.header.Content-Type": "'application/problem+json'",
        "method.response.header.X-Correlation-Id": "context.requestId",
      });
      const allowed = typeof allow === "string" ? allow.slice(1, -1).split(",") : [];
      expect(allowed.sort(), path).toEqual(others.sort());
      expect(bodyOf(Properties)).toEqual({
        type: `urn:product-ledger:problem:${known ? "method-not-allowed" : "not-found"}`,
        title: expect.any(String),
        status: known ? 405 : 404,
        detail: expect.any(String),
        // The path can hold quotation marks and backslashes.
        instance: "$util.escapeJavaScript($context.path).replaceAll('.(?=[&-(&&[^&(]])','')",
        correlation_id: "$context.requestId",
      });
    }
  });

  it("the gateway's own responses cover all usual content types", () => {
    for (const [, { Properties }] of ofType(template, "AWS::ApiGateway::Method")) {
      if (Properties.HttpMethod === "ANY") {
        const { PassthroughBehavior, RequestTemplates, ContentHandling } = Properties.Integration as Json;
        expect(PassthroughBehavior).toBe("WHEN_NO_TEMPLATES");
        const { StatusCode, ContentHandling: ofAnswer } = answerOf(Properties);
        // Templates work on text, and every body is binary for this API.
        expect([ContentHandling, ofAnswer]).toEqual(["CONVERT_TO_TEXT", "CONVERT_TO_TEXT"]);
        const templates = RequestTemplates as Record<string, string>;
        expect(Object.keys(templates)).toEqual(expect.arrayContaining(["application/json", "text/plain"]));
        for (const request of Object.values(templates)) {
          expect(JSON.parse(request)).toEqual({ statusCode: Number(StatusCode) });
        }
      }
    }
  });

  it("tokens are those of the user pool", () => {
    const [pool] = one(template, "AWS::Cognito::UserPool", "SignIn");
    const [id, authorizer] = one(template, "AWS::ApiGateway::Authorizer", "Api");
    expect(authorizer.Properties.ProviderARNs).toEqual([{ "Fn::GetAtt": [pool, "Arn"] }]);
    for (const [, { Properties }] of ofType(template, "AWS::ApiGateway::Method")) {
      expect(Properties.AuthorizerId).toEqual(
        Properties.AuthorizationType === "COGNITO_USER_POOLS" ? { Ref: id } : undefined,
      );
    }
  });

  it("each client gets its scopes, by its secret only", () => {
    const [, server] = one(template, "AWS::Cognito::UserPoolResourceServer", "SignIn");
    expect(server.Properties.Identifier).toBe("products");
    expect((server.Properties.Scopes as Json[]).map((scope) => scope.ScopeName)).toEqual([
      "read",
      "write",
      "subscribe",
      "audit",
    ]);
    const ofMachines = ofType(template, "AWS::Cognito::UserPoolClient").filter(([id]) => !/explorer/.test(id));
    const clients = ofMachines.map(([id, { Properties }]) => {
      expect(Properties).toMatchObject({ AllowedOAuthFlows: ["client_credentials"], GenerateSecret: true });
      const scopes = (Properties.AllowedOAuthScopes as unknown[]).map((scope) => text(scope).replace(/^.*\//, ""));
      return [id.replace(/^SignInPool(\w+?)[0-9A-F]{8}$/, "$1"), scopes];
    });
    expect(Object.fromEntries(clients)).toEqual({
      writer: ["read", "write"],
      reader: ["read"],
      subscriber: ["subscribe"],
      auditor: ["read", "audit"],
    });
    const [, pool] = one(template, "AWS::Cognito::UserPool", "SignIn");
    expect(pool.Properties.AdminCreateUserConfig).toEqual({ AllowAdminCreateUserOnly: true });
  });

  it("people sign in by a code with PKCE, without a secret, to read, and come back to the pages alone", () => {
    const [id, client] = one(template, "AWS::Cognito::UserPoolClient", "SignInPoolexplorer");
    const output = Object.entries(template.Outputs).find(([key]) => key.startsWith("ApiPages"));
    const pages = short(text(output?.[1].Value));
    expect(pages).toBe("https://<ApiRest>.execute-api.<AWS::Region>.<AWS::URLSuffix>/v1/");
    expect(client.Properties).toMatchObject({
      AllowedOAuthFlows: ["code"],
      GenerateSecret: false,
      SupportedIdentityProviders: ["COGNITO"],
      PreventUserExistenceErrors: "ENABLED",
    });
    const scopes = (client.Properties.AllowedOAuthScopes as unknown[]).map((scope) => text(scope).replace(/^.*\//, ""));
    expect(scopes).toEqual(["read", "audit"]);
    for (const urls of [client.Properties.CallbackURLs, client.Properties.LogoutURLs]) {
      expect((urls as unknown[]).map((url) => short(text(url)))).toEqual([pages]);
    }
    const [, queries] = one(template, "AWS::Lambda::Function", "QueryApi");
    const { Variables } = queries.Properties.Environment as { Variables: Json };
    expect(Variables.LEDGER_AUTH_CLIENT).toEqual({ Ref: id });
    for (const [name, path] of [
      ["AUTHORIZE", "/oauth2/authorize"],
      ["TOKEN", "/oauth2/token"],
      ["END_SESSION", "/logout"],
    ]) {
      const url = short(text(Variables[`LEDGER_AUTH_${name}_URL`]));
      expect(url).toBe(`https://<SignInPoolDomain>.auth.<AWS::Region>.amazoncognito.com${path}`);
    }
  });

  it("answers of a kilobyte or more are compressed by the gateway", () => {
    const [, api] = one(template, "AWS::ApiGateway::RestApi", "Api");
    expect(api.Properties.MinimumCompressionSize).toBe(1024);
  });

  it("requests are throttled, traced and logged, bodies and tokens are not logged", () => {
    const [, deployed] = one(template, "AWS::ApiGateway::Stage", "Api");
    const [limit, burst] = name === "production" ? [1000, 2000] : [50, 100];
    expect(deployed.Properties).toMatchObject({
      StageName: "v1",
      TracingEnabled: true,
      MethodSettings: [
        {
          HttpMethod: "*",
          ResourcePath: "/*",
          ThrottlingRateLimit: limit,
          ThrottlingBurstLimit: burst,
          LoggingLevel: "ERROR",
          DataTraceEnabled: false,
        },
      ],
    });
    const { DestinationArn, Format } = deployed.Properties.AccessLogSetting as Json;
    expect(short(text(DestinationArn))).toMatch(/:log-group:<ApiAccessLogs>$/);
    const format = JSON.parse(String(Format)) as Json;
    expect(format).toMatchObject({ request_id: "$context.requestId", actor: "$context.authorizer.claims.sub" });
    expect(JSON.stringify(format)).not.toMatch(/header|body|token/i);
    for (const [, { Properties }] of ledgerFunctions(template)) {
      expect(Properties.TracingConfig).toEqual({ Mode: "Active" });
    }
  });

  it("only this API's methods may invoke the API functions, and the tests of the console may not", () => {
    const found = ofType(template, "AWS::Lambda::Permission").map(([, { Properties }]) => {
      expect(Properties).toMatchObject({ Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com" });
      return short(text(Properties.SourceArn));
    });
    for (const source of found) {
      expect(source).toMatch(/:<ApiRest>\/<ApiRestDeploymentStagev1>\/(GET|HEAD|POST|PUT|PATCH|DELETE)\//);
    }
    const reading = LISTED.filter(({ verb }) => verb === "GET").length;
    expect(found).toHaveLength(LISTED.length + reading);
  });
});

it("these are the documented routes, and the documented public ones are public", () => {
  type Operations = Record<string, { security: Json[] }>;
  const { paths } = JSON.parse(readFileSync(resolve(REPOSITORY, "schema/json/openapi.json"), "utf8")) as {
    paths: Record<string, Operations>;
  };
  const documented: Record<string, Record<string, boolean>> = {};
  for (const [path, operations] of Object.entries(paths)) {
    const open = Object.entries(operations).map(([verb, of]) => [verb.toUpperCase(), of.security.length === 0]);
    documented[path] = Object.fromEntries(open);
  }
  const found: Record<string, Record<string, boolean>> = { ...LOCAL };
  for (const route of LISTED.filter(({ path }) => !path.startsWith("/log/tile/entries/"))) {
    const path = route.path.replace("+}", "}");
    found[path] = { ...found[path], [route.verb]: isOpen(route, "no") };
  }
  expect(found).toEqual(documented);
});

describe("the log", () => {
  it("is read as bytes by whoever asks for any type or for none", () => {
    for (const name of STAGES) {
      const [, api] = one(stage(name).template, "AWS::ApiGateway::RestApi", "Api");
      expect(api.Properties.BinaryMediaTypes).toEqual(["*/*"]);
    }
  });

  const HASHES = ["/log/checkpoint", "/log/key", "/log/tile/{path+}"];
  it.each<[LogPublic, string[]]>([
    ["hashes", HASHES],
    ["all", [...HASHES, "/log/tile/entries/{path+}"]],
  ])(
    "with logPublic=%s needs no token where the function needs none",
    (logPublic, opened) => {
      const { template, directory } = synthesize("dev", {}, { logPublic });
      rmSync(directory, { recursive: true, force: true });
      const paths = ofType(template, "AWS::ApiGateway::Method")
        .filter(([, { Properties }]) => answering(Properties) === PUBLIC)
        .map(([, { Properties }]) => pathOf(template, Properties.ResourceId))
        .filter((path) => path !== "" && !/^\/(health|(open|async)api\.json|docs|ui)/.test(path));
      expect(paths.sort()).toEqual([...opened, ...opened].sort());
      const [, queries] = one(template, "AWS::Lambda::Function", "QueryApi");
      const { Variables } = queries.Properties.Environment as { Variables: Json };
      expect(Variables.LEDGER_LOG_PUBLIC).toBe(logPublic);
    },
    300_000,
  );
});

describe("the gateway's own responses", () => {
  const answers = new Map(
    ofType(stage("dev").template, "AWS::ApiGateway::GatewayResponse").map(([, { Properties }]) => [
      String(Properties.ResponseType),
      Properties,
    ]),
  );

  it.each([
    ["UNAUTHORIZED", "401", "unauthorized"],
    ["EXPIRED_TOKEN", "401", "unauthorized"],
    ["INVALID_SIGNATURE", "401", "unauthorized"],
    ["INVALID_API_KEY", "403", "forbidden"],
    ["ACCESS_DENIED", "403", "forbidden"],
    ["WAF_FILTERED", "403", "blocked-by-firewall"],
    ["MISSING_AUTHENTICATION_TOKEN", "404", "not-found"],
    ["RESOURCE_NOT_FOUND", "404", "not-found"],
    ["BAD_REQUEST_PARAMETERS", "400", "malformed"],
    ["BAD_REQUEST_BODY", "400", "malformed"],
    ["REQUEST_TOO_LARGE", "413", "body-too-large"],
    ["UNSUPPORTED_MEDIA_TYPE", "415", "unsupported-media-type"],
    ["THROTTLED", "429", "too-many-requests"],
    ["QUOTA_EXCEEDED", "429", "too-many-requests"],
    ["INTEGRATION_TIMEOUT", "503", "unavailable"],
    ["INTEGRATION_FAILURE", "503", "unavailable"],
    ["AUTHORIZER_FAILURE", "503", "unavailable"],
    ["AUTHORIZER_CONFIGURATION_ERROR", "503", "unavailable"],
    ["API_CONFIGURATION_ERROR", "503", "unavailable"],
    ["DEFAULT_5XX", "503", "unavailable"],
    ["DEFAULT_4XX", "400", "malformed"],
  ])("%s is a problem", (type, status, slug) => {
    const answer = answers.get(type) ?? {};
    expect(answer.StatusCode).toBe(status);
    const headers = answer.ResponseParameters as Json;
    const body = JSON.parse((answer.ResponseTemplates as Record<string, string>)["application/json"] ?? "");
    expect(body).toEqual({
      type: `urn:product-ledger:problem:${slug}`,
      title: expect.any(String),
      status: Number(status),
      detail: expect.any(String),
      instance: "urn:uuid:$context.requestId",
      correlation_id: "$context.requestId",
    });
    expect(headers["gatewayresponse.header.Content-Type"]).toBe("'application/problem+json'");
    for (const value of Object.values(headers)) {
      expect(value).toMatch(/^'.*'$/);
    }
    expect(headers["gatewayresponse.header.WWW-Authenticate"]).toBe(
      status === "401" ? `'Bearer realm="product-ledger"'` : undefined,
    );
    const again = status === "429" || status === "503";
    expect(headers["gatewayresponse.header.Retry-After"]).toBe(again ? "'1'" : undefined);
  });

  it("repeat nothing that the client sent, because their templates cannot escape it", () => {
    for (const [type, { ResponseTemplates }] of answers) {
      const used = JSON.stringify(ResponseTemplates).match(/\$[a-zA-Z.]+/g);
      expect(new Set(used), type).toEqual(new Set(["$context.requestId"]));
    }
  });

  it("every kind that API Gateway documents has its own, so that a default answers only what is new", () => {
    const kinds = Object.values(ResponseType).map((kind) => (kind as ResponseType).responseType);
    expect([...answers.keys()].sort()).toEqual(kinds.sort());
  });
});
