/** Forwarding: RFC 1812 §5.2.1.2, §5.3; RFC 3704 (reverse path); RFC 1624 (the checksum). */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IFSW_BC_FORWARDING, IFSW_FORWARDING, IFSW_RP_FILTER } from "../../../assembly/abi/netif.js";
import { Host, OUR_MAC, PEER, PEER_MAC, type RecordingDriver, US } from "../recording-driver.js";
import { BROADCAST_MAC, data, ether, type Ipv4Fields, ipv4, udp } from "../wire.js";

const FAR_MAC = "02:00:00:00:02:02";
const FAR = "10.0.0.2";

interface Router {
  readonly host: Host;
  /** Behind eth1, 10.0.0.1/8. */
  readonly far: RecordingDriver;
  /** A datagram from the peer. */
  rx(fields: Ipv4Fields, payload?: ArrayLike<number>, mac?: string): Uint8Array;
}

/** eth0 192.168.1.1/24 with the peer; eth1 10.0.0.1/8 with 10.0.0.2, which knows the way to 172.16/12. */
async function router(options: { on?: boolean; mtu?: number } = {}): Promise<Router> {
  const host = await Host.create();
  const { driver: far, nif } = host.join({ address: "10.0.0.1/8", mtu: options.mtu ?? 1500 });
  host.stack.neighbours.add(nif, FAR, FAR_MAC);
  host.stack.routes.add({ destination: "172.16.0.0/12", gateway: FAR });
  if (options.on !== false) host.stack.switches.set("IP_FORWARD", 1);
  return {
    host,
    far,
    rx(fields, payload = udp({}), mac = OUR_MAC) {
      const packet = ipv4(fields, payload);
      host.rx(ether({ dst: mac }, packet));
      return packet;
    },
  };
}

const set = (host: Host, ifindex: number, id: number, value: number) =>
  expect(host.stack.core.exports.netif_set(ifindex, id, value)).toBe(0);

