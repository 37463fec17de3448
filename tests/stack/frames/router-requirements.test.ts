/** What RFC 1812 asks of a router and no other file shows: docs/RFC-1812.md names the rows. */
import { describe, expect, test } from "vitest";
import { IFSW_FORWARDING } from "../../../assembly/abi/netif.js";
import { Host, OUR_MAC, PEER, PEER_MAC, type RecordingDriver, US } from "../recording-driver.js";
import { BROADCAST_MAC, data, ether, type Ipv4Fields, icmp, ipv4, readIpv4, udp } from "../wire.js";

const FAR = "10.1.0.2";
const FAR_MAC = "02:00:00:00:02:02";
const NEAR_MAC = "02:00:00:00:02:01";

interface Router {
  readonly host: Host;
  /** Behind eth1, 10.1.0.1/16, with 10.1.0.2. */
  readonly far: RecordingDriver;
  /** A datagram from the peer on eth0 (192.168.1.2). */
  rx(fields: Ipv4Fields, payload?: ArrayLike<number>, dst?: string): Uint8Array;
}

async function router(mtu = 1500): Promise<Router> {
  const host = await Host.create();
  const { driver: far, nif } = host.join({ address: "10.1.0.1/16", mtu });
  host.stack.neighbours.add(nif, FAR, FAR_MAC);
  host.stack.switches.set("IP_FORWARD", 1);
  return {
    host,
    far,
    rx(fields, payload = udp({ dst: FAR }), dst = OUR_MAC) {
      const packet = ipv4(fields, payload);
      host.rx(ether({ dst }, packet));
      return packet;
    },
  };
}

describe("what passes a router unchanged", () => {
  test("every TOS and precedence, and the reserved bits (RFC 1812 §4.2.2.3, §5.2.5, §5.3.3.3)", async () => {
    const { host, far, rx } = await router();
    for (let tos = 0; tos < 256; tos++) {
      for (const flagsOffset of [0, 0x8000, 0xc000]) {
        rx({ dst: FAR, tos, flagsOffset, ttl: 9 });
        expect(host.one(far).ip).toMatchObject({ tos, flagsOffset, ttl: 8, good: true });
      }
    }
    expect(host.take()).toEqual([]);
  });

  test("the reserved bits are in every fragment that it makes (RFC 1812 §5.2.5)", async () => {
    const { host, far, rx } = await router(600);
    rx({ dst: FAR, tos: 0xff, flagsOffset: 0x8000 }, udp({ dst: FAR }, data(1400)));
    const parts = host.take(far).map((frame) => frame.ip);
    expect(parts.map((ip) => [ip?.tos, ip?.flagsOffset])).toEqual([
      [0xff, 0x8000 | 0x2000],
      [0xff, 0x8000 | 0x2000 | 72],
      [0xff, 0x8000 | 144],
    ]);
  });

  test("fragments, one by one and in any order: none is kept, none waited for (RFC 1812 §5.2.6)", async () => {
    const { host, far, rx } = await router();
    const held = host.stack.memory().small.free;
    const parts: [number, number][] = [
      [3, 40],
      [0x2000, 16],
      [0x2000 | 3, 8],
      [0x2000 | 2, 8],
    ];
    for (const [flagsOffset, length] of parts) {
      const sent = rx({ dst: FAR, id: 7, flagsOffset }, data(length));
      const { ip } = host.one(far);
      expect(ip).toMatchObject({ flagsOffset, id: 7, totalLen: 20 + length, good: true });
      expect(ip?.payload).toEqual(sent.slice(20));
      expect(host.stack.memory().small.free).toBe(held);
    }
  });

  test("a TTL of 2, as 1: what the next router will do is not this one's business (RFC 1812 §5.3.1)", async () => {
    const { host, far, rx } = await router();
    rx({ dst: FAR, ttl: 2 });
    expect(host.one(far).ip).toMatchObject({ ttl: 1, good: true });
    expect(host.take()).toEqual([]);
  });
});

