/**
 * One instance of the module: its exports, and three long-lived views over its memory, which is grown once, before boot,
 * and never again.
 */
import * as CALL from "../../assembly/abi/call.js";
import * as CONFIG from "../../assembly/abi/config.js";
import { E_NOMEM } from "../../assembly/abi/errno.js";
import { REGION_CALL, REGION_CONFIG, VERSION } from "../../assembly/abi/stack.js";
import { readIpv4, writeIpv4 } from "../address.js";
import { check, rangeError, requireWord, StackError, typeError } from "../errors.js";

/** The module's exports, as docs/ABI.md describes them: results >= 0, or -errno. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  stack_version(): number;
  stack_defaults(profile: number): number;
  stack_size(): number;
  stack_init(): number;
  stack_poll(nowLow: number, nowHigh: number, budget: number): number;
  stack_region(id: number): number;
  stack_set(id: number, value: number): number;
  stack_get(id: number): number;
  netif_add(medium: number, mtu: number): number;
  netif_record(ifindex: number): number;
  netif_up(ifindex: number, on: number): number;
  netif_carrier(ifindex: number, on: number): number;
  netif_mtu(ifindex: number, mtu: number): number;
  netif_set(ifindex: number, id: number, value: number): number;
  netif_get(ifindex: number, id: number): number;
  addr_add(ifindex: number, prefixLength: number, flags: number): number;
  addr_del(ifindex: number): number;
  addr_record(index: number): number;
  route_add(): number;
  route_replace(): number;
  route_del(): number;
  route_first(family: number): number;
  route_next(): number;
  route_get(ifindex: number): number;
  dest_record(index: number): number;
  dest_flush(ifindex: number): number;
  neigh_add(ifindex: number): number;
  neigh_del(ifindex: number): number;
  neigh_record(index: number): number;
  sock_open(protocol: number): number;
  sock_close(handle: number): number;
  sock_bind(handle: number): number;
  sock_connect(handle: number): number;
  sock_disconnect(handle: number): number;
  sock_listen(handle: number, backlog: number): number;
  sock_accept(handle: number): number;
  sock_shutdown(handle: number, how: number): number;
  sock_abort(handle: number): number;
  tcp_send_window(handle: number): number;
  tcp_send(handle: number, len: number, flags: number): number;
  tcp_receive_window(handle: number): number;
  tcp_receive(handle: number, len: number): number;
  time_wait_record(index: number): number;
  sock_window(handle: number, len: number): number;
  sock_send(handle: number, len: number, flags: number): number;
  sock_recv(handle: number): number;
  sock_error(handle: number): number;
  sock_set(handle: number, option: number, value: number): number;
  sock_get(handle: number, option: number): number;
  sock_options(handle: number, len: number): number;
  sock_group(handle: number, op: number): number;
  sock_ready(handle: number): number;
  sock_record(index: number): number;
}

/** Boot options; each capacity has the profile's default. */
export interface BootOptions {
  /** Capacities to start from: "host" (about 10 MiB), "tiny" (one page of 64 KiB), "router" (a million routes). */
  readonly profile?: "host" | "tiny" | "router";
  /** Packet buffers of 2 KiB, and of 64 KiB (for loopback's MTU of 65,536; may be 0). */
  readonly smallBuffers?: number;
  readonly largeBuffers?: number;
  /** Interfaces, loopback included. */
  readonly interfaces?: number;
  /** Slots of each descriptor ring: a power of two. */
  readonly ringSlots?: number;
  readonly addresses?: number;
  readonly neighbours?: number;
  readonly routes4?: number;
  readonly routes6?: number;
  readonly nextHops?: number;
  /** Width of the FIB's direct table, 0 to 18 bits. */
  readonly fibDirectBits?: number;
  readonly sockets?: number;
  /** Errors that may wait in all sockets together. */
  readonly socketErrors?: number;
  /** Memberships in groups of all sockets together. */
  readonly memberships?: number;
  /** Datagrams that may be under reassembly at a time. */
  readonly reassemblies?: number;
  /** Destinations of which a redirect or a path MTU is remembered. */
  readonly destinations?: number;
  /** TCP sockets, listening ones counted. */
  readonly tcpBlocks?: number;
  /** Ranges of bytes that a connection keeps out of order, and of what its peer has so. */
  readonly tcpRanges?: number;
  /** Connections in TIME-WAIT; with more, the oldest ends early. */
  readonly timeWaits?: number;
  /** Byte rings of TCP, of 2 KiB, 16 KiB, 64 KiB and 1 MiB: a connection has two, the smallest that hold what it asks for. */
  readonly rings2K?: number;
  readonly rings16K?: number;
  readonly rings64K?: number;
  readonly rings1M?: number;
  /** 128 bits of randomness; crypto.getRandomValues unless given. */
  readonly seed?: Uint32Array | readonly number[];
  /** Milliseconds since midnight UT at the clock's time 0; unknown unless given. */
  readonly dayMs?: number;
}

