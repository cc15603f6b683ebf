// The tests use both stages, synthesized once, and need neither network nor credentials.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/both-stages.ts"],
    testTimeout: 60_000,
    silent: "passed-only",
  },
});
