/** IP options: RFC 791 §3.1, RFC 1122 §3.2.1.8, §3.2.2.6 and §3.3.5, RFC 1812 §5.3.13; source routes by RFC 7126 §4.3. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IFSW_ACCEPT_SOURCE_ROUTE, IFSW_FORWARDING } from "../../../assembly/abi/netif.js";
import { Host, PEER, PEER_MAC, US } from "../recording-driver.js";
import { type Bytes, data, fromHex, type Ipv4Fields, icmp, ip4, join, type Read, udp } from "../wire.js";

const hex = (bytes: ArrayLike<number>) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const address = (text: string) => ip4(text).toString(16).padStart(8, "0");

/** Options from hexadecimal digits and addresses in brackets, padded to 32 bits. */
function options(text: string): Bytes {
  const bytes = fromHex(text.replace(/\[([^\]]*)\]/g, (_, ip: string) => address(ip)).replace(/ /g, ""));
  return join(bytes, new Uint8Array(-bytes.length & 3));
}

/** The options of what was sent, as options() takes them. */
function sentOptions(read: Read | undefined): string {
  const frame = read?.frame as Bytes;
  return hex(frame.slice(34, 14 + ((frame[14] as number) & 15) * 4));
}

const ECHO = icmp({}, data(20));
const echo = (host: Host, text: string, fields: Ipv4Fields = {}) =>
  host.rxIp({ proto: 1, options: options(text), ...fields }, ECHO);

const US2 = "10.0.0.1";
const FAR = "10.0.0.2";
const FAR_MAC = "02:00:00:00:02:02";

/** eth0 192.168.1.1/24 and eth1 10.0.0.1/24, a router unless said otherwise. */
async function router(settings: { forward?: boolean; sourceRoute?: boolean; mtu?: number } = {}) {
  const { forward = true, sourceRoute = false, mtu = 1500 } = settings;
  const host = await Host.create();
  const far = host.join({ address: `${US2}/24`, mtu });
  host.stack.neighbours.add(far.nif, FAR, FAR_MAC);
  const { exports } = host.stack.core;
  exports.netif_set(0, IFSW_FORWARDING, forward ? 1 : 0);
  exports.netif_set(0, IFSW_ACCEPT_SOURCE_ROUTE, sourceRoute ? 1 : 0);
  return { host, far: far.driver };
}

describe("what is in error", () => {
  test.each([
    ["a length beyond the header", "0101 0708", 22],
    ["a length of less than two", "5e01", 20],
    ["a record route without its pointer", "0702", 21],
    ["a pointer before the first address", "07070300000000", 22],
    ["a pointer into an address", "07070500000000", 22],
    ["room for a part of an address", "070908000000000000", 22],
    ["two record routes", "070304 070304", 23],
    ["two source routes", "830304 890304", 23],
    ["a timestamp's unknown flags", "4408050200000000", 23],
    ["a timestamp's pointer", "4408040000000000", 22],
    ["an overflow count that overflows", "440809f000000000", 23],
    ["a router alert of a wrong length", "94030000", 21],
  ])("%s: parameter problem, with a pointer to the octet (RFC 1122 §3.2.2.5)", async (_, text, pointer) => {
    const { host } = await router();
    for (const dst of [US, FAR]) {
      expect(await host.drops(() => echo(host, text, { dst }))).toEqual({ IP_OPTIONS: 1 });
      const { ip } = host.one();
      expect(ip).toMatchObject({ dst: PEER, good: true });
      expect(ip?.icmp).toMatchObject({ type: 12, code: 0, rest: pointer * 2 ** 24, good: true });
      expect(hex(ip?.icmp?.data.slice(20, 20 + options(text).length) ?? [])).toBe(hex(options(text)));
    }
  });

  test("parameter problem, with a pointer to the octet, for this host and on the way through (RFC 1122 §3.2.2.5)", async () => {
    const { host } = await router();
    for (const dst of [US, FAR]) {
      echo(host, "07070300000000", { dst });
      expect(host.one().ip?.icmp).toMatchObject({ type: 12, code: 0, rest: 22 * 2 ** 24 });
    }
  });

  test("a host says nothing about what is for others", async () => {
    const { host } = await router({ forward: false });
    expect(await host.drops(() => echo(host, "5e01", { dst: FAR }))).toEqual({ IP_NOT_FORWARDING: 1 });
    expect(host.take()).toEqual([]);
  });
});

