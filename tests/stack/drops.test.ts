/**
 * Every drop reason of assembly/abi/drop.ts is reached: a scenario each, in which exactly that counter rises (and those
 * named beside it, where one packet's end brings about another's).
 */
import { describe, expect, test } from "vitest";
import {
  IFSW_ACCEPT_REDIRECTS,
  IFSW_ACCEPT_SOURCE_ROUTE,
  IFSW_RP_FILTER,
  NETIF_RX_RING,
  NETIF_TX_RING,
} from "../../assembly/abi/netif.js";
import { DESC_LEN, DESC_PBUF, RING_DESC, RING_HOST, RING_STACK } from "../../assembly/abi/ring.js";
import { DROP_TEXTS, type DropName, type UdpSocket } from "../../src/index.js";
import { DROPS } from "../../src/text/drops.js";
import { igmp, frame as igmpFrame } from "./frames/igmp-kit.js";
import { Host, OUR_MAC, PEER, US } from "./recording-driver.js";
import { TCP_SCENARIOS } from "./tcp-drops.js";
import { arp, BROADCAST_MAC, data, ether, icmp, ipv4, udp } from "./wire.js";

export interface Scenario {
  options?: Parameters<typeof Host.create>[0];
  /** Makes the world ready; what is dropped meanwhile is not looked at. */
  prepare?(host: Host): unknown;
  act(host: Host): unknown;
  /** How often it rises, 1 unless given, and what else does. */
  times?: number;
  also?: Partial<Record<DropName, number>>;
  /** Puts back what would disturb the checks after the test. */
  after?(host: Host): void;
}

/** A frame to us from the peer. */
const frame = (packet: ArrayLike<number>) => ether({ dst: OUR_MAC }, packet);
const rxIp = (fields: Parameters<typeof ipv4>[0], payload: ArrayLike<number> = udp({})) => ({
  act: (host: Host) => host.rx(frame(ipv4(fields, payload))),
});
const rxUdp = (fields: Parameters<typeof udp>[0], ip: Parameters<typeof ipv4>[0] = {}) => ({
  act: (host: Host) => host.rxUdp(fields, [], ip),
});
const rxIcmp = (fields: Parameters<typeof icmp>[0], payload: ArrayLike<number> = []) => ({
  act: (host: Host) => host.rxIcmp(fields, payload),
});
const rxIgmp = (message: ArrayLike<number>, alert = false) => ({
  act: (host: Host) => host.rx(igmpFrame(message, PEER, US, alert)),
});
const rxArp = (fields: Parameters<typeof arp>[0]) => ({ act: (host: Host) => host.rxArp(fields) });

const sockets = new WeakMap<Host, UdpSocket>();
/** A socket on port 5000, opened when it is first asked for. */
async function open(host: Host, options: { queue?: number; broadcast?: boolean } = {}): Promise<void> {
  sockets.set(host, await host.stack.udp.bind({ port: 5000, ...options }));
}
/** Sends to the address; an error of the call is part of the scenario. */
function send(host: Host, address = PEER, bytes: Uint8Array | string = "x"): void {
  try {
    sockets.get(host)?.trySend(bytes, { address, port: 9 });
  } catch {}
  host.run();
}

/** u32 index of a word of an interface's ring. */
function ring(host: Host, ifindex: number, which: number): number {
  const { exports, u32 } = host.stack.core;
  return (u32[(exports.netif_record(ifindex) + which) >> 2] as number) >> 2;
}

/** Fills the interface's next RX slot, as a driver might do it wrongly. */
function fill(host: Host, fields: { len?: number; pbuf?: number }): void {
  const { u32 } = host.stack.core;
  const rx = ring(host, 2, NETIF_RX_RING);
  const offered = ((u32[rx + RING_STACK / 4] as number) - (u32[rx] as number)) >>> 0;
  expect(offered).toBeGreaterThan(0);
  const slots = offered; // All slots are offered: the ring has as many.
  const slot = rx + RING_DESC / 4 + ((u32[rx] as number) & (slots - 1)) * 4;
  if (fields.len !== undefined) u32[slot + DESC_LEN / 4] = fields.len;
  if (fields.pbuf !== undefined) u32[slot + DESC_PBUF / 4] = fields.pbuf;
  u32[rx] = (u32[rx] as number) + 1;
  host.stack.work();
  host.run();
}

