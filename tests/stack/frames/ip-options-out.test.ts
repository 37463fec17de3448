/** IP options that a socket sends: RFC 791 §3.1, RFC 1122 §3.2.1.8 and §4.1.3.2; the socket API as on Linux. */
import { describe, expect, test } from "vitest";
import { codeOf, Host, PEER, US } from "../recording-driver.js";
import { data, type ReadIpv4 } from "../wire.js";

const bytes = (address: string) => address.split(".").map(Number);

async function sender() {
  const host = await Host.create({ dayMs: 5_000 });
  const socket = await host.stack.udp.bind({ port: 5000 });
  const send = (options: readonly number[], address = PEER): ReadIpv4 => {
    socket.setOptions(Uint8Array.from(options));
    socket.trySend("abc", { address, port: 9 });
    host.run();
    const ip = host.one().ip as ReadIpv4;
    expect(ip.good).toBe(true);
    return ip;
  };
  return { host, socket, send };
}

describe("what is sent", () => {
  test("options stand behind the header, padded with zeros; the checksum covers them", async () => {
    const { send } = await sender();
    const routerAlert = [148, 4, 0, 0];
    expect([...send(routerAlert).options]).toEqual(routerAlert);
    expect([...send([1]).options]).toEqual([1, 0, 0, 0]);
    const ip = send([130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 222, 3, 7]);
    expect([...ip.options]).toEqual([130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 222, 3, 7, 0]);
    expect(ip).toMatchObject({ totalLen: 20 + 16 + 11, proto: 17, dst: PEER, src: US });
    expect(ip.udp?.good).toBe(true);
    expect(send([]).options).toHaveLength(0);
  });

  test("the longest header leaves room for 65,475 bytes", async () => {
    const { host, socket } = await sender();
    socket.setOptions(Uint8Array.from({ length: 40 }, () => 1));
    expect(codeOf(() => socket.trySend(data(65_535 - 60 - 8 + 1), { address: PEER, port: 9 }))).toBe("EMSGSIZE");
    expect(socket.trySend(data(65_535 - 60 - 8), { address: PEER, port: 9 })).toBe(true);
    host.run();
    const parts = host.take().map((frame) => frame.ip as ReadIpv4);
    // NOP is not copied: only the first has options.
    expect(parts.map((ip) => ip.options.length)).toEqual([40, ...Array(parts.length - 1).fill(0)]);
    expect(parts.reduce((sum, ip) => sum + ip.payload.length, 0)).toBe(65_535 - 60);
  });

  test("the sender is the first to record its route and the time", async () => {
    const { host, send } = await sender();
    host.run(1_234_000);
    const nine = [7, 39, 4, ...Array(36).fill(0)];
    expect([...send(nine).options]).toEqual([7, 39, 8, ...bytes(US), ...Array(32).fill(0), 0]);
    const time = [0, 0, 6234 >> 8, 6234 & 255];
    const only = send([68, 12, 5, 0, ...Array(8).fill(0)]);
    expect([...only.options]).toEqual([68, 12, 9, 0, ...time, 0, 0, 0, 0]);
    const both = send([68, 20, 5, 1, ...Array(16).fill(0)]);
    expect([...both.options]).toEqual([68, 20, 13, 1, ...bytes(US), ...time, ...Array(8).fill(0)]);
    const asked = [68, 20, 5, 3, ...bytes(US), 0, 0, 0, 0, ...bytes(PEER), 0, 0, 0, 0];
    expect([...send(asked).options]).toEqual([68, 20, 13, 3, ...bytes(US), ...time, ...bytes(PEER), 0, 0, 0, 0]);
    const other = [68, 12, 5, 3, ...bytes(PEER), 0, 0, 0, 0];
    expect([...send(other).options]).toEqual(other);
  });

  test("a source route: to the first hop, the destination stands last; UDP's checksum is the destination's", async () => {
    const { host, socket, send } = await sender();
    const hops = [131, 11, 4, ...bytes(PEER), ...bytes("10.1.1.1"), 0];
    const ip = send(hops, "203.0.113.9");
    expect(ip.dst).toBe(PEER);
    expect([...ip.options]).toEqual([131, 11, 4, ...bytes("10.1.1.1"), ...bytes("203.0.113.9"), 0]);
    // RFC 1122 §4.1.3.2: as it will arrive.
    const words = (values: readonly number[]) => values.reduce((s, v, i) => s + (i % 2 === 0 ? v * 256 : v), 0);
    const udp = [...ip.payload];
    let sum = words(bytes(US)) + words(bytes("203.0.113.9")) + 17 + udp.length + words(udp);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
    // The same by a connected socket.
    socket.connect({ address: "203.0.113.9", port: 9 });
    socket.trySend("abc");
    host.run();
    expect(host.one().ip).toMatchObject({ dst: PEER, options: ip.options });
  });

  test("a strict one must begin on a link of ours", async () => {
    const { host, socket, send } = await sender();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    expect(send([137, 7, 4, ...bytes(PEER), 0], "203.0.113.9").dst).toBe(PEER);
    socket.setOptions(Uint8Array.of(137, 7, 4, ...bytes("10.9.9.9"), 0));
    expect(codeOf(() => socket.trySend("x", { address: "203.0.113.9", port: 9 }))).toBe("EHOSTUNREACH");
    expect(send([131, 7, 4, ...bytes("10.9.9.9"), 0], "203.0.113.9")).toMatchObject({ dst: "10.9.9.9" });
  });

  test("echo requests carry them, too", async () => {
    const { host } = await sender();
    const echo = host.stack.openEcho({ options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0) });
    echo.request(PEER, 1, data(8));
    host.run();
    expect(host.one().ip).toMatchObject({
      good: true,
      icmp: { type: 8, good: true },
      options: Uint8Array.of(7, 7, 8, ...bytes(US), 0),
    });
  });
});

test("what is no list of options is refused, and what was set stays", async () => {
  const { host, socket, send } = await sender();
  send([148, 4, 0, 0]);
  for (const wrong of [
    Array(41).fill(1),
    [7, 2],
    [7],
    [7, 200, 4],
    [7, 7, 3, 0, 0, 0, 0],
    [68, 8, 5, 2, 0, 0, 0, 0],
    [131, 3, 4],
    [131, 7, 8, 1, 2, 3, 4],
    [131, 7, 4, 1, 2, 3, 4, 137, 7, 4, 1, 2, 3, 4],
  ]) {
    expect(
      codeOf(() => socket.setOptions(Uint8Array.from(wrong))),
      wrong.join(),
    ).toBe("EINVAL");
  }
  expect(() => socket.setOptions("x" as unknown as Uint8Array)).toThrow(TypeError);
  socket.trySend("x", { address: PEER, port: 9 });
  host.run();
  expect([...(host.one().ip?.options ?? [])]).toEqual([148, 4, 0, 0]);
  // A new socket in the same place has none.
  socket.close();
  const next = await host.stack.udp.bind();
  next.trySend("x", { address: PEER, port: 9 });
  host.run();
  expect(host.one().ip?.options).toHaveLength(0);
});
