/**
 * A server under attack: a victim whose real clients come by a link, and an attacker on an interface of its own, who says
 * whatever it likes from whatever address, and hears what is sent its way.
 */
import { IPPROTO_TCP } from "../../assembly/abi/proto.js";
import type { Driver, DriverPort, Medium } from "../../src/drivers/driver.js";
import { SimLink, type Stack, VirtualClock } from "../../src/index.js";
import type { StackOptions } from "../../src/stack.js";
import { boot } from "./harness.js";
import { openTcp, TcpEnd, TcpListener, type TcpOptions } from "./tcp-end.js";
import { type TcbRecord, tcbRecords } from "./tcp-records.js";
import { ACK, type ReadTcp, readTcp, SYN, type TcpFields, type TcpOption, tcp } from "./tcp-wire.js";
import { type Bytes, ip4, ipv4, type ReadIpv4, readIpv4 } from "./wire.js";

export const VICTIM = "10.0.0.1";
export const CLIENT = "10.0.0.2";
export const SERVED = 80;
/** The host profile's tcpRanges. */
export const RANGES = 32;

/** Where the attacker is: takes all that is sent its way. */
export class Wire implements Driver {
  readonly medium: Medium = "ip";
  readonly mtu = 1500;
  port!: DriverPort;
  taken = 0;
  bytes = 0;
  /** Who is shown the TCP segments to a port. */
  readonly hearers = new Map<number, (datagram: Uint8Array) => void>();

  attach(port: DriverPort): void {
    this.port = port;
  }

  transmit(frame: Uint8Array): boolean {
    this.taken++;
    this.bytes += frame.length;
    if (this.hearers.size > 0) this.hearers.get(((frame[22] as number) << 8) | (frame[23] as number))?.(frame);
    return true;
  }
}

/** A segment of fixed form whose addresses, ports and numbers change, made fast: many are needed. */
export class Forgery {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fixed: number;

  constructor(fields: TcpFields, payload: ArrayLike<number> = []) {
    this.bytes = ipv4({ proto: IPPROTO_TCP, src: "0.0.0.0", dst: VICTIM }, tcp(fields, payload));
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    for (const at of [10, 36]) this.#view.setUint16(at, 0);
    this.#fixed = IPPROTO_TCP + this.bytes.length - 20;
  }

  /** The datagram, until the next call. */
  say(src: number, srcPort: number, dstPort: number, seq: number, ack = 0): Uint8Array {
    const view = this.#view;
    view.setUint32(12, src);
    view.setUint16(20, srcPort);
    view.setUint16(22, dstPort);
    view.setUint32(24, seq);
    view.setUint32(28, ack);
    view.setUint16(10, 0);
    view.setUint16(10, ~this.#sum(0, 20, 0));
    view.setUint16(36, 0);
    view.setUint16(36, ~this.#sum(12, this.bytes.length, this.#fixed));
    return this.bytes;
  }

  #sum(from: number, to: number, start: number): number {
    let sum = start;
    for (let at = from; at < to; at += 2) sum += ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return sum;
  }
}

export class Battle {
  readonly wire = new Wire();
  #injected = 0;

  private constructor(
    readonly clock: VirtualClock,
    readonly victim: Stack,
    readonly client: Stack,
  ) {}

