/** Socket calls of the fuzzer, right and wrong: what they answer is a count, an address or an errno. */
import {
  CALL_ADDR,
  CALL_ADDR2,
  CALL_BYTES,
  CALL_IFINDEX,
  CALL_IP,
  CALL_IP_LEN,
  CALL_OPTIONS,
  CALL_PTR,
} from "../../assembly/abi/call.js";
import { PBUF_HEADROOM, PBUF_SMALL_BYTES } from "../../assembly/abi/pbuf.js";
import {
  OPT_BROADCAST,
  OPT_HEADER_INCLUDED,
  OPT_INTERFACE,
  OPT_QUEUE,
  OPT_REUSE,
  OPTIONS,
  SOCK_RAW,
} from "../../assembly/abi/socket.js";
import { SWITCHES } from "../../assembly/abi/switch.js";
import type { Prng, Stack } from "../../src/index.js";
import { FAR, options, PEERS, pick } from "./fuzz-datagrams.js";
import { MULTICASTS, SERVED } from "./fuzz-frames.js";
import { type Bytes, ip4, ipv4 } from "./wire.js";

/** Bytes that a small buffer takes. */
const SMALL = PBUF_SMALL_BYTES - PBUF_HEADROOM;
const UDP = 17;
const ICMP = 1;
const TCP = 6;
const RAW = [ICMP, 2, UDP, TCP, 47, 253, 255].map((proto) => SOCK_RAW | proto);
/** Raw sockets for these only listen: what they said would have to be told from the stack's own messages. */
const MUTE = new Set([ICMP, 2, UDP, TCP].map((proto) => SOCK_RAW | proto));

const KINDS = [
  "open",
  "open",
  "bind",
  "connect",
  "send",
  "send",
  "send",
  "send",
  "read",
  "read",
  "read",
  "close",
  "set",
  "set",
  "options",
  "group",
  "group",
  "error",
] as const;

/** What the calls of a case have led to. */
export interface CallsHost {
  readonly prng: Prng;
  readonly stack: Stack;
  readonly addresses: readonly string[];
  /** UDP ports and echo identifiers. */
  readonly numbers: readonly number[];
  digest(bytes: Uint8Array): void;
  /** A socket sends this with a header of its own. */
  written(bytes: Bytes): void;
}

/** An export's result: an address or count, or an errno. */
export function result(name: string, value: number): number {
  if (value < -133) throw new Error(`${name} answers ${value}`);
  return value;
}

export class Calls {
  readonly #host: CallsHost;
  readonly #everywhere: readonly string[];
  /** Open, or closed meanwhile: handles, and the protocol of each. */
  readonly #handles: number[] = [];
  readonly #protocols = new Map<number, number>();
  /** Datagrams read. */
  read = 0;
  /** Some sockets may have got copies. */
  shared = false;