describe("what is forwarded", () => {
  test("goes on to the host on the next network, or to the gateway that knows the way, unchanged but for the TTL", async () => {
    const { host, far, rx } = await router();
    for (const dst of [FAR, "172.16.3.4"]) {
      const { counters, drops } = await host.changes(() => {
        const sent = rx({ dst, ttl: 17, tos: 0xb8, id: 0x9999, flagsOffset: 0x4000 }, udp({ dst }, data(99)));
        const frame = host.one(far);
        expect(frame).toMatchObject({ dst: FAR_MAC, src: "02:00:00:00:02:01", padding: 0 });
        expect(frame.ip).toMatchObject({
          src: PEER,
          dst,
          ttl: 16,
          tos: 0xb8,
          id: 0x9999,
          flagsOffset: 0x4000,
          good: true,
        });
        expect(frame.ip?.payload).toEqual(sent.slice(20));
      });
      expect(drops).toEqual({});
      expect(counters).toEqual({ IP_IN_RECEIVES: 1, IP_FORW_DATAGRAMS: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  test("in the buffer it came in", async () => {
    const { host, far, rx } = await router();
    const { free } = host.stack.memory().small;
    far.busy = true;
    rx({ dst: FAR });
    expect(host.stack.memory().small.free).toBe(free - 1);
    far.free();
    host.run();
    expect(host.stack.memory().small.free).toBe(free);
  });

  test("waits for its next hop to be resolved; if nobody answers, its sender is told", async () => {
    const { host, far, rx } = await router();
    rx({ dst: "10.0.0.3" });
    expect(host.one(far).arp).toMatchObject({ op: 1, tpa: "10.0.0.3" });
    const sent = rx({ dst: "10.0.0.3", ttl: 9 }, udp({}, data(30)));
    const drops = await host.drops(() => host.run(4_000_000));
    expect(drops).toEqual({ NEIGH_FAILED: 2 });
    const errors = host.take();
    expect(errors.map((frame) => [frame.ip?.icmp?.type, frame.ip?.icmp?.code])).toEqual([
      [3, 1],
      [3, 1],
    ]);
    expect(errors[1]?.ip?.icmp?.data.slice(20)).toEqual(sent.slice(20));
  });

  test("TTL and checksum: as if computed anew, for any header (RFC 1624)", async () => {
    const { host, far, rx } = await router();
    fc.assert(
      fc.property(
        fc.record({
          ttl: fc.integer({ min: 2, max: 255 }),
          tos: fc.nat(255),
          id: fc.nat(0xffff),
          proto: fc.nat(255),
          low: fc.nat(0xffff),
        }),
        ({ low, ...fields }) => {
          const dst = `172.20.${low >> 8}.${low & 255}`;
          rx({ ...fields, dst }, data(40));
          expect(far.sent.splice(0).map((frame) => frame.slice(14))).toEqual([
            ipv4({ ...fields, dst, ttl: fields.ttl - 1 }, data(40)),
          ]);
        },
      ),
      { numRuns: 300 },
    );
    // The edge of the one's complement: 0xfeff and 0x100 more make 0, not 0xffff.
    const base = { dst: FAR, ttl: 2 };
    const packet = ipv4({ ...base, id: (word(ipv4({ ...base, id: 0 }, []), 10) + 0x100) % 0xffff }, []);
    expect(word(packet, 10)).toBe(0xfeff);
    host.rx(ether({ dst: OUR_MAC }, packet));
    expect(word(host.one(far).frame, 24)).toBe(0);
  });

  test("a router's own addresses are its own, whatever the TTL: 0 and 1 are delivered (RFC 1812 §5.3.1)", async () => {
    const { host } = await router();
    for (const ttl of [0, 1]) {
      host.rxIcmp({}, [], { dst: "10.0.0.1", ttl });
      expect(host.one().ip).toMatchObject({ src: "10.0.0.1", icmp: { type: 0 } });
    }
  });

  test("by interface: one forwards, another does not; off at first, and then nobody is told", async () => {
    const { host, far, rx } = await router({ on: false });
    expect(await host.drops(() => rx({ dst: FAR }))).toEqual({ IP_NOT_FORWARDING: 1 });
    set(host, 2, IFSW_FORWARDING, 1);
    expect(await host.drops(() => rx({ dst: FAR }))).toEqual({});
    const back = ether({ dst: "02:00:00:00:02:01", src: FAR_MAC }, ipv4({ src: FAR, dst: PEER }, udp({})));
    expect(host.take(far)).toHaveLength(1);
    expect(await host.drops(() => host.rx(back, far))).toEqual({ IP_NOT_FORWARDING: 1 });
    expect(host.take()).toEqual([]);
  });
});

const word = (bytes: Uint8Array, at: number) => (bytes[at] as number) * 256 + (bytes[at + 1] as number);

describe("guards, each under its own reason", () => {
  test("TTL 0 and 1: time exceeded in transit, quoting the datagram as it came", async () => {
    const { host, far, rx } = await router();
    for (const ttl of [0, 1]) {
      const { drops, counters } = await host.changes(() => {
        const sent = rx({ dst: FAR, ttl }, udp({}, data(600)));
        const error = host.one();
        expect(error).toMatchObject({ dst: PEER_MAC, ip: { src: US, dst: PEER, totalLen: 576, good: true } });
        expect(error.ip?.icmp).toEqual({ type: 11, code: 0, rest: 0, good: true, data: sent.slice(0, 548) });
      });
      expect(drops).toEqual({ FWD_TTL: 1 });
      expect(counters).toMatchObject({ ICMP_OUT_MSGS: 1, ICMP_OUT_TIME_EXCDS: 1 });
    }
    expect(host.take(far)).toEqual([]);
  });

  test("no route: network unreachable", async () => {
    const { host, rx } = await router();
    const drops = await host.drops(() => {
      const sent = rx({ dst: "8.8.8.8" });
      expect(host.one().ip?.icmp).toEqual({ type: 3, code: 0, rest: 0, good: true, data: sent });
    });
    expect(drops).toEqual({ FWD_NO_ROUTE: 1 });
  });

  test("a route that rejects, or that leads into lo: host unreachable", async () => {
    const { host, rx } = await router();
    host.stack.routes.add({ destination: "20.0.0.0/8", reject: true });
    host.stack.routes.add({ destination: "21.0.0.0/8", dev: "lo" });
    for (const dst of ["20.1.2.3", "21.1.2.3"]) {
      expect(await host.drops(() => rx({ dst }))).toEqual({ FWD_UNREACHABLE: 1 });
      expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 1, rest: 0 });
    }
  });

  test("prohibited by a route: 3/13 (RFC 1812 §5.2.7.1); by a blackhole: nothing at all", async () => {
    const { host, rx } = await router();
    host.stack.routes.add({ destination: "22.0.0.0/8", type: "prohibit" });
    host.stack.routes.add({ destination: "23.0.0.0/8", type: "blackhole" });
    expect(await host.drops(() => rx({ dst: "22.1.2.3" }))).toEqual({ FWD_PROHIBITED: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 13, rest: 0 });
    expect(await host.drops(() => rx({ dst: "23.1.2.3" }))).toEqual({ FWD_BLACKHOLE: 1 });
    expect(host.take()).toEqual([]);
  });

  test("longer than the next link takes, without DF: in fragments, each with a TTL less by one", async () => {
    const { host, far, rx } = await router({ mtu: 600 });
    const sent = rx({ dst: FAR, ttl: 7, id: 0x4711 }, udp({}, data(1000)));
    const parts = host.take(far).map((frame) => frame.ip);
    expect(parts.map((ip) => [ip?.totalLen, ip?.flagsOffset])).toEqual([
      [596, 0x2000],
      [452, 72],
    ]);
    for (const ip of parts) expect(ip).toMatchObject({ src: PEER, dst: FAR, ttl: 6, id: 0x4711, good: true });
    expect(parts.flatMap((ip) => [...(ip?.payload ?? [])])).toEqual([...sent.slice(20)]);
  });

  test("a fragment that ends beyond 65,535 is not cut: its pieces would claim to be from the beginning (RFC 791 §3.1)", async () => {
    const { host, far } = await router({ mtu: 600 });
    const beyond = { dst: FAR, flagsOffset: 0x2000 | 0x1ffd };
    expect(await host.drops(() => host.rxIp(beyond, data(800)))).toEqual({ OUT_TOO_LONG: 1 });
    expect(host.take(far)).toEqual([]);
    // One that ends there is right.
    expect(await host.drops(() => host.rxIp({ dst: FAR, flagsOffset: (65512 - 800) / 8 }, data(800)))).toEqual({});
    expect(host.take(far)).toHaveLength(2);
  });

  test("DF and longer than the next link takes: fragmentation needed, with its MTU (RFC 1191 §4)", async () => {
    const { host, far, rx } = await router({ mtu: 600 });
    const { drops, counters } = await host.changes(() => {
      const sent = rx({ dst: FAR, flagsOffset: 0x4000, ttl: 7 }, udp({}, data(573)));
      expect(host.one().ip?.icmp).toEqual({ type: 3, code: 4, rest: 600, good: true, data: sent.slice(0, 548) });
    });
    expect(drops).toEqual({ FWD_NEED_FRAGMENT: 1 });
    expect(counters).toMatchObject({ ICMP_OUT_DEST_UNREACHS: 1 });
    rx({ dst: FAR, flagsOffset: 0x4000 }, udp({}, data(572)));
    expect(host.one(far).ip?.totalLen).toBe(600);
  });

  test("received as a link-layer broadcast: never (RFC 1812 §5.3.4)", async () => {
    const { host, far, rx } = await router();
    expect(await host.drops(() => rx({ dst: FAR }, udp({}), BROADCAST_MAC))).toEqual({ IP_LINK_BROADCAST: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("addresses that are never forwarded: 0/8, 127/8, class E, groups, link-local ones (RFC 3927 §7)", async () => {
    const { host, far, rx } = await router();
    host.stack.routes.add({ destination: "default", gateway: FAR });
    const cases: [Ipv4Fields, string][] = [
      [{ dst: "0.1.2.3" }, "FWD_DEST"],
      [{ dst: "169.254.1.1" }, "FWD_DEST"],
      [{ dst: FAR, src: "169.254.1.1" }, "FWD_DEST"],
      [{ dst: "127.1.2.3" }, "IP_DEST_LOOPBACK"],
      [{ dst: "240.0.0.1" }, "IP_DEST"],
      [{ dst: "224.0.0.9" }, "IP_GROUP"],
      [{ dst: FAR, src: "127.0.0.1" }, "IP_SOURCE_LOOPBACK"],
      [{ dst: FAR, src: "0.0.0.0" }, "IP_SOURCE"],
      [{ dst: FAR, src: "224.0.0.1" }, "IP_SOURCE"],
      [{ dst: FAR, src: "255.255.255.255" }, "IP_SOURCE"],
      [{ dst: FAR, src: "10.255.255.255" }, "IP_SOURCE"],
      [{ dst: FAR, src: US }, "IP_OWN_SOURCE"],
    ];
    for (const [fields, reason] of cases) expect(await host.drops(() => rx(fields))).toEqual({ [reason]: 1 });
    const all = { dst: "255.255.255.255" };
    // The limited broadcast is for us, and for nobody else.
    expect(await host.drops(() => rx(all, udp(all), BROADCAST_MAC))).toEqual({
      UDP_GROUP_NO_PORT: 1,
    });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("127/8 does not get out by a source route that begins in this host (RFC 1122 §3.2.1.3 g)", async () => {
    const { host, far } = await router();
    host.stack.interfaceSwitches.set("ACCEPT_SOURCE_ROUTE", 1);
    const socket = await host.stack.udp.bind();
    socket.setOptions(Uint8Array.of(131, 7, 4, 127, 0, 0, 1));
    expect(await host.drops(() => socket.trySend("x", { address: FAR, port: 9 }))).toEqual({ FWD_DEST: 1 });
    expect(host.take(far)).toEqual([]);
  });

  test("of two reasons the earlier one counts: address, route, TTL, length", async () => {
    const { host, rx } = await router({ mtu: 600 });
    host.stack.routes.add({ destination: "20.0.0.0/8", reject: true });
    const cases: [Ipv4Fields, number, string][] = [
      [{ dst: "169.254.1.1", ttl: 1 }, 0, "FWD_DEST"],
      [{ dst: "8.8.8.8", ttl: 1 }, 0, "FWD_NO_ROUTE"],
      [{ dst: "20.0.0.1", ttl: 1 }, 0, "FWD_UNREACHABLE"],
      [{ dst: FAR, ttl: 1, flagsOffset: 0x4000 }, 600, "FWD_TTL"],
    ];
    for (const [fields, length, reason] of cases) {
      expect(await host.drops(() => rx(fields, udp({}, data(length))))).toEqual({ [reason]: 1 });
    }
  });

  test("errors are never sent about errors, groups, or later fragments; the datagram ends all the same", async () => {
    const { host, rx } = await router();
    const cases: [Ipv4Fields, ArrayLike<number>][] = [
      [{ proto: 1 }, [3, 1, 0, 0, 0, 0, 0, 0]],
      [{ proto: 1 }, [5, 1, 0, 0, 0, 0, 0, 0]],
      [{ proto: 1 }, [41, 1, 0, 0, 0, 0, 0, 0]],
      [{ flagsOffset: 0x0001 }, data(8)],
    ];
    for (const [fields, payload] of cases) {
      expect(await host.drops(() => rx({ ...fields, dst: FAR, ttl: 1 }, payload))).toEqual({
        FWD_TTL: 1,
        ICMP_ERROR_FORBIDDEN: 1,
      });
    }
    expect(host.take()).toEqual([]);
  });
});

describe("directed broadcasts", () => {
  const ends = { dst: "10.255.255.255" };

  test("are heard by a host on any interface (RFC 1122 §3.3.6), stopped by a router (RFC 2644)", async () => {
    const { host, far, rx } = await router({ on: false });
    expect(await host.drops(() => rx(ends, udp(ends)))).toEqual({ UDP_GROUP_NO_PORT: 1 });
    host.stack.switches.set("IP_FORWARD", 1);
    expect(await host.drops(() => rx(ends, udp(ends)))).toEqual({ IP_DIRECTED_BROADCAST: 1 });
    // The one of the network it stands on is the router's, too.
    const here = { dst: "192.168.1.255" };
    expect(await host.drops(() => rx(here, udp(here)))).toEqual({ UDP_GROUP_NO_PORT: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("are sent on by a switch, as broadcasts of that link, and heard by the router itself", async () => {
    const { host, far, rx } = await router();
    set(host, 2, IFSW_BC_FORWARDING, 1);
    const socket = await host.stack.udp.bind({ port: 5000 });
    const packet = udp({ ...ends, dstPort: 5000 }, data(3));
    const { drops } = await host.changes(() => rx({ ...ends, ttl: 5 }, packet));
    expect(drops).toEqual({});
    const sent = host.one(far);
    expect(sent).toMatchObject({ dst: BROADCAST_MAC, ip: { src: PEER, dst: ends.dst, ttl: 4, good: true } });
    expect(await socket.receive()).toMatchObject({ address: PEER, destination: ends.dst, ifindex: 3 });
    // Once: the router's own copy does not go round.
    expect(host.stack.statistics().counters.UDP_IN_DATAGRAMS).toBe(1);
    expect(host.take()).toEqual([]);
  });

  test("never of what was a broadcast of the link already, and no error is sent about one (RFC 1812 §5.3.4)", async () => {
    const { host, far, rx } = await router();
    set(host, 2, IFSW_BC_FORWARDING, 1);
    expect(await host.drops(() => rx(ends, udp(ends), BROADCAST_MAC))).toEqual({ UDP_GROUP_NO_PORT: 1 });
    expect(await host.drops(() => rx({ ...ends, ttl: 1 }))).toEqual({ FWD_TTL: 1, ICMP_ERROR_FORBIDDEN: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });
});

describe("the reverse-path filter (RFC 3704)", () => {
  test("strict: a source must be reached by the interface it came by; loose: it must be reached at all", async () => {
    const { host, far, rx } = await router();
    const cases: [number, string, boolean][] = [
      [0, "10.0.0.9", true],
      [0, "99.9.9.9", true],
      [1, PEER, true],
      [1, "10.0.0.9", false],
      [1, "99.9.9.9", false],
      [2, PEER, true],
      [2, "10.0.0.9", true],
      [2, "99.9.9.9", false],
    ];
    for (const [mode, src, passes] of cases) {
      set(host, 2, IFSW_RP_FILTER, mode);
      // For others, and for this host.
      for (const dst of ["172.16.1.1", US]) {
        const drops = await host.drops(() => rx({ src, dst }, udp({ src, dst })));
        expect("IP_RP_FILTER" in drops, `${mode} ${src} ${dst}`).toBe(!passes);
      }
      expect(host.take(far).filter((frame) => frame.ip?.dst === "172.16.1.1")).toHaveLength(passes ? 1 : 0);
    }
  });

  test("one that does not know its address yet is heard", async () => {
    const { host } = await router();
    set(host, 2, IFSW_RP_FILTER, 1);
    const drops = await host.drops(() => host.rxUdp({}, [], { src: "0.0.0.0", dst: "255.255.255.255" }, BROADCAST_MAC));
    expect(drops).toEqual({ UDP_GROUP_NO_PORT: 1 });
  });
});
