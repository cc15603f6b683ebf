// The firewall of production: what it limits, and that no rule that blocks can match a valid request.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { GROUPS } from "../lib/firewall-rules.ts";
import { REPOSITORY } from "../lib/repository.ts";
import { PATHS } from "../lib/routes.ts";
import { type Json, ofType, one, stage } from "./synth.ts";

const { template } = stage("production");
const [, acl] = one(template, "AWS::WAFv2::WebACL", "Firewall");
const rules = [...(acl.Properties.Rules as Json[])].sort((a, b) => Number(a.Priority) - Number(b.Priority));
const rule = (name: string) => rules.find((rule) => rule.Name === name) ?? {};

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: { readonly pattern?: string; readonly maxLength?: number };
}
const { paths } = JSON.parse(readFileSync(resolve(REPOSITORY, "schema/json/openapi.json"), "utf8")) as {
  paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
};

it("stands in front of the API's stage", () => {
  const [id] = one(template, "AWS::WAFv2::WebACL", "Firewall");
  const [, guards] = one(template, "AWS::WAFv2::WebACLAssociation", "Firewall");
  expect(guards.Properties.WebACLArn).toEqual({ "Fn::GetAtt": [id, "Arn"] });
  const [deployed] = one(template, "AWS::ApiGateway::Stage", "Api");
  expect(JSON.stringify(guards.Properties.ResourceArn)).toContain(`/stages/",{"Ref":"${deployed}"}`);
});

it("blocks bad addresses, too many requests without a token, too large bodies, and what is never valid", () => {
  expect(
    rules.map(({ Name, Action, OverrideAction }) => [Name, Object.keys((Action ?? OverrideAction) as Json)]),
  ).toEqual([
    ["TooManyWithoutToken", ["Block"]],
    ["BodyAbove64KB", ["Block"]],
    ["AWSManagedRulesAmazonIpReputationList", ["None"]],
    ["AWSManagedRulesCommonRuleSet", ["Count"]],
    ["AWSManagedRulesKnownBadInputsRuleSet", ["Count"]],
    ["NeverValid", ["Block"]],
  ]);
});

it("limits the requests of an address that carry no token, and no others", () => {
  const { Statement, Action } = rule("TooManyWithoutToken");
  expect(Statement).toEqual({
    RateBasedStatement: {
      AggregateKeyType: "IP",
      Limit: 10_000,
      EvaluationWindowSec: 300,
      ScopeDownStatement: {
        NotStatement: {
          Statement: {
            ByteMatchStatement: {
              FieldToMatch: { SingleHeader: { Name: "authorization" } },
              PositionalConstraint: "STARTS_WITH",
              SearchString: "bearer ",
              TextTransformations: [{ Priority: 0, Type: "LOWERCASE" }],
            },
          },
        },
      },
    },
  });
  expect(JSON.stringify(Action)).toContain('"ResponseCode":429');
  expect(JSON.stringify(Action)).toContain('{"Name":"Retry-After","Value":"300"}');
});

it("refuses bodies above the interface's 64 KB and not above AWS's 8 KB", () => {
  const { Statement, Action } = rule("BodyAbove64KB");
  expect(Statement).toMatchObject({
    SizeConstraintStatement: {
      ComparisonOperator: "GT",
      Size: 65_536,
      FieldToMatch: { Body: { OversizeHandling: "MATCH" } },
    },
  });
  expect(JSON.stringify(Action)).toContain('"ResponseCode":413');
  expect(acl.Properties.AssociationConfig).toEqual({
    RequestBody: { API_GATEWAY: { DefaultSizeInspectionLimit: "KB_64" } },
  });
});

it("its own answers are problems, with fixed texts in place of what names a request", () => {
  const bodies = Object.values(acl.Properties.CustomResponseBodies as Record<string, { Content: string }>);
  const problems = bodies.map(({ Content }) => JSON.parse(Content) as Json);
  expect(problems.map(({ status }) => status).sort()).toEqual([413, 429]);
  for (const problem of problems) {
    expect(problem).toMatchObject({ instance: "urn:product-ledger:firewall", correlation_id: "none" });
  }
});

it("metrics have names that WAF takes and has not reserved", () => {
  const configs = [acl.Properties, ...rules].map(({ VisibilityConfig }) => (VisibilityConfig as Json).MetricName);
  for (const name of configs) {
    expect(name).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
    expect(String(name).toLowerCase()).not.toMatch(/^(all|default_action)$/);
  }
  expect(new Set(configs).size).toBe(configs.length);
});