/** Forwards, by eth1 (10.0.0.1/8, MTU 600) among others. */
function forwards(host: Host): void {
  host.stack.switches.set("IP_FORWARD", 1);
  const { nif } = host.join({ address: "10.0.0.1/8", mtu: 600 });
  host.stack.neighbours.add(nif, "10.0.0.2", "02:00:00:00:02:02");
}

const SCENARIOS: Record<DropName, Scenario> = {
  RX_BAD_DESCRIPTOR: { act: (host) => fill(host, { pbuf: 0xffff, len: 60 }) },
  RX_TOO_LONG: { act: (host) => fill(host, { len: 1519 }) },
  RX_IF_DOWN: { prepare: (host) => host.nif.down(), ...rxUdp({}) },
  LO_NOT_HANDED_OVER: {
    prepare: (host) => open(host),
    // The driver says that it has sent the frame, and hands nothing over.
    act: (host) => {
      const { exports, u32 } = host.stack.core;
      sockets.get(host)?.trySend("x", { address: "127.0.0.1", port: 5000 });
      const tx = ring(host, 1, NETIF_TX_RING);
      u32[tx + RING_HOST / 4] = u32[tx + RING_STACK / 4] as number;
      exports.stack_poll(0, 0, 512);
    },
  },

  ETHER_SHORT: { act: (host) => host.rx(new Uint8Array(13)) },
  ETHER_NOT_FOR_US: { act: (host) => host.rx(ether({ dst: "02:00:00:00:01:77" }, ipv4({}, udp({})))) },
  ETHER_SOURCE_GROUP: { act: (host) => host.rx(ether({ dst: OUR_MAC, src: BROADCAST_MAC }, ipv4({}, udp({})))) },
  ETHER_8023_LENGTH: { act: (host) => host.rx(ether({ dst: OUR_MAC, type: 46 }, data(46))) },
  ETHER_VLAN: { act: (host) => host.rx(ether({ dst: OUR_MAC, tag: 7 }, ipv4({}, udp({})))) },
  ETHER_TYPE: { act: (host) => host.rx(ether({ dst: OUR_MAC, type: 0x86dd }, data(46))) },

  ARP_SHORT: { act: (host) => host.rx(ether({ type: 0x0806 }, arp({}).slice(0, 27))) },
  ARP_FORMAT: rxArp({ hrd: 6 }),
  ARP_OPERATION: rxArp({ op: 3 }),
  ARP_SOURCE: rxArp({ spa: "192.168.1.255" }),
  ARP_NOT_FOR_US: rxArp({ spa: "192.168.1.66", tpa: "192.168.1.77" }),
  ARP_CONFLICT: rxArp({ spa: US }),
  ARP_IGNORED: {
    prepare: (host) => {
      host.join({ address: "10.0.0.1/8" });
      host.nif.switches.set("ARP_IGNORE", 1);
    },
    ...rxArp({ tpa: "10.0.0.1" }),
  },

  NEIGH_QUEUE_FULL: {
    prepare: async (host) => {
      await open(host);
      host.stack.switches.set("NEIGH_QUEUE", 3);
      for (let i = 0; i < 3; i++) send(host, "192.168.1.9");
    },
    act: (host) => send(host, "192.168.1.9"),
  },
  NEIGH_FAILED: {
    prepare: async (host) => {
      await open(host);
      send(host, "192.168.1.9");
    },
    act: (host) => host.run(4_000_000),
  },
  NEIGH_TABLE_FULL: {
    options: { neighbours: 1 },
    prepare: (host) => open(host),
    act: (host) => send(host, "192.168.1.9"),
  },
  NEIGH_FLUSHED: {
    prepare: async (host) => {
      await open(host);
      send(host, "192.168.1.9");
    },
    act: (host) => host.stack.neighbours.delete(host.nif, "192.168.1.9"),
  },

  IP_SHORT: { act: (host) => host.rx(frame(ipv4({}).slice(0, 19))) },
  IP_VERSION: rxIp({ version: 6 }),
  IP_HEADER_LENGTH: rxIp({ ihl: 4 }),
  IP_TOTAL_LENGTH: rxIp({ totalLen: 19 }),
  IP_CHECKSUM: rxIp({ checksum: 1 }),
  IP_SOURCE: rxIp({ src: "224.0.0.1" }),
  IP_SOURCE_LOOPBACK: rxIp({ src: "127.0.0.1" }),
  IP_DEST_LOOPBACK: rxIp({ dst: "127.0.0.1" }),
  IP_DEST: rxIp({ dst: "240.0.0.1" }),
  IP_LINK_BROADCAST: { act: (host) => host.rxUdp({}, [], {}, BROADCAST_MAC) },
  IP_NOT_FORWARDING: rxIp({ dst: "8.8.8.8" }),
  IP_OPTIONS: rxIp({ options: [7, 2, 0, 0] }),
  IP_SOURCE_ROUTE: rxIp({ options: [131, 7, 4, 10, 0, 0, 2, 0] }),
  IP_SOURCE_ROUTE_FAILED: {
    prepare: (host) => host.stack.core.exports.netif_set(2, IFSW_ACCEPT_SOURCE_ROUTE, 1),
    ...rxIp({ options: [131, 7, 4, 10, 0, 0, 2, 0] }),
  },
  IP_PROTOCOL: rxIp({ proto: 99 }, data(20)),
  IP_OWN_SOURCE: rxIp({ src: US }),
  IP_GROUP: { act: (host) => host.rxUdp({}, [], { dst: "224.0.0.9" }, "01:00:5e:00:00:01") },

  IP_RP_FILTER: {
    prepare: (host) => host.stack.core.exports.netif_set(2, IFSW_RP_FILTER, 2),
    act: (host) => host.rxUdp({}, [], { src: "8.8.8.8" }),
  },

  IP_DIRECTED_BROADCAST: { prepare: forwards, ...rxIp({ dst: "10.255.255.255" }) },

  FWD_TTL: { prepare: forwards, ...rxIp({ dst: "10.0.0.2", ttl: 1 }) },
  FWD_NO_ROUTE: { prepare: forwards, ...rxIp({ dst: "8.8.8.8" }) },
  FWD_UNREACHABLE: {
    prepare: (host) => {
      forwards(host);
      host.stack.routes.add({ destination: "8.0.0.0/8", reject: true });
    },
    ...rxIp({ dst: "8.8.8.8" }),
  },
  FWD_PROHIBITED: {
    prepare: (host) => {
      forwards(host);
      host.stack.routes.add({ destination: "8.0.0.0/8", type: "prohibit" });
    },
    ...rxIp({ dst: "8.8.8.8" }),
  },
  FWD_BLACKHOLE: {
    prepare: (host) => {
      forwards(host);
      host.stack.routes.add({ destination: "8.0.0.0/8", type: "blackhole" });
    },
    ...rxIp({ dst: "8.8.8.8" }),
  },
  FWD_NEED_FRAGMENT: { prepare: forwards, ...rxIp({ dst: "10.0.0.2", flagsOffset: 0x4000 }, udp({}, data(600))) },
  FWD_DEST: { prepare: forwards, ...rxIp({ dst: "169.254.0.1" }) },

  FRAG_LENGTH: rxIp({ flagsOffset: 0x2000 }, data(9)),
  FRAG_TOO_LONG: rxIp({ flagsOffset: 0x1fff }, data(8)),
  FRAG_DUPLICATE: {
    prepare: (host) => host.rxIp({ flagsOffset: 0x2000 }, data(64)),
    ...rxIp({ flagsOffset: 0x2000 | 2 }, data(48)),
  },
  FRAG_OVERLAP: {
    prepare: (host) => host.rxIp({ flagsOffset: 0x2000 }, data(64)),
    ...rxIp({ flagsOffset: 0x2000 | 7 }, data(16)),
    times: 2,
  },
  FRAG_TIMEOUT: {
    prepare: (host) => host.rxIp({ flagsOffset: 1 }, data(64)),
    act: (host) => host.run(60_000_000),
  },
  FRAG_EVICTED: {
    options: { reassemblies: 1 },
    prepare: (host) => host.rxIp({ flagsOffset: 1, src: "192.168.1.3" }, data(64)),
    ...rxIp({ flagsOffset: 1 }, data(64)),
  },
  FRAG_SOURCE_LIMIT: {
    options: { reassemblies: 1 },
    prepare: (host) => host.rxIp({ flagsOffset: 1 }, data(64)),
    ...rxIp({ flagsOffset: 1, id: 2 }, data(64)),
  },
  FRAG_NO_BUFFER: {
    options: { largeBuffers: 0 },
    prepare: (host) => host.rxIp({ flagsOffset: 0x2000 }, data(1400)),
    ...rxIp({ flagsOffset: 175 }, data(600)),
    times: 2,
  },

  FRAG_ECN: {
    prepare: (host) => host.rxIp({ flagsOffset: 0x2000, tos: 3 }, data(64)),
    ...rxIp({ flagsOffset: 8 }, data(64)),
    times: 2,
  },

  OUT_NO_ROUTE: { act: (host) => host.rxIcmp({}, [], { src: "8.8.8.8" }) },
  OUT_IF_DOWN: {
    prepare: async (host) => {
      await open(host);
      sockets.get(host)?.setMulticastTTL(1);
      sockets.get(host)?.bindToInterface(2);
      host.nif.down();
    },
    act: (host) => send(host, PEER),
  },
  OUT_NO_CARRIER: {
    prepare: async (host) => {
      await open(host);
      host.stack.switches.set("ROUTES_FOLLOW_CARRIER", 0);
      host.driver.port.carrier(false);
    },
    act: (host) => send(host, PEER),
  },
  OUT_RING_FULL: {
    options: { ringSlots: 4 },
    prepare: async (host) => {
      await open(host);
      host.driver.busy = true;
      for (let i = 0; i < 4; i++) send(host);
    },
    act: (host) => host.rxIcmp({}),
  },
  OUT_NO_BUFFER: {
    // What may stand on TX rings is used up by another interface's, when the answer lets a waiting packet go.
    options: { smallBuffers: 64, ringSlots: 32 },
    prepare: async (host) => {
      await open(host);
      send(host, "192.168.1.9");
      const other = host.join({ address: "10.0.0.1/8" });
      host.stack.neighbours.add(other.nif, "10.0.0.2", "02:00:00:00:02:02");
      other.driver.busy = true;
      const { quota } = host.stack.memory().small;
      for (let i = 0; i < quota.tx; i++) send(host, "10.0.0.2");
      expect(host.stack.memory().small.held.tx).toBe(quota.tx);
    },
    ...rxArp({ op: 2, spa: "192.168.1.9", sha: "02:00:00:00:01:09" }),
  },
  OUT_LOOP_COPY: {
    options: { smallBuffers: 64 },
    prepare: async (host) => {
      await open(host, { broadcast: true });
      const { exports } = host.stack.core;
      exports.sock_window(sockets.get(host)?.handle as number, 1);
      while (host.stack.memory().small.held.tx < host.stack.memory().small.quota.tx) {
        const handle = exports.sock_open(17);
        exports.sock_window(handle, 1);
        windows.push(handle);
      }
    },
    act: (host) => send(host, "192.168.1.255"),
    after: (host) => {
      for (const handle of windows.splice(0)) host.stack.core.exports.sock_close(handle);
    },
  },

  OUT_TOO_LONG: {
    // A router said that the next link takes 600 bytes.
    prepare: (host) => {
      host.stack.routes.add({ destination: "default", gateway: PEER });
      host.stack.openRaw({ protocol: 253 });
      const sent = ipv4({ src: US, dst: "8.8.8.8", proto: 253, flagsOffset: 0x4000 }, data(700));
      host.rxIcmp({ type: 3, code: 4, rest: 600 }, sent);
    },
    act: (host) => {
      const socket = host.stack.openRaw({ protocol: 253, headerIncluded: true });
      const datagram = ipv4({ src: US, dst: "8.8.8.8", proto: 253, flagsOffset: 0x4000 }, data(700));
      expect(() => socket.trySend(datagram, "8.8.8.8")).toThrow("EMSGSIZE");
    },
  },
  OUT_SOURCE_LOOPBACK: {
    // Without its host route an own address is reached by the network: what 127.0.0.1 answers it must not go there.
    prepare: async (host) => {
      sockets.set(host, await host.stack.udp.bind({ address: US }));
      host.stack.routes.delete({ destination: `${US}/32` });
    },
    act: (host) => send(host, "127.0.0.1"),
    also: { UDP_NO_PORT: 1 },
  },

  ICMP_SHORT: { act: (host) => host.rxIp({ proto: 1 }, icmp({}).slice(0, 7)) },
  ICMP_CHECKSUM: rxIcmp({ checksum: 1 }),
  ICMP_TYPE: rxIcmp({ type: 30 }, data(12)),
  ICMP_REDIRECT_OFF: {
    prepare: (host) => host.stack.core.exports.netif_set(2, IFSW_ACCEPT_REDIRECTS, 0),
    ...rxIcmp({ type: 5, code: 1, rest: 0xc0a80103 }, ipv4({ src: US, dst: "8.8.8.8" }, udp({}))),
  },
  ICMP_REDIRECT_GATEWAY: rxIcmp({ type: 5, code: 1, rest: 0x08080404 }, ipv4({ src: US, dst: "8.8.8.8" }, udp({}))),
  ICMP_REDIRECT_SENDER: rxIcmp({ type: 5, code: 1, rest: 0xc0a80103 }, ipv4({ src: US, dst: "8.8.8.8" }, udp({}))),
  ICMP_DEPRECATED: rxIcmp({ type: 4 }, data(28)),
  ICMP_ERROR_HOST_RATE: {
    prepare: (host) => {
      for (let i = 0; i < 20; i++) host.rxUdp({});
    },
    ...rxUdp({}),
    also: { UDP_NO_PORT: 1 },
  },
  ICMP_ECHO_GROUP: { act: (host) => host.rxIcmp({}, [], { dst: "192.168.1.255" }, BROADCAST_MAC) },
  ICMP_REPLY_UNWANTED: rxIcmp({ type: 0 }),
  ICMP_QUOTE_SHORT: rxIcmp({ type: 3 }, data(27)),
  ICMP_QUOTE_FOREIGN: rxIcmp({ type: 3 }, ipv4({ src: PEER, dst: US }, udp({}))),
  ICMP_PMTU: {
    prepare: (host) => open(host),
    act: (host) => {
      const sent = ipv4(
        { src: US, dst: PEER, flagsOffset: 0x4000 },
        udp({ srcPort: 5000, src: US, dst: PEER }, data(100)),
      );
      host.rxIcmp({ type: 3, code: 4, rest: 1500 }, sent);
    },
  },
  ICMP_ERROR_UNMATCHED: rxIcmp({ type: 3 }, ipv4({ src: US, dst: PEER }, udp({}))),
  ICMP_ERROR_FORBIDDEN: {
    act: (host) => host.rxIp({ proto: 99, dst: "192.168.1.255" }, data(9), BROADCAST_MAC),
    also: { IP_PROTOCOL: 1 },
  },
  ICMP_ERROR_RATE: {
    prepare: (host) => {
      host.stack.switches.set("ICMP_RATE", 0);
      host.stack.switches.set("ICMP_BURST", 1);
      host.rxUdp({});
    },
    ...rxUdp({}),
    also: { UDP_NO_PORT: 1 },
  },

  UDP_SHORT: { act: (host) => host.rxIp({}, udp({}).slice(0, 7)) },
  UDP_LENGTH: rxUdp({ length: 9 }),
  UDP_CHECKSUM: rxUdp({ checksum: 1 }),
  UDP_PORT_ZERO: rxUdp({ dstPort: 0 }),
  UDP_NO_PORT: rxUdp({}),
  UDP_GROUP_NO_PORT: rxUdp({}, { dst: "192.168.1.255" }),

  ...TCP_SCENARIOS,

  SOCK_QUEUE_FULL: {
    prepare: async (host) => {
      await open(host, { queue: 1 });
      host.rxUdp({ dstPort: 5000 });
    },
    ...rxUdp({ dstPort: 5000 }),
  },
  SOCK_QUOTA: {
    options: { smallBuffers: 64 },
    prepare: async (host) => {
      await open(host, { queue: 1000 });
      for (let i = 0; i < host.stack.memory().small.quota.socket; i++) host.rxUdp({ dstPort: 5000 });
    },
    ...rxUdp({ dstPort: 5000 }),
  },
  IGMP_SHORT: rxIgmp(igmp(0x11, 0, [0])),
  IGMP_CHECKSUM: rxIgmp(igmp(0x11, 0, [0, 0, 0, 0], 1)),
  IGMP_TYPE: rxIgmp(igmp(0x17, 0, [239, 1, 2, 3])),
  // A general query, but not to all hosts.
  IGMP_SOURCE: rxIgmp(igmp(0x11, 0, [0, 0, 0, 0])),
  IGMP_NOT_MEMBER: rxIgmp(igmp(0x11, 100, [239, 1, 2, 3]), true),
  SOCK_FILTERED: {
    prepare: async (host) => {
      await open(host);
      sockets.get(host)?.addSourceSpecificMembership("192.168.1.9", "239.1.2.3");
    },
    act: (host) => {
      const to = { dst: "239.1.2.3" };
      host.rxUdp({ dstPort: 5000 }, [], to, "01:00:5e:01:02:03");
    },
  },
  SOCK_COPY: {
    options: { smallBuffers: 64 },
    // One raw socket holds the last buffer that sockets may have; of the next datagram's two listeners one goes without.
    prepare: (host) => {
      host.stack.openRaw({ protocol: 253 });
      const { held, quota } = host.stack.memory().small;
      for (let i = held.socket; i < quota.socket; i++) host.rxIp({ proto: 253 }, data(1));
      host.stack.openRaw({ protocol: 253 });
    },
    act: (host) => host.rxIp({ proto: 253 }, data(1)),
    also: { SOCK_QUOTA: 1 },
  },
  SOCK_CLOSED: {
    prepare: async (host) => {
      await open(host);
      host.rxUdp({ dstPort: 5000 });
    },
    act: (host) => sockets.get(host)?.close(),
  },
};

const windows: number[] = [];

describe("drop reasons", () => {
  test("each has a scenario and a text, and none is without a reason", () => {
    expect(Object.keys(SCENARIOS).sort()).toEqual([...DROPS.keys()].sort());
    expect(Object.keys(DROP_TEXTS).sort()).toEqual([...DROPS.keys()].sort());
    expect(new Set(DROPS.values()).size).toBe(DROPS.size);
  });

  test.each(Object.entries(SCENARIOS))("%s", async (name, scenario) => {
    const host = await Host.create(scenario.options);
    await scenario.prepare?.(host);
    host.run();
    expect(await host.drops(() => scenario.act(host))).toEqual({ [name]: scenario.times ?? 1, ...scenario.also });
    scenario.after?.(host);
  });
});
