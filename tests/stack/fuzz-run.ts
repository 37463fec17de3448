/**
 * One case of the fuzzer: a stack, what is done to it step by step, and what must hold.
 *
 * Half of the cases speak TCP above all, and what the far ends of its connections say is near what is right in every
 * state (fuzz-tcp-peer.ts).
 *
 * The oracle: nothing traps; the memory is the same and as long as before; results are >= 0 or errnos; what is sent is
 * right (fuzz-look.ts); TCP's records are sound after every step (tcp-invariants.ts), and what comes is written into the
 * window that it is for (ring-canary.ts); in the end all pools are full, no timer runs, and every frame is explained (fuzz-explain.ts). A
 * case is run twice, with something else behind each frame in its buffer: what comes of it must be the same, since nobody
 * reads there.
 */
import { NETIF_MASK, NETIF_RX_RING, NETIF_TX_RING } from "../../assembly/abi/netif.js";
import { DESC_LEN, DESC_PBUF, DESC_PTR, RING_DESC, RING_HOST, RING_STACK } from "../../assembly/abi/ring.js";
import { PCB_HANDLE } from "../../assembly/abi/socket.js";
import { POLL_IDLE } from "../../assembly/abi/stack.js";
import { SW_TCP_ORPHANS } from "../../assembly/abi/switch.js";
import { type Interface, Prng, Stack, VirtualClock } from "../../src/index.js";
import { Calls } from "./fuzz-calls.js";
import { ADDRESSES, attempt, control, settle } from "./fuzz-control.js";
import { answer, PEERS, pick } from "./fuzz-datagrams.js";
import { explain } from "./fuzz-explain.js";
import { forSocket, fragmentFrames, mutant, right, type Scene, STATIONS } from "./fuzz-frames.js";
import { Look } from "./fuzz-look.js";
import { habits, TcpCalls } from "./fuzz-tcp-calls.js";
import { TcpPeers } from "./fuzz-tcp-peer.js";
import { checkBlocks, checkBooks, checkEvents, checkPools, drain, LATE, module, openSockets } from "./harness.js";
import { RecordingDriver } from "./recording-driver.js";
import { RingCanary } from "./ring-canary.js";
import { TcpInvariants } from "./tcp-invariants.js";
import { type TcbRecord, type TimeWaitRecord, timeWaitRecords } from "./tcp-records.js";
import { arp, type Bytes, ether, read, readIpv4 } from "./wire.js";

export const PORTS = [0, 7, 1000, 1001, 1002, 40000, 65535];
const MACS = ["02:00:00:00:01:01", "02:00:00:00:02:01", undefined];

/** Something that the host has sent, and by which interface. */
interface Said {
  readonly which: number;
  readonly bytes: Bytes;
}

export class Run {
  readonly prng: Prng;
  readonly clock = new VirtualClock();
  readonly drivers: RecordingDriver[] = [];
  readonly ports: Interface[] = [];
  readonly addresses = ADDRESSES;
  readonly numbers = PORTS;
  readonly owned = new Set(["127.0.0.1"]);
  readonly scene: Scene;
  filled = 0;
  sent = 0;
  /** What was done last, for the report of a failure. */
  log: string[] = [];
  stack!: Stack;
  /** Over every byte that was sent or read. */
  digestOfAll = 0;
  readonly #look = new Look(this.owned, MACS, [1500, 700, 1000]);
  #calls!: Calls;
  #tcpCalls!: TcpCalls;
  #peers!: TcpPeers;
  #canary!: RingCanary;
  /** Records of TCP, and what must hold of them. */
  tcp!: TcpInvariants;
  readonly ranges: number;
  readonly #speaksTcp: boolean;
  /** ARP requests and datagrams that may be answered. */
  readonly #asked: Said[] = [];
  readonly #said: Said[] = [];
  readonly #quotable: Bytes[] = [];
  /** What stands behind a frame in its buffer. */
  readonly #behind: number;