describe("for this host", () => {
  test("an unknown option is ignored, a stream identifier too (RFC 1122 §3.2.1.8)", async () => {
    const host = await Host.create();
    echo(host, "5e06deadbeef 88041234");
    expect(host.one().ip?.icmp).toMatchObject({ type: 0, good: true, data: data(20) });
  });

  test.each([
    ["end and no-operation", "01010100"],
    ["what stands behind the end", "00ffffff"],
    ["unknown options", "5e06deadbeef 9e02"],
    ["the stream identifier (RFC 1122 §3.2.1.8b)", "88041234"],
    ["security", "820b0000000000000000 00"],
    ["router alert", "94040000"],
    ["forty bytes of them", "01".repeat(40)],
  ])("%s: the datagram is delivered (RFC 1122 §3.2.1.8)", async (_, text) => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const heard: Bytes[] = [];
    socket.onmessage = (bytes) => heard.push(bytes.slice());
    host.rxIp({ options: options(text) }, udp({}, data(30)));
    expect(heard).toEqual([data(30)]);
    echo(host, text);
    const reply = host.one();
    expect(reply.ip?.icmp).toMatchObject({ type: 0, good: true, data: data(20) });
    expect(sentOptions(reply)).toBe("");
  });

  test("an echo's record route comes back with us in it, on arrival and on departure (RFC 1122 §3.2.2.6)", async () => {
    const host = await Host.create();
    echo(host, `01 070f08 [${PEER}] 00000000 00000000`);
    const reply = host.one();
    expect(reply.ip).toMatchObject({ src: US, dst: PEER, good: true, totalLen: 36 + ECHO.length });
    expect(reply.ip?.icmp).toMatchObject({ type: 0, good: true, data: data(20) });
    expect(sentOptions(reply)).toBe(hex(options(`070f10 [${PEER}] [${US}] [${US}]`)));
    // Without room it stays as it is.
    echo(host, `01 070708 [${PEER}]`);
    expect(sentOptions(host.one())).toBe(hex(options(`070708 [${PEER}]`)));
    // Room for one.
    echo(host, `070b08 [${PEER}] 00000000`);
    expect(sentOptions(host.one())).toBe(hex(options(`070b0c [${PEER}] [${US}]`)));
  });

  test("an echo's timestamps: times alone, with addresses, by a given list (RFC 791)", async () => {
    const host = await Host.create();
    await host.clock.advance(5_000_000);
    // The time of day is not known here: the high-order bit says so.
    const time = "80001388";
    echo(host, "44100900 00000001 00000000 00000000");
    expect(sentOptions(host.one())).toBe(`44101100${"00000001"}${time}${time}`);
    echo(host, "440c0501 0000000000000000");
    expect(sentOptions(host.one())).toBe(`440c0d01${address(US)}${time}`);
    echo(host, `44140503 [${US}] 00000000 [${PEER}] 00000000`);
    expect(sentOptions(host.one())).toBe(`44140d03${address(US)}${time}${address(PEER)}00000000`);
    echo(host, `440c0503 [${PEER}] 00000000`);
    expect(sentOptions(host.one())).toBe(`440c0503${address(PEER)}00000000`);
  });

  test("a timestamp request's options come back likewise (RFC 1122 §3.2.2.8)", async () => {
    const { host, far } = await router({ sourceRoute: true });
    const text = `830708 [${FAR}] 070b04 00000000 00000000`;
    host.rxIp({ proto: 1, src: "8.8.8.8", options: options(text) }, icmp({ type: 13 }, data(12)));
    const reply = host.one(far);
    expect(reply.ip).toMatchObject({ src: US, dst: FAR, good: true });
    expect(reply.ip?.icmp).toMatchObject({ type: 14, good: true });
    expect(sentOptions(reply)).toBe(hex(options(`070b0c [${US}] [${US}] 830704 [8.8.8.8]`)));
  });

  test("what finds a full list is counted, once, on arrival", async () => {
    const host = await Host.create();
    echo(host, `440c0d21 [${PEER}] 00000001`);
    expect(sentOptions(host.one())).toBe(`440c0d31${address(PEER)}00000001`);
    echo(host, `440c0de1 [${PEER}] 00000001`);
    expect(sentOptions(host.one())).toBe(`440c0df1${address(PEER)}00000001`);
    // Who is on no list given in advance is not missing from it.
    echo(host, `440c0d03 [${PEER}] 00000001`);
    expect(sentOptions(host.one())).toBe(`440c0d03${address(PEER)}00000001`);
  });

  test("the time of the UT day where it is known", async () => {
    const host = await Host.create({ dayMs: 1000 });
    await host.clock.advance(5_000_000);
    echo(host, "44080500 00000000");
    expect(sentOptions(host.one())).toBe("44080900" + "00001770");
  });

  test("a fragment's options are dealt with as it comes, and the whole has those of fragment zero", async () => {
    const host = await Host.create();
    host.rxIp({ proto: 1, flagsOffset: 2 }, ECHO.slice(16));
    echo(host, "070b04 00000000 00000000", { flagsOffset: 0x2000, totalLen: 32 + 16 });
    const reply = host.one();
    expect(reply.ip?.icmp).toMatchObject({ type: 0, good: true, data: data(20) });
    expect(sentOptions(reply)).toBe(hex(options(`070b0c [${US}] [${US}]`)));
  });
});

