/**
 * docs/RFC.md and docs/RFC-1812.md against the tests: what they claim is shown, and no requirement of their sections is
 * left out. A row of RFC 1122 about TCP says which of RFC 9293 replaces it, and no more.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

interface Row {
  id: string;
  level: string;
  section: string;
  status: string;
  /** Files under assembly/tcp/, where the table says. */
  where: string[];
  /** File and title of each test that is named. */
  tests: { file: string; title: string }[];
  /** What is said beside them. */
  why: string;
}

function rowsOf(page: string): Row[] {
  const cellsOf = (line: string) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  return textOf(page)
    .split("\n")
    .filter((line) => /^\| \d/.test(line) && !line.startsWith("| 1122-tcp"))
    .map((line) => {
      const [id = "", level = "", section = "", , status = "", shown = "", where = ""] = cellsOf(line);
      const parts = shown.split(" <br> ").filter((part) => part !== "");
      const named = parts.map((part) => /^`([^`]+)` (.+)$/.exec(part));
      return {
        id,
        level,
        section,
        status,
        where: where === "" ? [] : where.split(", "),
        tests: named.flatMap((match) =>
          match === null ? [] : [{ file: match[1] as string, title: match[2] as string }],
        ),
        why: parts.filter((_, i) => named[i] === null).join("; "),
      };
    });
}

const HOST = rowsOf("docs/RFC.md");
const ROUTER = rowsOf("docs/RFC-1812.md");

/** "1812-5.3.1-4" and the key word of RFC 1812's sentence of that number. */
const SENTENCES = new Map<string, string>(
  textOf("tests/fixtures/rfc1812-levels.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const [section, ...levels] = line.split(" ");
      return levels.map((level, i) => [`1812-${section}-${i + 1}`, level.replace("_", " ")] as const);
    }),
);

/** The rows that speak for a sentence: its own, or that of its section or of one above. */
function rowsFor(id: string): Row[] {
  return ROUTER.filter((row) => row.id === id || id.startsWith(`${row.id}-`) || id.startsWith(`${row.id}.`));
}

/** What a TCP script says of itself: its comments, as one text. */
function scriptComments(file: string): string {
  const lines = textOf(`tests/${file}`).matchAll(/(?:^|\s)# ?(.*)/g);
  return Array.from(lines, (line) => line[1]).join(" ");
}

const titlesOf = new Map<string, Set<string>>();

/** Is there such a test? A script (tcp-scripts/x.tcp) is named with words of its comments. */
function isThere(file: string, title: string): boolean {
  if (file.endsWith(".tcp")) return scriptComments(file).includes(title);
  let known = titlesOf.get(file);
  if (known === undefined) {
    known = titles(file);
    titlesOf.set(file, known);
  }
  return known.has(title);
}

/** Titles of the tests in a file; those of a table's tests as they are written. */
function titles(file: string): Set<string> {
  const text = textOf(file.endsWith(".spec.ts") ? `tests/${file}` : `tests/${file}.test.ts`);
  const alone = text.matchAll(/\b(?:test|it)\(\s*"((?:[^"\\]|\\.)*)"/g);
  const ofTables = text.matchAll(/\)\(\s*"((?:[^"\\]|\\.)*)",\s*(?:\{[^}]*\},\s*)?(?:async\s*)?\(/g);
  return new Set(Array.from([...alone, ...ofTables], (match) => JSON.parse(`"${match[1]}"`) as string));
}

describe("docs/RFC.md", () => {
  test("has every requirement of its sections, once and in order", () => {
    const expected = (section: string, count: number) =>
      Array.from({ length: count }, (_, i) => `1122-${section}-${String(i + 1).padStart(3, "0")}`);
    const first = [...expected("link", 15), ...expected("ip", 155), ...expected("udp", 19)];
    expect(HOST.map((row) => row.id).slice(0, first.length)).toEqual(first);
    expect(new Set(HOST.map((row) => row.id)).size).toBe(HOST.length);
  });

  test("has every requirement of RFC 9293's appendix B, those of several rows there by letters", () => {
    const numbered = (level: string, count: number) =>
      Array.from({ length: count }, (_, i) => `9293-${level}-${i + 1}`);
    const all = [numbered("MUST", 69), numbered("SHLD", 31), numbered("MAY", 18), ["9293-REC-1"]].flat();
    const rows = HOST.filter((row) => row.id.startsWith("9293-"));
    expect(new Set(rows.map((row) => row.id.replace(/[a-z]$/, "")))).toEqual(new Set(all));
    const levels: Record<string, string> = { MUST: "MUST", SHLD: "SHOULD", MAY: "MAY", REC: "SHOULD" };
    for (const row of rows) expect(row.level.replace(" NOT", ""), row.id).toBe(levels[row.id.split("-")[1] as string]);
  });

  test("has each of RFC 1122's requirements of TCP beside what replaces it", () => {
    const rows = [...textOf("docs/RFC.md").matchAll(/^\| (1122-tcp-\d+) \|(?:[^|]+\|){3} (.+) \|$/gm)];
    expect(rows.map(([, id]) => id)).toEqual(
      Array.from({ length: 104 }, (_, i) => `1122-tcp-${String(i + 1).padStart(3, "0")}`),
    );
    const known = new Set(HOST.map((row) => row.id));
    for (const [, id, by] of rows) for (const one of (by as string).split(", ")) expect(known, id).toContain(one);
  });

  test("names only files of TCP that there are", () => {
    for (const row of HOST) {
      for (const file of row.where) expect(() => textOf(`assembly/tcp/${file}`), `${row.id}: ${file}`).not.toThrow();
    }
  });

  test("leaves nothing for later", () => {
    expect(HOST.filter((row) => row.status === "later")).toEqual([]);
  });
});

describe("docs/RFC-1812.md", () => {
  test("speaks for every MUST from chapter 3 on, and for every SHOULD of chapters 3 to 6, once", () => {
    for (const [id, level] of SENTENCES) {
      const asked = level.startsWith("MUST") || (level.startsWith("SHOULD") && /^1812-[3-6]/.test(id));
      if (asked) expect(rowsFor(id), id).toHaveLength(1);
    }
    expect(new Set(ROUTER.map((row) => row.id)).size).toBe(ROUTER.length);
  });

  test("has no row without a sentence, and each under its section and level, in order", () => {
    const numbers = [...SENTENCES.keys()];
    const spoken = numbers.map(rowsFor);
    const places = ROUTER.map((row) => spoken.findIndex((rows) => rows.includes(row)));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    for (const row of ROUTER) {
      const level = SENTENCES.get(row.id);
      expect(row.level, row.id).toBe(level ?? "MUST");
      const of = `1812-${row.section.replace("App. ", "App")}`;
      expect(level === undefined ? row.id : row.id.slice(0, row.id.lastIndexOf("-")), row.id).toBe(of);
    }
  });

  test("leaves nothing for later", () => {
    expect(ROUTER.filter((row) => row.status === "later")).toEqual([]);
  });
});

describe("both pages", () => {
  const rows = [...HOST, ...ROUTER];

  test("say yes, partly, later or no; what is done is shown, what is not has a reason", () => {
    for (const row of rows) {
      expect(["yes", "partly", "later", "no"], row.id).toContain(row.status);
      expect(["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"], row.id).toContain(row.level);
      if (row.status === "yes" || row.status === "partly") expect(row.tests, row.id).not.toEqual([]);
      if (row.status !== "yes") expect(row.why, row.id).not.toBe("");
    }
  });

  test("name only tests that exist", () => {
    for (const row of rows) {
      for (const { file, title } of row.tests) {
        expect(isThere(file, title), `${row.id}: tests/${file} has no test "${title}"`).toBe(true);
      }
    }
  });
});
