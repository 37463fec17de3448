/**
 * docs/TCP-LINKS.md: below each of its headings there is a table that a test makes. With UPDATE_PAGES=1 in the environment
 * it is written anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const PAGE = fileURLToPath(new URL("../../docs/TCP-LINKS.md", import.meta.url));

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** The page shows this table below this heading. */
export function holdTable(title: string, head: readonly string[], lines: readonly (readonly string[])[]): void {
  const page = readFileSync(PAGE, "utf8");
  const at = page.indexOf(`\n## ${title}\n`);
  expect(at, `docs/TCP-LINKS.md: a heading "${title}"`).toBeGreaterThan(0);
  const next = page.indexOf("\n## ", at + 1);
  const section = page.slice(at, next < 0 ? page.length : next);
  const begin = section.search(/^\|/m);
  const [old = ""] = /^(\|.*\n)+/m.exec(section) ?? [];
  const made = table(head, lines);
  if (process.env.UPDATE_PAGES !== "1") expect(old, `docs/TCP-LINKS.md: ${title}`).toBe(made);
  else if (begin < 0)
    writeFileSync(
      PAGE,
      page.replace(section, () => `${section.trimEnd()}\n\n${made}`),
    );
  else
    writeFileSync(
      PAGE,
      page.replace(section, () => section.replace(old, () => made)),
    );
}