describe("on the way through", () => {
  test("a router enters where the datagram leaves, and its own time (RFC 1812 §5.3.13.5, §5.3.13.6)", async () => {
    const { host, far } = await router();
    await host.clock.advance(1_000_000);
    const time = "800003e8";
    echo(host, "070b04 00000000 00000000", { dst: FAR });
    let sent = host.one(far);
    expect(sent).toMatchObject({ dst: FAR_MAC, ip: { src: PEER, dst: FAR, ttl: 63, good: true } });
    expect(sentOptions(sent)).toBe(hex(options(`070b08 [${US2}] 00000000`)));
    // The address beside a time is that of the side of departure, too (RFC 1812 §4.2.2.2); on Linux that of arrival.
    echo(host, "44140501 0000000000000000 0000000000000000", { dst: FAR });
    sent = host.one(far);
    expect(sent.ip?.good).toBe(true);
    expect(sentOptions(sent)).toBe(hex(options(`44140d01 [${US2}] ${time} 0000000000000000`)));
    echo(host, `440c0503 [${US2}] 00000000`, { dst: FAR });
    expect(sentOptions(host.one(far))).toBe(hex(options(`440c0d03 [${US2}] ${time}`)));
    echo(host, "44080910 00000001", { dst: FAR });
    expect(sentOptions(host.one(far))).toBe("4408092000000001");
  });

  test("what it does not know passes unchanged (RFC 1812 §5.3.13.1), with security and router alert", async () => {
    const { host, far } = await router();
    const text = "5e06deadbeef 820b0000000000000000 00 94040000 88041234";
    echo(host, text, { dst: FAR });
    const sent = host.one(far);
    expect(sent.ip?.good).toBe(true);
    expect(sentOptions(sent)).toBe(hex(options(text)));
  });

  test("only what is marked as copied goes into later fragments (RFC 791 §3.1)", async () => {
    const { host, far } = await router({ mtu: 300 });
    host.rxIp({ dst: FAR, options: options("94040000 070704 00000000 01") }, data(600));
    const parts = host.take(far);
    expect(parts.map((part) => sentOptions(part))).toEqual([
      hex(options(`94040000 070708 [${US2}] 01`)),
      "94040000",
      "94040000",
    ]);
    expect(parts.every((part) => part.ip?.good)).toBe(true);
  });
});

