/**
 * One case of the fuzzer: a stack, what is done to it step by step, and what must hold.
 *
 * The oracle: nothing traps; the memory is the same and as long as before; results are >= 0 or errnos; what is sent is
 * well-formed, from an own address, and not of 127/8; in the end all pools are full, and every frame is explained
 * (fuzz-explain.ts). A case is run twice, with something else behind each frame in its buffer: what comes of it must be
 * the same, since nobody reads there.
 */
import { CALL_ADDR, CALL_ADDR2, CALL_BYTES, CALL_IFINDEX, CALL_PTR } from "../../assembly/abi/call.js";
import { NETIF_MASK, NETIF_RX_RING } from "../../assembly/abi/netif.js";
import { PBUF_HEADROOM, PBUF_SMALL_BYTES } from "../../assembly/abi/pbuf.js";
import { DESC_LEN, DESC_PBUF, DESC_PTR, RING_DESC, RING_STACK } from "../../assembly/abi/ring.js";
import { PCB_HANDLE } from "../../assembly/abi/socket.js";
import { SWITCHES } from "../../assembly/abi/switch.js";
import { type Interface, Prng, Stack, VirtualClock } from "../../src/index.js";
import { explain } from "./fuzz-explain.js";
import { MULTICASTS, mutant, pick, type Scene } from "./fuzz-frames.js";
import { checkBooks, checkEvents, checkPools, drain, module, openSockets } from "./harness.js";
import { RecordingDriver } from "./recording-driver.js";
import { type Bytes, ip4, read, readIpv4 } from "./wire.js";

export const ADDRESSES = ["192.168.1.1", "192.168.1.77", "10.0.0.1", "172.16.0.1"];
/** Bytes that a small buffer takes. */
const SMALL = PBUF_SMALL_BYTES - PBUF_HEADROOM;
const TARGETS = [
  ...ADDRESSES,
  "192.168.1.2",
  "192.168.1.3",
  "10.0.0.2",
  "172.16.0.2",
  "8.8.8.8",
  "127.0.0.1",
  "127.8.8.8",
];
const EVERYWHERE = [
  ...TARGETS,
  "255.255.255.255",
  "192.168.1.255",
  "10.255.255.255",
  "224.0.0.1",
  "0.0.0.0",
  "240.1.1.1",
];
export const PORTS = [0, 7, 1000, 1001, 1002, 40000, 65535];

export class Run {
  readonly prng: Prng;
  readonly clock = new VirtualClock();
  readonly drivers: RecordingDriver[] = [];
  readonly ports: Interface[] = [];
  readonly handles: number[] = [];
  readonly quotable: Bytes[] = [];
  /** Every address that the host ever had: what is sent may have waited since then. */
  readonly owned = new Set(["127.0.0.1"]);
  readonly scene: Scene;
  filled = 0;
  datagramsRead = 0;
  sent = 0;
  /** What was done last, for the report of a failure. */
  log: string[] = [];
  stack!: Stack;

  /** Over every byte that was sent or read. */
  digest = 0;
  /** What stands behind a frame in its buffer. */
  readonly #behind: number;

  constructor(seed: number, number: number, behind: number) {
    this.#behind = behind;
    this.prng = new Prng(seed, number);
    this.scene = {
      macs: ["02:00:00:00:01:01", "02:00:00:00:02:01"],
      addresses: ADDRESSES,
      ports: PORTS,
      quotable: this.quotable,
    };
  }

  async boot(): Promise<void> {
    const { prng } = this;
    this.stack = await Stack.create({
      clock: this.clock,
      module,
      seed: [prng.uint32(), 1, 2, 3],
      smallBuffers: pick(prng, [32, 64, 256]),
      largeBuffers: pick(prng, [0, 4, 16]),
      interfaces: 4,
      ringSlots: pick(prng, [4, 16, 64]),
      addresses: 8,
      neighbours: pick(prng, [1, 4, 32]),
      routes4: 32,
      routes6: 4,
      nextHops: 16,
      fibDirectBits: pick(prng, [0, 8]),
      sockets: 12,
      socketErrors: pick(prng, [0, 4, 64]),
    });
    this.#join(new RecordingDriver({ mac: "02:00:00:00:01:01" }), "192.168.1.1/24");
    this.#join(new RecordingDriver({ mac: "02:00:00:00:02:01", mtu: 700 }), "10.0.0.1/8");
    this.#join(new RecordingDriver({ medium: "ip", mtu: 1000 }), "172.16.0.1/24");
    this.#own();
  }

