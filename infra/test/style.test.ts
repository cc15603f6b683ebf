// Style is a test: every file opens with its promise and is short. How long a function may be, the linter holds.

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const FILES = ["bin", "costs", "lib", "ministack", "test"].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}/${file}`),
);

it.each(FILES)("%s opens with its promise and has at most 300 lines", (file) => {
  const text = readFileSync(resolve(ROOT, file), "utf8");
  expect(text).toMatch(/^\/\/ \S.*[.`]|^\/\/ \S/);
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(300);
});

it("no file is a drawer for whatever fits nowhere", () => {
  for (const file of FILES) {
    expect(file).not.toMatch(/\/(utils?|helpers?|common|misc|manager|service)\./);
  }
});
