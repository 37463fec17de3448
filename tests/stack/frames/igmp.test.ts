/** IGMP as a host: RFC 2236, RFC 3376; every message byte for byte (igmp-kit.ts), every delay in virtual time. */
import { describe, expect, test } from "vitest";
import { IFSW_IGMP_VERSION } from "../../../assembly/abi/netif.js";
import { Host, PEER, US } from "../recording-driver.js";
import { frame, igmp, member, type QueryFields, query, said, words } from "./igmp-kit.js";

const G = "239.1.2.3";
const H = "239.1.2.4";
const ROUTERS = `${US}>224.0.0.22`;
const [A, B, C] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const SECOND = 1_000_000;

async function start(options: Parameters<typeof Host.create>[0] = {}) {
  const host = await Host.create(options);
  const open = () => host.stack.udp.bind({ port: 1000, reuseAddr: true });
  const socket = await open();
  /** Lets all that is to be said be said. */
  const settle = () => {
    host.run(30 * SECOND);
    return words(host);
  };
  const ask = (fields: QueryFields = {}) => host.rx(query(fields));
  return { host, socket, open, settle, ask };
}

/** Speaks version 2, by the host's own switch. */
function force(host: Host, version: number): void {
  host.stack.core.exports.netif_set(host.nif.index, IFSW_IGMP_VERSION, version);
}

