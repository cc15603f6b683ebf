// A domain of one's own in front of the API, which takes TLS 1.2 and newer. Its certificate and the DNS record are made by hand.

import { CfnOutput } from "aws-cdk-lib";
import { BasePathMapping, DomainName, EndpointType, type RestApi, SecurityPolicy } from "aws-cdk-lib/aws-apigateway";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { Construct } from "constructs";
import type { DomainSettings } from "./settings.ts";

/** The domain and its mapping to the API. */
export class CustomDomain extends Construct {
  /** The address for clients. */
  readonly url: string;

  constructor(scope: Construct, api: RestApi, { name, certificate, basePath }: DomainSettings) {
    super(scope, "Domain");
    // Clients take `.` and `..` out of a URL, and API Gateway refuses `~`.
    if (basePath !== undefined && !/^(?!\.{1,2}$)[A-Za-z0-9._-]+$/.test(basePath)) {
      throw new Error(`domain: basePath=${basePath}: must be one segment of letters, digits and . _ -, not . or ..`);
    }
    const domain = new DomainName(this, "Name", {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, "Certificate", certificate),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    });
    new BasePathMapping(this, "Mapping", {
      domainName: domain,
      restApi: api,
      stage: api.deploymentStage,
      ...(basePath !== undefined && { basePath }),
    });
    this.url = `https://${[name, basePath].filter(Boolean).join("/")}`;
    new CfnOutput(this, "Url", { value: this.url, description: "Address of the API" });
    new CfnOutput(this, "Target", {
      value: domain.domainNameAliasDomainName,
      description: `What the DNS record of ${name} points to`,
    });
  }
}