  constructor(host: CallsHost) {
    this.#host = host;
    this.#everywhere = [
      ...host.addresses,
      ...PEERS,
      ...PEERS,
      ...FAR,
      "127.0.0.1",
      "127.8.8.8",
      "255.255.255.255",
      "192.168.1.255",
      "10.255.255.255",
      "224.0.0.1",
      ...MULTICASTS,
      "0.0.0.0",
      "240.1.1.1",
    ];
  }

  /** Handles of sockets that are not TCP's. */
  get others(): readonly number[] {
    return this.#handles.filter((handle) => this.#protocols.get(handle) !== TCP);
  }

  #anywhere(): number {
    return ip4(pick(this.#host.prng, this.#everywhere));
  }

  /** One call; says which. */
  call(): string {
    const { prng, stack, numbers } = this.#host;
    const { core } = stack;
    const handle = this.#handles.length > 0 && prng.chance(0.97) ? pick(prng, this.#handles) : prng.uint32() | 0;
    const kind = pick(prng, KINDS);
    core.putPeer(this.#anywhere(), pick(prng, numbers));
    this.#make(kind, handle);
    return `${kind} ${handle}`;
  }

  #make(kind: (typeof KINDS)[number], handle: number): void {
    const { prng, stack, numbers } = this.#host;
    const { core } = stack;
    const { exports } = core;
    switch (kind) {
      case "open":
        this.#open();
        return;
      case "bind":
        core.putPeer(prng.chance(0.6) ? 0 : this.#anywhere(), pick(prng, numbers));
        result("sock_bind", exports.sock_bind(handle));
        return;
      case "connect":
        if (prng.chance(0.8)) result("sock_connect", exports.sock_connect(handle));
        else result("sock_disconnect", exports.sock_disconnect(handle));
        return;
      case "send":
        this.#send(handle);
        return;
      case "read": {
        const length = result("sock_recv", exports.sock_recv(handle));
        if (length < 0) return;
        this.read++;
        this.#host.digest(core.u8.subarray(core.get(CALL_PTR), core.get(CALL_PTR) + length));
        this.#host.digest(core.u8.subarray(core.get(CALL_IP), core.get(CALL_IP) + core.get(CALL_IP_LEN)));
        return;
      }
      case "close":
        // Seldom the one that others wait for.
        if (prng.chance(0.5)) result("sock_close", exports.sock_close(handle));
        return;
      case "set":
        this.#set(handle);
        return;
      case "options": {
        const bytes = prng.chance(0.8) ? options(prng, [...this.#host.addresses, ...PEERS]) : new Uint8Array(0);
        core.u8.set(bytes, core.call + CALL_OPTIONS);
        result("sock_options", exports.sock_options(handle, prng.chance(0.9) ? bytes.length : prng.below(60)));
        return;
      }
      case "group":
        this.#group(handle);
        return;
      default:
        result("sock_error", exports.sock_error(handle));
        result("sock_ready", exports.sock_ready(handle));
    }
  }

  #open(): void {
    const { prng, stack, numbers } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const protocol = pick(prng, [UDP, UDP, UDP, ICMP, ICMP, pick(prng, RAW), TCP]);
    const opened = result("sock_open", exports.sock_open(protocol));
    if (opened < 0) return;
    this.#handles.push(opened);
    this.#protocols.set(opened, protocol);
    if ((protocol & SOCK_RAW) !== 0) this.shared = true;
    if (prng.chance(0.2)) this.#option(opened, OPT_REUSE, 1);
    if (prng.chance(0.4)) this.#option(opened, OPT_BROADCAST, 1);
    if (prng.chance(0.2)) this.#option(opened, OPT_INTERFACE, 1 + prng.below(4));
    if (prng.chance(0.4)) this.#option(opened, OPT_QUEUE, pick(prng, [1, 1000, 1000]));
    // Most are bound at once where frames go, so that there is somebody to hear.
    core.putPeer(0, prng.chance(0.8) ? pick(prng, SERVED) : pick(prng, numbers));
    if (prng.chance(0.7)) result("sock_bind", exports.sock_bind(opened));
    if (prng.chance(0.3)) this.#group(opened);
  }

  #group(handle: number): void {
    const { prng, stack } = this.#host;
    const { core } = stack;
    core.putIpv4(CALL_ADDR, prng.chance(0.8) ? ip4(pick(prng, MULTICASTS)) : this.#anywhere());
    core.putIpv4(CALL_ADDR2, ip4(pick(prng, PEERS)));
    core.put(CALL_IFINDEX, pick(prng, [0, 1, 2, 2, 3, 4, 5]));
    result("sock_group", core.exports.sock_group(handle, pick(prng, [0, 0, 1, 2, 3, 4, 4, 4, 5, 6])));
  }

  #option(handle: number, option: number, value: number): void {
    if (option === OPT_REUSE) this.shared = true;
    result("sock_set", this.#host.stack.core.exports.sock_set(handle, option, value));
  }

  #set(handle: number): void {
    const { prng, stack } = this.#host;
    const { exports } = stack.core;
    const option = prng.below(OPTIONS + 1);
    this.#option(handle, option, pick(prng, [0, 1, 1, 2, 3, 4, 5, 64, 255, 256]));
    result("sock_get", exports.sock_get(handle, prng.chance(0.9) ? option : 0x100));
  }

  #send(handle: number): void {
    const { prng, stack } = this.#host;
    const { core } = stack;
    const { exports } = core;
    if (MUTE.has(this.#protocols.get(handle) ?? 0)) return;
    const length = pick(prng, [0, 1, 8, 60, 600, 600, 1000, 1472, 1473, 3000, 5000, 65507, 70000]);
    const at = result("sock_window", exports.sock_window(handle, length));
    const own = exports.sock_get(handle, OPT_HEADER_INCLUDED) === 1;
    if (at > 0) {
      core.u8.fill(0, at, at + (length <= SMALL ? SMALL : 65536));
      prng.fill(core.u8.subarray(at, at + Math.min(length, 64)));
      if (this.#protocols.get(handle) === ICMP && prng.chance(0.8)) core.u8.set([8, 0], at);
      if (own && length > 60) this.#header(at);
    }
    const len = prng.chance(0.9) ? length : prng.below(70000);
    // A window of another class stays as it was: who could say what is in it now?
    if (own && at > 0) this.#host.written(core.u8.slice(at, at + Math.min(len, 65535)));
    result("sock_send", exports.sock_send(handle, len, prng.chance(0.7) ? 1 : 0));
  }

  /** An IP header, mostly a right one. */
  #header(at: number): void {
    const { prng, stack, addresses } = this.#host;
    const src = pick(prng, [...addresses, "0.0.0.0", ...PEERS]);
    const dst = pick(prng, [...PEERS, ...addresses]);
    const some = prng.chance(0.2) ? options(prng, PEERS) : [];
    const id = prng.chance(0.5) ? 0 : prng.below(65536);
    stack.core.u8.set(ipv4({ src, dst, id, proto: pick(prng, [253, 17, 1]), ttl: prng.below(256), options: some }), at);
  }

  /** Calls with numbers that mean nothing; says which. */
  callWrongly(): string {
    const { prng, stack } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const any = () => (prng.chance(0.5) ? prng.below(6) : prng.uint32()) | 0;
    if (prng.chance(0.3)) prng.fill(core.u8.subarray(core.call, core.call + CALL_BYTES));
    const calls: [string, () => number][] = [
      ["stack_init", () => exports.stack_init()],
      ["stack_size", () => exports.stack_size()],
      ["stack_region", () => exports.stack_region(any())],
      ["stack_get", () => exports.stack_get(any())],
      ["stack_set", () => exports.stack_set(SWITCHES + prng.below(9), any())],
      ["netif_record", () => exports.netif_record(any())],
      ["netif_up", () => exports.netif_up(1 + prng.below(9), any())],
      ["netif_get", () => exports.netif_get(any(), any())],
      ["netif_set", () => exports.netif_set(prng.below(9), 11 + prng.below(9), any())],
      ["addr_record", () => exports.addr_record(any())],
      ["addr_del", () => exports.addr_del(any())],
      ["addr_add", () => exports.addr_add(any(), any(), any())],
      ["route_first", () => exports.route_first(any())],
      ["route_next", () => exports.route_next()],
      ["route_get", () => exports.route_get(any())],
      ["dest_record", () => exports.dest_record(any())],
      ["dest_flush", () => exports.dest_flush(any())],
      ["neigh_add", () => exports.neigh_add(any())],
      ["neigh_del", () => exports.neigh_del(any())],
      ["neigh_record", () => exports.neigh_record(any())],
      ["sock_record", () => exports.sock_record(any())],
      ["sock_window", () => exports.sock_window(any(), any())],
      ["sock_send", () => exports.sock_send(any(), any(), any())],
      ["sock_set", () => exports.sock_set(any(), any(), any())],
      ["sock_get", () => exports.sock_get(any(), any())],
      ["sock_options", () => exports.sock_options(any(), any())],
      ["sock_group", () => exports.sock_group(any(), any())],
      ["sock_bind", () => exports.sock_bind(any())],
      ["sock_connect", () => exports.sock_connect(any())],
      ["sock_listen", () => exports.sock_listen(any(), any())],
      ["sock_accept", () => exports.sock_accept(any())],
      ["sock_shutdown", () => exports.sock_shutdown(any(), any())],
      ["sock_abort", () => exports.sock_abort(any())],
      ["tcp_send_window", () => exports.tcp_send_window(any())],
      ["tcp_send", () => exports.tcp_send(any(), any(), any())],
      ["tcp_receive_window", () => exports.tcp_receive_window(any())],
      ["tcp_receive", () => exports.tcp_receive(any(), any())],
      ["time_wait_record", () => exports.time_wait_record(any())],
    ];
    const [name, call] = pick(prng, calls);
    result(name, call());
    return name;
  }
}
