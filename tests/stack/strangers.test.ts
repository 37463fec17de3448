/** What strangers must not bring about: silence a member, choose its IGMP version, have a group answered, reach loopback. */
import { describe, expect, test } from "vitest";
import { IFSW_ACCEPT_SOURCE_ROUTE } from "../../assembly/abi/netif.js";
import { member, query, words } from "./frames/igmp-kit.js";
import { Host, PEER, US } from "./recording-driver.js";
import { data, type Ipv4Fields, icmp, ip4, ipv4, join, udp } from "./wire.js";

const G = "239.1.2.3";
const V3_REPORT = `${US}>224.0.0.22`;
const SETTLED_US = 30_000_000;

async function inGroup() {
  const host = await Host.create();
  const socket = await host.stack.udp.bind({ port: 1000 });
  const settle = () => {
    host.run(SETTLED_US);
    return words(host);
  };
  socket.addMembership(G);
  settle();
  return { host, socket, settle };
}

describe("IGMP", () => {
  test("a report to this host alone, from however far away, silences nobody (RFC 2236 §3: reports go to the group)", async () => {
    const { host, settle } = await inGroup();
    host.rx(query({ version: 2 }));
    expect(await host.drops(() => host.rx(member(0x16, G, "203.0.113.9", US)))).toEqual({ IGMP_SOURCE: 1 });
    expect(settle()).toEqual([`${US}>${G} v2 ${G}`]);
  });

  test("a query of one group does not change the version: of version 2 only a general one does (RFC 3376 §7.2.1)", async () => {
    const { host, settle } = await inGroup();
    host.rx(query({ version: 2, group: G }));
    host.rx(query({ version: 2, group: G, dst: US, src: "203.0.113.9" }));
    expect(settle()).toEqual([`${V3_REPORT} IS_EX ${G} {}`]);
  });

  test("a query of version 1 goes to all hosts, whatever group it names (RFC 1112 appendix I)", async () => {
    const { host, settle } = await inGroup();
    const alone = () => host.rx(query({ version: 1, group: G, dst: US, src: "203.0.113.9" }));
    expect(await host.drops(alone)).toEqual({ IGMP_SOURCE: 1 });
    expect(settle()).toEqual([]);
    // Its group field means nothing.
    host.rx(query({ version: 1, group: "239.9.9.9", dst: "224.0.0.1" }));
    expect(settle()).toEqual([`${US}>${G} v1 ${G}`]);
  });
});

describe("a source route that has come to its end here", () => {
  const bytes = (address: string) => [24, 16, 8, 0].map((shift) => (ip4(address) >>> shift) & 255);
  const loose = (pointer: number, ...stops: string[]) =>
    join([131, 3 + 4 * stops.length, pointer], ...stops.map(bytes), [0]);
  const echo = (host: Host, options: ArrayLike<number>, fields: Ipv4Fields = {}) =>
    host.rxIp({ proto: 1, options, ...fields }, icmp({}, data(20)));

  async function accepting() {
    const host = await Host.create();
    host.stack.core.exports.netif_set(0, IFSW_ACCEPT_SOURCE_ROUTE, 1);
    return host;
  }

  test.each(["255.255.255.255", "192.168.1.255", "224.0.0.1"])(
    "has nothing answered to a group: %s (RFC 1122 §3.2.2)",
    async (group) => {
      const host = await accepting();
      expect(await host.drops(() => echo(host, loose(8, group)))).toEqual({ OUT_NO_ROUTE: 1 });
      const unknown = () => host.rxIp({ proto: 99, options: loose(8, group) }, data(20));
      expect(await host.drops(unknown)).toEqual({ OUT_NO_ROUTE: 1, IP_PROTOCOL: 1 });
      expect(host.take()).toEqual([]);
    },
  );

  test("is read within its bounds, however far behind them its pointer is", async () => {
    const host = await accepting();
    for (const pointer of [12, 16, 41, 120, 255]) {
      echo(host, loose(pointer, PEER, US), { src: "8.8.8.8" });
      // The last stop is ourselves, so the answer goes by the one before.
      expect(host.one().ip, `${pointer}`).toMatchObject({ src: US, dst: PEER, ttl: 64, icmp: { type: 0 } });
    }
  });
});

test("an error from a wire about a datagram within this host is not believed: 127/8 leaves no host (RFC 1122 §3.2.1.3)", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind({ port: 5000 });
  socket.connect({ address: "127.0.0.1", port: 77 });
  const quote = ipv4({ src: "127.0.0.1", dst: "127.0.0.1" }, udp({ srcPort: 5000, dstPort: 77 }));
  expect(await host.drops(() => host.rxIcmp({ type: 3, code: 3, rest: 0 }, quote))).toEqual({ ICMP_QUOTE_FOREIGN: 1 });
  expect(socket.trySend("x")).toBe(true);
  socket.close();
});
