/** ARP packets: RFC 826 "Packet Reception", RFC 5227 §2.3 and §2.4, RFC 1122 §2.3.2. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { ARP_REPLY, ARP_REQUEST, arp, BROADCAST_MAC, ether, ZERO_MAC } from "../wire.js";

const neighbour = (host: Host, address = PEER) => host.stack.neighbours.list().find((n) => n.address === address);

describe("ARP input", () => {
  test("a request for our address is answered, and its sender merged", async () => {
    const host = await Host.create({ peer: false });
    const { counters, drops } = await host.changes(() => host.rxArp({}));
    const reply = host.one();
    expect([reply.dst, reply.src, reply.frame.length]).toEqual([PEER_MAC, OUR_MAC, 60]);
    expect(reply.arp).toEqual({ op: ARP_REPLY, sha: OUR_MAC, spa: US, tha: PEER_MAC, tpa: PEER });
    expect(counters).toEqual({ ARP_IN_REQUESTS: 1, ARP_OUT_REPLIES: 1, NEIGH_RESOLVED: 1 });
    expect(drops).toEqual({});
    expect(neighbour(host)).toEqual({ address: PEER, mac: PEER_MAC, dev: "eth0", state: "stale" });
  });

  test("a unicast request is answered like a broadcast one", async () => {
    const host = await Host.create({ peer: false });
    host.rxArp({}, OUR_MAC);
    expect(host.one().arp?.op).toBe(ARP_REPLY);
  });

  test("merge: a known neighbour's address is updated by any packet, a stranger's is not entered", async () => {
    const host = await Host.create({ peer: false });
    // Nobody asked us: not entered.
    expect(await host.drops(() => host.rxArp({ tpa: "192.168.1.77" }))).toEqual({ ARP_NOT_FOR_US: 1 });
    expect(neighbour(host)).toBeUndefined();
    host.rxArp({});
    expect(neighbour(host)?.mac).toBe(PEER_MAC);
    // Known now: a request that asks another updates it.
    const moved = "02:00:00:00:01:99";
    expect(await host.drops(() => host.rxArp({ tpa: "192.168.1.77", sha: moved }))).toEqual({});
    expect(neighbour(host)?.mac).toBe(moved);
    // So does a reply to another, and a gratuitous one.
    host.rxArp({ op: ARP_REPLY, tpa: "192.168.1.77", tha: "02:00:00:00:00:77" });
    expect(neighbour(host)?.mac).toBe(PEER_MAC);
    host.rxArp({ tpa: PEER, sha: moved });
    expect(neighbour(host)?.mac).toBe(moved);
    expect(host.take().filter((frame) => frame.arp?.op === ARP_REPLY)).toHaveLength(1);
  });

  test("a permanent neighbour is not changed by what is heard", async () => {
    const host = await Host.create();
    host.rxArp({ sha: "02:00:00:00:01:99" });
    expect(neighbour(host)).toMatchObject({ mac: PEER_MAC, state: "permanent" });
  });

  test("a reply that answers us makes the neighbour reachable", async () => {
    const host = await Host.create({ peer: false });
    const { counters } = await host.changes(() => host.rxArp({ op: ARP_REPLY, tha: OUR_MAC }, OUR_MAC));
    expect(counters).toEqual({ ARP_IN_REPLIES: 1, NEIGH_RESOLVED: 1 });
    expect(neighbour(host)?.state).toBe("reachable");
    expect(host.take()).toEqual([]);
  });

  test("a probe from 0.0.0.0 is answered without learning", async () => {
    const host = await Host.create({ peer: false });
    const { counters, drops } = await host.changes(() => host.rxArp({ spa: "0.0.0.0" }));
    expect(host.one()).toMatchObject({ dst: PEER_MAC, arp: { op: ARP_REPLY, spa: US, sha: OUR_MAC, tpa: "0.0.0.0" } });
    expect(counters).toEqual({ ARP_IN_REQUESTS: 1, ARP_OUT_REPLIES: 1 });
    expect(drops).toEqual({});
    expect(host.stack.neighbours.list()).toEqual([]);
  });

  test("a conflict, our own address as the sender's, is counted and never learned", async () => {
    const host = await Host.create({ peer: false });
    for (const fields of [{ tpa: US }, { tpa: PEER }, { op: ARP_REPLY }]) {
      expect(await host.drops(() => host.rxArp({ spa: US, ...fields }))).toEqual({ ARP_CONFLICT: 1 });
    }
    expect(host.stack.neighbours.list()).toEqual([]);
    expect(host.take()).toEqual([]);
  });

  test("senders that no neighbour can be: groups, broadcasts, loopback", async () => {
    const host = await Host.create({ peer: false });
    for (const spa of ["224.0.0.1", "255.255.255.255", "240.0.0.1", "192.168.1.255", "192.168.1.0", "127.0.0.1"]) {
      expect(await host.drops(() => host.rxArp({ spa }))).toEqual({ ARP_SOURCE: 1 });
    }
    for (const sha of ["01:00:5e:00:00:01", BROADCAST_MAC]) {
      const frame = ether({ type: 0x0806 }, arp({ sha }));
      expect(await host.drops(() => host.rx(frame))).toEqual({ ARP_SOURCE: 1 });
    }
    expect(host.stack.neighbours.list()).toEqual([]);
    expect(host.take()).toEqual([]);
  });

  test("requests for others, for 127/8, for broadcasts are not answered (proxy off)", async () => {
    const host = await Host.create({ peer: false });
    for (const tpa of ["192.168.1.3", "10.0.0.1", "127.0.0.1", "192.168.1.255", "255.255.255.255", "0.0.0.0"]) {
      expect(await host.drops(() => host.rxArp({ tpa }))).toEqual({ ARP_NOT_FOR_US: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  test("any own address is answered for, on any interface (weak host model)", async () => {
    const host = await Host.create({ peer: false });
    host.join({ address: "10.0.0.1/8" });
    host.rxArp({ tpa: "10.0.0.1" });
    expect(host.one().arp).toMatchObject({ op: ARP_REPLY, sha: OUR_MAC, spa: "10.0.0.1" });
  });

  test("short packets, at every length", async () => {
    const host = await Host.create();
    for (let length = 0; length < 28; length++) {
      const frame = ether({ type: 0x0806 }, arp({}).slice(0, length));
      expect(await host.drops(() => host.rx(frame))).toEqual({ ARP_SHORT: 1 });
    }
  });

  test("other hardware, protocols, lengths and operations", async () => {
    const host = await Host.create();
    for (const fields of [{ hrd: 6 }, { hrd: 0 }, { pro: 0x86dd }, { hln: 8 }, { hln: 0 }, { pln: 16 }, { pln: 0 }]) {
      expect(await host.drops(() => host.rxArp(fields))).toEqual({ ARP_FORMAT: 1 });
    }
    for (const op of [0, 3, 4, 8, 9, 0x0100, 0xffff]) {
      expect(await host.drops(() => host.rxArp({ op }))).toEqual({ ARP_OPERATION: 1 });
    }
    expect(host.take()).toEqual([]);
  });
});

describe("announcements", () => {
  test("an address is announced when it is assigned (gratuitous ARP)", async () => {
    const host = await Host.create({ address: null });
    const { counters } = await host.changes(() => host.nif.addAddress("192.168.1.1/24"));
    const announcement = host.one();
    expect(announcement).toMatchObject({ dst: BROADCAST_MAC, src: OUR_MAC });
    expect(announcement.arp).toEqual({ op: ARP_REQUEST, sha: OUR_MAC, spa: US, tha: ZERO_MAC, tpa: US });
    expect(counters).toEqual({ ARP_OUT_ANNOUNCES: 1 });
  });

  test("all addresses are announced when the interface comes up, and when the carrier does", async () => {
    const host = await Host.create();
    host.nif.addAddress("10.0.0.1/8");
    host.run();
    host.take();
    const announced = () => host.take().map((frame) => frame.arp?.spa);
    host.nif.down();
    host.run();
    expect(announced()).toEqual([]);
    host.nif.up();
    host.run();
    expect(announced()).toEqual([US, "10.0.0.1"]);
    host.driver.port.carrier(false);
    host.run();
    expect(announced()).toEqual([]);
    host.driver.port.carrier(true);
    host.run();
    expect(announced()).toEqual([US, "10.0.0.1"]);
  });

  test("not without carrier, and not on raw IP links", async () => {
    const host = await Host.create();
    host.driver.port.carrier(false);
    host.nif.addAddress("10.0.0.1/8");
    host.run();
    expect(host.take()).toEqual([]);
    const { driver } = host.join({ medium: "ip", address: "10.9.9.9/32" });
    host.run();
    expect(driver.sent).toEqual([]);
  });
});