  static async create(options: StackOptions & { loss?: number } = {}): Promise<Battle> {
    const { loss = 0, ...boots } = options;
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 3, delayUs: 5000, loss });
    const victim = await boot({ clock, name: "victim", ...boots });
    const client = await boot({ clock, name: "client", sockets: 1024, tcpBlocks: 512 });
    victim.addInterface(link.nic(), { address: `${VICTIM}/24` });
    client.addInterface(link.nic(), { address: `${CLIENT}/24` });
    const battle = new Battle(clock, victim, client);
    const evil = victim.addInterface(battle.wire, { address: "172.16.0.1/16" });
    victim.routes.add({ destination: "default", dev: evil.name });
    clock.advanceSync(0);
    return battle;
  }

  /** The attacker says a datagram; the victim has dealt with all before the ring is full. */
  inject(datagram: Uint8Array): void {
    if (!this.wire.port.receive(datagram)) throw new Error("the victim's ring is full");
    if (++this.#injected % 16 === 0) this.clock.advanceSync(0);
  }

  /** Time goes on by `us`, the attacker acts each millisecond; whether `until` came true. */
  run(us: number, act: (ms: number) => void = () => {}, until: () => boolean = () => false): boolean {
    for (let ms = 0; ms * 1000 < us; ms++) {
      if (until()) return true;
      act(ms);
      this.clock.advanceSync(1000);
    }
    return until();
  }

  /** A listener of the victim's that reads what the client writes and writes as much. */
  serve(bytes: number, options: TcpOptions = {}, backlog = 64): TcpListener {
    const plan = { writes: { key: 1, bytes }, reads: { key: 2 }, shuts: true };
    const listener = new TcpListener(this.victim, SERVED, plan, options);
    this.victim.core.exports.sock_listen(listener.handle, backlog);
    return listener;
  }

  /** A real client. */
  connect(bytes: number, options: TcpOptions = {}): TcpEnd {
    const plan = { writes: { key: 2, bytes }, reads: { key: 1 }, shuts: true };
    return TcpEnd.connect(this.client, VICTIM, SERVED, plan, options);
  }

  /** TCP's records of the victim. */
  records(): TcbRecord[] {
    return tcbRecords(this.victim, RANGES);
  }

  /** The victim's record of its connection with a peer's port. */
  record(remotePort: number, remote = CLIENT): TcbRecord {
    const found = this.records().find((t) => t.remotePort === remotePort && t.remote === remote);
    if (found === undefined) throw new Error(`no connection with ${remote}:${remotePort}`);
    return found;
  }

  /** What the counters of the victim have risen to. */
  get counters() {
    return this.victim.statistics().counters;
  }

  get drops() {
    return this.victim.statistics().drops;
  }
}

/** The attacker as the peer of a connection, which it has opened by the rules. */
export class Puppet {
  readonly src = "20.0.0.1";
  /** Its next sequence number, and what it has heard of the victim's. */
  seq = 5001;
  ack = 0;
  /** What the victim has said, the last first to go. */
  readonly heard: ReadTcp[] = [];
  #tsVal = 1000;
  #tsEcr: number | undefined;

  constructor(
    readonly battle: Battle,
    readonly port = 4000,
  ) {}

  /** Opens the connection. */
  open(options: readonly TcpOption[] = [], win = 65535): this {
    this.battle.wire.hearers.set(this.port, (datagram) => this.#hear(datagram));
    this.send({ flags: SYN, seq: this.seq - 1, ack: 0, options, win });
    const synAck = this.heard.shift();
    if (synAck === undefined) throw new Error("no SYN-ACK");
    this.ack = (synAck.seq + 1) >>> 0;
    this.send({ win });
    return this;
  }

  #hear(datagram: Uint8Array): void {
    const ip: ReadIpv4 = readIpv4(Uint8Array.from(datagram));
    if (ip.proto !== IPPROTO_TCP || ip.dst !== this.src) return;
    const segment = readTcp(ip);
    if (segment.dstPort !== this.port) return;
    for (const option of segment.options) if (option.kind === "TS") this.#tsEcr = option.val;
    this.heard.push(segment);
  }

  /** Says a segment: in its place, unless said otherwise. */
  send(fields: TcpFields, payload: ArrayLike<number> = []): void {
    this.battle.wire.port.receive(this.datagram(fields, payload));
    this.battle.clock.advanceSync(0);
  }

  datagram(fields: TcpFields, payload: ArrayLike<number> = []): Bytes {
    const ends = { src: this.src, dst: VICTIM };
    const stamp: TcpOption[] = this.#tsEcr === undefined ? [] : [{ kind: "TS", val: this.#tsVal++, ecr: this.#tsEcr }];
    const options = fields.options ?? stamp;
    const numbers = { srcPort: this.port, dstPort: SERVED, seq: this.seq, ack: this.ack, flags: ACK };
    return ipv4({ ...ends, proto: IPPROTO_TCP }, tcp({ ...ends, ...numbers, ...fields, options }, payload));
  }

  /** How far the victim has sent. */
  get sentTo(): number {
    return this.heard.reduce((end, { seq, data }) => {
      const right = (seq + data.length) >>> 0;
      return ((right - end) | 0) > 0 ? right : end;
    }, this.ack);
  }

  /** The victim's record of the connection. */
  get record(): TcbRecord {
    return this.battle.record(this.port, this.src);
  }
}

/** Its address as a number. */
export const CLIENT_NUMBER = ip4(CLIENT);

/** A socket of the victim's that listens, whose connections nobody drives. */
export function listenBare(stack: Stack, backlog: number, options: TcpOptions = {}): number {
  const handle = openTcp(stack, options);
  stack.core.putPeer(0, SERVED);
  if (stack.core.exports.sock_bind(handle) < 0) throw new Error("the port is taken");
  stack.core.exports.sock_listen(handle, backlog);
  return handle;
}
