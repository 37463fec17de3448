/** Don't Fragment and the path MTU: RFC 1191; the four ways of a socket are Linux's IP_MTU_DISCOVER. */
import { describe, expect, test } from "vitest";
import type { UdpSocket } from "../../../src/index.js";
import { codeOf, Host, PEER, US } from "../recording-driver.js";
import { data, type Ipv4Fields, ipv4, type ReadIpv4, udp } from "../wire.js";

/** Totals and flags of what a datagram of `total` bytes became; or the error. */
function sends(host: Host, socket: UdpSocket, total: number, address = PEER): string {
  const code = codeOf(() => expect(socket.trySend(data(total - 28), { address, port: 9 })).toBe(true));
  host.run();
  const parts = host.take().map((frame) => frame.ip as ReadIpv4);
  for (const ip of parts) expect(ip.good).toBe(true);
  if (code !== "none") return code;
  return parts.map((ip) => `${ip.totalLen}${ip.flagsOffset & 0x4000 ? " DF" : ""}`).join(", ");
}

describe("what a socket asks for", () => {
  test.each([
    ["dont", "1500", "1500, 520"],
    ["want", "1500 DF", "1500, 520"],
    ["do", "1500 DF", "EMSGSIZE"],
    ["probe", "1500 DF", "EMSGSIZE"],
  ] as const)("%s", async (how, fits, long) => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    socket.setPathMtuDiscovery(how);
    expect(sends(host, socket, 1500)).toBe(fits);
    expect(sends(host, socket, 2000)).toBe(long);
  });

  test("new sockets are as the switch says; what is none of the four is refused", async () => {
    const host = await Host.create();
    host.stack.switches.set("IP_MTU_DISCOVER", 0);
    const socket = await host.stack.udp.bind();
    expect(sends(host, socket, 100)).toBe("100");
    expect(() => socket.setPathMtuDiscovery("x" as "do")).toThrow(RangeError);
  });

  test("the MTU of a connected socket's path is the interface's, while nothing less is known", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    expect(codeOf(() => socket.mtu)).toBe("ENOTCONN");
    socket.connect({ address: PEER, port: 9 });
    expect(socket.mtu).toBe(1500);
    host.nif.mtu = 1000;
    expect(socket.mtu).toBe(1000);
  });
});