  constructor(seed: number, number: number, behind: number) {
    this.#behind = behind;
    this.prng = new Prng(seed, number);
    this.#speaksTcp = number % 2 === 1;
    this.ranges = pick(this.prng, [1, 2, 32]);
    this.scene = { addresses: ADDRESSES, ports: PORTS, quotable: this.#quotable };
  }

  async boot(): Promise<void> {
    const { prng } = this;
    this.stack = await Stack.create({
      clock: this.clock,
      module,
      seed: [prng.uint32(), 1, 2, 3],
      smallBuffers: pick(prng, [32, 32, 64, 256]),
      largeBuffers: pick(prng, [0, 4, 16]),
      interfaces: 4,
      ringSlots: pick(prng, [4, 16, 64]),
      addresses: 8,
      neighbours: pick(prng, [1, 4, 32]),
      routes4: 40,
      routes6: 4,
      nextHops: pick(prng, [12, 32]),
      fibDirectBits: pick(prng, [0, 8]),
      sockets: 24,
      socketErrors: pick(prng, [0, 4, 64]),
      memberships: pick(prng, [2, 16]),
      reassemblies: pick(prng, [1, 4, 32]),
      destinations: pick(prng, [1, 4, 64]),
      tcpBlocks: this.#speaksTcp ? pick(prng, [4, 12]) : pick(prng, [0, 2, 12]),
      timeWaits: this.#speaksTcp ? pick(prng, [1, 1, 8]) : pick(prng, [0, 1, 8]),
      tcpRanges: this.ranges,
      rings2K: pick(prng, [0, 3, 24]),
      rings16K: pick(prng, [0, 3, 24]),
      rings64K: pick(prng, [0, 1, 4]),
      rings1M: 0,
      ...(prng.chance(0.5) && { dayMs: prng.below(86_400_000) }),
    });
    this.#join(new RecordingDriver({ mac: MACS[0] as string }), "192.168.1.1/24");
    this.#join(new RecordingDriver({ mac: MACS[1] as string, mtu: 700 }), "10.0.0.1/8");
    this.#join(new RecordingDriver({ medium: "ip", mtu: 1000 }), "172.16.0.1/24");
    this.#calls = new Calls(this);
    this.tcp = new TcpInvariants(this.stack, this.ranges);
    this.#canary = new RingCanary(this.stack);
    this.#tcpCalls = new TcpCalls({
      prng,
      stack: this.stack,
      addresses: ADDRESSES,
      ranges: this.ranges,
      others: () => this.#calls.others,
      isSpoiled: (t) => this.tcp.isSpoiled(t),
      digest: (bytes) => this.digest(bytes),
    });
    this.#peers = new TcpPeers(this);
    settle(this);
    // So that somebody answers, whom the host knows.
    if (this.#speaksTcp) for (const peer of PEERS) this.#introduce(peer);
    if (prng.chance(0.3)) this.stack.core.exports.stack_set(SW_TCP_ORPHANS, prng.below(3));
    if (this.#speaksTcp) habits(this.stack, prng);
    this.#own();
  }

  #introduce(peer: string): void {
    const which = networkOf(peer);
    if (which === undefined || MACS[which] === undefined) return;
    attempt(() => this.stack.neighbours.add(this.ports[which] as Interface, peer, STATIONS[0] as string));
  }

  records(): TcbRecord[] {
    return this.tcp.records();
  }

  timeWaits(): TimeWaitRecord[] {
    return timeWaitRecords(this.stack);
  }