  #join(driver: RecordingDriver, address: string): void {
    this.drivers.push(driver);
    this.ports.push(this.stack.addInterface(driver, { address }));
  }

  #own(): void {
    for (const nif of this.stack.interfaces) for (const { address } of nif.addresses) this.owned.add(address);
  }

  step(): void {
    const { prng } = this;
    const kind = prng.below(100);
    if (kind < 60) this.#inject();
    else if (kind < 78) this.#callSocket();
    else if (kind < 83) this.#callWrongly();
    else if (kind < 88) this.#driver();
    else if (kind < 95) this.#control();
    else this.#descriptor();
    this.clock.advanceSync(prng.chance(0.7) ? 0 : prng.below(pick(prng, [1000, 300_000, 2_000_000, 100_000_000])));
    this.#own();
    this.#look();
  }

  #note(text: string): void {
    this.log.push(text);
    if (this.log.length > 5) this.log.shift();
  }

  #inject(): void {
    const { prng } = this;
    const which = prng.below(this.drivers.length);
    const driver = this.drivers[which] as RecordingDriver;
    for (let burst = prng.chance(0.9) ? 1 : prng.below(40); burst > 0; burst--) {
      const bytes = mutant(prng, this.scene, driver.medium === "ip");
      this.#note(`frame to ${which}: ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
      this.#poison(this.ports[which] as Interface);
      if (driver.port.receive(bytes)) this.filled++;
    }
  }

  /** Fills the buffer that takes the next frame. */
  #poison(nif: Interface): void {
    const slot = this.#slot(nif);
    if (slot === undefined) return;
    const { u8, u32 } = this.stack.core;
    const at = u32[slot + DESC_PTR / 4] as number;
    u8.fill(this.#behind, at, at + (u32[slot + DESC_LEN / 4] as number));
  }

  /** u32 index of the descriptor that takes the next frame; undefined if none is offered. */
  #slot(nif: Interface): number | undefined {
    const { exports, u32 } = this.stack.core;
    const record = exports.netif_record(nif.index);
    const rx = (u32[(record + NETIF_RX_RING) >> 2] as number) >> 2;
    const cursor = u32[rx] as number;
    if (cursor === u32[rx + RING_STACK / 4]) return undefined;
    return rx + RING_DESC / 4 + (cursor & (u32[(record + NETIF_MASK) >> 2] as number)) * 4;
  }

  /** An export's result: an address or count, or an errno. */
  #result(name: string, result: number): number {
    if (result < -133) throw new Error(`${name} answers ${result}`);
    return result;
  }

  #callSocket(): void {
    const { prng, stack } = this;
    const { core } = stack;
    const { exports } = core;
    const handle = this.handles.length > 0 && prng.chance(0.95) ? pick(prng, this.handles) : prng.uint32() | 0;
    const what = pick(prng, [
      "open",
      "bind",
      "connect",
      "send",
      "send",
      "send",
      "read",
      "read",
      "close",
      "set",
      "group",
      "error",
    ]);
    this.#note(`${what} ${handle}`);
    core.putPeer(ip4(pick(prng, EVERYWHERE)), pick(prng, PORTS));
    switch (what) {
      case "open": {
        const opened = this.#result("sock_open", exports.sock_open(pick(prng, [17, 17, 1, 6])));
        if (opened < 0) return;
        this.handles.push(opened);
        // Most are bound at once where frames go, so that there is somebody to hear.
        core.putPeer(0, pick(prng, PORTS));
        if (prng.chance(0.7)) this.#result("sock_bind", exports.sock_bind(opened));
        return;
      }
      case "bind":
        core.putPeer(prng.chance(0.6) ? 0 : ip4(pick(prng, EVERYWHERE)), pick(prng, PORTS));
        this.#result("sock_bind", exports.sock_bind(handle));
        return;
      case "connect":
        if (prng.chance(0.8)) this.#result("sock_connect", exports.sock_connect(handle));
        else this.#result("sock_disconnect", exports.sock_disconnect(handle));
        return;
      case "send": {
        const length = pick(prng, [0, 1, 8, 60, 600, 1000, 1472, 1473, 5000, 65507, 70000]);
        const at = this.#result("sock_window", exports.sock_window(handle, length));
        if (at > 0) {
          core.u8.fill(0, at, at + (length <= SMALL ? SMALL : 65536));
          prng.fill(core.u8.subarray(at, at + Math.min(length, 64)));
          if (prng.chance(0.5)) core.u8.set([8, 0], at);
        }
        const len = prng.chance(0.9) ? length : prng.below(70000);
        this.#result("sock_send", exports.sock_send(handle, len, prng.chance(0.7) ? 1 : 0));
        return;
      }
      case "read": {
        const length = this.#result("sock_recv", exports.sock_recv(handle));
        if (length < 0) return;
        this.datagramsRead++;
        this.#digest(core.u8.subarray(core.get(CALL_PTR), core.get(CALL_PTR) + length));
        return;
      }
      case "close":
        this.#result("sock_close", exports.sock_close(handle));
        return;
      case "set":
        this.#result("sock_set", exports.sock_set(handle, prng.below(9), pick(prng, [0, 1, 2, 3, 5, 64, 255, 256])));
        this.#result("sock_get", exports.sock_get(handle, prng.below(9)));
        return;
      case "group":
        core.putIpv4(CALL_ADDR, ip4(pick(prng, [...MULTICASTS, ...MULTICASTS, ...EVERYWHERE])));
        core.putIpv4(CALL_ADDR2, ip4(pick(prng, EVERYWHERE)));
        core.put(CALL_IFINDEX, prng.below(4));
        this.#result("sock_group", exports.sock_group(handle, pick(prng, [0, 0, 1, 2, 3, 4, 4, 5, 6])));
        return;
      default:
        this.#result("sock_error", exports.sock_error(handle));
        this.#result("sock_ready", exports.sock_ready(handle));
    }
  }

  /** Calls with numbers that mean nothing. */
  #callWrongly(): void {
    const { prng, stack } = this;
    const { core } = stack;
    const { exports } = core;
    const any = () => (prng.chance(0.5) ? prng.below(6) : prng.uint32()) | 0;
    if (prng.chance(0.3)) prng.fill(core.u8.subarray(core.call, core.call + CALL_BYTES));
    const calls: [string, () => number][] = [
      ["stack_init", () => exports.stack_init()],
      ["stack_size", () => exports.stack_size()],
      ["stack_region", () => exports.stack_region(any())],
      ["stack_get", () => exports.stack_get(any())],
      ["netif_record", () => exports.netif_record(any())],
      ["netif_mtu", () => exports.netif_mtu(any(), any())],
      ["netif_up", () => exports.netif_up(1 + prng.below(9), any())],
      ["addr_record", () => exports.addr_record(any())],
      ["addr_del", () => exports.addr_del(any())],
      ["addr_add", () => exports.addr_add(any(), any(), any())],
      ["route_first", () => exports.route_first(any())],
      ["route_next", () => exports.route_next()],
      ["route_get", () => exports.route_get(any())],
      ["neigh_add", () => exports.neigh_add(any())],
      ["neigh_del", () => exports.neigh_del(any())],
      ["neigh_record", () => exports.neigh_record(any())],
      ["sock_record", () => exports.sock_record(any())],
      ["sock_window", () => exports.sock_window(any(), any())],
      ["sock_send", () => exports.sock_send(any(), any(), any())],
      ["sock_set", () => exports.sock_set(any(), any(), any())],
      ["sock_get", () => exports.sock_get(any(), any())],
      ["sock_group", () => exports.sock_group(any(), any())],
      ["sock_bind", () => exports.sock_bind(any())],
      ["sock_connect", () => exports.sock_connect(any())],
    ];
    const [name, call] = pick(prng, calls);
    this.#note(name);
    this.#result(name, call());
    this.#own();
  }

  #driver(): void {
    const driver = pick(this.prng, this.drivers);
    this.#note("driver");
    if (driver.busy) driver.free();
    else driver.busy = true;
  }

  #control(): void {
    const { prng, stack } = this;
    const which = prng.below(this.ports.length);
    const nif = this.ports[which] as Interface;
    const driver = this.drivers[which] as RecordingDriver;
    const acts: (() => void)[] = [
      () => driver.port.carrier(prng.chance(0.7)),
      () => (prng.chance(0.7) ? nif.up() : nif.down()),
      () => nif.addAddress(`${pick(prng, ADDRESSES)}/${pick(prng, [8, 24, 30, 32])}`),
      () => nif.removeAddress(pick(prng, ADDRESSES)),
      () => stack.routes.add({ destination: "default", dev: nif.name }),
      () => stack.routes.add({ destination: "default", gateway: pick(prng, TARGETS), metric: prng.below(3) }),
      () => stack.routes.delete({ destination: "default" }),
      () => stack.routes.delete({ destination: `${pick(prng, ADDRESSES)}/32` }),
      () => stack.neighbours.add(nif, pick(prng, TARGETS), "02:00:00:00:03:01"),
      () => stack.neighbours.delete(nif, pick(prng, TARGETS)),
      () => {
        nif.mtu = pick(prng, [68, 576, 1000, 1500, 1920, 9000]);
      },
      () => {
        const id = prng.below(SWITCHES);
        this.#result("stack_set", stack.core.exports.stack_set(id, pick(prng, [0, 1, 2, 1000, 5000, 40000, 60000])));
      },
    ];
    this.#note(`control of ${which}`);
    try {
      pick(prng, acts)();
    } catch (error) {
      if (!/^E[A-Z]+$/.test((error as { code?: string }).code ?? "")) throw error;
    }
  }

  /** A driver that fills a slot wrongly, or moves its cursor to where it must not, and back. */
  #descriptor(): void {
    const { prng, stack } = this;
    const { exports, u32 } = stack.core;
    const nif = pick(prng, this.ports);
    const rx = (u32[(exports.netif_record(nif.index) + NETIF_RX_RING) >> 2] as number) >> 2;
    const cursor = u32[rx] as number;
    const offered = ((u32[rx + RING_STACK / 4] as number) - cursor) >>> 0;
    this.#note("descriptor");
    if (offered === 0 || prng.chance(0.2)) {
      u32[rx] = cursor + offered + 1 + prng.below(1000);
      exports.stack_poll(0, 0, 64);
      u32[rx] = cursor;
      return;
    }
    const slot = this.#slot(nif) as number;
    const at = u32[slot + DESC_PTR / 4] as number;
    const bytes = mutant(prng, this.scene, nif.medium === "ip");
    const room = u32[slot + DESC_LEN / 4] as number;
    stack.core.u8.fill(0, at, at + room);
    stack.core.u8.set(bytes.subarray(0, room), at);
    u32[slot + DESC_LEN / 4] = pick(prng, [bytes.length, 0, 1, 60, 1500, room, room + 1, 2048, 65536, 0xffffffff]);
    if (prng.chance(0.5)) u32[slot + DESC_PBUF / 4] = prng.chance(0.5) ? prng.below(300) : prng.uint32();
    if (prng.chance(0.5)) u32[slot + DESC_PTR / 4] = prng.uint32();
    u32[rx] = cursor + 1;
    this.filled++;
    stack.work();
  }

  #digest(bytes: Uint8Array): void {
    for (const byte of bytes) this.digest = (Math.imul(this.digest, 31) + byte) | 0;
  }

  /** What was sent is well-formed. */
  #look(): void {
    for (const [which, driver] of this.drivers.entries()) {
      for (const bytes of driver.sent.splice(0)) {
        this.sent++;
        this.#digest(bytes);
        const ip = driver.medium === "ip" ? readIpv4(bytes) : this.#lookEther(which, bytes);
        if (ip !== undefined) this.#lookIp(ip, driver.medium === "ip" ? bytes : bytes.slice(14));
      }
      driver.sentAtUs.length = 0;
    }
  }

  #lookEther(which: number, bytes: Bytes): ReturnType<typeof readIpv4> | undefined {
    const frame = read(bytes);
    if (bytes.length < 60) throw new Error(`a frame of ${bytes.length} bytes was sent`);
    if (frame.src !== this.scene.macs[which]) throw new Error(`a frame was sent from ${frame.src}`);
    if (frame.padding > 0 && bytes.slice(bytes.length - frame.padding).some((byte) => byte !== 0)) {
      throw new Error("a frame was padded with what is not zero");
    }
    if (frame.arp !== undefined) {
      const { spa, tpa, sha } = frame.arp;
      if (sha !== frame.src || tpa.startsWith("127.")) throw new Error(`ARP from ${sha} for ${tpa}`);
      if (spa !== "0.0.0.0" && !this.owned.has(spa)) throw new Error(`ARP from ${spa}`);
    } else if (frame.ip === undefined) throw new Error(`a frame of type ${frame.type} was sent`);
    return frame.ip;
  }

  #lookIp(ip: ReturnType<typeof readIpv4>, bytes: Bytes): void {
    if (!ip.good || ip.totalLen > bytes.length) throw new Error("a bad IP header was sent");
    if (ip.ttl === 0) throw new Error("a TTL of 0 was sent");
    // IGMP speaks for an interface, which may have no address.
    const nameless = ip.proto === 2 && ip.src === "0.0.0.0";
    if (!nameless && (!this.owned.has(ip.src) || ip.src.startsWith("127.")))
      throw new Error(`a datagram was sent from ${ip.src}`);
    if (ip.dst.startsWith("127.") || ip.dst.startsWith("0.")) throw new Error(`a datagram was sent to ${ip.dst}`);
    if (ip.icmp?.good === false || ip.udp?.good === false) throw new Error("a bad checksum was sent");
    this.quotable.push(bytes.slice(0, ip.totalLen));
    if (this.quotable.length > 16) this.quotable.shift();
  }

  end(): void {
    const { stack } = this;
    const { exports, u32 } = stack.core;
    if (exports.memory.buffer !== u32.buffer) throw new Error("the memory was replaced");
    checkBooks(stack);
    checkEvents(stack);
    drain(stack);
    for (const index of openSockets(stack))
      exports.sock_close(u32[(exports.sock_record(index) + PCB_HANDLE) >> 2] as number);
    stack.close();
    drain(stack);
    checkPools(stack);
    checkBooks(stack);
    checkEvents(stack);
    explain(this.stack, { filled: this.filled, read: this.datagramsRead, shared: false });
  }
}