describe("version 3: changes are said at once, and again within a second (RFC 3376 §5.1)", () => {
  test("joining and leaving a group for all sources", async () => {
    const { host, socket, settle } = await start();
    const began = host.clock.now();
    socket.addMembership(G);
    host.run();
    host.run(3 * SECOND);
    const joined = said(host);
    expect(joined.map(({ text }) => text)).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${G} {}`));
    expect((joined[0]?.at ?? 0) - began).toBeLessThanOrEqual(1);
    const gap = (joined[1]?.at ?? 0) - (joined[0]?.at ?? 0);
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThanOrEqual(SECOND);
    socket.dropMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_IN ${G} {}`));
  });

  test("as often as the querier's robustness says (§4.1.6)", async () => {
    const { socket, settle, ask } = await start();
    ask({ qrv: 5 });
    settle();
    socket.addMembership(G);
    expect(settle()).toEqual(Array(5).fill(`${ROUTERS} TO_EX ${G} {}`));
    ask({ qrv: 0 });
    settle();
    socket.dropMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_IN ${G} {}`));
  });

  test("sources that are joined, left, blocked and unblocked", async () => {
    const { socket, settle } = await start();
    socket.addSourceSpecificMembership(A, G);
    socket.addSourceSpecificMembership(B, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} ALLOW ${G} {${A} ${B}}`));
    socket.dropSourceSpecificMembership(A, G);
    socket.addSourceSpecificMembership(C, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} ALLOW ${G} {${C}}, BLOCK ${G} {${A}}`));
    socket.dropMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} BLOCK ${G} {${B} ${C}}`));
    socket.addMembership(G);
    settle();
    socket.blockSource(A, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} BLOCK ${G} {${A}}`));
    socket.unblockSource(A, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} ALLOW ${G} {${A}}`));
  });

  test("a change upon a change: what is said is how it is by then", async () => {
    const { host, socket, settle } = await start();
    socket.addSourceSpecificMembership(A, G);
    host.run(1);
    expect(words(host)).toEqual([`${ROUTERS} ALLOW ${G} {${A}}`]);
    socket.addSourceSpecificMembership(B, G);
    host.run(1);
    expect(words(host)).toEqual([`${ROUTERS} ALLOW ${G} {${A} ${B}}`]);
    socket.dropSourceSpecificMembership(B, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} BLOCK ${G} {${B}}`));
    socket.dropSourceSpecificMembership(A, G);
    socket.addMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${G} {}`));
  });

  test("the interface hears what all its sockets want together (§3.2)", async () => {
    const { socket, open, settle } = await start();
    const [two, three] = [await open(), await open()];
    socket.addSourceSpecificMembership(A, G);
    two.addSourceSpecificMembership(A, G);
    two.addSourceSpecificMembership(B, G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} ALLOW ${G} {${A} ${B}}`));
    two.dropSourceSpecificMembership(A, G);
    expect(settle()).toEqual([]);
    three.addMembership(G);
    three.blockSource(A, G);
    three.blockSource(C, G);
    // A is blocked by one and heard by another.
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${G} {${C}}`));
    socket.close();
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} BLOCK ${G} {${A}}`));
    three.close();
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_IN ${G} {${B}}`));
    two.close();
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} BLOCK ${G} {${B}}`));
  });

  test("more sources than a filter holds: all of them", async () => {
    const { socket, open, settle, host } = await start();
    const two = await open();
    for (let i = 1; i <= 8; i++) socket.addSourceSpecificMembership(`10.0.1.${i}`, G);
    settle();
    two.addSourceSpecificMembership("10.0.1.9", G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${G} {}`));
    two.close();
    const all = Array.from({ length: 8 }, (_, i) => `10.0.1.${i + 1}`).join(" ");
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_IN ${G} {${all}}`));
    // More changes than there is place for: the whole filter says them.
    for (let i = 1; i <= 8; i++) socket.dropSourceSpecificMembership(`10.0.1.${i}`, G);
    for (let i = 1; i <= 8; i++) socket.addSourceSpecificMembership(`10.0.2.${i}`, G);
    host.run(1);
    expect(words(host).at(-1)).toContain(`${ROUTERS} TO_IN ${G} {10.0.2.1 `);
    settle();
  });

  test("all-hosts is never reported, the rest of 224.0.0/24 is", async () => {
    const { socket, settle, ask } = await start();
    socket.addMembership("224.0.0.1");
    expect(settle()).toEqual([]);
    socket.addMembership("224.0.0.251");
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX 224.0.0.251 {}`));
    ask();
    expect(settle()).toEqual([`${ROUTERS} IS_EX 224.0.0.251 {}`]);
  });

  test("from 0.0.0.0 while the interface has no address (§4.2.13)", async () => {
    const host = await Host.create({ address: null });
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.addMembership(G, host.nif.index);
    host.run(3 * SECOND);
    expect(words(host)).toEqual(Array(2).fill(`0.0.0.0>224.0.0.22 TO_EX ${G} {}`));
  });

  test("a group that was left gives way to one that is joined", async () => {
    const { host, socket, settle } = await start({ memberships: 1 });
    socket.addMembership(G);
    settle();
    socket.dropMembership(G);
    socket.addMembership(H);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${H} {}`));
    expect(await host.drops(() => host.rx(query({ group: G })))).toEqual({ ETHER_NOT_FOR_US: 1 });
  });
});

describe("version 3: queries are answered within their time (RFC 3376 §5.2)", () => {
  test("a general one by all groups in one report, of the interface that it came by", async () => {
    const { host, socket, settle, ask } = await start();
    const second = host.join({ address: "10.0.0.1/8" });
    socket.addMembership(G);
    socket.addSourceSpecificMembership(A, H);
    socket.addMembership(H, second.nif.index);
    settle();
    said(host, second.driver);
    const began = host.clock.now();
    const { counters, drops } = await host.changes(() => ask({ code: 20 }));
    expect([counters.IGMP_IN_QUERIES, drops]).toEqual([1, {}]);
    host.run(2 * SECOND);
    const [answer, ...more] = said(host);
    expect(answer?.text).toBe(`${ROUTERS} IS_EX ${G} {}, IS_IN ${H} {${A}}`);
    expect((answer?.at ?? 0) - began).toBeLessThanOrEqual(2 * SECOND);
    expect([more, said(host, second.driver)]).toEqual([[], []]);
    expect(settle()).toEqual([]);
  });

  test("delays differ from host to host, and are as long as the code says: also beyond 12.7 s", async () => {
    const delays: number[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const { host, socket, settle } = await start({ seed: [seed, 1, 2, 3] });
      socket.addMembership(G);
      settle();
      const began = host.clock.now();
      // 0x8f stands for (15 + 16) << 3 = 248 tenths.
      host.rx(query({ code: 0x8f }));
      host.run(25 * SECOND);
      const [answer] = said(host);
      delays.push(((answer?.at ?? 0) - began) / SECOND);
    }
    expect(new Set(delays).size).toBe(8);
    expect(Math.max(...delays)).toBeLessThanOrEqual(24.8);
    expect(Math.max(...delays)).toBeGreaterThan(12.8);
  });

  test("one of a group by that group; of sources, by those that are heard", async () => {
    const { socket, settle, ask } = await start();
    socket.addMembership(G);
    socket.blockSource(A, G);
    socket.addSourceSpecificMembership(A, H);
    settle();
    ask({ group: G });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {${A}}`]);
    ask({ group: G, sources: [A, B, C] });
    expect(settle()).toEqual([`${ROUTERS} IS_IN ${G} {${B} ${C}}`]);
    ask({ group: H, sources: [A, B] });
    expect(settle()).toEqual([`${ROUTERS} IS_IN ${H} {${A}}`]);
    ask({ group: H, sources: [B] });
    expect(settle()).toEqual([]);
  });

  test("what is asked adds up until it is answered, once", async () => {
    const { host, socket, settle, ask } = await start();
    socket.addMembership(G);
    settle();
    ask({ group: G, sources: [A] });
    ask({ group: G, sources: [B, A] });
    expect(settle()).toEqual([`${ROUTERS} IS_IN ${G} {${A} ${B}}`]);
    ask({ group: G, sources: [A] });
    ask({ group: G });
    ask({ group: G, sources: [B] });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
    ask({ group: G, sources: Array.from({ length: 9 }, (_, i) => `10.0.0.${i + 1}`) });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
    // A general answer that comes sooner serves for all.
    ask({ code: 1 });
    ask({ group: G, code: 0xff });
    host.run(1);
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
  });

  test("records fill as many reports as they need; what is too long for one is divided or cut (§4.2.16)", async () => {
    const { socket, settle, ask } = await start({ mtu: 68 });
    const eight = Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 1}`);
    for (const source of eight) socket.addSourceSpecificMembership(source, G);
    socket.addMembership(H);
    for (const source of eight) socket.blockSource(source, H);
    settle();
    ask();
    expect(settle()).toEqual([
      `${ROUTERS} IS_IN ${G} {${eight.slice(0, 7).join(" ")}}`,
      `${ROUTERS} IS_IN ${G} {${eight[7]}}`,
      `${ROUTERS} IS_EX ${H} {${eight.slice(0, 7).join(" ")}}`,
    ]);
  });
});

describe("version 2, as the querier or the host's switch has it (RFC 2236)", () => {
  test("a join is reported at once and again within ten seconds, to the group; leaving is said to all routers", async () => {
    const { host, socket, settle } = await start();
    force(host, 2);
    socket.addMembership(G);
    host.run(1);
    host.run(12 * SECOND);
    const reports = said(host);
    expect(reports.map(({ text }) => text)).toEqual(Array(2).fill(`${US}>${G} v2 ${G}`));
    const gap = (reports[1]?.at ?? 0) - (reports[0]?.at ?? 0);
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThanOrEqual(10 * SECOND);
    const { counters } = await host.changes(() => {
      socket.dropMembership(G);
      host.run(1);
    });
    expect(counters.IGMP_OUT_LEAVES).toBe(1);
    expect(settle()).toEqual([`${US}>224.0.0.2 leave ${G}`]);
  });

  test("a query is answered by a report of each group, each with its own delay", async () => {
    const { host, socket, settle, ask } = await start();
    socket.addMembership(G);
    socket.addMembership(H);
    settle();
    const began = host.clock.now();
    ask({ version: 2, code: 50 });
    host.run(5 * SECOND);
    const reports = said(host);
    expect(reports.map(({ text }) => text).sort()).toEqual([`${US}>${G} v2 ${G}`, `${US}>${H} v2 ${H}`]);
    expect(reports[0]?.at).not.toBe(reports[1]?.at);
    for (const { at } of reports) expect(at - began).toBeLessThanOrEqual(5 * SECOND);
    ask({ version: 2, code: 50, group: H });
    expect(settle()).toEqual([`${US}>${H} v2 ${H}`]);
    // A delay that runs is set anew only by a query that gives less time.
    ask({ version: 2, code: 250, group: H });
    ask({ version: 2, code: 1, group: H });
    host.run(SECOND / 10 + 1);
    expect(words(host)).toEqual([`${US}>${H} v2 ${H}`]);
    expect(settle()).toEqual([]);
  });

  test("a report by another member makes ours needless, and our leaving is then not ours to say", async () => {
    const { host, socket, settle, ask } = await start();
    force(host, 2);
    socket.addMembership(G);
    settle();
    ask({ version: 2, group: G });
    const { counters, drops } = await host.changes(() => host.rx(member(0x16, G)));
    expect([counters.IGMP_IN_REPORTS, drops]).toEqual([1, {}]);
    expect(settle()).toEqual([]);
    socket.dropMembership(G);
    expect(settle()).toEqual([]);
    // In version 3 nobody is silenced (RFC 3376 §4.2.14 and appendix A.2).
    const modern = await start();
    modern.socket.addMembership(G);
    modern.settle();
    modern.ask({ group: G });
    modern.host.rx(member(0x16, G));
    expect(modern.settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
  });

  test("our own reports do not silence ourselves, nor are they heard here", async () => {
    const { host, socket, settle } = await start();
    force(host, 2);
    const { counters } = await host.changes(() => {
      socket.addMembership(G);
      settle();
    });
    expect(counters.IGMP_OUT_REPORTS).toBe(2);
    expect(counters.IGMP_IN_REPORTS).toBeUndefined();
    expect(counters.IP_LOOP_COPIES).toBeUndefined();
  });

  test("filters of sources change nothing that is said", async () => {
    const { host, socket, settle } = await start();
    force(host, 2);
    socket.addSourceSpecificMembership(A, G);
    expect(settle()).toEqual(Array(2).fill(`${US}>${G} v2 ${G}`));
    socket.addSourceSpecificMembership(B, G);
    expect(settle()).toEqual([]);
    socket.dropMembership(G);
    expect(settle()).toEqual([`${US}>224.0.0.2 leave ${G}`]);
  });
});

describe("versions change with the querier (RFC 3376 §7.2.1)", () => {
  test("to 2 with a query of version 2, back to 3 when none has come for so long; what was pending is cancelled", async () => {
    const { host, socket, settle, ask } = await start();
    socket.addMembership(G);
    host.run(1);
    words(host);
    // The second report of version 3 is cancelled by the change.
    ask({ version: 2 });
    expect(settle()).toEqual([`${US}>${G} v2 ${G}`]);
    socket.addMembership(H);
    expect(settle()).toEqual(Array(2).fill(`${US}>${H} v2 ${H}`));
    // A query of version 3 is answered as one of version 2 meanwhile.
    ask({ group: H, sources: [A] });
    expect(settle()).toEqual([`${US}>${H} v2 ${H}`]);
    // 2 * 125 s, and 10 s for the answer.
    host.run(260 * SECOND);
    ask({ group: H });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${H} {}`]);
    socket.dropMembership(H);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_IN ${H} {}`));
  });

  test("a join after the older querier has gone is said in the newer version", async () => {
    const { host, socket, settle, ask } = await start();
    ask({ version: 2 });
    socket.addMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${US}>${G} v2 ${G}`));
    host.run(300 * SECOND);
    words(host);
    socket.addMembership(H);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${H} {}`));
  });

  test("to 1 with a query of version 1: ten seconds to answer, and leaving is not said", async () => {
    const { host, socket, settle, ask } = await start();
    socket.addMembership(G);
    settle();
    const began = host.clock.now();
    ask({ version: 1 });
    host.run(10 * SECOND);
    const reports = said(host);
    expect(reports.map(({ text }) => text)).toEqual([`${US}>${G} v1 ${G}`]);
    expect((reports[0]?.at ?? 0) - began).toBeLessThanOrEqual(10 * SECOND);
    socket.dropMembership(G);
    expect(settle()).toEqual([]);
    socket.addMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${US}>${G} v1 ${G}`));
    host.rx(member(0x12, G));
    // Version 1 counts before version 2 while both queriers are there.
    ask({ version: 2, group: G });
    expect(settle()).toEqual([`${US}>${G} v1 ${G}`]);
  });

  test("the switch of the interface decides against the querier", async () => {
    const { host, socket, settle, ask } = await start();
    force(host, 3);
    ask({ version: 2 });
    ask({ version: 1 });
    settle();
    socket.addMembership(G);
    expect(settle()).toEqual(Array(2).fill(`${ROUTERS} TO_EX ${G} {}`));
    force(host, 2);
    host.run(400 * SECOND);
    ask({ group: G });
    expect(settle()).toEqual([`${US}>${G} v2 ${G}`]);
  });
});

