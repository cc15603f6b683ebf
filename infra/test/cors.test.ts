// Without allowed origins nothing answers the pages of others; with them every path has a preflight, and every answer of the
// gateway itself can be read by them.

import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { corsEnvironment } from "../lib/cors.ts";
import { REPOSITORY } from "../lib/repository.ts";
import { BETWEEN, PATHS } from "../lib/routes.ts";
import { settingsOf, type StageName } from "../lib/settings.ts";
import { short } from "./policies.ts";
import { type Json, ofType, one, STAGES, type Synthesized, stage, synthesize, type Template, text } from "./synth.ts";

const SHOP = "https://shop.example.com";
const EXPOSED = "ETag, Location, Link, Retry-After, X-Correlation-Id, Idempotency-Replayed";
const FOR_ONE = {
  "Access-Control-Allow-Origin": SHOP,
  "Access-Control-Expose-Headers": EXPOSED,
  "Cross-Origin-Resource-Policy": "cross-origin",
  Vary: "Origin",
};

/** A stage that lets the pages of these origins in. */
function allowing(name: StageName, ...corsOrigins: string[]): Synthesized {
  const result = synthesize(name, {}, { corsOrigins });
  rmSync(result.directory, { recursive: true, force: true });
  return result;
}

/** The fixed headers of a response that concern pages, without the prefix of their kind. */
function ofPages(parameters: Json): Record<string, string> {
  const found = Object.entries(parameters).map(([name, value]) => [name.replace(/^.*\.header\./, ""), String(value)]);
  const quoted = found.filter(([name]) => /^(access-control-.*|cross-origin-.*|vary)$/i.test(name ?? ""));
  return Object.fromEntries(quoted.map(([name, value]) => [name, value?.replace(/^'(.*)'$/, "$1")]));
}

/** The headers of every answer that comes from no function. */
function fixedAnswers(template: Template): Record<string, string>[] {
  const gateway = ofType(template, "AWS::ApiGateway::GatewayResponse").map(([, { Properties }]) =>
    ofPages(Properties.ResponseParameters as Json),
  );
  const mocks = ofType(template, "AWS::ApiGateway::Method").filter(([, one]) => one.Properties.HttpMethod === "ANY");
  const refused = mocks.map(([, { Properties }]) => {
    const [answer] = (Properties.Integration as { IntegrationResponses: Json[] }).IntegrationResponses;
    const [declared] = Properties.MethodResponses as Json[];
    const parameters = answer?.ResponseParameters as Json;
    expect(Object.keys(declared?.ResponseParameters as Json).sort()).toEqual(Object.keys(parameters).sort());
    return ofPages(parameters);
  });
  expect([gateway.length, refused.length]).toEqual([21, PATHS.length + BETWEEN.length + 1]);
  return [...gateway, ...refused];
}

const preflights = (template: Template) =>
  ofType(template, "AWS::ApiGateway::Method").filter(([, { Properties }]) => Properties.HttpMethod === "OPTIONS");

function environment(template: Template, id: string): unknown {
  const [, lambda] = one(template, "AWS::Lambda::Function", id);
  return (lambda.Properties.Environment as { Variables: Json }).Variables.LEDGER_CORS_ORIGINS;
}

describe.each(STAGES)("%s without allowed origins", (name) => {
  const { template } = stage(name);

  it("answers no preflight and lets no page read an answer", () => {
    expect(settingsOf(name).corsOrigins).toEqual([]);
    expect(preflights(template)).toEqual([]);
    expect(fixedAnswers(template).filter((headers) => Object.keys(headers).length > 0)).toEqual([]);
    expect(JSON.stringify(template)).not.toMatch(/access-control-|CORS/i);
  });
});

describe("with allowed origins", () => {
  const { template, report } = allowing("production", SHOP);
  const several = allowing("dev", SHOP, "http://localhost:3000").template;

  it("every path has a preflight without a token, which a function answers", () => {
    const found = preflights(template);
    expect(found).toHaveLength(PATHS.length);
    for (const [, { Properties }] of found) {
      expect(Properties.AuthorizationType).toBe("NONE");
      expect(short(text((Properties.Integration as Json).Uri))).toContain("<QueryApiFunction");
    }
  });

  it("the functions of the API know them, and no other does", () => {
    for (const id of ["CommandApi", "QueryApi"]) {
      expect(environment(template, id)).toBe(SHOP);
      expect(environment(several, id)).toBe(`${SHOP},http://localhost:3000`);
    }
    for (const id of ["Projector", "Publisher"]) {
      expect(environment(template, id)).toBeUndefined();
    }
  });

  it("every answer of the gateway can be read by the one origin, or by every page if there are several", () => {
    for (const headers of fixedAnswers(template)) {
      expect(headers).toEqual(FOR_ONE);
    }
    for (const headers of fixedAnswers(several)) {
      const { Vary, ...others } = FOR_ONE;
      expect(headers).toEqual({ ...others, "Access-Control-Allow-Origin": "*" });
      expect(Vary).toBe("Origin");
    }
  });

  it("so can what the firewall answers", () => {
    const [, acl] = one(template, "AWS::WAFv2::WebACL", "Firewall");
    const custom = (acl.Properties.Rules as Json[])
      .map((rule) => (rule.Action as { Block?: { CustomResponse?: Json } } | undefined)?.Block?.CustomResponse)
      .filter((response) => response !== undefined);
    expect(custom).toHaveLength(2);
    for (const { ResponseHeaders } of custom) {
      const headers = (ResponseHeaders as { Name: string; Value: string }[]).map(({ Name, Value }) => [Name, Value]);
      expect(Object.fromEntries(headers)).toMatchObject(FOR_ONE);
    }
  });

  it("the rule packs accept it", () => {
    expect(report.pluginReports.map(({ conclusion }) => conclusion)).not.toContain("failure");
  });
});

it("an origin that no browser sends is refused by name", () => {
  for (const wrong of ["*", "shop.example.com", `${SHOP}/`, "https://Shop.example.com", `${SHOP}:443`, ""]) {
    const settings = { ...settingsOf("dev"), corsOrigins: [wrong] };
    expect(() => corsEnvironment(settings), wrong).toThrow(`corsOrigins: ${JSON.stringify(wrong)}`);
  }
});

it("the functions read the variable and expose the same headers", () => {
  const pages = readFileSync(resolve(REPOSITORY, "web/src/pages.rs"), "utf8");
  expect(pages).toContain(`const EXPOSED: &str = "${EXPOSED}";`);
  expect(pages).toContain('VARIABLE: &str = "LEDGER_CORS_ORIGINS"');
});