describe("what the path says", () => {
  const FAR = "203.0.113.9";

  /** A host behind a gateway, and what a router there says of a datagram. */
  async function behind() {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const socket = await host.stack.udp.bind({ port: 5000 });
    const needsFragment = (mtu: number, fields: Ipv4Fields = {}, size = 1472) => {
      const quoted = ipv4(
        { src: US, dst: FAR, flagsOffset: 0x4000, ...fields },
        udp({ srcPort: 5000, dstPort: 9, src: US, dst: FAR }, data(size)),
      );
      return host.changes(() =>
        host.rxIcmp({ type: 3, code: 4, rest: mtu }, quoted.subarray(0, 548), { src: "198.51.100.1" }),
      );
    };
    return { host, socket, needsFragment };
  }

  test("is learned, and what is longer goes in fragments from then on; other destinations are as before", async () => {
    const { host, socket, needsFragment } = await behind();
    expect(sends(host, socket, 1500, FAR)).toBe("1500 DF");
    const { counters, drops } = await needsFragment(600);
    expect(drops).toEqual({});
    expect(counters).toMatchObject({ IP_PMTU_LEARNED: 1, ICMP_IN_ERRORS_MATCHED: 1 });
    expect(sends(host, socket, 1500, FAR)).toBe("596, 596, 348");
    expect(sends(host, socket, 600, FAR)).toBe("600 DF");
    expect(sends(host, socket, 1500, "203.0.113.10")).toBe("1500 DF");
    expect(socket.nextError()).toMatchObject({
      code: "EMSGSIZE",
      icmpType: 3,
      icmpCode: 4,
      icmpRest: 600,
      address: FAR,
    });
  });

  test("refuses what a connected socket with DF sends, and tells it how much goes", async () => {
    const { host, needsFragment, socket: other } = await behind();
    other.close();
    const socket = await host.stack.udp.connect({ address: FAR, port: 9 }, { port: 5000 });
    socket.setPathMtuDiscovery("do");
    expect(socket.mtu).toBe(1500);
    await needsFragment(1000);
    expect(
      codeOf(() => socket.trySend("x")),
      "the pending error",
    ).toBe("EMSGSIZE");
    expect(socket.mtu).toBe(1000);
    expect(codeOf(() => socket.trySend(data(973)))).toBe("EMSGSIZE");
    expect(socket.trySend(data(972))).toBe(true);
    // A probe may be longer.
    socket.setPathMtuDiscovery("probe");
    expect(socket.trySend(data(1472))).toBe(true);
    expect(codeOf(() => socket.trySend(data(1473)))).toBe("EMSGSIZE");
    host.run();
    expect(host.take().map((frame) => [frame.ip?.totalLen, frame.ip?.flagsOffset])).toEqual([
      [1000, 0x4000],
      [1500, 0x4000],
    ]);
  });

  test("is forgotten in time (§6.3), and never raised before", async () => {
    const { host, socket, needsFragment } = await behind();
    await needsFragment(600);
    host.run(599_000_000);
    expect((await needsFragment(1400)).counters.IP_PMTU_LEARNED).toBeUndefined();
    expect(sends(host, socket, 1400, FAR)).toBe("596, 596, 248");
    host.run(1_100_000);
    expect(sends(host, socket, 1400, FAR)).toBe("1400 DF");
    // Less may be learned at any time, and is believed for as long again.
    await needsFragment(1400);
    await needsFragment(600);
    expect(sends(host, socket, 1400, FAR)).toBe("596, 596, 248");
    host.stack.switches.set("IP_PMTU_MS", 10_000);
    await needsFragment(580);
    host.run(9_000_000);
    expect(sends(host, socket, 600, FAR)).toBe("580, 40");
    host.run(2_000_000);
    expect(sends(host, socket, 600, FAR)).toBe("600 DF");
  });

  test("less than the least is that least without DF: on unreasonable paths routers fragment", async () => {
    const { host, socket, needsFragment } = await behind();
    await needsFragment(100);
    expect(sends(host, socket, 552, FAR)).toBe("552");
    expect(sends(host, socket, 553, FAR)).toBe("548, 25");
    host.stack.switches.set("IP_PMTU_LEAST", 68);
    host.stack.routes.add({ destination: "198.51.0.0/16", gateway: PEER });
    expect(sends(host, socket, 200, FAR)).toBe("100, 100, 40");
    expect(sends(host, socket, 100, FAR)).toBe("100 DF");
  });

  test.each([
    [65_535, 32000],
    [32_001, 32000],
    [32_000, 17914],
    [9000, 8166],
    [5000, 4352],
    [2003, 2002],
    [1500, 1492],
    [1492, 1006],
    [1006, 508],
    [508, 296],
    [296, 68],
  ])("a router that names no MTU: of %s bytes %s would fit (§7.1)", async (total, plateau) => {
    const { host, needsFragment, socket: other } = await behind();
    other.close();
    host.stack.switches.set("IP_PMTU_LEAST", 68);
    const socket = await host.stack.udp.connect({ address: FAR, port: 9 }, { port: 5000 });
    expect((await needsFragment(0, { totalLen: total }, 500)).counters.IP_PMTU_LEARNED).toBe(1);
    codeOf(() => socket.trySend("the pending error"));
    expect(socket.mtu).toBe(Math.min(1500, plateau));
  });

  test("what cannot be is dropped: not less than what was sent, below 68, about what had no DF, not of ours", async () => {
    const { host, socket, needsFragment } = await behind();
    for (const [mtu, fields, reason] of [
      [1500, {}, "ICMP_PMTU"],
      [9000, {}, "ICMP_PMTU"],
      [67, {}, "ICMP_PMTU"],
      [600, { flagsOffset: 0 }, "ICMP_PMTU"],
      [600, { totalLen: 600 }, "ICMP_PMTU"],
      [600, { src: "192.168.1.77" }, "ICMP_QUOTE_FOREIGN"],
    ] as const) {
      const { counters, drops } = await needsFragment(mtu, fields);
      expect(drops).toEqual({ [reason]: 1 });
      expect(counters.IP_PMTU_LEARNED).toBeUndefined();
    }
    socket.close();
    expect((await needsFragment(600)).drops).toEqual({ ICMP_ERROR_UNMATCHED: 1 });
    const next = await host.stack.udp.bind();
    expect(sends(host, next, 1500, FAR)).toBe("1500 DF");
  });

  test("a socket without DF hears nothing of it, but its fragments fit from then on", async () => {
    const { host, socket, needsFragment } = await behind();
    socket.setPathMtuDiscovery("dont");
    await needsFragment(600);
    expect(socket.nextError()).toBeUndefined();
    expect(sends(host, socket, 1500, FAR)).toBe("596, 596, 348");
  });

  test("echo requests learn, too", async () => {
    const { host } = await behind();
    const echo = host.stack.openEcho();
    echo.request(FAR, 1, data(1400));
    host.run();
    const sent = host.one().frame.subarray(14, 14 + 548);
    host.rxIcmp({ type: 3, code: 4, rest: 600 }, sent, { src: "198.51.100.1" });
    echo.request(FAR, 2, data(1400));
    host.run();
    expect(host.take().map((frame) => frame.ip?.totalLen)).toEqual([596, 596, 276]);
  });
});
