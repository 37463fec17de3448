// The C header: what it says, and that a C compiler agrees with the records written against it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { headerText, readAbi } from "../scripts/header.mjs";

const haveGcc = spawnSync("gcc", ["--version"], { stdio: "ignore" }).status === 0;
if (!haveGcc) console.warn("header.test: no gcc here, so the C header is NOT compiled");

/** gcc's words over scripts/abi-asserts.c with this header; "" = it compiles. */
function compile(header: string): string {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-header-"));
  writeFileSync(join(folder, "ringstack.h"), header);
  const flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", `-I${folder}`];
  const { status, stderr } = spawnSync("gcc", [...flags, "scripts/abi-asserts.c"], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return status === 0 ? "" : stderr;
}

describe("ringstack.h", () => {
  it("gives every constant of assembly/abi a name of its own", async () => {
    const header = headerText(await readAbi());
    expect(header).toMatch(/^#define RS_E_CONNREFUSED 111$/m);
    expect(header).toMatch(/^#define RS_DESC_BYTES 16$/m);
  });

  it("writes large and negative values as C takes them", () => {
    const header = headerText([{ path: "a.ts", constants: { IDLE: 0xffffffff, LOW: -1, TOP: 0x7fffffff } }]);
    expect(header).toContain("#define RS_IDLE 0xffffffffu\n");
    expect(header).toContain("#define RS_LOW (-1)\n");
    expect(header).toContain("#define RS_TOP 2147483647\n");
  });

  it("refuses what C cannot have, and a name given twice", () => {
    expect(() => headerText([{ path: "a.ts", constants: { A: 1.5 } }])).toThrow(/a\.ts: A is no 32-bit integer/);
    expect(() => headerText([{ path: "a.ts", constants: { A: "1" } }])).toThrow(/no 32-bit integer/);
    const twice = [
      { path: "a.ts", constants: { A: 1 } },
      { path: "b.ts", constants: { A: 1 } },
    ];
    expect(() => headerText(twice)).toThrow("A is both in a.ts and in b.ts");
  });

  it.skipIf(!haveGcc)("compiles with the records of scripts/abi-asserts.c", async () => {
    expect(compile(headerText(await readAbi()))).toBe("");
  });

  it.skipIf(!haveGcc)("does not compile where an offset moved", async () => {
    const moved = headerText(await readAbi()).replace(/(#define RS_DESC_LEN) \d+/, "$1 8");
    expect(compile(moved)).toMatch(/rs_desc\.len is not at/);
  });
});