describe("source routes are refused at first (RFC 7126 §4.3)", () => {
  test.each([
    ["a loose one on its way", `830704 [${FAR}]`, US],
    ["a strict one on its way", `890704 [${FAR}]`, US],
    ["one at its end", `830708 [${PEER}]`, US],
    ["one on its way between others", `830704 [${FAR}]`, FAR],
  ])("%s: source route failed, without a route back", async (_, text, dst) => {
    const { host, far } = await router();
    const { counters, drops } = await host.changes(() => echo(host, text, { dst }));
    expect(drops).toEqual({ IP_SOURCE_ROUTE: 1 });
    expect(counters.IP_SOURCE_ROUTED).toBeUndefined();
    const sent = host.one();
    expect(sent.ip).toMatchObject({ src: dst === US ? US : US, dst: PEER, good: true });
    expect(sent.ip?.icmp).toMatchObject({ type: 3, code: 5, good: true });
    expect(sentOptions(sent)).toBe("");
    expect(host.take(far)).toEqual([]);
  });

  test("by every interface, until it is told otherwise: source route failed (RFC 1122 §3.3.5)", async () => {
    const { host } = await router();
    expect(await host.drops(() => echo(host, `830704 [${FAR}]`))).toEqual({ IP_SOURCE_ROUTE: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 5 });
    host.stack.core.exports.netif_set(3, IFSW_ACCEPT_SOURCE_ROUTE, 1);
    expect(await host.drops(() => echo(host, `830704 [${FAR}]`))).toEqual({ IP_SOURCE_ROUTE: 1 });
    host.stack.core.exports.netif_set(2, IFSW_ACCEPT_SOURCE_ROUTE, 1);
    host.take();
    expect(await host.drops(() => echo(host, `830704 [${FAR}]`))).toEqual({});
  });

  test("an ICMP error with one is dropped in silence", async () => {
    const { host } = await router();
    host.rxIp({ proto: 1, options: options(`830704 [${FAR}]`) }, icmp({ type: 3 }, data(28)));
    expect(host.take()).toEqual([]);
  });
});

