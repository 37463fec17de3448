/** docs/ABI.md against the numbers of assembly/abi: what it says is so, and no field of a record is left out. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ABI = new URL("../assembly/abi/", import.meta.url);
const page = readFileSync(new URL("../docs/ABI.md", import.meta.url), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \| (\d+) \|/gm)].map(
  (match) => [match[1] as string, Number(match[2])] as const,
);

async function numbers(): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const file of readdirSync(ABI)) {
    const module = (await import(new URL(file, ABI).href)) as Record<string, number>;
    for (const [name, value] of Object.entries(module)) all.set(name, value);
  }
  return all;
}

/** Numbers that are not fields: counts, states, flags and sizes explained in words. */
const WORDS =
  /^(NETIF_NAME_LEN|NEIGH_(NONE|INCOMPLETE|REACHABLE|STALE|DELAY|PROBE|FAILED|PERMANENT|HASH_NEXT)|ROUTE_(ORIGIN_|MAX_|METRIC_ANY).*)$/;
const FIELDS = /^(CONFIG|CALL|NETIF|ADDR|NEIGH|PCB|ROUTE|RING|DESC|EVENTS|REGION|OPT|SW|TCB|TW|BYTE_RING)_/;

describe("docs/ABI.md", () => {
  it("says the numbers of assembly/abi", async () => {
    const all = await numbers();
    expect(rows.length).toBeGreaterThan(90);
    expect(rows.filter(([name, value]) => all.get(name) !== value)).toEqual([]);
  });

  it("leaves out no field of a record", async () => {
    const said = new Set(rows.map(([name]) => name));
    const missing = [...(await numbers()).keys()].filter(
      (name) => FIELDS.test(name) && !WORDS.test(name) && name !== "DESC_SHIFT" && !said.has(name),
    );
    expect(missing).toEqual([]);
  });

  it("says the version", async () => {
    expect(page).toContain(`Version ${(await numbers()).get("VERSION")} (`);
  });
});
