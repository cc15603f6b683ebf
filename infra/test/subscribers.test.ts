// Other teams make rules on the bus: those of this account by a policy, those of other accounts by the bus's own.

import { describe, expect, it } from "vitest";
import { OWN_RULES } from "../lib/subscribers.ts";
import { covers, granted, statements } from "./policies.ts";
import { type Json, ofType, one, STAGES, stage, synthesize, text } from "./synth.ts";

const here = (service: string, rest: string) =>
  `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;

describe.each(STAGES)("%s", (name) => {
  const stack = `product-ledger-${name}`;
  const { template } = stage(name);

  it("a subscriber of this account may do exactly this", () => {
    const [policy, { Properties }] = one(template, "AWS::IAM::ManagedPolicy", "Subscribers");
    expect([Properties.Roles, Properties.Users, Properties.Groups]).toEqual([undefined, undefined, undefined]);
    const rules = OWN_RULES.flatMap((action) => {
      const own = `${action} on ${here("events", `rule/${stack}/*`)}`;
      const ledgers = [`${stack}-*`, `Events-Archive-${stack}`].map(
        (rule) => `Deny ${action} on ${here("events", `rule/${stack}/${rule}`)}`,
      );
      return /Describe|List/.test(action) ? [own] : [own, ...ledgers];
    });
    const schemas = ["schemas:DescribeSchema", "schemas:ExportSchema", "schemas:ListSchemas"].flatMap((action) => [
      `${action} on ${here("schemas", `registry/${stack}`)}`,
      `${action} on ${here("schemas", `schema/${stack}/*`)}`,
    ]);
    expect(granted(template, policy).map((line) => line.replace(/<Bus[0-9A-F]{8}/, "<Bus"))).toEqual(
      [...rules, ...schemas, "events:DescribeEventBus on <Bus.Arn>", "events:ListRules on <Bus.Arn>"].sort(),
    );
  });

  it("the ledger's own rules have names that the policy excludes", () => {
    const own = ofType(template, "AWS::Events::Rule").filter(([, { Properties }]) => Properties.EventBusName);
    expect(own.length).toBeGreaterThan(0);
    for (const [id, { Properties }] of own) {
      expect(String(Properties.Name).startsWith(`${stack}-`), id).toBe(true);
    }
  });

  it("without the setting no other account may use the bus", () => {
    expect(ofType(template, "AWS::Events::EventBusPolicy")).toEqual([]);
  });
});

it("each account of the setting may make rules and change its own, and put no event", () => {
  const { template } = stage("configured");
  const policies = ofType(template, "AWS::Events::EventBusPolicy");
  expect(policies.map(([, { Properties }]) => Properties.StatementId)).toEqual([
    "Subscriber111111111111",
    "Subscriber222222222222",
  ]);
  for (const [id, { Properties }] of policies) {
    const { Principal, Condition } = Properties.Statement as { Principal: Json; Condition: Json };
    expect(text(Principal.AWS)).toBe(`arn:<AWS::Partition>:iam::${String(Properties.StatementId).slice(10)}:root`);
    expect(Condition).toEqual({ StringEqualsIfExists: { "events:creatorAccount": "${aws:PrincipalAccount}" } });
    const [statement] = statements(template).filter(({ on }) => on === id);
    expect(statement?.actions).toEqual([...OWN_RULES]);
    expect(statement?.actions.some((action) => covers(action, "events:PutEvents"))).toBe(false);
  }
  expect(() => synthesize("dev", { subscriberAccounts: "a-team" })).toThrow('"a-team" is no account number');
});
