// The differences between production and dev, and the names of stages and branches.

import { describe, expect, it } from "vitest";
import { settingsOf, stackName } from "../lib/settings.ts";
import { type Json, ofType, one, stage, synthesize } from "./synth.ts";

describe("production", () => {
  const { template, manifest } = stage("production");

  it("keeps its data when the stack is deleted, and protects it", () => {
    for (const [id, table] of ofType(template, "AWS::DynamoDB::Table")) {
      expect(table.Properties.DeletionProtectionEnabled, id).toBe(true);
    }
    for (const type of [
      "AWS::DynamoDB::Table",
      "AWS::KMS::Key",
      "AWS::Logs::LogGroup",
      "AWS::Events::EventBus",
      "AWS::Events::Archive",
      "AWS::Cognito::UserPool",
    ]) {
      for (const [id, resource] of ofType(template, type)) {
        expect([resource.DeletionPolicy, resource.UpdateReplacePolicy].join(), id).toMatch(
          /^Retain(ExceptOnCreate)?,Retain$/,
        );
      }
    }
    const [, pool] = one(template, "AWS::Cognito::UserPool", "SignIn");
    expect(pool.Properties.DeletionProtection).toBe("ACTIVE");
    const { ledger } = manifest.artifacts as { ledger: { properties: Json } };
    expect(ledger.properties.terminationProtection).toBe(true);
  });

  it("has the firewall in front of the API's stage", () => {
    const [acl] = one(template, "AWS::WAFv2::WebACL", "Firewall");
    const [, guards] = one(template, "AWS::WAFv2::WebACLAssociation", "Firewall");
    expect(guards.Properties.WebACLArn).toEqual({ "Fn::GetAtt": [acl, "Arn"] });
    const [deployed] = one(template, "AWS::ApiGateway::Stage", "Api");
    expect(JSON.stringify(guards.Properties.ResourceArn)).toContain(`/stages/",{"Ref":"${deployed}"}`);
  });

  it("blocks known bad requests, known bad addresses, and too many of one address", () => {
    const [, acl] = one(template, "AWS::WAFv2::WebACL", "Firewall");
    const rules = acl.Properties.Rules as Json[];
    const order = [...rules].sort((a, b) => Number(a.Priority) - Number(b.Priority)).map((rule) => rule.Name);
    expect(order).toEqual([
      "TooManyOfOneAddress",
      "BodyAbove64KB",
      "AWSManagedRulesAmazonIpReputationList",
      "AWSManagedRulesCommonRuleSet",
      "AWSManagedRulesKnownBadInputsRuleSet",
    ]);
    for (const rule of rules) {
      expect(rule.Action ?? rule.OverrideAction).toSatisfy((action: Json) => "Block" in action || "None" in action);
    }
    const rate = rules.find((rule) => rule.Name === "TooManyOfOneAddress");
    expect(rate?.Statement).toEqual({
      RateBasedStatement: { AggregateKeyType: "IP", Limit: 10_000, EvaluationWindowSec: 300 },
    });
    expect(JSON.stringify(rate?.Action)).toContain('"ResponseCode":429');
    expect(JSON.stringify(rate?.Action)).toContain('{"Name":"Retry-After","Value":"300"}');
  });

  it("refuses bodies above the interface's 64 KB and not above AWS's 8 KB", () => {
    const [, acl] = one(template, "AWS::WAFv2::WebACL", "Firewall");
    const rules = acl.Properties.Rules as Json[];
    const body = rules.find((rule) => rule.Name === "BodyAbove64KB");
    expect(body?.Statement).toMatchObject({
      SizeConstraintStatement: {
        ComparisonOperator: "GT",
        Size: 65_536,
        FieldToMatch: { Body: { OversizeHandling: "MATCH" } },
      },
    });
    expect(JSON.stringify(body?.Action)).toContain('"ResponseCode":413');
    const managed = rules.find((rule) => rule.Name === "AWSManagedRulesCommonRuleSet");
    const { ManagedRuleGroupStatement } = (managed?.Statement ?? {}) as { ManagedRuleGroupStatement: Json };
    expect(ManagedRuleGroupStatement.RuleActionOverrides).toEqual(
      ["SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING", "NoUserAgent_HEADER"].map((Name) => ({
        Name,
        ActionToUse: { Count: {} },
      })),
    );
    expect(acl.Properties.AssociationConfig).toEqual({
      RequestBody: { API_GATEWAY: { DefaultSizeInspectionLimit: "KB_64" } },
    });
  });

  it("logs what the firewall sees, without tokens", () => {
    const [, logging] = one(template, "AWS::WAFv2::LoggingConfiguration", "Firewall");
    expect(logging.Properties.RedactedFields).toEqual([{ SingleHeader: { Name: "authorization" } }]);
    expect(JSON.stringify(logging.Properties.LogDestinationConfigs)).toMatch(/:log-group:"?,?\{?/);
    const [, group] = one(template, "AWS::Logs::LogGroup", "Firewall");
    expect(group.Properties.LogGroupName).toBe("aws-waf-logs-product-ledger-production");
  });

  it("has no intercept and no branches", () => {
    expect(Object.keys(template.Resources).filter((id) => id.startsWith("Intercept"))).toEqual([]);
    expect(() => stackName("production", "feature")).toThrow(/production has no branches/);
  });
});

describe("dev", () => {
  const { template, manifest } = stage("dev");

  it("leaves nothing behind when it is deleted", () => {
    for (const [id, resource] of ofType(template, "AWS::DynamoDB::Table")) {
      expect([resource.DeletionPolicy, resource.Properties.DeletionProtectionEnabled ?? false], id).toEqual([
        "Delete",
        false,
      ]);
    }
    const { ledger } = manifest.artifacts as { ledger: { properties: Json } };
    expect(ledger.properties.terminationProtection ?? false).toBe(false);
  });

  it("has no firewall", () => {
    expect(Object.values(template.Resources).filter(({ Type }) => Type.startsWith("AWS::WAFv2"))).toEqual([]);
  });

  it("keeps what the bus delivered for a day, by source and event", () => {
    const [, table] = one(template, "AWS::DynamoDB::Table", "Intercept");
    expect(table.Properties.TimeToLiveSpecification).toEqual({ AttributeName: "expires_at", Enabled: true });
    expect(table.Properties.KeySchema).toEqual([
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ]);
    const [, workflow] = one(template, "AWS::StepFunctions::StateMachine", "Intercept");
    expect(workflow.Properties.StateMachineType).toBe("EXPRESS");
    const definition = JSON.stringify(workflow.Properties.DefinitionString);
    expect(definition).toContain("$states.input.source");
    expect(definition).toContain("+ 86400");
  });
});

describe("account and region", () => {
  it("are those of the context, so that no other credentials can deploy the stack", () => {
    const { ledger } = stage("configured").manifest.artifacts as { ledger: { environment: string } };
    expect(ledger.environment).toBe("aws://123456789012/eu-central-1");
    const { ledger: open } = stage("production").manifest.artifacts as { ledger: { environment: string } };
    expect(open.environment).toBe("aws://unknown-account/unknown-region");
  });

  it("are given together", () => {
    for (const [name, value] of Object.entries({ account: "123456789012", region: "eu-central-1" })) {
      expect(() => synthesize("production", { [name]: value })).toThrow("give both");
    }
    expect(() => synthesize("production", { account: "12", region: "eu-central-1" })).toThrow("12 digits");
  });
});

describe("names", () => {
  it("the stage without context is dev, and a branch has a stack of its own", () => {
    expect(stackName("dev", undefined)).toBe("product-ledger-dev");
    expect(stackName("dev", "feature/Price_history")).toBe("product-ledger-dev-feature-price-histor");
    expect(stackName("dev", "--x--")).toBe("product-ledger-dev-x");
    expect(() => stackName("dev", "//")).toThrow(/must contain a letter or digit/);
    expect(() => settingsOf("staging")).toThrow("the stages are dev and production");
  });

  it("a branch's stack shares no fixed name with another's, and a restored event table is a resource of its own", () => {
    const { template } = synthesize("dev", { branch: "a-branch", eventsTable: "restored-events" });
    const base = "product-ledger-dev";
    const names = JSON.stringify(template).match(new RegExp(`${base}[a-z-]*`, "g")) ?? [];
    expect(names.filter((name) => !name.startsWith(`${base}-a-branch`))).toEqual([]);
    const [, table] = one(template, "AWS::DynamoDB::Table", "EventTableEventsrestored");
    expect(table.Properties.TableName).toBe("restored-events");
  });

  it("everything carries project and stage", () => {
    for (const name of ["dev", "production"] as const) {
      for (const type of ["AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::KMS::Key"]) {
        for (const [, { Properties }] of ofType(stage(name).template, type)) {
          expect(Properties.Tags).toEqual([
            { Key: "project", Value: "product-ledger" },
            { Key: "stage", Value: name },
          ]);
        }
      }
    }
  });
});