  #join(driver: RecordingDriver, address: string): void {
    this.drivers.push(driver);
    this.ports.push(this.stack.addInterface(driver, { address }));
  }

  #own(): void {
    for (const nif of this.stack.interfaces) for (const { address } of nif.addresses) this.owned.add(address);
    for (const [which, nif] of this.ports.entries()) {
      this.#look.most[which] = Math.max(this.#look.most[which] as number, nif.mtu);
    }
  }

  step(): void {
    const { prng } = this;
    if (prng.chance(this.#speaksTcp ? 0.8 : 0.15)) {
      if (prng.chance(0.6)) this.#segments();
      else this.#note(this.#tcpCalls.call());
    } else this.#other();
    this.#own();
    this.clock.advanceSync(
      prng.chance(this.#speaksTcp ? 0.8 : 0.7) ? 0 : prng.below(pick(prng, [1000, 300_000, 2_000_000, 100_000_000])),
    );
    this.#watch();
    this.tcp.check();
  }

  /** Segments come. */
  #segments(): void {
    const { prng } = this;
    this.#canary.before(this.records());
    for (const bytes of this.#peers.say()) {
      const which = networkOf(readIpv4(bytes).src) ?? prng.below(this.drivers.length);
      const mac = MACS[which];
      const group = readIpv4(bytes).dst === "192.168.1.255";
      const dst = group ? "ff:ff:ff:ff:ff:ff" : mac;
      this.#receive(
        which,
        dst === undefined || mac === undefined ? bytes : ether({ dst, src: STATIONS[0] as string }, bytes),
      );
    }
    this.clock.advanceSync(0);
    this.#canary.check(this.records());
  }

  /** Something else happens. */
  #other(): void {
    const { prng } = this;
    const kind = prng.below(100);
    if (kind < 38) this.#inject();
    else if (kind < 56) this.#answer();
    else if (kind < 78) this.#note(this.#calls.call());
    else if (kind < 82) this.#note(this.#calls.callWrongly());
    else if (kind < 86) this.#driver();
    else if (kind < 95) this.#note(control(this));
    else this.#descriptor();
  }

  #note(text: string): void {
    this.log.push(text);
    if (this.log.length > 8) this.log.shift();
  }

  #inject(): void {
    const { prng } = this;
    const which = prng.below(this.drivers.length);
    const mac = MACS[which];
    const kind = prng.below(100);
    if (kind < 14) {
      for (const bytes of fragmentFrames(prng, this.scene, mac)) this.#receive(which, bytes);
    } else if (kind < 20) {
      // Again and again.
      const bytes = (prng.chance(0.5) ? right : forSocket)(prng, this.scene, mac);
      for (let times = prng.below(80); times > 0; times--) this.#receive(which, bytes);
    } else if (kind < 28) {
      this.#receive(which, forSocket(prng, this.scene, mac));
    } else {
      for (let burst = kind < 92 ? 1 : prng.below(40); burst > 0; burst--) {
        this.#receive(which, mutant(prng, this.scene, mac));
      }
    }
  }

  #receive(which: number, bytes: Bytes): void {
    this.#note(
      `frame to ${which}: ${Array.from(bytes.subarray(0, 120), (byte) => byte.toString(16).padStart(2, "0")).join("")}`,
    );
    this.#poison(this.ports[which] as Interface);
    this.#hear(which, bytes);
    if ((this.drivers[which] as RecordingDriver).port.receive(bytes)) this.filled++;
  }

  /** Somebody answers what was asked, or says something to what was sent, mostly where it was. */
  #answer(): void {
    const { prng } = this;
    const asked = this.#asked.shift();
    if (asked !== undefined && prng.chance(0.8)) {
      const request = read(asked.bytes).arp;
      if (request === undefined) return;
      const src = STATIONS[Number(request.tpa.split(".")[3]) % STATIONS.length] as string;
      const reply = arp({ op: 2, sha: src, spa: request.tpa, tha: request.sha, tpa: request.spa });
      this.#receive(asked.which, ether({ dst: request.sha, src, type: 0x0806 }, reply));
      return;
    }
    if (this.#said.length === 0) return;
    const said = pick(prng, this.#said);
    const dst = MACS[said.which];
    const bytes = answer(prng, said.bytes);
    this.#receive(said.which, dst === undefined ? bytes : ether({ dst, src: pick(prng, STATIONS) }, bytes));
  }

  /** A frame comes in, as it stands in its buffer. */
  #hear(which: number, bytes: Bytes): void {
    const isEther = MACS[which] !== undefined;
    this.#look.received(bytes, isEther);
    this.tcp.received(isEther ? bytes.slice(bytes[12] === 0x81 && bytes[13] === 0 ? 18 : 14) : bytes);
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

  #driver(): void {
    const driver = pick(this.prng, this.drivers);
    this.#note("driver");
    if (driver.busy) driver.free();
    else driver.busy = this.prng.chance(0.6);
  }

  /** A driver that fills a slot wrongly, or moves its cursor to where it must not, and back. */
  #descriptor(): void {
    const { prng, stack } = this;
    const { exports, u32 } = stack.core;
    const which = prng.below(this.ports.length);
    const nif = this.ports[which] as Interface;
    const rx = (u32[(exports.netif_record(nif.index) + NETIF_RX_RING) >> 2] as number) >> 2;
    const cursor = u32[rx] as number;
    const offered = ((u32[rx + RING_STACK / 4] as number) - cursor) >>> 0;
    this.#note("descriptor");
    if (prng.chance(0.2)) {
      this.#loseOverLo();
      return;
    }
    if (offered === 0 || prng.chance(0.2)) {
      u32[rx] = cursor + offered + 1 + prng.below(1000);
      exports.stack_poll(0, 0, 64);
      u32[rx] = cursor;
      return;
    }
    const slot = this.#slot(nif) as number;
    const at = u32[slot + DESC_PTR / 4] as number;
    const bytes = mutant(prng, this.scene, MACS[which]);
    const room = u32[slot + DESC_LEN / 4] as number;
    stack.core.u8.fill(0, at, at + room);
    stack.core.u8.set(bytes.subarray(0, room), at);
    this.#hear(which, stack.core.u8.slice(at, at + room));
    u32[slot + DESC_LEN / 4] = pick(prng, [bytes.length, 0, 1, 60, 1500, room, room + 1, 2048, 65536, 0xffffffff]);
    if (prng.chance(0.5)) u32[slot + DESC_PBUF / 4] = prng.chance(0.5) ? prng.below(300) : prng.uint32();
    if (prng.chance(0.5)) u32[slot + DESC_PTR / 4] = prng.uint32();
    u32[rx] = cursor + 1;
    this.filled++;
    stack.work();
  }

  /** Loopback's driver says that it has sent what waits, and hands nothing over. */
  #loseOverLo(): void {
    const { exports, u32 } = this.stack.core;
    const tx = (u32[(exports.netif_record(1) + NETIF_TX_RING) >> 2] as number) >> 2;
    for (let calls = 0; calls < 4; calls++) this.#calls.call();
    u32[tx + RING_HOST / 4] = u32[tx + RING_STACK / 4] as number;
    exports.stack_poll(0, 0, 64);
  }

  digest(bytes: Uint8Array): void {
    for (const byte of bytes) this.digestOfAll = (Math.imul(this.digestOfAll, 31) + byte) | 0;
  }

  written(bytes: Bytes): void {
    this.#look.written(bytes);
  }

  /** What was sent is right, and may be answered. */
  #watch(): void {
    for (const [which, driver] of this.drivers.entries()) {
      driver.sentAtUs.length = 0;
      for (const bytes of driver.sent.splice(0)) {
        this.sent++;
        this.digest(bytes);
        const datagram = this.#look.sent(which, bytes);
        if (datagram === undefined) {
          keep(this.#asked, { which, bytes }, 4);
          continue;
        }
        keep(this.#said, { which, bytes: datagram }, 16);
        keep(this.#quotable, datagram, 16);
        this.#peers.heard(datagram);
      }
    }
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
    checkBlocks(stack);
    checkEvents(stack);
    this.#idle();
    explain(this.stack, { filled: this.filled, read: this.#calls.read, shared: this.#calls.shared });
  }

  /** With all interfaces down and all sockets closed, whatever runs comes to its end. */
  #idle(): void {
    const { exports } = this.stack.core;
    let wait = 0;
    for (let high = LATE + 1; high < LATE + 40; high++) {
      wait = exports.stack_poll(0, high, 512) >>> 0;
      if (wait === POLL_IDLE) return;
    }
    throw new Error(`a timer runs without end: ${wait} µs`);
  }
}

/** The interface whose network the address is of. */
function networkOf(address: string): number | undefined {
  const which = ["192.168.1.", "10.", "172.16."].findIndex((prefix) => address.startsWith(prefix));
  return which < 0 ? undefined : which;
}

function keep<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}
