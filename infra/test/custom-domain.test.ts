// A custom domain: TLS 1.2 and newer, one mapping, and no other way in; a branch has none.

import { describe, expect, it } from "vitest";
import type { DomainSettings } from "../lib/settings.ts";
import { ofType, one, STAGES, stage, synthesize, text } from "./synth.ts";

const CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000";
const behind = (domain: DomainSettings) => synthesize("production", {}, { domain });

it.each(STAGES)("%s has none by default, and the address of API Gateway", (name) => {
  const { template } = stage(name);
  expect(ofType(template, "AWS::ApiGateway::DomainName")).toEqual([]);
  const [, api] = one(template, "AWS::ApiGateway::RestApi", "ApiRest");
  expect(api.Properties.DisableExecuteApiEndpoint).toBeUndefined();
});

describe("with a domain", () => {
  const { template, report } = behind({ name: "api.example.com", certificate: CERTIFICATE, basePath: "shop" });

  it("it takes TLS 1.2 and newer, and no other address takes older ones", () => {
    const [, domain] = one(template, "AWS::ApiGateway::DomainName", "ApiDomain");
    expect(domain.Properties).toMatchObject({
      DomainName: "api.example.com",
      SecurityPolicy: "TLS_1_2",
      RegionalCertificateArn: CERTIFICATE,
      EndpointConfiguration: { Types: ["REGIONAL"] },
    });
    const [, api] = one(template, "AWS::ApiGateway::RestApi", "ApiRest");
    expect(api.Properties.DisableExecuteApiEndpoint).toBe(true);
  });

  it("its one mapping leads to the stage of the API", () => {
    const [, mapping] = one(template, "AWS::ApiGateway::BasePathMapping", "ApiDomain");
    const [deployed] = one(template, "AWS::ApiGateway::Stage", "Api");
    expect(mapping.Properties).toMatchObject({ BasePath: "shop", Stage: { Ref: deployed } });
    const [api] = one(template, "AWS::ApiGateway::RestApi", "ApiRest");
    expect(mapping.Properties.RestApiId).toEqual({ Ref: api });
  });

  it("outputs tell the address and what DNS points to", () => {
    const outputs = Object.values(template.Outputs).map(({ Value }) => text(Value));
    expect(outputs).toContain("https://api.example.com/shop");
    expect(outputs).toContainEqual(expect.stringMatching(/^<ApiDomainName\w+\.RegionalDomainName>$/));
  });

  it("people sign in on its pages alone, and come back to them exactly", () => {
    const [, client] = one(template, "AWS::Cognito::UserPoolClient", "SignInPoolexplorer");
    expect(client.Properties.CallbackURLs).toEqual(["https://api.example.com/shop/"]);
    expect(client.Properties.LogoutURLs).toEqual(["https://api.example.com/shop/"]);
    const outputs = Object.values(template.Outputs).map(({ Value }) => text(Value));
    expect(outputs).toContain("https://api.example.com/shop/");
  });

  it("the rule packs accept it", () => {
    expect(report.pluginReports.map(({ conclusion }) => conclusion)).not.toContain("failure");
  });
});

it("without a base path the paths begin at the root, and a base path is one segment", () => {
  const { template } = behind({ name: "api.example.com", certificate: CERTIFICATE });
  const [, mapping] = one(template, "AWS::ApiGateway::BasePathMapping", "ApiDomain");
  expect(mapping.Properties.BasePath).toBeUndefined();
  for (const basePath of ["a/b", "", "..", "~a"]) {
    expect(() => behind({ name: "api.example.com", certificate: CERTIFICATE, basePath })).toThrow(
      `basePath=${basePath}:`,
    );
  }
}, 300_000);

it("a branch has none, because the name leads to the stage", () => {
  const domain = { name: "api.example.com", certificate: CERTIFICATE };
  const { template } = synthesize("dev", { branch: "a-branch" }, { domain });
  expect(ofType(template, "AWS::ApiGateway::DomainName")).toEqual([]);
}, 300_000);
