/**
 * Plays a TCP script (tests/tcp-scripts/README.md) against a stack: segments injected and expected at exact virtual
 * times, calls made and their results compared. Whatever the stack sends that the script does not expect is a failure.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type StackOptions, VirtualClock } from "../../src/index.js";
import { boot as bootStack } from "./harness.js";
import { Host, OUR_MAC, PEER, PEER_MAC, RecordingDriver, US } from "./recording-driver.js";
import { type Bases, Connection } from "./tcp-connection.js";
import { Calls } from "./tcp-script-calls.js";
import { type CallLine, type IcmpLine, type Line, readScript } from "./tcp-script-lines.js";
import { type ReadTcp, readTcp, tcp } from "./tcp-wire.js";
import { type Bytes, ether, ipv4, join, read } from "./wire.js";

const FOLDER = fileURLToPath(new URL("../tcp-scripts/", import.meta.url));
const PEER_PORT = 40000;
/** The same for each time a script is played: then our ISS goes with the clock alone. */
const SEED = [1, 0x243f6a88, 0x85a308d3, 0x13198a2e];

/** Names of all scripts. */
export function scriptNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".tcp"))
    .sort();
}

/** A script of the folder. */
export function script(name: string): Line[] {
  const load = (file: string) => {
    if (!existsSync(`${FOLDER}${file}`)) throw new Error(`${name} includes ${file}, which is not there`);
    return readFileSync(`${FOLDER}${file}`, "utf8");
  };
  return readScript(name, load(name), load);
}

/** Where sequence numbers and timestamps begin. */
export interface Beginning {
  /** The peer's. */
  peer: Bases;
  /** When the script's time 0 is, µs on the stack's clock: our ISS and timestamps go with it. */
  startUs: number;
}

export const PLAIN: Beginning = { peer: { seq: 0x10000, ts: 1000 }, startUs: 0 };

interface Sent {
  atUs: number;
  frame: Bytes;
  segment: ReadTcp;
  connection: Connection;
}

export class ScriptFailure extends Error {}

/** The stack, the peer's side of its connections, and how far the script has come. */
export class Player {
  readonly #connections = new Map<number, Connection>();
  readonly #transcript: string[] = [];
  readonly #calls: Calls;
  /** What the stack has sent and the script has not looked at. */
  readonly #sent: Sent[] = [];
  #last: Sent | undefined;
  #timeUs = 0;

  private constructor(
    readonly host: Host,
    readonly beginning: Beginning,
  ) {
    this.#calls = new Calls(host, (port) => this.connection(port));
  }

  /** Plays a whole script; answers the player, at its end. @throws ScriptFailure with place and transcript */
  static async play(lines: readonly Line[], beginning = PLAIN): Promise<Player> {
    const { boot, mtu, rest } = setup(lines);
    const clock = new VirtualClock({ startUs: beginning.startUs });
    const stack = await bootStack({ clock, seed: SEED, ...boot });
    stack.switches.set("TCP_AUTOTUNING", 0);
    const driver = new RecordingDriver(mtu === undefined ? {} : { mtu });
    const nif = stack.addInterface(driver, { address: `${US}/24` });
    stack.neighbours.add(nif, PEER, PEER_MAC);
    const host = Host.around(stack, clock, driver, nif);
    host.run();
    host.take();
    const player = new Player(host, beginning);
    for (const line of rest) player.#play(line);
    player.#expectNothing(rest.at(-1) as Line);
    return player;
  }

  /** The connection with the peer's port; 40000 unless given. */
  connection(port = PEER_PORT): Connection {
    let connection = this.#connections.get(port);
    if (connection === undefined) {
      connection = new Connection(port, this.beginning.peer);
      this.#connections.set(port, connection);
    }
    connection.localPort ??= this.#calls?.localPort;
    return connection;
  }

  /** All that the script has spoken of. */
  get connections(): Connection[] {
    return [...this.#connections.values()];
  }

  /** State of the connection with the peer's port, as a script's `state` compares it. */
  state(port = PEER_PORT): string {
    this.connection(port);
    return this.#calls.state(port);
  }

  get #nowUs(): number {
    return this.host.clock.now() - this.beginning.startUs;
  }

  #play(line: Line): void {
    const { time, event } = line;
    this.#timeUs = time.relative ? this.#timeUs + time.us : time.us;
    try {
      if (event.kind === "expect") {
        this.#expect(line, event.peerPort);
        return;
      }
      this.#advance(this.#timeUs);
      this.#expectNothing(line);
      if (event.kind === "inject") {
        const connection = this.connection(event.peerPort);
        const { fields, payload } = connection.build(event.segment);
        this.#note(line.text.replace(/^\S*\d\s+/, ""));
        this.host.rx(ether({ dst: OUR_MAC }, ipv4({ proto: 6, tos: event.segment.ecn }, tcp(fields, payload))));
      } else if (event.kind === "icmp") {
        this.#note(line.text.replace(/^\S*\d\s+/, ""));
        this.host.rx(ether({ dst: OUR_MAC }, this.#error(event.icmp, this.connection(event.peerPort))));
      } else {
        this.#call(line, event.call);
      }
      this.#collect(line);
    } catch (error) {
      if (error instanceof ScriptFailure) throw error;
      this.#fail(line, (error as Error).stack ?? String(error));
    }
  }

  #call(line: Line, call: CallLine): void {
    const answer = this.#calls.run(call);
    this.#note(`${line.text.replace(/^[+\d]\S*\s+/, "")}   (${answer.got})`);
    if (!answer.good) this.#fail(line, `the answer is ${answer.got}`);
  }