describe("before anything is done with it (RFC 1812 §5.2.2)", () => {
  test("the header of what is for others is checked like that of what is for this host, and nobody is told", async () => {
    const { host, far, rx } = await router();
    const cases: [Ipv4Fields, string][] = [
      [{ checksum: 0x1234 }, "IP_CHECKSUM"],
      [{ version: 6 }, "IP_VERSION"],
      [{ ihl: 4 }, "IP_HEADER_LENGTH"],
      [{ totalLen: 19 }, "IP_TOTAL_LENGTH"],
      [{ totalLen: 200 }, "IP_TOTAL_LENGTH"],
    ];
    for (const [fields, reason] of cases) {
      // Even where another reason would have its sender told.
      expect(await host.drops(() => rx({ dst: FAR, ttl: 1, ...fields }))).toEqual({ [reason]: 1 });
    }
    const short = ipv4({ dst: FAR }).slice(0, 19);
    expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC }, short)))).toEqual({ IP_SHORT: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("what came as a multicast of the link, for one host, goes no further (RFC 1812 §5.3.4)", async () => {
    const { host, far, rx } = await router();
    const allHosts = "01:00:5e:00:00:01";
    expect(await host.drops(() => rx({ dst: FAR }, udp({}), allHosts))).toEqual({ IP_LINK_BROADCAST: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });
});

describe("what is for the router itself", () => {
  test("is handed on with the options that it came with, those unknown as they were (RFC 1812 §4.2.2.1)", async () => {
    const { host, rx } = await router();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const raw = host.stack.openRaw({ protocol: 17 });
    const options = [0x9e, 4, 0xde, 0xad, 0x88, 4, 1, 2, 0x1f, 3, 7, 1];
    const sent = rx({ dst: "10.1.0.1", options }, udp({ dst: "10.1.0.1" }, data(5)));
    expect((await socket.receive()).options).toEqual(Uint8Array.from(options));
    expect((await raw.receive()).data).toEqual(sent);
    rx({ dst: "10.1.0.1" }, udp({ dst: "10.1.0.1" }));
    expect((await socket.receive()).options).toBeUndefined();
  });
});

describe("where it goes (RFC 1812 §5.2.4.3)", () => {
  test("by the longest prefix, then the lowest metric; networks of one class in pieces of any length (§4.2.3.4)", async () => {
    const { host, far, rx } = await router();
    const third = host.join({ mac: "02:00:00:00:03:01", address: "10.2.0.1/30" });
    host.stack.neighbours.add(third.nif, "10.2.0.2", "02:00:00:00:03:02");
    const { routes } = host.stack;
    routes.add({ destination: "default", gateway: "10.2.0.2" });
    routes.add({ destination: "10.0.0.0/8", gateway: PEER });
    routes.add({ destination: "172.16.0.0/12", gateway: "10.2.0.2", metric: 5 });
    routes.add({ destination: "172.16.0.0/12", gateway: FAR, metric: 4 });
    routes.add({ destination: "172.16.9.0/24", gateway: "10.2.0.2", metric: 9 });
    routes.add({ destination: "172.16.9.9", gateway: FAR, metric: 9 });
    const expected: [string, string][] = [
      ["10.1.0.2", "far"],
      ["10.2.0.2", "third"],
      // Of network 10, but on neither of the two that are here.
      ["10.2.0.4", "near"],
      ["10.3.0.1", "near"],
      ["172.16.1.1", "far"],
      ["172.16.9.8", "third"],
      ["172.16.9.9", "far"],
      ["8.8.8.8", "third"],
    ];
    for (const [dst, by] of expected) {
      // Not from the peer: no redirects.
      rx({ src: "192.168.7.7", dst });
      const gone = { near: host.take(), far: host.take(far), third: host.take(third.driver) };
      const used = Object.entries(gone).flatMap(([name, frames]) => frames.map(() => name));
      expect(used, dst).toEqual([by]);
    }
  });

  test("routes leave with their interface and come back with it; another way serves meanwhile (§5.3.12)", async () => {
    const { host, far, rx } = await router();
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: FAR, metric: 1 });
    const dst = "172.16.0.1";
    rx({ dst });
    expect(host.take(far)).toHaveLength(1);
    far.port.carrier(false);
    host.run();
    expect(await host.drops(() => rx({ dst }))).toEqual({ FWD_NO_ROUTE: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 0 });
    const third = host.join({ mac: "02:00:00:00:03:01", address: "10.3.0.1/16" });
    host.stack.neighbours.add(third.nif, "10.3.0.2", "02:00:00:00:03:02");
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: "10.3.0.2", metric: 2 });
    rx({ dst });
    expect(host.take(third.driver)).toHaveLength(1);
    far.port.carrier(true);
    host.run();
    host.take(far);
    host.stack.neighbours.add(host.stack.interface("eth1"), FAR, FAR_MAC);
    rx({ dst });
    expect([host.take(far).length, host.take(third.driver).length]).toEqual([1, 0]);
  });

  test("a host that does not answer is a host unreachable, not its network (§4.3.3.1, §5.2.7.1)", async () => {
    const { host, rx } = await router();
    rx({ dst: "10.1.0.77" });
    host.run(4_000_000);
    const errors = host.take();
    expect(errors.map((frame) => frame.ip?.icmp)).toMatchObject([{ type: 3, code: 1 }]);
    rx({ dst: "10.9.0.77" });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 0 });
  });
});

