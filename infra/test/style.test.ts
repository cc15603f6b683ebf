// Style: every file opens with a comment on its purpose. The linter limits the length of functions.

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const FILES = ["bin", "costs", "lib", "ministack", "test"].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}/${file}`),
);

it.each(FILES)("%s opens with its purpose", (file) => {
  const text = readFileSync(resolve(ROOT, file), "utf8");
  expect(text).toMatch(/^\/\/ \S/);
});

it("no file is named utils or the like", () => {
  for (const file of FILES) {
    expect(file).not.toMatch(/\/(utils?|helpers?|common|misc|manager|service)\./);
  }
});