describe("interfaces", () => {
  test("that come up or get carrier say their groups anew; what is down says nothing", async () => {
    const { host, socket, settle } = await start();
    socket.addMembership(G);
    settle();
    host.nif.down();
    socket.addSourceSpecificMembership(A, H, host.nif.index);
    expect(await host.changes(() => host.run(30 * SECOND))).toEqual({ counters: {}, drops: {} });
    host.nif.up();
    expect(settle().sort()).toEqual([
      ...Array(2).fill(`${ROUTERS} TO_EX ${G} {}`),
      ...Array(2).fill(`${ROUTERS} TO_IN ${H} {${A}}`),
    ]);
    host.driver.port.carrier(false);
    host.run();
    host.driver.port.carrier(true);
    host.run();
    expect(settle()).toHaveLength(4);
  });

  test("of raw IP speak IGMP too", async () => {
    const host = await Host.create();
    const link = host.join({ medium: "ip", address: "10.5.0.1/30" });
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.addMembership(G, link.nif.index);
    host.run(3 * SECOND);
    expect(words(host, link.driver)).toEqual(Array(2).fill(`10.5.0.1>224.0.0.22 TO_EX ${G} {}`));
    expect(words(host)).toEqual([]);
  });
});

describe("what is not believed (RFC 3376 §9.1, §7.1)", () => {
  const cases: [string, () => Uint8Array, Record<string, number>][] = [
    ["a bad checksum", () => query({ wrong: 1 }), { IGMP_CHECKSUM: 1 }],
    ["seven bytes", () => frame(igmp(0x11, 0, [0, 0, 0]), PEER, "224.0.0.1", true), { IGMP_SHORT: 1 }],
    [
      "a length between versions",
      () => frame(igmp(0x11, 0, Array(7).fill(0)), PEER, "224.0.0.1", true),
      { IGMP_SHORT: 1 },
    ],
    [
      "more sources than bytes",
      () => frame(igmp(0x11, 1, [239, 1, 2, 3, 2, 125, 0, 2, 10, 0, 0, 1]), PEER, G, true),
      { IGMP_SHORT: 1 },
    ],
    ["a version 2 query without router alert", () => query({ version: 2, alert: false }), { IGMP_SOURCE: 1 }],
    ["a version 3 query without router alert", () => query({ alert: false }), { IGMP_SOURCE: 1 }],
    ["a general query to another group", () => query({ dst: G }), { IGMP_SOURCE: 1 }],
    ["a general query to this host alone", () => query({ version: 1, dst: US }), { IGMP_SOURCE: 1 }],
    ["a query of a group that we are not in", () => query({ group: H, dst: "224.0.0.1" }), { IGMP_NOT_MEMBER: 1 }],
    ["a report of one", () => member(0x16, H, PEER, G), { IGMP_NOT_MEMBER: 1 }],
    ["a leave, which is for routers", () => member(0x17, G), { IGMP_TYPE: 1 }],
    ["another type", () => frame(igmp(0x13, 0, [0, 0, 0, 0]), PEER, "224.0.0.1", true), { IGMP_TYPE: 1 }],
  ];
  test.each(cases)("is dropped under its reason, and changes nothing: %s", async (_, build, drops) => {
    const { host, socket, settle } = await start();
    socket.addMembership(G);
    settle();
    expect(await host.drops(() => host.rx(build()))).toEqual(drops);
    expect(settle()).toEqual([]);
  });

  test("a querier may speak from 0.0.0.0, and to us alone of a group", async () => {
    const { socket, settle, ask } = await start();
    socket.addMembership(G);
    settle();
    ask({ src: "0.0.0.0" });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
    ask({ group: G, dst: US });
    expect(settle()).toEqual([`${ROUTERS} IS_EX ${G} {}`]);
  });

  test("a raw socket of IGMP sees it all", async () => {
    const { host, ask } = await start();
    const heard: number[] = [];
    host.stack.openRaw({ protocol: 2, onmessage: (bytes) => heard.push(bytes[24] as number) });
    ask();
    expect(heard).toEqual([0x11]);
  });
});
