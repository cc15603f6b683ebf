// Snapshots of the templates of both stages, so that every change is visible. `npm test -- -u` accepts a change.

import { expect, it } from "vitest";
import { STAGES, stage } from "./synth.ts";

it.each(STAGES)("%s is unchanged", async (name) => {
  const { template } = stage(name);
  // The hash of a placeholder is irrelevant.
  const text = JSON.stringify(template, null, 1).replace(/"[0-9a-f]{64}\.zip"/g, '"<hash>.zip"');
  await expect(`${text}\n`).toMatchFileSnapshot(`__snapshots__/${name}.template.json`);
});
