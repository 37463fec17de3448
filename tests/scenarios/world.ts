/**
 * A lab for scenarios, on the module under test: the topology of an example that people run, lines such as they type,
 * what the screen then shows and what crossed each link.
 */
import { readFileSync } from "node:fs";
import type { Stack } from "../../src/index.js";
import { Lab, parseScript, Session } from "../../src/lab/index.js";
import { module, track } from "../stack/harness.js";
import { type Bytes, type Read, read } from "../stack/wire.js";
import { facts } from "./facts.js";

export class World {
  readonly #sent = new Map<string, { end: number; frame: Bytes }[]>();
  readonly #screen: string[] = [];
  #session!: Session;
  lab!: Lab;

  /** @param topology  the name of an example, or a topology */
  static async create(topology: string | object): Promise<World> {
    const world = new World();
    const source =
      typeof topology === "string"
        ? readFileSync(new URL(`../../examples/lab/${topology}.json`, import.meta.url), "utf8")
        : topology;
    world.lab = await Lab.create(source, {
      module,
      onFrame: (link, frame, { end, event }) => {
        if (event === "sent") world.#on(link).push({ end, frame: Uint8Array.from(frame) });
      },
    });
    for (const stack of world.lab.hosts.values()) track(stack);
    world.#session = new Session(world.lab, { out: (text) => world.#screen.push(...text.split("\n")), echo: false });
    return world;
  }

  #on(link: string) {
    const sent = this.#sent.get(link) ?? [];
    this.#sent.set(link, sent);
    return sent;
  }

  stack(name: string): Stack {
    return this.lab.host(name);
  }

  /** Runs lines of a script; what they print, a line each. */
  async say(lines: string): Promise<string[]> {
    this.#screen.length = 0;
    await this.#session.runAll(parseScript(lines, this.#session.names));
    return this.#screen.splice(0);
  }

  /** What was sent on the link since the last time, taken apart; from one of its ends only, if it is given. */
  take(link: string, end?: number): Read[] {
    return this.#on(link)
      .splice(0)
      .filter((each) => end === undefined || each.end === end)
      .map(({ frame }) => read(frame));
  }

  /** The IPv4 datagrams among them, in a line each; IGMP apart. */
  facts(link: string): string[] {
    const isIp = this.lab.topology.links.find(({ name }) => name === link)?.medium === "ip";
    return this.#on(link)
      .splice(0)
      .map(({ frame }) => (isIp ? frame : frame[12] === 8 && frame[13] === 0 ? frame.slice(14) : undefined))
      .filter((packet) => packet !== undefined && packet[9] !== 2)
      .map((packet) => facts(packet as Bytes));
  }

  /** Forgets what was sent so far. */
  forget(): void {
    this.#sent.clear();
  }
}
