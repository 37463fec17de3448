/** Scenario 11: datagrams longer than a frame. */
import { expect, test } from "vitest";
import { codeOf, Host, PEER } from "../stack/recording-driver.js";
import { checksum, data, icmp, join } from "../stack/wire.js";
import { World } from "./world.js";

const MF = 0x2000;

test("scenario 11: a datagram of 5,000 bytes over an MTU of 1,500: offsets in units of 8, MF on all but the last", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  socket.setDontFragment(false);
  const payload = data(5000 - 28);
  socket.trySend(payload, { address: PEER, port: 9 });
  host.run();
  const pieces = host.take().map(({ ip }) => ip);
  expect(pieces.map((ip) => [ip?.totalLen, ip?.flagsOffset])).toEqual([
    [1500, MF],
    [1500, MF | 185],
    [1500, MF | 370],
    [560, 555],
  ]);
  expect(new Set(pieces.map((ip) => ip?.id)).size).toBe(1);
  expect(pieces.every((ip) => ip?.good)).toBe(true);
  // Put together by offset they are the datagram.
  const whole = join(...pieces.map((ip) => ip?.payload ?? []));
  expect(whole.length).toBe(4980);
  expect(whole.slice(8)).toEqual(payload);
});

test("scenario 11: DF forbids it", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  socket.setDontFragment(true);
  expect(codeOf(() => socket.trySend(data(5000 - 28), { address: PEER, port: 9 }))).toBe("EMSGSIZE");
  expect(socket.trySend(data(1472), { address: PEER, port: 9 })).toBe(true);
  host.run();
  expect(host.one().ip).toMatchObject({ totalLen: 1500, flagsOffset: 0x4000 });
});

test("scenario 11: received in any order, they are one datagram", async () => {
  const host = await Host.create();
  const message = icmp({ rest: 0x00070001 }, data(4972));
  const piece = (at: number, end: number) => ({
    fields: { proto: 1, id: 5, flagsOffset: (end < message.length ? MF : 0) | (at / 8) },
    bytes: message.slice(at, end),
  });
  const pieces = [piece(2960, 4440), piece(4440, 4980), piece(0, 1480), piece(1480, 2960)];
  for (const { fields, bytes } of pieces) host.rxIp(fields, bytes);
  const reply = join(...host.take().map(({ ip }) => ip?.payload ?? []));
  expect(reply[0]).toBe(0);
  expect(checksum(reply)).toBe(0);
  expect(reply.slice(8)).toEqual(data(4972));
});

test("scenario 11: the largest is 65,535 bytes, there and back; one byte more is refused", async () => {
  const world = await World.create("11-fragments");
  const lines = await world.say("h1 ping -c 1 -s 65507 192.168.1.2");
  expect(lines[0]).toBe("PING 192.168.1.2 (192.168.1.2) 65507(65535) bytes of data.");
  expect(lines[1]).toMatch(/^65515 bytes from 192\.168\.1\.2: icmp_seq=1 ttl=64 /);
  const pieces = world.take("lan").filter(({ ip }) => ip?.proto === 1);
  expect(pieces).toHaveLength(2 * 45);
  expect(pieces[44]?.ip).toMatchObject({ flagsOffset: (44 * 1480) / 8, totalLen: 20 + 65515 - 44 * 1480 });
  const socket = await world.stack("h1").udp.bind();
  expect(codeOf(() => socket.trySend(data(65508), { address: "192.168.1.2", port: 9 }))).toBe("EMSGSIZE");
  socket.close();
});

test("scenario 11: the last offset is 65,528; what would grow beyond 65,535 bytes is refused", async () => {
  const host = await Host.create();
  // 65,528 + 8 bytes behind a header: one too many for a total length. And so is any other end beyond it.
  for (const [at, length] of [
    [65528, 8],
    [65520, 16],
    [65512, 1480],
  ] as const) {
    const { drops } = await host.changes(() => host.rxIp({ proto: 1, flagsOffset: at / 8 }, data(length)));
    expect(drops, `${length} bytes at ${at}`).toEqual({ FRAG_TOO_LONG: 1 });
  }
  expect(host.stack.memory().small.held.reassembly).toBe(0);
  expect(host.take()).toEqual([]);
});

test("scenario 11: over lo, with its MTU of 65,536, nothing fragments", async () => {
  const host = await Host.create();
  const { counters } = await host.changes(async () => {
    const reply = host.stack.ping("127.0.0.1", { size: 65507 });
    await host.clock.advance(1_000_000);
    await reply;
  });
  expect(counters).toMatchObject({ IP_OUT_REQUESTS: 2, IP_IN_RECEIVES: 2, IP_IN_DELIVERS: 2 });
  expect(host.lo.counters).toMatchObject({ rxPackets: 2, rxBytes: 2 * 65535 });
  expect(Object.keys(counters).filter((name) => /FRAG|REASM/.test(name))).toEqual([]);
});