describe("what a router says", () => {
  test("errors come from the interface that they leave by, be the sender elsewhere (RFC 1812 §4.3.2.4)", async () => {
    const { host, far, rx } = await router();
    // The way back to this source leads by eth1, whatever interface it came by.
    host.stack.routes.add({ destination: "99.0.0.0/8", gateway: FAR });
    rx({ src: "99.1.1.1", dst: "8.8.8.8" });
    const error = host.one(far);
    expect(error).toMatchObject({ dst: FAR_MAC, src: NEAR_MAC, ip: { src: "10.1.0.1", dst: "99.1.1.1", good: true } });
    expect(error.ip?.icmp).toMatchObject({ type: 3, code: 0 });
    expect(host.take()).toEqual([]);
  });

  test("none is due to a source that cannot be: nobody's, broadcasts of ours, ourselves (RFC 1812 §4.3.2.7)", async () => {
    const { host, far, rx } = await router();
    for (const src of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.1.1.1", "255.255.255.255", "10.1.255.255", US]) {
      const drops = await host.drops(() => rx({ src, dst: "8.8.8.8", ttl: 1 }));
      expect(Object.values(drops), src).toEqual([1]);
    }
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("a reply has TOS and precedence of its request, all eight bits (RFC 1812 §4.3.2.5)", async () => {
    const { host } = await router();
    for (const tos of [0x00, 0x10, 0x1e, 0xc0, 0xe0, 0xfc]) {
      host.rxIcmp({}, data(8), { tos });
      expect(host.one().ip).toMatchObject({ tos, icmp: { type: 0 } });
    }
  });

  test("an echo to an address of any of its interfaces is answered from there (RFC 1812 §4.3.3.6)", async () => {
    const { host, rx } = await router();
    rx({ dst: "10.1.0.1", proto: 1 }, icmp({}, data(32)));
    expect(host.one()).toMatchObject({ dst: PEER_MAC, ip: { src: "10.1.0.1", dst: PEER, icmp: { type: 0 } } });
  });
});

describe("what a router enters and names", () => {
  test("on a line without an address of its own, the one that it borrows (RFC 1812 §4.2.2.2, §5.2.1)", async () => {
    const { host, rx } = await router();
    const line = host.join({ medium: "ip" });
    host.stack.routes.add({ destination: "172.16.0.0/12", dev: line.nif.name });
    rx({ dst: "172.16.0.1", options: [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
    const [sent = new Uint8Array()] = line.driver.sent.splice(0);
    expect(readIpv4(sent)).toMatchObject({ dst: "172.16.0.1", ttl: 63, good: true });
    expect([...sent.subarray(20, 32)]).toEqual([7, 11, 8, 192, 168, 1, 1, 0, 0, 0, 0, 0]);
    // Errors that leave by it come from there, too.
    host.stack.routes.add({ destination: "20.0.0.0/8", dev: line.nif.name });
    rx({ src: "20.1.1.1", dst: "8.8.8.8" });
    const [error = new Uint8Array()] = line.driver.sent.splice(0);
    expect(readIpv4(error)).toMatchObject({ src: US, dst: "20.1.1.1", icmp: { type: 3, code: 0 } });
  });

  test("a redirect comes from the network of the host that it is for (RFC 1812 §5.2.7.2)", async () => {
    const { host, rx } = await router();
    host.nif.addAddress("10.7.0.1/16");
    host.run();
    host.take();
    host.stack.neighbours.add(host.nif, "10.7.0.2", PEER_MAC);
    host.stack.neighbours.add(host.nif, "10.7.0.3", "02:00:00:00:01:03");
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: "10.7.0.3" });
    rx({ src: "10.7.0.2", dst: "172.16.0.1" });
    const redirect = host.take().find((frame) => frame.ip?.icmp);
    expect(redirect?.ip).toMatchObject({
      src: "10.7.0.1",
      dst: "10.7.0.2",
      icmp: { type: 5, code: 1, rest: 0x0a070003 },
    });
    // Of the other network of this link the next hop is no neighbour: no redirect.
    rx({ src: PEER, dst: "172.16.0.2" });
    expect(host.take().filter((frame) => frame.ip?.icmp)).toEqual([]);
  });

  test("no source quench when it has more than its next link takes (RFC 6633 §4): dropped, and counted", async () => {
    const { host, far, rx } = await router();
    far.busy = true;
    const { drops } = await host.changes(() => {
      for (let i = 0; i < 600; i++) rx({ dst: FAR });
    });
    expect(Object.keys(drops)).toEqual(["OUT_RING_FULL"]);
    expect(host.take()).toEqual([]);
    far.free();
    host.run();
    expect(host.take(far).length + (drops.OUT_RING_FULL ?? 0)).toBe(600);
  });
});

describe("what a router is at first", () => {
  test("no reverse-path filter (RFC 1812 §5.3.8), no source routes by others (RFC 7126), no directed broadcasts (RFC 2644)", async () => {
    const { host, far, rx } = await router();
    rx({ src: "10.1.0.99", dst: FAR });
    expect(host.take(far)).toHaveLength(1);
    const strict = [137, 7, 4, 10, 1, 0, 2, 0];
    expect(await host.drops(() => rx({ dst: US, options: strict }))).toEqual({ IP_SOURCE_ROUTE: 1 });
    expect(await host.drops(() => rx({ dst: "10.1.255.255" }))).toEqual({ IP_DIRECTED_BROADCAST: 1 });
  });

  test("the limited broadcast is heard, and stays on its network (RFC 1812 §5.3.5.1)", async () => {
    const { host, far, rx } = await router();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const all = { dst: "255.255.255.255" };
    rx(all, udp(all, data(3)), BROADCAST_MAC);
    expect(await socket.receive()).toMatchObject({ address: PEER, destination: all.dst });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
  });

  test("forwarding stopped leaves its routes, its own datagrams and its silence (RFC 1812 §5.3.11, §5.3.12.1)", async () => {
    const { host, far, rx } = await router();
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: FAR });
    host.stack.switches.set("IP_FORWARD", 0);
    expect(await host.drops(() => rx({ dst: "172.16.0.1" }))).toEqual({ IP_NOT_FORWARDING: 1 });
    expect([...host.take(), ...host.take(far)]).toEqual([]);
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.send(data(4), { address: "172.16.0.1", port: 9 });
    host.run();
    expect(host.one(far)).toMatchObject({ dst: FAR_MAC, ip: { src: "10.1.0.1", dst: "172.16.0.1" } });
    // One interface alone may be left out: what it receives is for the router or for nobody.
    host.stack.switches.set("IP_FORWARD", 1);
    expect(host.stack.core.exports.netif_set(host.nif.index, IFSW_FORWARDING, 0)).toBe(0);
    expect(await host.drops(() => rx({ dst: "172.16.0.1" }))).toEqual({ IP_NOT_FORWARDING: 1 });
    host.rx(ether({ dst: NEAR_MAC, src: FAR_MAC }, ipv4({ src: FAR, dst: PEER }, udp({}))), far);
    expect(host.one()).toMatchObject({ dst: PEER_MAC, ip: { src: FAR, dst: PEER } });
    host.rxIcmp({}, data(8));
    expect(host.one().ip).toMatchObject({ src: US, icmp: { type: 0 } });
  });
});
