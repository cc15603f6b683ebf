// The response of a resource to every method without a route: a problem from the gateway itself, without a token and
// without a function.

import {
  AuthorizationType,
  ContentHandling,
  type IResource,
  type Method,
  MockIntegration,
  PassthroughBehavior,
} from "aws-cdk-lib/aws-apigateway";
import { type GatewayProblem, problemBody } from "./problem.ts";

/** Content types of requests that get this response; the gateway answers any other with 415. */
const CONTENT_TYPES = [
  "application/json",
  "application/merge-patch+json",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
  "application/xml",
  "multipart/form-data",
  "text/plain",
  "text/xml",
];

/**
 * The path within a JSON text. `escapeJavaScript` also escapes the apostrophe, which JSON does not know: the character before each
 * apostrophe, its backslash, is taken away again. The expression has neither quotation mark nor backslash, so that the template is JSON
 * itself; the class in it is "between & and (, but neither of them".
 */
const PATH = "$util.escapeJavaScript($context.path).replaceAll('.(?=[&-(&&[^&(]])','')";

/** Adds the method `ANY`, which answers all requests that no other method of the resource handles. */
export function addFixedAnswer(
  resource: IResource,
  problem: GatewayProblem,
  fixed: Readonly<Record<string, string>> = {},
): Method {
  const quoted = Object.entries({ ...fixed, "Content-Type": "application/problem+json" });
  const headers = [...quoted.map(([name, value]) => [name, `'${value}'`]), ["X-Correlation-Id", "context.requestId"]];
  const named = headers.map(([name, value]) => [`method.response.header.${name}`, value]);
  const statusCode = String(problem.status);
  const request = JSON.stringify({ statusCode: problem.status });
  return resource.addMethod(
    "ANY",
    new MockIntegration({
      // All bodies are binary for the API, and a template works on text.
      contentHandling: ContentHandling.CONVERT_TO_TEXT,
      passthroughBehavior: PassthroughBehavior.WHEN_NO_TEMPLATES,
      requestTemplates: Object.fromEntries(CONTENT_TYPES.map((type) => [type, request])),
      integrationResponses: [
        {
          statusCode,
          contentHandling: ContentHandling.CONVERT_TO_TEXT,
          responseParameters: Object.fromEntries(named),
          responseTemplates: { "application/json": problemBody(problem, PATH, "$context.requestId") },
        },
      ],
    }),
    {
      authorizationType: AuthorizationType.NONE,
      methodResponses: [{ statusCode, responseParameters: Object.fromEntries(named.map(([name]) => [name, true])) }],
    },
  );
}