const PROFILES = { host: CONFIG.PROFILE_HOST, tiny: CONFIG.PROFILE_TINY, router: CONFIG.PROFILE_ROUTER };

const OPTIONS: readonly (readonly [keyof BootOptions, number])[] = [
  ["smallBuffers", CONFIG.CONFIG_SMALL_BUFFERS],
  ["largeBuffers", CONFIG.CONFIG_LARGE_BUFFERS],
  ["interfaces", CONFIG.CONFIG_INTERFACES],
  ["ringSlots", CONFIG.CONFIG_RING_SLOTS],
  ["addresses", CONFIG.CONFIG_ADDRESSES],
  ["neighbours", CONFIG.CONFIG_NEIGHBOURS],
  ["routes4", CONFIG.CONFIG_ROUTES4],
  ["routes6", CONFIG.CONFIG_ROUTES6],
  ["nextHops", CONFIG.CONFIG_NEXT_HOPS],
  ["fibDirectBits", CONFIG.CONFIG_FIB_DIRECT_BITS],
  ["sockets", CONFIG.CONFIG_SOCKETS],
  ["socketErrors", CONFIG.CONFIG_SOCKET_ERRORS],
  ["memberships", CONFIG.CONFIG_MEMBERSHIPS],
  ["reassemblies", CONFIG.CONFIG_REASSEMBLIES],
  ["destinations", CONFIG.CONFIG_DESTINATIONS],
  ["tcpBlocks", CONFIG.CONFIG_TCP_BLOCKS],
  ["tcpRanges", CONFIG.CONFIG_TCP_RANGES],
  ["timeWaits", CONFIG.CONFIG_TIME_WAITS],
  ["rings2K", CONFIG.CONFIG_RINGS_2K],
  ["rings16K", CONFIG.CONFIG_RINGS_16K],
  ["rings64K", CONFIG.CONFIG_RINGS_64K],
  ["rings1M", CONFIG.CONFIG_RINGS_1M],
  ["dayMs", CONFIG.CONFIG_DAY_MS],
  ["seed", CONFIG.CONFIG_SEED],
];

/** The names of all boot options. */
export const BOOT_OPTIONS: ReadonlySet<string> = new Set(["profile", ...OPTIONS.map(([name]) => name)]);

const PAGE = 65536;

/** An instance that has booted. */
export class Core {
  readonly exports: Exports;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  /** The same words as int32, with which the engine computes in registers: for the packet path. */
  readonly i32: Int32Array<ArrayBuffer>;
  /** Address of the call block. */
  readonly call: number;
  /** Bytes that the stack lives in, fixed at boot. */
  readonly bytes: number;
  readonly #buffer: ArrayBuffer;

