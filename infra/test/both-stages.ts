// Synthesizes both stages, and production with every value of the context, once before all tests.

import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { CONFIGURED, STAGES, synthesize } from "./synth.ts";

declare module "vitest" {
  interface ProvidedContext {
    dev: string;
    production: string;
    configured: string;
  }
}

export default function setup(project: TestProject): () => void {
  const directories = STAGES.map((stage) => {
    const { directory } = synthesize(stage);
    project.provide(stage, directory);
    return directory;
  });
  const { directory } = synthesize("production", CONFIGURED);
  project.provide("configured", directory);
  directories.push(directory);
  return () => {
    for (const directory of directories) {
      rmSync(directory, { recursive: true, force: true });
    }
  };
}