describe("source routes where they are accepted", () => {
  test.each([true, false])(
    "we go on to the next stop, and say by which address (router: %s; RFC 1122 §3.3.5)",
    async (forward) => {
      const { host, far } = await router({ forward, sourceRoute: true });
      const { counters, drops } = await host.changes(() => echo(host, `830b04 [${FAR}] [9.9.9.9]`));
      expect(drops).toEqual({});
      expect(counters).toMatchObject({ IP_SOURCE_ROUTED: 1, IP_FORW_DATAGRAMS: 1 });
      const sent = host.one(far);
      expect(sent).toMatchObject({ dst: FAR_MAC, ip: { src: PEER, dst: FAR, ttl: 63, good: true } });
      expect(sentOptions(sent)).toBe(hex(options(`830b08 [${US2}] [9.9.9.9]`)));
      // Back by the interface it came by.
      echo(host, `8307 04 [${PEER}]`, { src: "192.168.1.9" });
      expect(host.one()).toMatchObject({ dst: PEER_MAC, ip: { src: "192.168.1.9", dst: PEER, ttl: 63, good: true } });
    },
  );

  test("a host passes it on by a router's rules: TTL, DF, record route and time (RFC 1122 §3.3.5)", async () => {
    const { host, far } = await router({ forward: false, sourceRoute: true, mtu: 300 });
    const route = `830704 [${FAR}]`;
    echo(host, `${route} 070b04 00000000 00000000 44080500 00000000`, { src: "192.168.1.9" });
    const sent = host.one(far);
    expect(sent.ip).toMatchObject({ src: "192.168.1.9", dst: FAR, ttl: 63, good: true });
    expect(sentOptions(sent)).toBe(hex(options(`830708 [${US2}] 070b08 [${US2}] 00000000 44080900 80000000`)));
    expect(await host.drops(() => echo(host, route, { ttl: 1 }))).toEqual({ FWD_TTL: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 11, code: 0 });
    const long = { flagsOffset: 0x4000, options: options(route) };
    expect(await host.drops(() => host.rxIp(long, data(400)))).toEqual({ FWD_NEED_FRAGMENT: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 4, rest: 300 });
  });

  test("a strict one goes only to a neighbour, and to no station that it does not name", async () => {
    const { host, far } = await router({ sourceRoute: true });
    host.stack.routes.add({ destination: "9.0.0.0/8", gateway: FAR });
    echo(host, `830704 [9.9.9.9]`);
    expect(host.one(far)).toMatchObject({ dst: FAR_MAC, ip: { dst: "9.9.9.9" } });
    echo(host, `890704 [${FAR}]`);
    expect(host.one(far)).toMatchObject({ dst: FAR_MAC, ip: { dst: FAR } });
    for (const [text, dst] of [
      ["890704 [9.9.9.9]", US],
      [`890704 [${FAR}]`, FAR],
      [`890708 [${US}]`, FAR],
    ] as const) {
      expect(await host.drops(() => echo(host, text, { dst })), text).toEqual({ IP_SOURCE_ROUTE_FAILED: 1 });
      expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 5, good: true });
      expect(host.take(far)).toEqual([]);
    }
  });

  test.each(["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.168.1.255", "240.0.0.1", "8.8.8.8"])(
    "%s is no stop",
    async (stop) => {
      const { host } = await router({ sourceRoute: true });
      expect(await host.drops(() => echo(host, `830704 [${stop}]`))).toEqual({ IP_SOURCE_ROUTE_FAILED: 1 });
      const { ip } = host.one();
      expect(ip?.icmp).toMatchObject({ type: 3, code: 5, good: true });
    },
  );

  test("stops that are ourselves are passed at once; one at its end is for us", async () => {
    const { host, far } = await router({ sourceRoute: true });
    echo(host, `830b04 [${US2}] [${FAR}]`);
    expect(sentOptions(host.one(far))).toBe(hex(options(`830b0c [${US}] [${US2}]`)));
    echo(host, `830704 [${US2}]`);
    const reply = host.one();
    expect(reply.ip).toMatchObject({ src: US2, dst: PEER, good: true });
    expect(reply.ip?.icmp).toMatchObject({ type: 0 });
  });

  test("the reply to an echo that came by one goes back by it, its end the source (RFC 1122 §3.2.2.6)", async () => {
    const { host, far } = await router({ sourceRoute: true });
    echo(host, `830b0c [9.1.1.1] [${FAR}] 070b08 [9.9.9.9] 00000000`, { src: "8.8.8.8" });
    let reply = host.one(far);
    expect(reply).toMatchObject({ dst: FAR_MAC, ip: { src: US, dst: FAR, good: true } });
    expect(sentOptions(reply)).toBe(hex(options(`070b0c [9.9.9.9] [${US}] 830b04 [9.1.1.1] [8.8.8.8]`)));
    // RFC 1122 §3.2.1.8 (c), case (B): a route with its own source at its head.
    echo(host, `830b0c [8.8.8.8] [${FAR}]`, { src: "8.8.8.8" });
    reply = host.one(far);
    expect(sentOptions(reply)).toBe(hex(options(`830704 [8.8.8.8]`)));
  });

  test("errors about a source-routed datagram go back by it (RFC 1812 §4.3.2.6), but for one about its options", async () => {
    const { host, far } = await router({ sourceRoute: true });
    const route = `830f08 [${FAR}] [${PEER}] [9.9.9.9]`;
    echo(host, route, { src: "8.8.8.8", ttl: 1 });
    const error = host.one(far);
    expect(error.ip).toMatchObject({ dst: FAR, good: true });
    expect(error.ip?.icmp).toMatchObject({ type: 11, code: 0, good: true });
    expect(sentOptions(error)).toBe(hex(options("830704 [8.8.8.8]")));
    echo(host, `${route} 5e00`);
    const problem = host.one();
    expect(problem.ip).toMatchObject({ dst: PEER });
    expect(problem.ip?.icmp).toMatchObject({ type: 12, code: 0 });
    expect(sentOptions(problem)).toBe("");
  });

  test("an error with the way back stays within 576 bytes", async () => {
    const { host, far } = await router({ sourceRoute: true });
    host.rxIp({ src: "8.8.8.8", proto: 99, options: options(`830708 [${FAR}]`) }, data(1000));
    const { ip } = host.one(far);
    expect(ip).toMatchObject({ totalLen: 576, good: true });
    expect(ip?.icmp).toMatchObject({ type: 3, code: 2, good: true });
  });
});

test("any forty bytes of options: nothing traps, and every header that leaves is good", async () => {
  const { host, far } = await router({ sourceRoute: true });
  const octet = fc.oneof(fc.nat(255), fc.nat(15), fc.constantFrom(7, 68, 130, 131, 137, 148, 10, 192, 168, 1, 2));
  const stop = fc.constantFrom(US, US2, PEER, FAR).map((ip) => [...fromHex(address(ip))]);
  const piece = fc.oneof(
    octet.map((byte) => [byte]),
    stop,
    fc
      .tuple(fc.constantFrom(7, 131, 137), fc.constantFrom(3, 7, 11), fc.constantFrom(4, 8, 12), stop)
      .map((o) => o.flat()),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), fc.constantFrom(US, US2, FAR, "192.168.1.255"), (pieces, dst) => {
      const bytes = pieces.flat().slice(0, 40);
      host.rxIp({ proto: 1, dst, options: join(bytes, new Uint8Array(-bytes.length & 3)) }, ECHO);
      for (const sent of [...host.take(), ...host.take(far)])
        if (sent.ip !== undefined) expect(sent.ip.good).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
