// Findings of the rule packs that are accepted on purpose: each is acknowledged on its construct, by its exact id and with
// a reason; nothing is acknowledged for a whole stack.

import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** Acknowledges exactly these findings of one construct. */
export function acknowledge(construct: IConstruct, ids: readonly string[], reason: string): void {
  Validations.of(construct).acknowledge(...ids.map((id) => ({ id, reason })));
}