  private constructor(exports: Exports, bytes: number) {
    this.exports = exports;
    this.bytes = bytes;
    this.#buffer = exports.memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(this.#buffer);
    this.u32 = new Uint32Array(this.#buffer);
    this.i32 = new Int32Array(this.#buffer);
    this.call = exports.stack_region(REGION_CALL);
  }

  /**
   * Instantiates the module and boots the stack in it.
   * @throws StackError naming the option, EINVAL or ENOMEM with the bytes that are needed
   */
  static boot(module: WebAssembly.Module, options: BootOptions = {}): Core {
    const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    if (exports.stack_version() !== VERSION) {
      throw new Error(`the module speaks version ${exports.stack_version()} of the ABI, this host ${VERSION}`);
    }
    configure(exports, options);
    const bytes = exports.stack_size();
    if (bytes < 0) refuse(exports, bytes, options);
    const missing = Math.ceil(bytes / PAGE) - exports.memory.buffer.byteLength / PAGE;
    if (missing > 0) grow(exports.memory, missing, () => tooLarge(exports, options, bytes));
    const booted = exports.stack_init();
    if (booted < 0) refuse(exports, booted, options);
    return new Core(exports, bytes);
  }

  /** Another instance of the module with a copy of this one's memory: a stack that carries on to the bit. */
  static resume(module: WebAssembly.Module, memory: Uint8Array, bytes: number): Core {
    const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    const missing = (memory.byteLength - exports.memory.buffer.byteLength) / PAGE;
    if (missing > 0) grow(exports.memory, missing, () => tooLarge(exports, {}, memory.byteLength));
    new Uint8Array(exports.memory.buffer).set(memory);
    return new Core(exports, bytes);
  }

  /** A view of bytes: in half the time of a subarray(). */
  view(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, at, length);
  }

  /** Writes an IPv4 address (host order) into field `offset` of the call block. */
  putIpv4(offset: number, address: number): void {
    writeIpv4(this.u8, this.call + offset, address);
  }

  /** Reads the IPv4 address (host order) in field `offset` of the call block. */
  getIpv4(offset: number): number {
    return readIpv4(this.u8, this.call + offset);
  }

  put(offset: number, value: number): void {
    this.u32[(this.call + offset) >> 2] = value;
  }

  get(offset: number): number {
    return this.u32[(this.call + offset) >> 2] as number;
  }

  /** Writes an address and a port where socket calls look for them. */
  putPeer(address: number, port: number): void {
    this.putIpv4(CALL.CALL_ADDR, address);
    this.put(CALL.CALL_PORT, port);
  }

  /** Reads the u64 at `at` as a number (exact below 2^53). */
  u64(at: number): number {
    return (this.u32[at >> 2] as number) + (this.u32[(at >> 2) + 1] as number) * 2 ** 32;
  }
}

function configOf(exports: Exports): Uint32Array {
  return new Uint32Array(exports.memory.buffer, exports.stack_region(REGION_CONFIG), CONFIG.CONFIG_BYTES / 4);
}

function configure(exports: Exports, options: BootOptions): void {
  const profile = options.profile ?? "host";
  if (!Object.hasOwn(PROFILES, profile)) throw typeError(`profile: ${JSON.stringify(profile)} is not one`);
  check(exports.stack_defaults(PROFILES[profile]), "boot");
  const config = configOf(exports);
  for (const [name, offset] of OPTIONS) {
    const value = options[name];
    if (value === undefined || name === "seed") continue;
    config[offset / 4] = requireWord(name, value as number);
  }
  const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(4));
  if (seed.length !== 4) throw rangeError("seed: needs four 32-bit numbers");
  for (let i = 0; i < 4; i++) config[CONFIG.CONFIG_SEED / 4 + i] = requireWord("seed", seed[i] as number);
}

/** Says which option the module has refused, and what it would take. */
function refuse(exports: Exports, result: number, options: BootOptions): never {
  const config = configOf(exports);
  const at = (offset: number) => config[offset / 4] as number;
  const option = OPTIONS.find(([, offset]) => offset === at(CONFIG.CONFIG_ERROR))?.[0];
  if (option === undefined) throw tooLarge(exports, options, at(CONFIG.CONFIG_PAGES) * PAGE);
  if (option === "seed") throw new StackError(-result, "boot", { text: "option seed: all zero is none" });
  const range = `${at(CONFIG.CONFIG_LEAST)} to ${at(CONFIG.CONFIG_MOST)}${option === "ringSlots" ? ", a power of two" : ""}`;
  const value = config[(OPTIONS.find(([name]) => name === option)?.[1] as number) / 4];
  throw new StackError(-result, "boot", { text: `option ${option}: ${value} is out of range, ${range}` });
}

/** More memory than there can be: names the option that asks for most of it beyond its default. */
function tooLarge(exports: Exports, options: BootOptions, bytes: number): StackError {
  let most = "";
  let least = bytes;
  for (const [name] of OPTIONS) {
    if (options[name] === undefined) continue;
    configure(exports, { ...options, [name]: undefined });
    const size = exports.stack_size();
    const without = size >= 0 ? size : (configOf(exports)[CONFIG.CONFIG_PAGES / 4] as number) * PAGE;
    if (without >= least) continue;
    least = without;
    most = `, most of them for option ${name}`;
  }
  return new StackError(E_NOMEM, "boot", { text: `${bytes} bytes of memory are needed${most}` });
}

function grow(memory: WebAssembly.Memory, pages: number, refused: () => StackError): void {
  try {
    memory.grow(pages);
  } catch {
    throw refused();
  }
}
