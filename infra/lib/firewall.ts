// The firewall in front of the API, in production: blocks known bad addresses, too many requests without a token from one
// address, bodies that are too large, and requests that match a rule of AWS which no valid request can match
// (`firewall-rules.ts`). All other rules of AWS's groups only count, also those that AWS adds later.

import { ArnFormat, Stack } from "aws-cdk-lib";
import type { Stage } from "aws-cdk-lib/aws-apigateway";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";
import { corsHeaders } from "./cors.ts";
import { GROUPS, type ManagedGroup } from "./firewall-rules.ts";
import type { LedgerKey } from "./key.ts";
import { BODY_TOO_LARGE, type GatewayProblem, problemBody, TOO_MANY } from "./problem.ts";
import { removalOf } from "./removal.ts";
import type { Settings } from "./settings.ts";

/** The largest body of a command in bytes. The firewall inspects as much of it. */
export const MOST_BODY = 64 * 1024;

export interface FirewallProps {
  readonly settings: Settings;
  readonly requestsWithoutToken: number;
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
      // WAF reserves "All" and "Default_Action".
      visibilityConfig: visible(stackName),
      associationConfig: { requestBody: { API_GATEWAY: { defaultSizeInspectionLimit: "KB_64" } } },
      customResponseBodies: {
        tooMany: { contentType: "APPLICATION_JSON", content: fixedBody(TOO_MANY) },
        bodyTooLarge: { contentType: "APPLICATION_JSON", content: fixedBody(BODY_TOO_LARGE) },
      },
      rules: [
        rate(props.requestsWithoutToken, headers),
        bodySize(headers),
        badAddresses(2),
        ...GROUPS.map((group, place) => counting(3 + place, group)),
        blocking(3 + GROUPS.length),
      ],
    });
    new CfnWebACLAssociation(this, "Guards", { webAclArn: acl.attrArn, resourceArn: props.stage.stageArn });
    const logs = new LogGroup(this, "Logs", {
      // WAF requires this prefix.
      logGroupName: `aws-waf-logs-${stackName}`,
      encryptionKey: props.key.key,
      retention: props.settings.days.logs,
      removalPolicy: removalOf(props.settings),
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

/** WAF sends the same text to everybody, so nothing in it can name the request. */
function fixedBody(problem: GatewayProblem): string {
  return problemBody(problem, "urn:product-ledger:firewall", "none");
}

function visible(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { metricName, cloudWatchMetricsEnabled: true, sampledRequestsEnabled: true };
}

type Headers = readonly CfnWebACL.CustomHTTPHeaderProperty[];

/**
 * Limits the requests of an address that carry no token. Those with one are limited by the stage: the gateway refuses an invalid token
 * before it calls a function, and many machines of a client may share an address.
 */
function rate(limit: number, headers: Headers): CfnWebACL.RuleProperty {
  const withToken: CfnWebACL.StatementProperty = {
    byteMatchStatement: {
      fieldToMatch: { singleHeader: { Name: "authorization" } },
      positionalConstraint: "STARTS_WITH",
      searchString: "bearer ",
      textTransformations: [{ priority: 0, type: "LOWERCASE" }],
    },
  };
  return {
    name: "TooManyWithoutToken",
    priority: 0,
    statement: {
      rateBasedStatement: {
        aggregateKeyType: "IP",
        limit,
        evaluationWindowSec: 300,
        scopeDownStatement: { notStatement: { statement: withToken } },
      },
    },
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

function badAddresses(priority: number): CfnWebACL.RuleProperty {
  const name = "AWSManagedRulesAmazonIpReputationList";
  return {
    name,
    priority,
    statement: { managedRuleGroupStatement: { vendorName: "AWS", name } },
    overrideAction: { none: {} },
    visibilityConfig: visible(name),
  };
}

/**
 * A group of AWS whose result only counts; it labels the requests that match. The group stops at a match of a rule that blocks, so the
 * rules that would match valid requests count each.
 */
function counting(priority: number, { name, rules }: ManagedGroup): CfnWebACL.RuleProperty {
  const counted = Object.entries(rules).filter(([, label]) => label === undefined);
  return {
    name,
    priority,
    statement: {
      managedRuleGroupStatement: {
        vendorName: "AWS",
        name,
        ruleActionOverrides: counted.map(([rule]) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    overrideAction: { count: {} },
    visibilityConfig: visible(name),
  };
}

/** Blocks requests that a rule labelled which no valid request matches. The gateway answers with its problem. */
function blocking(priority: number): CfnWebACL.RuleProperty {
  const labels = GROUPS.flatMap(({ labels: prefix, rules }) =>
    Object.values(rules).flatMap((label) => (label === undefined ? [] : [`${prefix}${label}`])),
  );
  return {
    name: "NeverValid",
    priority,
    statement: {
      orStatement: { statements: labels.map((key) => ({ labelMatchStatement: { scope: "LABEL", key } })) },
    },
    action: { block: {} },
    visibilityConfig: visible("never-valid"),
  };
}
