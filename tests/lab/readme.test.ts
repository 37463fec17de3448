/** The README's lab session is what the example shows. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the README shows how an example begins, as its golden file has it", () => {
  const [, name, shown] =
    /```\n\$ ringstack lab examples\/lab\/([\w-]+)\.json --script examples\/lab\/\1\.script\n(.*?)\n```/s.exec(
      read("README.md"),
    ) ?? [];
  expect(shown?.split("\n").length).toBeGreaterThan(10);
  expect(read(`tests/lab/golden/${name}.txt`).startsWith(`${shown}\n`)).toBe(true);
});
