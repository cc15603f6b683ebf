// The whole template of each stage: whoever changes it sees what changed. `npm test -- -u` takes it over.

import { expect, it } from "vitest";
import { STAGES, stage } from "./synth.ts";

it.each(STAGES)("%s is as it was", async (name) => {
  const { template } = stage(name);
  // A placeholder's hash says nothing.
  const text = JSON.stringify(template, null, 1).replace(/"[0-9a-f]{64}\.zip"/g, '"<hash>.zip"');
  await expect(`${text}\n`).toMatchFileSnapshot(`__snapshots__/${name}.template.json`);
});
