/** Redirects: RFC 1122 §3.2.2.2, RFC 1812 §4.3.3.2 and §5.2.7.2; the back-off is Linux's. */
import { describe, expect, test } from "vitest";
import { IFSW_SEND_REDIRECTS } from "../../../assembly/abi/netif.js";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { data, ether, type Ipv4Fields, ipv4, udp } from "../wire.js";

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