it("logs what it sees, without tokens", () => {
  const [, logging] = one(template, "AWS::WAFv2::LoggingConfiguration", "Firewall");
  expect(logging.Properties.RedactedFields).toEqual([{ SingleHeader: { Name: "authorization" } }]);
  expect(JSON.stringify(logging.Properties.LogDestinationConfigs)).toMatch(/:log-group:"?,?\{?/);
  const [, group] = one(template, "AWS::Logs::LogGroup", "Firewall");
  expect(group.Properties.LogGroupName).toBe("aws-waf-logs-product-ledger-production");
});

it("is in production alone", () => {
  const found = Object.values(stage("dev").template.Resources).filter(({ Type }) => Type.startsWith("AWS::WAFv2"));
  expect(found).toEqual([]);
  expect(ofType(template, "AWS::WAFv2::WebACL")).toHaveLength(1);
});

describe("AWS's rules", () => {
  const blocking = GROUPS.flatMap(({ rules }) => Object.entries(rules).filter(([, label]) => label !== undefined));

  /** What the content of a request must have for the rule to match, according to its description in the WAF developer guide. */
  const NEEDS: Record<string, RegExp> = {
    SizeRestrictions_URIPATH: /^.{1025,}$/, // more than 1,024 bytes
    GenericRFI_URIPATH: /:\/\//, // a URL
    CrossSiteScripting_URIPATH: /[<>"'=:(]/, // a tag, an attribute or a scheme
    Log4JRCE_URIPATH: /[${}]/, // ${jndi:…}
  };
  /** Rules that look at a header or a method which the interface gives no meaning. */
  const OUTSIDE = ["UserAgent_BadBots_HEADER", "Host_localhost_HEADER", "PROPFIND_METHOD"];

  it("block only by these labels, and a group on its own blocks nothing", () => {
    const { Statement } = rule("NeverValid") as { Statement: { OrStatement: { Statements: Json[] } } };
    const labels = Statement.OrStatement.Statements.map(({ LabelMatchStatement }) => LabelMatchStatement as Json);
    expect(labels.map(({ Scope, Key }) => `${Scope} ${Key}`).sort()).toEqual(
      [
        "core-rule-set:BadBots_Header",
        "core-rule-set:CrossSiteScripting_URIPath",
        "core-rule-set:GenericRFI_URIPath",
        "core-rule-set:SizeRestrictions_URIPath",
        "known-bad-inputs:Host_Localhost_Header",
        "known-bad-inputs:Log4JRCE_URIPath",
        "known-bad-inputs:Propfind_Method",
      ].map((label) => `LABEL awswaf:managed:aws:${label}`),
    );
    expect(rule("NeverValid").Action).toEqual({ Block: {} });
  });

  it.each(GROUPS)(
    "$name: every rule that does not block counts, so that the group goes on to those that do",
    (group) => {
      const { Statement } = rule(group.name) as { Statement: { ManagedRuleGroupStatement: Json } };
      const overrides = Statement.ManagedRuleGroupStatement.RuleActionOverrides as Json[];
      const counted = Object.entries(group.rules).filter(([, label]) => label === undefined);
      expect(overrides).toEqual(counted.map(([Name]) => ({ Name, ActionToUse: { Count: {} } })));
    },
  );

  it("that block look at no body, query or cookie, which hold any text", () => {
    for (const [name] of blocking) {
      expect(name).not.toMatch(/_(BODY|QUERYARGUMENTS|QUERYSTRING|COOKIE|Cookie_HEADER)$/);
      expect(name in NEEDS || OUTSIDE.includes(name), name).toBe(true);
    }
    for (const name of OUTSIDE) {
      expect(blocking.map(([name]) => name)).toContain(name);
    }
    const documented = Object.values(paths).flatMap((operations) => Object.keys(operations));
    expect(documented).not.toContain("propfind");
  });

  it("that block match no path of the interface, whatever the id of the product", () => {
    const ids = Object.values(paths)
      .flatMap((operations) => Object.values(operations).flatMap(({ parameters }) => parameters ?? []))
      .filter((parameter) => parameter.in === "path" && parameter.name === "id");
    const [pattern] = new Set(ids.map(({ schema }) => schema.pattern));
    const id = new RegExp(pattern ?? "");
    const letters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter((one) => id.test(one));
    // `.` alone is no id.
    expect([...letters, "."].sort().join("")).toBe(
      "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~",
    );
    // Each letter as a client may escape it, in an id of 64.
    const longest = [...letters, "."].map((letter) => letter.repeat(64));
    const odd = ["settings.ini", "build.log", "169.254.169.254", "web-inf", ".git", "java.lang.Runtime", "a.."];
    for (const path of PATHS) {
      for (const product of [...longest, ...odd, "%41".repeat(64)]) {
        const ofLog = path.replace("{path+}", "0/x001/234.p/5").replace("{sequence}", "9007199254740991");
        const request = `/v1${ofLog.replace(/\{\w+\}/, product)}`;
        for (const [rule, needs] of Object.entries(NEEDS)) {
          expect(request, rule).not.toMatch(needs);
        }
      }
    }
  });
});
