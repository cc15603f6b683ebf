// What happens to data when the stack is deleted.

import { RemovalPolicy } from "aws-cdk-lib";
import type { Settings } from "./settings.ts";

/**
 * Kept where the stage keeps its data, but not by a creation that fails: the fixed names of what it left behind would stand in the way
 * of the next one.
 */
export function removalOf({ keepData }: Settings): RemovalPolicy {
  return keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}
