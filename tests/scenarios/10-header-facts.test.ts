/** Scenario 10: what stands in an IP header. */
import { expect, test } from "vitest";
import { Host, PEER, US } from "../stack/recording-driver.js";
import { type Bytes, data, icmp, ipv4, join } from "../stack/wire.js";

/** The headers of what was sent. */
const headers = (host: Host) => host.take().map(({ frame }) => frame.slice(14, 14 + ((frame[14] as number) & 15) * 4));
const word = (header: Bytes | undefined, at: number) => ((header?.[at] ?? 0) << 8) | (header?.[at + 1] ?? 0);

test("scenario 10: version 4, IHL 5 without options, TTL 64, an id that counts up", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  socket.setDontFragment(false);
  for (let i = 0; i < 5; i++) {
    socket.trySend("x", { address: PEER, port: 9 });
    host.run();
  }
  const sent = headers(host);
  expect(sent.map((header) => header[0])).toEqual([0x45, 0x45, 0x45, 0x45, 0x45]);
  expect(sent.map((header) => header[8])).toEqual([64, 64, 64, 64, 64]);
  const first = word(sent[0], 4);
  expect(sent.map((header) => (word(header, 4) - first) & 0xffff)).toEqual([0, 1, 2, 3, 4]);
  // Or 32, as the text has it: the host's choice, and each socket's.
  host.stack.switches.set("IP_DEFAULT_TTL", 32);
  socket.trySend("x", { address: PEER, port: 9 });
  socket.setTTL(7);
  socket.trySend("x", { address: PEER, port: 9 });
  host.run();
  expect(headers(host).map((header) => header[8])).toEqual([32, 7]);
});

test("scenario 10: TOS: three bits of precedence, and one of four bits", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  // Least delay, most throughput, most reliability, least cost; and precedence 5 with the first.
  for (const tos of [0x10, 0x08, 0x04, 0x02, (5 << 5) | 0x10]) {
    socket.setTOS(tos);
    socket.trySend("x", { address: PEER, port: 9 });
    host.run();
    const [header] = headers(host);
    expect(header?.[1]).toBe(tos);
  }
  // It comes up with what is received, and goes back with an echo.
  const heard = await host.stack.udp.bind({ port: 1000 });
  host.rxUdp({}, data(1), { tos: 0xb0 });
  expect(await heard.receive()).toMatchObject({ tos: 0xb0 });
  host.rxIcmp({}, [], { tos: 0x48 });
  expect(headers(host)[0]?.[1]).toBe(0x48);
});

test.each([
  ["security", [130, 11, 0xf1, 0x35, 0, 0, 0, 0, 0, 0, 0], 12],
  ["record route", [7, 7, 4, 0, 0, 0, 0], 8],
  ["timestamp", [68, 8, 5, 0, 0, 0, 0, 0], 8],
  ["loose source route", [131, 7, 4, 192, 168, 1, 2], 8],
  ["strict source route", [137, 7, 4, 192, 168, 1, 2], 8],
])("scenario 10: option %s, padded to 32 bits with zeros", async (name, option, padded) => {
  const host = await Host.create();
  const socket = host.stack.openEcho({ options: Uint8Array.from(option) });
  socket.request(PEER, 1, data(8));
  host.run();
  const [header] = headers(host);
  expect(header?.[0]).toBe(0x45 + padded / 4);
  expect(header?.length).toBe(20 + padded);
  expect(header?.[20]).toBe(option[0]);
  expect(header?.[21]).toBe(option[1]);
  expect([...(header?.slice(20 + option.length) ?? [])], name).toEqual(new Array(padded - option.length).fill(0));
  // Received, it reaches the application; source routes only where they are accepted.
  if (name.endsWith("source route")) host.nif.switches.set("ACCEPT_SOURCE_ROUTE", 1);
  const heard = await host.stack.udp.bind({ port: 1000 });
  const done = name.endsWith("source route") ? [...option.slice(0, 2), 8, ...option.slice(3)] : option;
  host.rxUdp({}, data(1), { options: join(done, new Uint8Array(padded - option.length)) });
  const { options } = await heard.receive();
  expect([options?.[0], options?.[1]]).toEqual([option[0], option[1]]);
  socket.close();
});

test("scenario 10: a bad checksum: silently dropped, and counted", async () => {
  const host = await Host.create();
  await host.stack.udp.bind({ port: 1000 });
  const good = word(ipv4({ proto: 1 }, icmp({})), 10);
  for (const flip of [0x0001, 0x8000, 0xff00]) {
    expect(await host.drops(() => host.rxIp({ proto: 1, checksum: good ^ flip }, icmp({})))).toEqual({
      IP_CHECKSUM: 1,
    });
  }
  expect(await host.drops(() => host.rxIp({ proto: 1 }, icmp({})))).toEqual({});
  expect(host.one().ip).toMatchObject({ src: US, icmp: { type: 0 } });
});
