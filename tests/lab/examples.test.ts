// Every example runs to its end: what it shows is held whole in golden/ (`vitest -u` writes it anew), and a second run
// shows and sends the same to the byte.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Lab, type LabOptions, parseScript, Session } from "../../src/lab/index.js";
import { TOPOLOGY_PARTS } from "../../src/lab/read-topology.js";
import { ROUTE_PARTS } from "../../src/lab/topology-route.js";

const FOLDER = fileURLToPath(new URL("../../examples/lab/", import.meta.url));
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json") && file !== "topology.schema.json")
  .map((file) => file.slice(0, -5));

/** Runs an example; its screen, and a hash over every frame on every link. */
async function run(name: string): Promise<{ screen: string; frames: string }> {
  const hash = createHash("sha256");
  const onFrame: LabOptions["onFrame"] = (link, frame, { timeUs, end, event }) => {
    hash.update(`${link} ${timeUs} ${end} ${event} ${frame.length}\n`).update(frame);
  };
  using lab = await Lab.create(readFileSync(`${FOLDER}${name}.json`, "utf8"), { onFrame });
  let screen = "";
  const out = (text: string) => {
    screen += `${text}\n`;
  };
  const session = new Session(lab, { out });
  await session.runAll(parseScript(readFileSync(`${FOLDER}${name}.script`, "utf8"), session.names));
  for (const [host, stack] of lab.hosts) {
    const { small, large } = stack.memory();
    expect({ host, stack: small.held.stack, socket: small.held.socket }).toEqual({ host, stack: 0, socket: 0 });
    expect({ host, free: large.free }).toEqual({ host, free: large.total });
  }
  lab.close();
  return { screen, frames: hash.digest("hex") };
}

describe("the example", () => {
  test("has a script, and a row in docs/LAB.md; no row is without its example", () => {
    for (const name of NAMES) expect(existsSync(`${FOLDER}${name}.script`), name).toBe(true);
    const page = readFileSync(new URL("../../docs/LAB.md", import.meta.url), "utf8");
    const rows = page.slice(page.indexOf("## The examples")).matchAll(/^\| ([\w-]+) \|/gm);
    const named = Array.from(rows, (row) => row[1]).filter((name) => name !== "example");
    expect(named.toSorted()).toEqual(NAMES.toSorted());
  });

  test.each(NAMES)("%s shows what it shows, twice the same, and sends the same frames", async (name) => {
    const first = await run(name);
    await expect(first.screen).toMatchFileSnapshot(`golden/${name}.txt`);
    expect(await run(name)).toEqual(first);
  });
});

describe("the schema", () => {
  const schema = JSON.parse(readFileSync(`${FOLDER}topology.schema.json`, "utf8"));
  const parts = (definition: { properties: object }) => Object.keys(definition.properties).sort();

  test("names the parts that are read, and no others", () => {
    const { $defs } = schema;
    expect(parts(schema)).toEqual([...TOPOLOGY_PARTS.topology].sort());
    for (const name of ["host", "interface", "link", "switch", "cables", "boot"] as const) {
      expect(parts($defs[name]), name).toEqual([...TOPOLOGY_PARTS[name]].sort());
      expect($defs[name].additionalProperties, name).toBe(false);
    }
    expect(parts($defs.route.oneOf[1])).toEqual([...ROUTE_PARTS].sort());
  });

  test("is named by every example", () => {
    for (const name of NAMES) {
      const example = JSON.parse(readFileSync(`${FOLDER}${name}.json`, "utf8"));
      expect(example.$schema, name).toBe("./topology.schema.json");
      expect(example.name, name).toMatch(/\S/);
    }
  });
});
