/** docs/RFC.md against the tests: what it claims is shown, and no requirement of its sections is left out. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

interface Row {
  id: string;
  level: string;
  status: string;
  /** File and title of each test that is named. */
  tests: { file: string; title: string }[];
  /** What is said beside them. */
  why: string;
}

const ROWS: Row[] = textOf("docs/RFC.md")
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => {
    const [id = "", level = "", , , status = "", shown = ""] = line
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    const parts = shown.split(" <br> ").filter((part) => part !== "");
    const named = parts.map((part) => /^`([^`]+)` (.+)$/.exec(part));
    return {
      id,
      level,
      status,
      tests: named.flatMap((match) =>
        match === null ? [] : [{ file: match[1] as string, title: match[2] as string }],
      ),
      why: parts.filter((_, i) => named[i] === null).join("; "),
    };
  });

/** Titles of the tests in a file. */
function titles(file: string): Set<string> {
  const found = textOf(`tests/${file}.test.ts`).matchAll(/\btest(?:\.each\([^)]*\))?\(\s*"((?:[^"\\]|\\.)*)"/g);
  return new Set(Array.from(found, (match) => JSON.parse(`"${match[1]}"`) as string));
}

describe("docs/RFC.md", () => {
  test("has every requirement of its sections, once and in order", () => {
    const expected = (section: string, count: number) =>
      Array.from({ length: count }, (_, i) => `1122-${section}-${String(i + 1).padStart(3, "0")}`);
    const first = [...expected("link", 15), ...expected("ip", 155), ...expected("udp", 19)];
    expect(ROWS.map((row) => row.id).slice(0, first.length)).toEqual(first);
    expect(new Set(ROWS.map((row) => row.id)).size).toBe(ROWS.length);
  });

  test("says yes, partly, later or no; what is done is shown, what is not has a reason", () => {
    for (const row of ROWS) {
      expect(["yes", "partly", "later", "no"], row.id).toContain(row.status);
      expect(["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"], row.id).toContain(row.level);
      if (row.status === "yes" || row.status === "partly") expect(row.tests, row.id).not.toEqual([]);
      if (row.status !== "yes") expect(row.why, row.id).not.toBe("");
    }
  });

  test("names only tests that exist", () => {
    const known = new Map<string, Set<string>>();
    for (const row of ROWS) {
      for (const { file, title } of row.tests) {
        const inFile = known.get(file) ?? titles(file);
        known.set(file, inFile);
        expect(inFile.has(title), `${row.id}: tests/${file}.test.ts has no test "${title}"`).toBe(true);
      }
    }
  });
});
