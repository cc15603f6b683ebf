// The firewall in front of the API, in production: blocks known bad requests, known bad addresses, and too many requests
// from one address. Rules that would block valid requests only count.

import { ArnFormat, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { Stage } from "aws-cdk-lib/aws-apigateway";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";
import { corsHeaders } from "./cors.ts";
import type { LedgerKey } from "./key.ts";
import { BODY_TOO_LARGE, problemBody, TOO_MANY } from "./problem.ts";
import type { Settings } from "./settings.ts";

/** The largest body of a command in bytes. The firewall inspects as much of it. */
export const MOST_BODY = 64 * 1024;

/** Rules of AWS's common group that would block valid requests, with reasons. */
const COUNTED = [
  "SizeRestrictions_BODY", // Blocks above 8 KB; our own rule blocks above 64 KB.
  "SizeRestrictions_QUERYSTRING", // Blocks above 2 KB; a cursor and a filter together can be longer.
  "NoUserAgent_HEADER", // Machine clients need no user agent.
];

export interface FirewallProps {
  readonly settings: Settings;
  readonly requestsPerAddress: number;
  readonly key: LedgerKey;
  readonly stage: Stage;
}

/** The web ACL, its association with the API, and its log. */
export class Firewall extends Construct {
  constructor(scope: Construct, props: FirewallProps) {
    super(scope, "Firewall");
    const { stackName } = Stack.of(this);
    const headers = Object.entries(corsHeaders(props.settings)).map(([name, value]) => ({ name, value }));
    const acl = new CfnWebACL(this, "Acl", {
      name: stackName,
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      visibilityConfig: visible("all"),
      associationConfig: { requestBody: { API_GATEWAY: { defaultSizeInspectionLimit: "KB_64" } } },
      customResponseBodies: {
        tooMany: { contentType: "APPLICATION_JSON", content: problemBody(TOO_MANY) },
        bodyTooLarge: { contentType: "APPLICATION_JSON", content: problemBody(BODY_TOO_LARGE) },
      },
      rules: [
        rate(props.requestsPerAddress, headers),
        bodySize(headers),
        managed(2, "AWSManagedRulesAmazonIpReputationList"),
        managed(3, "AWSManagedRulesCommonRuleSet", COUNTED),
        managed(4, "AWSManagedRulesKnownBadInputsRuleSet"),
      ],
    });
    new CfnWebACLAssociation(this, "Guards", { webAclArn: acl.attrArn, resourceArn: props.stage.stageArn });
    const logs = new LogGroup(this, "Logs", {
      // WAF requires this prefix.
      logGroupName: `aws-waf-logs-${stackName}`,
      encryptionKey: props.key.key,
      retention: props.settings.days.logs,
      removalPolicy: props.settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    new CfnLoggingConfiguration(this, "Logging", {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [
        Stack.of(this).formatArn({
          service: "logs",
          resource: "log-group",
          resourceName: logs.logGroupName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      redactedFields: [{ singleHeader: { Name: "authorization" } }],
    });
  }
}

function visible(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true };
}

type Headers = readonly CfnWebACL.CustomHTTPHeaderProperty[];

function rate(limit: number, headers: Headers): CfnWebACL.RuleProperty {
  return {
    name: "TooManyOfOneAddress",
    priority: 0,
    statement: { rateBasedStatement: { aggregateKeyType: "IP", limit, evaluationWindowSec: 300 } },
    action: {
      block: {
        customResponse: {
          responseCode: TOO_MANY.status,
          customResponseBodyKey: "tooMany",
          responseHeaders: [{ name: "Retry-After", value: "300" }, ...headers],
        },
      },
    },
    visibilityConfig: visible("too-many"),
  };
}

/** Blocks bodies above the limit of the functions. MATCH, because a body longer than the inspected part is too long as well. */
function bodySize(headers: Headers): CfnWebACL.RuleProperty {
  return {
    name: "BodyAbove64KB",
    priority: 1,
    statement: {
      sizeConstraintStatement: {
        fieldToMatch: { body: { oversizeHandling: "MATCH" } },
        comparisonOperator: "GT",
        size: MOST_BODY,
        textTransformations: [{ priority: 0, type: "NONE" }],
      },
    },
    action: {
      block: {
        customResponse: {
          responseCode: BODY_TOO_LARGE.status,
          customResponseBodyKey: "bodyTooLarge",
          ...(headers.length > 0 && { responseHeaders: [...headers] }),
        },
      },
    },
    visibilityConfig: visible("body-too-large"),
  };
}

function managed(priority: number, name: string, counted: readonly string[] = []): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    statement: {
      managedRuleGroupStatement: {
        vendorName: "AWS",
        name,
        ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    overrideAction: { none: {} },
    visibilityConfig: visible(name),
  };
}
