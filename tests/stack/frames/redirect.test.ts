/** Redirects: RFC 1122 §3.2.2.2, RFC 1812 §4.3.3.2 and §5.2.7.2; the back-off is Linux's. */
import { describe, expect, test } from "vitest";
import { IFSW_ACCEPT_REDIRECTS, IFSW_FORWARDING, IFSW_SEND_REDIRECTS } from "../../../assembly/abi/netif.js";
import type { UdpSocket } from "../../../src/index.js";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { data, ether, type IcmpFields, type Ipv4Fields, ipv4, udp } from "../wire.js";

const OTHER = "192.168.1.3";
const OTHER_MAC = "02:00:00:00:01:03";
const BEYOND = "172.16.3.4";

/** A router on 192.168.1/24, whose way to 172.16/12 is another router there. */
async function router(): Promise<Host> {
  const host = await Host.create();
  host.stack.neighbours.add(host.nif, OTHER, OTHER_MAC);
  host.stack.routes.add({ destination: "172.16.0.0/12", gateway: OTHER });
  host.stack.switches.set("IP_FORWARD", 1);
  return host;
}

describe("sent by a router", () => {
  const rx = (host: Host, fields: Ipv4Fields) => {
    const packet = ipv4({ dst: BEYOND, ttl: 64, ...fields }, udp({}, data(20)));
    host.rx(ether({ dst: OUR_MAC }, packet));
    return packet;
  };

  test("to a host that knows a better first hop: for the host, quoting the datagram as it goes on", async () => {
    const host = await router();
    const { counters, drops } = await host.changes(() => {
      rx(host, { tos: 0x10 });
      const [redirect, forwarded] = host.take();
      expect(forwarded).toMatchObject({ dst: OTHER_MAC, ip: { src: PEER, dst: BEYOND, ttl: 63, good: true } });
      expect(redirect).toMatchObject({ dst: PEER_MAC, ip: { src: US, dst: PEER, tos: 0xd0, ttl: 64, good: true } });
      // Linux quotes the TTL as it is when the datagram leaves.
      const quote = forwarded?.frame.slice(14);
      expect(redirect?.ip?.icmp).toEqual({ type: 5, code: 1, rest: 0xc0a80103, good: true, data: quote });
    });
    expect(drops).toEqual({});
    expect(counters).toEqual({
      IP_IN_RECEIVES: 1,
      IP_FORW_DATAGRAMS: 1,
      ICMP_OUT_MSGS: 1,
      ICMP_OUT_REDIRECTS: 1,
      IP_OUT_REQUESTS: 1,
    });
  });

  test("naming the destination itself, where that is a neighbour", async () => {
    const host = await router();
    rx(host, { dst: OTHER });
    expect(host.take()[0]?.ip?.icmp).toMatchObject({ type: 5, code: 1, rest: 0xc0a80103 });
  });

  test("not where a condition fails: the datagram goes on, without a word", async () => {
    const host = await router();
    const away = host.join({ address: "10.0.0.1/8" });
    host.stack.neighbours.add(away.nif, "10.0.0.2", "02:00:00:00:02:02");
    host.stack.routes.add({ destination: "20.0.0.0/8", gateway: "10.0.0.2" });
    const silent = (fields: Ipv4Fields, driver = host.driver) => {
      rx(host, fields);
      expect(host.one(driver).ip).toMatchObject({ ttl: 63 });
      expect([...host.take(), ...host.take(away.driver)]).toEqual([]);
    };
    // By another interface; from a host beyond; from the gateway itself; with a source route.
    silent({ dst: "20.1.1.1" }, away.driver);
    silent({ src: "8.8.8.8" });
    silent({ src: OTHER });
    host.stack.core.exports.netif_set(2, IFSW_SEND_REDIRECTS, 0);
    silent({});
  });

  test("never on a point-to-point link", async () => {
    const host = await router();
    const line = host.join({ medium: "ip", address: "202.56.112.11/30" });
    const packet = ipv4({ src: "202.56.112.9", dst: "202.56.112.10", ttl: 5 }, udp({}));
    host.rx(packet, line.driver);
    expect(line.driver.sent.map((sent) => sent[8])).toEqual([4]);
  });

  test("not to a host of the network that is reached by another way: there it would be no news of a first hop", async () => {
    const host = await router();
    const line = host.join({ medium: "ip", address: "202.56.112.11/30" });
    host.stack.routes.add({ destination: PEER, dev: line.nif.name });
    rx(host, {});
    expect(host.one().ip).toMatchObject({ dst: BEYOND, ttl: 63 });
    expect(line.driver.sent).toEqual([]);
  });

  test("a host that does not listen is told less and less, nine times, and again after a silence", async () => {
    const host = await router();
    const told: number[] = [];
    // A datagram a millisecond, for 22 seconds.
    for (let ms = 0; ms < 22_000; ms++) {
      rx(host, {});
      const sent = host.take();
      if (sent.some((frame) => frame.ip?.icmp?.type === 5)) told.push(ms);
      expect(sent.at(-1)?.ip?.dst).toBe(BEYOND);
      host.run(1000);
    }
    expect(told).toEqual([0, 41, 122, 283, 604, 1245, 2526, 5087, 10208]);
    host.run(20_480_000);
    host.run(1000);
    rx(host, {});
    expect(host.take()).toHaveLength(2);
  });
});

