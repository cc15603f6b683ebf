// What API Gateway answers by itself looks like every other problem, says how to authenticate, and when to come again.

import { GatewayResponse, ResponseType, type RestApi } from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";
import * as problem from "./problem.ts";

interface Answer {
  readonly problem: problem.GatewayProblem;
  readonly headers?: Record<string, string>;
}

const AGAIN = { "Retry-After": "1" };
const BEARER = { "WWW-Authenticate": 'Bearer realm="product-ledger"' };

/** What each kind of refusal becomes. */
const ANSWERS: readonly (readonly [ResponseType, Answer])[] = [
  [ResponseType.UNAUTHORIZED, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.EXPIRED_TOKEN, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.INVALID_SIGNATURE, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.ACCESS_DENIED, { problem: problem.FORBIDDEN }],
  [ResponseType.WAF_FILTERED, { problem: problem.FORBIDDEN }],
  [ResponseType.INVALID_API_KEY, { problem: problem.FORBIDDEN }],
  // API Gateway's name for a path or method it does not know; there is none of them left, see `lib/api.ts`.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, { problem: problem.NOT_FOUND }],
  [ResponseType.RESOURCE_NOT_FOUND, { problem: problem.NOT_FOUND }],
  [ResponseType.BAD_REQUEST_PARAMETERS, { problem: problem.MALFORMED }],
  [ResponseType.BAD_REQUEST_BODY, { problem: problem.MALFORMED }],
  [ResponseType.REQUEST_TOO_LARGE, { problem: problem.BODY_TOO_LARGE }],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, { problem: problem.UNSUPPORTED_MEDIA_TYPE }],
  [ResponseType.THROTTLED, { problem: problem.TOO_MANY, headers: AGAIN }],
  [ResponseType.QUOTA_EXCEEDED, { problem: problem.TOO_MANY, headers: AGAIN }],
  [ResponseType.INTEGRATION_TIMEOUT, { problem: problem.UNAVAILABLE, headers: AGAIN }],
  [ResponseType.INTEGRATION_FAILURE, { problem: problem.UNAVAILABLE, headers: AGAIN }],
  [ResponseType.AUTHORIZER_FAILURE, { problem: problem.UNAVAILABLE, headers: AGAIN }],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, { problem: problem.UNAVAILABLE, headers: AGAIN }],
  [ResponseType.API_CONFIGURATION_ERROR, { problem: problem.UNAVAILABLE, headers: AGAIN }],
  // What has no kind above. The template cannot name the status that the gateway chose, so the status is the one it names.
  [ResponseType.DEFAULT_4XX, { problem: problem.MALFORMED }],
  [ResponseType.DEFAULT_5XX, { problem: problem.UNAVAILABLE, headers: AGAIN }],
];

/** One gateway response for every kind of refusal. */
export class GatewayResponses extends Construct {
  constructor(scope: Construct, restApi: RestApi) {
    super(scope, "Responses");
    for (const [type, { problem: answer, headers }] of ANSWERS) {
      const fixed = { "Content-Type": "application/problem+json", ...headers };
      new GatewayResponse(this, type.responseType, {
        restApi,
        type,
        statusCode: String(answer.status),
        // A header takes what the request carries or a fixed text, so the correlation id stands in the body alone.
        responseHeaders: Object.fromEntries(Object.entries(fixed).map(([name, value]) => [name, `'${value}'`])),
        templates: {
          "application/json": problem.problemBody(answer, "$context.path", "$context.requestId"),
        },
      });
    }
  }
}
