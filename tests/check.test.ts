// Each rule of npm run check on a sample that keeps it and on samples that break it.
import { describe, expect, it } from "vitest";
import { CHECKS, runChecks } from "../scripts/check.mjs";
import { documentedExports, exportFaults } from "../scripts/checks/abi-doc.mjs";
import { cycles, HOUSES, wrongImports } from "../scripts/checks/layers.mjs";
import { importsOf, stripped } from "../scripts/checks/source.mjs";
import { lockFaults, longFiles, phraseFaults, sizeFaults } from "../scripts/checks/tree.mjs";
import { moduleFaults, readModule } from "../scripts/checks/wasm.mjs";
import { forbiddenWords } from "../scripts/checks/words.mjs";

const [assembly, src] = HOUSES;
if (!assembly || !src) throw new Error("the houses are assembly and src");

describe("stripped", () => {
  it("blanks comments and literals and keeps lines and code", () => {
    const text = 'a; // new\n/* throw\n */ b = "new \\" x" + `throw $1` + \'n\'; c = d / e / f;';
    const code = stripped(text);
    expect(code).toHaveLength(text.length);
    expect(code).not.toMatch(/new|throw|'n/);
    expect(code).toContain("c = d / e / f;");
    expect(code.split("\n")).toHaveLength(3);
  });

  it("takes a regular expression for a literal and an apostrophe in a comment for nothing", () => {
    expect(stripped("const r = /[/'\"]new/; // don't\nlet x;")).toMatch(/^const r = \/ +\/; +\nlet x;$/);
  });

  it("does not fall over what never ends", () => {
    expect(stripped('a "b\nc')).toMatch(/^a +\nc$/);
    expect(stripped("a /* b")).toBe("a     ");
  });
});

describe("import direction", () => {
  /** Faults of one file that imports one other. */
  const faults = (house: (typeof HOUSES)[number], path: string, from: string) =>
    wrongImports(house, [{ path, text: `import { x } from "${from}";\n` }]);

  it("lets a file import from its own layer and from earlier ones", () => {
    expect(faults(assembly, "assembly/ip/input.ts", "../wire/ipv4")).toEqual([]);
    expect(faults(assembly, "assembly/ip/input.ts", "./output")).toEqual([]);
    expect(faults(assembly, "assembly/index.ts", "./stack")).toEqual([]);
    expect(faults(src, "src/sockets/udp.ts", "../../assembly/abi/errno.js")).toEqual([]);
    expect(faults(src, "src/cli/main.ts", "node:process")).toEqual([]);
  });

  it.each([
    ["assembly/wire/udp.ts", "../ip/input", /wire imports from ip/],
    ["assembly/udp/input.ts", "../tcp/tcb", /sibling tcp/],
    ["assembly/stack.ts", "./index", /imports from index/],
    ["assembly/abi/drop.ts", "./errno", /import nothing/],
    ["assembly/ip/input.ts", "../../src/clock", /outside/],
    ["assembly/ip/input.ts", "assemblyscript", /package/],
    ["assembly/util/x.ts", "../abi/errno", /no layer/],
  ])("%s may not import %s", (path, from, why) => {
    expect(faults(assembly, path, from).join()).toMatch(why);
  });

  it.each([
    ["src/drivers/sim-nic.ts", "../stack.js", /drivers imports from stack/],
    ["src/drivers/sim-nic.ts", "../sockets/udp.js", /sibling sockets/],
    ["src/stack.ts", "../assembly/memory/arena.js", /outside/],
  ])("%s may not import %s", (path, from, why) => {
    expect(faults(src, path, from).join()).toMatch(why);
  });

  it("sees every form of import, and none in a comment or a string", () => {
    const text =
      'import "./a";\nexport * from "./b";\nconst c = await import("./c");\n// import "./d"\nimport {\n e,\n} from "./e";';
    expect(importsOf(text).map(({ from }) => from)).toEqual(["./a", "./b", "./c", "./e"]);
    expect(importsOf(text).at(-1)?.line).toBe(7);
  });
});

describe("cycles", () => {
  const file = (path: string, ...from: string[]) => ({ path, text: from.map((f) => `import "${f}";`).join("\n") });

  it("finds a circle and names its way", () => {
    const found = cycles([file("a/x.ts", "./y.js"), file("a/y.ts", "../b/z"), file("b/z.ts", "../a/x")]);
    expect(found).toEqual(["a/x.ts -> a/y.ts -> b/z.ts -> a/x.ts"]);
  });

  it("takes a diamond for none", () => {
    expect(cycles([file("a.ts", "./b", "./c"), file("b.ts", "./d"), file("c.ts", "./d"), file("d.ts")])).toEqual([]);
  });
});

describe("forbidden words", () => {
  it.each([
    ["const a = new Foo();", "`new`"],
    ["if (x) throw 1;", "`throw`"],
    ["const a: Array<u8> = b;", "`Array<`"],
    ["const a: StaticArray<u8> = b;", "`Array<`"],
    ["const a: Map<u8, u8> = b;", "`Map<`"],
    ["function f(a: string): void {}", "`string`"],
    ["@inline\nexport function f(): void {}", "decorator"],
    ["@inline function f(): void {}", "decorator"],
    ["@lazy const a = 1;", "decorator"],
    ['import { type A, b } from "./a";', "asc does not parse"],
    ['import type { A } from "./a";', "asc does not parse"],
    ["let a = 1;", "module-level"],
    ["export let a: u32 = 1;", "module-level"],
    ["function f(): void {}\nvar b = 1;", "module-level"],
  ])("%s", (text, why) => {
    expect(forbiddenWords("f.ts", text).join()).toContain(why);
  });

  it.each([
    "// a new string is thrown: throw new Array<u8>\nexport const A = 1;",
    'ERROR("new string");',
    "function f(): u32 {\n  let a = 1;\n  for (let i = 0; i < 4; i++) a++;\n  return a;\n}",
    "class A {\n  @inline static f(): void {}\n}",
    "@unmanaged\nclass A {\n  newest: u32;\n}",
    "const renew = 1; const x = renew ;",
    'import { A, typeOf } from "./a";',
  ])("lets %j stand", (text) => {
    expect(forbiddenWords("f.ts", text)).toEqual([]);
  });

  it("names the line", () => {
    expect(forbiddenWords("f.ts", "a;\nb;\nthrow c;")).toEqual(["f.ts:3: `throw` traps"]);
  });
});

/** A module of these sections: [id, ...bytes]. */
function wasm(...sections: number[][]): Uint8Array<ArrayBuffer> {
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from([...head, ...sections.flatMap(([id = 0, ...bytes]) => [id, bytes.length, ...bytes])]);
}

const TYPE = [1, 1, 0x60, 0, 0];
const FUNCTION = [3, 1, 0];
/** One function of these instructions, with one i32 local. */
const code = (...instructions: number[]) => [10, 1, instructions.length + 4, 1, 1, 0x7f, ...instructions, 0x0b];

describe("module reader", () => {
  it("reads imports, exports and globals", () => {
    const bytes = wasm(
      TYPE,
      [2, 2, 1, 0x65, 1, 0x66, 0, 0, 1, 0x65, 1, 0x6d, 2, 0, 1],
      [6, 2, 0x7f, 0, 0x41, 0, 0x0b, 0x7e, 1, 0x42, 0x80, 0x7f, 0x0b],
      [7, 1, 1, 0x78, 3, 0],
    );
    expect(WebAssembly.validate(bytes)).toBe(true);
    const { imports, exports, mutableGlobals } = readModule(bytes);
    expect({ imports, exports, mutableGlobals }).toEqual({
      imports: ["e.f", "e.m"],
      exports: ["x"],
      mutableGlobals: 1,
    });
  });

  it("finds memory.grow among operands that look like it, and only there", () => {
    const grow = wasm(TYPE, FUNCTION, [5, 1, 0, 1], code(0x41, 0, 0x40, 0, 0x1a));
    const lookalike = wasm(
      TYPE,
      FUNCTION,
      [5, 1, 0, 1],
      code(0x41, 0x40, 0x1a, 0x02, 0x40, 0x0b, 0x43, 0x40, 0, 0x40, 0, 0x1a),
    );
    expect(WebAssembly.validate(grow)).toBe(true);
    expect(WebAssembly.validate(lookalike)).toBe(true);
    expect(readModule(grow).opcodes.get("memory.grow")).toBe(1);
    expect(readModule(lookalike).opcodes.size).toBe(0);
  });

  it("reads over SIMD and bulk-memory operands", () => {
    const splat = [0x41, 0x40, 0xfd, 0x0f];
    const shuffle = [...splat, ...splat, 0xfd, 0x0d, ...Array.from({ length: 16 }, () => 0x11), 0xfd, 0x15, 0x0f, 0x1a];
    const loadLane = [0x41, 0, ...splat, 0xfd, 0x54, 0, 0x40, 0x0f, 0x1a];
    const copy = [0x41, 0, 0x41, 0, 0x41, 0x40, 0xfc, 10, 0, 0];
    const bytes = wasm(TYPE, FUNCTION, [5, 1, 0, 1], code(...shuffle, ...loadLane, ...copy));
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(readModule(bytes).opcodes.size).toBe(0);
  });

  it("refuses what is no module", () => {
    expect(() => readModule(new Uint8Array(9))).toThrow(/no WebAssembly module/);
    expect(() => readModule(wasm(TYPE, FUNCTION, code(0xff)))).toThrow(/unknown instruction/);
  });

  it("names each fault of a module", () => {
    const bad = wasm(
      TYPE,
      [2, 1, 1, 0x65, 1, 0x66, 0, 0],
      FUNCTION,
      [4, 1, 0x70, 0, 1],
      [5, 1, 0, 1],
      [6, 1, 0x7f, 1, 0x41, 0, 0x0b],
      code(0x41, 0, 0x11, 0, 0, 0x41, 0, 0x40, 0, 0x1a),
    );
    expect(WebAssembly.validate(bad)).toBe(true);
    const wat = "(global $a/top (mut i32) (i32.const 0))\n (func $~lib/rt/stub/__alloc (param i32))";
    expect(moduleFaults("bad", bad, wat)).toEqual([
      "bad: imports e.f",
      "bad: has 1 mutable globals: $a/top",
      "bad: has call_indirect 1 times",
      "bad: has memory.grow 1 times",
      "bad: holds parts of the run-time library: $~lib/rt/stub/__alloc",
    ]);
    expect(moduleFaults("good", wasm(TYPE, FUNCTION, code(0x01)), "(func $memory/arena/arenaTake)")).toEqual([]);
  });
});

describe("exports against docs/ABI.md", () => {
  const page =
    "# ABI\n\n## Exports\n\n| export | what |\n|---|---|\n| `memory` | m |\n| `stack_poll(a, b)` | p |\n\n## Records\n| `no` |\n";

  it("reads the rows of its section alone", () => {
    expect(documentedExports(page)).toEqual(["memory", "stack_poll"]);
    expect(exportFaults(page, ["stack_poll", "memory"])).toEqual([]);
  });

  it("names what is on one side alone, and a page that says nothing", () => {
    expect(exportFaults(page, ["memory", "x"])).toEqual([
      "x is exported, not documented",
      "stack_poll is documented, not exported",
    ]);
    expect(exportFaults(undefined, [])).toHaveLength(1);
    expect(exportFaults("# ABI", [])).toHaveLength(1);
  });
});

describe("the tree", () => {
  it("finds words of one place", () => {
    const slash = "/";
    expect(phraseFaults("a.md", `x\nsee ..${slash}shared/design.md`)).toEqual([
      "a.md:2: names a folder beside the project",
    ]);
    expect(phraseFaults("a.md", `cd ${slash}work/main`)).toHaveLength(1);
    expect(phraseFaults("a.md", `https://registry${"."}npmjs.org/x`)).toHaveLength(1);
    expect(phraseFaults("a.md", "a frame/work is shared; ./work/x.ts; net/root/a")).toEqual([]);
  });

  it("finds addresses in the lock file", () => {
    expect(lockFaults('{"packages":{"":{},"node_modules/a":{"version":"1.0.0"}}}')).toEqual([]);
    expect(lockFaults('{"packages":{"node_modules/a":{"resolved":"https://x"}}}')).toHaveLength(1);
  });

  it("warns of long files and holds sizes to their budget", () => {
    expect(longFiles("a.ts", "x\n".repeat(400))).toEqual([]);
    expect(longFiles("a.ts", "x\n".repeat(401))).toHaveLength(1);
    expect(sizeFaults({ release: 100, size: 50 }, { release: 100, size: 50 })).toEqual([]);
    expect(sizeFaults({ release: 100, size: 50 }, { release: 101 })).toEqual([
      "build/release.wasm has 101 bytes, 1 over its budget",
      "build/size.wasm is missing",
    ]);
  });
});

describe("runChecks", () => {
  it("prints a line a check; a note is no failure, an exception is one", () => {
    const lines: string[] = [];
    const counts = runChecks(
      (line) => lines.push(line),
      [
        { name: "a", run: () => ["note: large"] },
        { name: "b", run: () => ["wrong"] },
        {
          name: "c",
          run: () => {
            throw new Error("broken");
          },
        },
      ],
    );
    expect(counts).toEqual({ passed: 1, failed: 2 });
    expect(lines).toEqual(["ok   a", "     note: large", "FAIL b", "     wrong", "FAIL c", "     broken"]);
    expect(CHECKS.length).toBeGreaterThan(10);
  });
});
