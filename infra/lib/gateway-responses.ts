// API Gateway's own error responses as problems, with `WWW-Authenticate` and `Retry-After` where they apply. Their `instance` is the
// id of the request and not its path: templates of gateway responses replace variables and escape nothing, and a path can hold
// quotation marks.

import { GatewayResponse, ResponseType, type RestApi } from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";
import * as problem from "./problem.ts";

interface ErrorResponse {
  readonly problem: problem.GatewayProblem;
  readonly headers?: Record<string, string>;
}

const RETRY = { "Retry-After": "1" };
const BEARER = { "WWW-Authenticate": 'Bearer realm="product-ledger"' };

/** The response for each type of error. */
const ANSWERS: readonly (readonly [ResponseType, ErrorResponse])[] = [
  [ResponseType.UNAUTHORIZED, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.EXPIRED_TOKEN, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.INVALID_SIGNATURE, { problem: problem.UNAUTHORIZED, headers: BEARER }],
  [ResponseType.ACCESS_DENIED, { problem: problem.FORBIDDEN }],
  [ResponseType.WAF_FILTERED, { problem: problem.BLOCKED_BY_FIREWALL }],
  [ResponseType.INVALID_API_KEY, { problem: problem.FORBIDDEN }],
  // API Gateway's type for an unknown path or method; `lib/api.ts` leaves none of them.
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, { problem: problem.NOT_FOUND }],
  [ResponseType.RESOURCE_NOT_FOUND, { problem: problem.NOT_FOUND }],
  [ResponseType.BAD_REQUEST_PARAMETERS, { problem: problem.MALFORMED }],
  [ResponseType.BAD_REQUEST_BODY, { problem: problem.MALFORMED }],
  [ResponseType.REQUEST_TOO_LARGE, { problem: problem.BODY_TOO_LARGE }],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, { problem: problem.UNSUPPORTED_MEDIA_TYPE }],
  [ResponseType.THROTTLED, { problem: problem.TOO_MANY, headers: RETRY }],
  [ResponseType.QUOTA_EXCEEDED, { problem: problem.TOO_MANY, headers: RETRY }],
  [ResponseType.INTEGRATION_TIMEOUT, { problem: problem.UNAVAILABLE, headers: RETRY }],
  [ResponseType.INTEGRATION_FAILURE, { problem: problem.UNAVAILABLE, headers: RETRY }],
  [ResponseType.AUTHORIZER_FAILURE, { problem: problem.UNAVAILABLE, headers: RETRY }],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, { problem: problem.UNAVAILABLE, headers: RETRY }],
  [ResponseType.API_CONFIGURATION_ERROR, { problem: problem.UNAVAILABLE, headers: RETRY }],
  // All other types. A template cannot refer to the gateway's status, so the status is set to that of the problem.
  [ResponseType.DEFAULT_4XX, { problem: problem.MALFORMED }],
  [ResponseType.DEFAULT_5XX, { problem: problem.UNAVAILABLE, headers: RETRY }],
];

/** One gateway response for each type of error; all of them carry the headers `everywhere`. */
export class GatewayResponses extends Construct {
  constructor(scope: Construct, restApi: RestApi, everywhere: Readonly<Record<string, string>>) {
    super(scope, "Responses");
    for (const [type, { problem: answer, headers }] of ANSWERS) {
      const fixed = { "Content-Type": "application/problem+json", ...headers, ...everywhere };
      new GatewayResponse(this, type.responseType, {
        restApi,
        type,
        statusCode: String(answer.status),
        // A header can only hold a request value or a fixed text, so the correlation id is in the body only.
        responseHeaders: Object.fromEntries(Object.entries(fixed).map(([name, value]) => [name, `'${value}'`])),
        templates: {
          "application/json": problem.problemBody(answer, "urn:uuid:$context.requestId", "$context.requestId"),
        },
      });
    }
  }
}