  #advance(toUs: number): void {
    if (toUs < this.#nowUs) throw new Error(`it is ${seconds(this.#nowUs)} already`);
    this.host.run(toUs - this.#nowUs);
  }

  /** Takes note of what the driver has got. */
  #collect(line: Line): void {
    const { sent, sentAtUs } = this.host.driver;
    const times = sentAtUs.splice(0);
    for (const [i, frame] of sent.splice(0).entries()) {
      const atUs = (times[i] as number) - this.beginning.startUs;
      const { ip } = read(frame);
      if (ip?.proto !== 6) this.#fail(line, `a frame that is no TCP segment was sent at ${seconds(atUs)}`);
      const segment = readTcp(ip as NonNullable<typeof ip>);
      const connection = this.connection(segment.dstPort);
      const faults = connection.note(segment);
      const one: Sent = { atUs, frame, segment, connection };
      this.#note(`> ${port(connection)}${connection.text(segment)}`, atUs);
      if (faults.length > 0) this.#fail(line, `the segment sent at ${seconds(atUs)} is wrong: ${faults.join(", ")}`);
      this.#sent.push(one);
      this.#last = one;
    }
  }

  #expect(line: Line, peerPort: number | undefined): void {
    const { event, time } = line;
    if (event.kind !== "expect") return;
    this.#collect(line);
    // Step by step: what comes before its time must not be mistaken for what comes at it.
    if (this.#sent.length === 0) this.#advance(Math.max(this.#timeUs + time.toleranceUs, this.#nowUs));
    this.#collect(line);
    const next = this.#sent.shift();
    if (next === undefined) this.#fail(line, `nothing was sent until ${seconds(this.#nowUs)}`);
    const { segment, connection, atUs } = next as Sent;
    const got = `${seconds(atUs)} > ${port(connection)}${connection.text(segment)}`;
    if (Math.abs(atUs - this.#timeUs) > time.toleranceUs) {
      this.#fail(line, `expected at ${seconds(this.#timeUs)}, got\n  ${got}`);
    }
    if (connection !== this.connection(peerPort) || !connection.matches(event.segment, segment)) {
      this.#fail(line, `got\n  ${got}`);
    }
    if (time.toleranceUs > 0) this.#timeUs = atUs;
  }

  #expectNothing(line: Line): void {
    this.#collect(line);
    const next = this.#sent[0];
    if (next === undefined) return;
    this.#fail(line, `before it, unexpected:\n  ${seconds(next.atUs)} > ${next.connection.text(next.segment)}`);
  }

  /** An ICMP error that quotes what the stack has sent: the last segment, or one made out to be another. */
  #error(icmp: IcmpLine, connection: Connection): Bytes {
    const last = this.#last;
    if (last === undefined) throw new Error("nothing has been sent that could be quoted");
    const quote = last.frame.slice(14, 14 + 28);
    const view = new DataView(quote.buffer);
    if (icmp.len !== undefined) view.setUint16(2, icmp.len);
    if (icmp.seq !== undefined) view.setUint32(24, (icmp.seq + (connection.iss ?? 0)) >>> 0);
    view.setUint16(22, connection.peerPort);
    return icmpError(icmp, quote);
  }

  #note(text: string, atUs = this.#nowUs): void {
    this.#transcript.push(`${seconds(atUs)} ${text}`);
  }

  #fail(line: Line, reason: string): never {
    const script = this.#transcript.slice(-60).join("\n  ");
    throw new ScriptFailure(`${line.place}: ${line.text}\n${reason}\nso far:\n  ${script}`);
  }
}

function icmpError({ type, code, mtu }: IcmpLine, quote: Bytes): Bytes {
  // The quoted header's checksum is mended where its length was changed.
  quote.set([0, 0], 10);
  quote.set(word(sumOf(quote.subarray(0, 20))), 10);
  const head = (sum: number) => join([type, code, ...word(sum), 0, 0, ...word(mtu)], quote);
  return ipv4({ proto: 1, src: "192.168.1.254" }, head(sumOf(head(0))));
}

const word = (value: number) => [(value >>> 8) & 255, value & 255];

function sumOf(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += (bytes[i] as number) << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return 0xffff - sum;
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(6);
}

function port(connection: Connection): string {
  return connection.peerPort === PEER_PORT ? "" : `@${connection.peerPort} `;
}

/** What a script says of the stack before it begins: `boot OPTION N`, `mtu N`. */
function setup(lines: readonly Line[]): { boot: StackOptions; mtu?: number; rest: Line[] } {
  const boot: Record<string, number | string> = {};
  let mtu: number | undefined;
  const rest = lines.filter(({ event }) => {
    if (event.kind !== "call") return true;
    const { verb, args } = event.call;
    if (verb === "mtu") mtu = Number(args[0]);
    else if (verb === "boot")
      boot[args[0] as string] = Number.isNaN(Number(args[1])) ? String(args[1]) : Number(args[1]);
    else return true;
    return false;
  });
  return { boot, ...(mtu === undefined ? {} : { mtu }), rest };
}