describe("followed by a host", () => {
  interface World {
    readonly host: Host;
    readonly socket: UdpSocket;
    /** Where a datagram to `dst` goes now: the hardware address, or the address that ARP asks for. */
    via(dst?: string): string | undefined;
    /** A redirect about the last datagram sent, from the first hop in use unless given; what is dropped. */
    redirect(fields?: IcmpFields, ip?: Ipv4Fields, quote?: ArrayLike<number>): Promise<object>;
  }

  /** 192.168.1.1, whose default gateway is the peer, and who has a socket. */
  async function world(): Promise<World> {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    host.stack.neighbours.add(host.nif, OTHER, OTHER_MAC);
    const socket = await host.stack.udp.bind({ port: 5000 });
    let last: ArrayLike<number> = [];
    return {
      host,
      socket,
      via(dst = BEYOND) {
        socket.trySend("x", { address: dst, port: 77 });
        host.run();
        const frame = host.one();
        if (frame.arp !== undefined) return frame.arp.tpa;
        last = frame.frame.slice(14, 14 + (frame.ip?.totalLen ?? 0));
        return frame.dst;
      },
      redirect: (fields = {}, ip = {}, quote = last) =>
        host.drops(() => host.rxIcmp({ type: 5, code: 1, rest: 0xc0a80103, ...fields }, quote, ip)),
    };
  }

  test("the very next datagram goes by the router that it names; other destinations as before", async () => {
    const { host, via, redirect } = await world();
    expect(via()).toBe(PEER_MAC);
    const { counters, drops } = await host.changes(() => redirect());
    expect(drops).toEqual({});
    expect(counters).toMatchObject({ ICMP_IN_REDIRECTS: 1, ICMP_REDIRECTS_ACCEPTED: 1 });
    expect(via()).toBe(OTHER_MAC);
    expect(via("172.16.3.5")).toBe(PEER_MAC);
  });

  test("of any code: for a network, too, it counts for the host alone (RFC 1122 §3.2.2.2)", async () => {
    for (const code of [0, 1, 2, 3]) {
      const { via, redirect } = await world();
      via();
      expect(await redirect({ code })).toEqual({});
      expect(via()).toBe(OTHER_MAC);
      expect(via("172.16.3.5")).toBe(PEER_MAC);
    }
  });

  test("and one router after another", async () => {
    const { via, redirect } = await world();
    via();
    await redirect();
    via();
    // The first one has no say any more.
    expect(await redirect({ rest: 0xc0a80104 })).toEqual({ ICMP_REDIRECT_SENDER: 1 });
    expect(await redirect({ rest: 0xc0a80104 }, { src: OTHER })).toEqual({});
    expect(via()).toBe("192.168.1.4");
  });

  test("it expires", async () => {
    const { host, via, redirect } = await world();
    host.stack.switches.set("REDIRECT_MS", 5000);
    via();
    await redirect();
    host.run(4_990_000);
    expect(via()).toBe(OTHER_MAC);
    host.run(20_000);
    expect(via()).toBe(PEER_MAC);
  });

  test("a router that does not answer is forgotten: the next datagram goes by the table's own again", async () => {
    const { host, via, redirect } = await world();
    via();
    await redirect({ rest: 0xc0a80109 });
    expect(via()).toBe("192.168.1.9");
    expect(await host.drops(() => host.run(4_000_000))).toEqual({ NEIGH_FAILED: 1 });
    host.take();
    expect(via()).toBe(PEER_MAC);
  });

  test("when the table's own router is another one now, it means nothing", async () => {
    const { host, via, redirect } = await world();
    via();
    await redirect();
    host.stack.neighbours.add(host.nif, "192.168.1.5", "02:00:00:00:01:05");
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: "192.168.1.5" });
    expect(via()).toBe("02:00:00:00:01:05");
  });

  test("the socket that had sent is told, and goes on (RFC 1122 §3.2.2.2)", async () => {
    const { socket, via, redirect } = await world();
    via();
    await redirect();
    expect(socket.nextError()).toEqual({
      address: BEYOND,
      port: 77,
      code: "EREMOTEIO",
      reporter: PEER,
      icmpType: 5,
      icmpCode: 1,
      icmpRest: 0xc0a80103,
    });
    expect(via()).toBe(OTHER_MAC);
  });

  test("a connected socket sends by the new router, and no call of its fails", async () => {
    const { host, via, redirect } = await world();
    const connected = await host.stack.udp.connect({ address: BEYOND, port: 9 });
    expect(connected.trySend("x")).toBe(true);
    host.run();
    const quote = host.one().frame.slice(14);
    expect(await redirect({}, {}, quote)).toEqual({});
    expect(connected.trySend("x")).toBe(true);
    host.run();
    expect(host.one().dst).toBe(OTHER_MAC);
    expect(via()).toBe(OTHER_MAC);
  });

  test("not where a check fails, each under its reason", async () => {
    const { host, via, redirect } = await world();
    host.join({ address: "10.0.0.1/8" });
    via();
    const gateways = [
      0xc0a80101, 0xc0a801ff, 0xc0a80100, 0xc0a80102, 0x08080808, 0, 0xffffffff, 0xe0000001, 0x7f000001,
    ];
    // Ours, broadcasts, the sender itself, of no network or of another interface's, no host's.
    for (const rest of [...gateways, 0x0a000002]) {
      expect(await redirect({ rest }), rest.toString(16)).toEqual({ ICMP_REDIRECT_GATEWAY: 1 });
    }
    // Of a network that we are not on yet: the address there is being probed.
    host.nif.addAddress("172.16.0.1/24", { probe: true }).catch(() => {});
    expect(await redirect({ rest: 0xac100002 })).toEqual({ ICMP_REDIRECT_GATEWAY: 1 });
    expect(await redirect({}, { src: "192.168.1.7" })).toEqual({ ICMP_REDIRECT_SENDER: 1 });
    const foreign = ipv4({ src: "192.168.1.8", dst: BEYOND }, udp({}));
    expect(await redirect({}, {}, foreign)).toEqual({ ICMP_QUOTE_FOREIGN: 1 });
    expect(await redirect({}, {}, foreign.slice(0, 27))).toEqual({ ICMP_QUOTE_SHORT: 1 });
    // A neighbour is no gateway to itself.
    const near = ipv4({ src: US, dst: PEER }, udp({}));
    expect(await redirect({}, {}, near)).toEqual({ ICMP_REDIRECT_SENDER: 1 });
    expect(via()).toBe(PEER_MAC);
    expect(host.stack.statistics().counters.ICMP_REDIRECTS_ACCEPTED).toBe(0);
  });

  test("not where that is switched off, nor by a router (RFC 1812 §5.2.7.2)", async () => {
    const { host, via, redirect } = await world();
    via();
    const { exports } = host.stack.core;
    exports.netif_set(2, IFSW_ACCEPT_REDIRECTS, 0);
    expect(await redirect()).toEqual({ ICMP_REDIRECT_OFF: 1 });
    exports.netif_set(2, IFSW_ACCEPT_REDIRECTS, 1);
    exports.netif_set(2, IFSW_FORWARDING, 1);
    expect(await redirect()).toEqual({ ICMP_REDIRECT_OFF: 1 });
    expect(via()).toBe(PEER_MAC);
    exports.netif_set(2, IFSW_FORWARDING, 0);
    expect(await redirect()).toEqual({});
    expect(via()).toBe(OTHER_MAC);
  });

  test("one that is not followed is told to the socket concerned all the same, as Linux does", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    host.stack.core.exports.netif_set(2, IFSW_ACCEPT_REDIRECTS, 0);
    const errors: unknown[] = [];
    using socket = host.stack.openEcho();
    socket.onerror = (error) => errors.push(error);
    socket.request(BEYOND, 7, data(8));
    host.run();
    const quote = host.one().frame.slice(14);
    const redirect = () => host.rxIcmp({ type: 5, code: 1, rest: 0xc0a80103 }, quote);
    expect(await host.drops(redirect)).toEqual({ ICMP_REDIRECT_OFF: 1 });
    expect(errors).toMatchObject([{ icmpType: 5, icmpCode: 1, icmpRest: 0xc0a80103, reporter: PEER, port: 7 }]);
    socket.request(BEYOND, 8, data(8));
    host.run();
    expect(host.one().dst).toBe(PEER_MAC);
  });
});
