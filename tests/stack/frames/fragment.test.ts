/** Fragmenting what we send: RFC 791 §3.2, RFC 1122 §3.3.5. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf, Host, PEER, PEER_MAC, US } from "../recording-driver.js";
import { data, join, type ReadIpv4, readIpv4 } from "../wire.js";

/** Puts fragments together the plain way, and checks each: units of 8, no gap, one id, MF on all but the last. */
function reassemble(fragments: readonly ReadIpv4[], mtu: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [i, part] of fragments.entries()) {
    const last = i === fragments.length - 1;
    expect(part.good).toBe(true);
    expect(part.id).toBe(fragments[0]?.id);
    expect(part.totalLen).toBeLessThanOrEqual(mtu);
    expect(part.flagsOffset & 0xc000, "no DF").toBe(0);
    expect((part.flagsOffset & 0x1fff) * 8, "offset").toBe(at);
    expect((part.flagsOffset & 0x2000) !== 0, "MF").toBe(!last);
    if (!last) {
      expect(part.payload.length % 8).toBe(0);
      expect(part.totalLen, "as much as fits").toBeGreaterThan(mtu - 8);
    }
    parts.push(part.payload);
    at += part.payload.length;
  }
  return join(...parts);
}

const ipOf = (host: Host) => host.take().map((frame) => frame.ip as ReadIpv4);

/** A datagram as it would have been whole. */
function whole(fragments: readonly ReadIpv4[], mtu: number): ReadIpv4 {
  const payload = reassemble(fragments, mtu);
  const first = fragments[0] as ReadIpv4;
  const be32 = (text: string) => text.split(".").map(Number);
  const head = [0x45, first.tos, (payload.length + 20) >> 8, (payload.length + 20) & 255, 0, 0, 0, 0];
  return readIpv4(join(head, [first.ttl, first.proto, 0, 0], be32(first.src), be32(first.dst), payload));
}

describe("fragments", () => {
  test("scenario 11: 5,000 bytes over an MTU of 1,500", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 5000 });
    const changes = await host.changes(() => socket.trySend(data(4972), { address: PEER, port: 9 }));
    expect(changes).toEqual({
      counters: { IP_OUT_REQUESTS: 1, UDP_OUT_DATAGRAMS: 1, IP_FRAG_OKS: 1, IP_FRAG_CREATES: 4 },
      drops: {},
    });
    const parts = ipOf(host);
    expect(parts.map((ip) => [ip.totalLen, (ip.flagsOffset & 0x1fff) * 8, ip.flagsOffset >> 13])).toEqual([
      [1500, 0, 1],
      [1500, 1480, 1],
      [1500, 2960, 1],
      [560, 4440, 0],
    ]);
    expect(whole(parts, 1500).udp).toMatchObject({ good: true, length: 4980, data: data(4972) });
  });

  test("any length over any MTU, by UDP and echo: put together again they are what was sent", async () => {
    const host = await Host.create({ ringSlots: 2048, smallBuffers: 8192 });
    const udp = await host.stack.udp.bind({ port: 5000 });
    const echo = host.stack.openEcho();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 68, max: 1500 }),
        fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 65_507 })),
        fc.boolean(),
        async (mtu, size, byUdp) => {
          host.nif.mtu = mtu;
          const bytes = data(size);
          if (byUdp) expect(udp.trySend(bytes, { address: PEER, port: 9 })).toBe(true);
          else expect(echo.request(PEER, 3, bytes)).toBe(true);
          host.run();
          const parts = ipOf(host);
          if (size + 28 <= mtu) {
            expect(parts).toHaveLength(1);
            expect(parts[0]?.flagsOffset).toBe(0x4000);
            return;
          }
          const ip = whole(parts, mtu);
          const got = byUdp ? ip.udp : ip.icmp;
          expect(got?.good).toBe(true);
          expect(Buffer.compare(got?.data as Uint8Array, bytes)).toBe(0);
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  test("the largest datagram has 65,535 bytes; one that would be longer is refused", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    expect(socket.trySend(data(65_507), { address: PEER, port: 9 })).toBe(true);
    host.run();
    const parts = ipOf(host);
    expect(parts).toHaveLength(45);
    expect(reassemble(parts, 1500)).toHaveLength(65_515);
    expect(codeOf(() => socket.trySend(data(65_508), { address: PEER, port: 9 }))).toBe("EMSGSIZE");
    const echo = host.stack.openEcho();
    expect(codeOf(() => echo.request(PEER, 1, data(65_508)))).toBe("EMSGSIZE");
    expect(host.take()).toEqual([]);
  });

  test("a broadcast goes in fragments, too, and its own copy in one piece", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 7000, broadcast: true });
    const heard: number[] = [];
    socket.onmessage = (bytes) => heard.push(bytes.length);
    socket.trySend(data(4000), { address: "192.168.1.255", port: 7000 });
    host.run();
    const frames = host.take();
    expect(frames.map((frame) => frame.dst)).toEqual(Array(3).fill("ff:ff:ff:ff:ff:ff"));
    expect(
      reassemble(
        frames.map((frame) => frame.ip as ReadIpv4),
        1500,
      ),
    ).toHaveLength(4008);
    expect(heard).toEqual([4000]);
  });

  test("all of them or none: while the ring has not room for each, the sender waits", async () => {
    const host = await Host.create({ ringSlots: 8 });
    const socket = await host.stack.udp.bind();
    host.driver.busy = true;
    const to = { address: PEER, port: 9 };
    for (let i = 0; i < 5; i++) expect(socket.trySend("x", to)).toBe(true);
    expect(socket.trySend(data(5000), to)).toBe(false);
    expect(socket.trySend(data(4000), to)).toBe(true);
    expect(host.stack.statistics().counters.IP_FRAG_CREATES).toBe(3);
    let sent = false;
    const later = socket.send(data(5000), to).then(() => {
      sent = true;
    });
    // Three slots are not enough for four fragments: it is not told so soon.
    host.driver.busy = false;
    const taken = host.driver.transmit.bind(host.driver);
    let slots = 3;
    host.driver.transmit = (frame) => slots-- > 0 && taken(frame);
    host.driver.free();
    for (let i = 0; i < 5; i++) {
      host.run();
      await Promise.resolve();
    }
    expect(sent).toBe(false);
    slots = 1000;
    host.driver.free();
    for (let i = 0; i < 5; i++) {
      host.run();
      await Promise.resolve();
    }
    await later;
    host.run();
    expect(host.take()).toHaveLength(12);
    expect(host.stack.statistics().drops.OUT_RING_FULL).toBe(0);
  });

  test("more than the ring can ever hold: as far as it goes, and the rest is dropped and counted", async () => {
    const host = await Host.create({ ringSlots: 4 });
    const socket = await host.stack.udp.bind();
    host.driver.busy = true;
    const changes = await host.changes(() =>
      expect(codeOf(() => socket.trySend(data(9000), { address: PEER, port: 9 }))).toBe("ENOBUFS"),
    );
    expect(changes.drops).toEqual({ OUT_RING_FULL: 1 });
    expect(changes.counters).toMatchObject({ IP_FRAG_CREATES: 5, IP_FRAG_FAILS: 1 });
    host.driver.free();
    host.run();
    expect(host.take()).toHaveLength(4);
  });

  test("no small buffer for a fragment: the rest is dropped and counted once", async () => {
    const host = await Host.create({ smallBuffers: 16, ringSlots: 32, interfaces: 2 });
    const socket = await host.stack.udp.bind();
    host.driver.busy = true;
    expect(await host.drops(() => codeOf(() => socket.trySend(data(20_000), { address: PEER, port: 9 })))).toEqual({
      OUT_NO_BUFFER: 1,
    });
    host.driver.free();
  });

  test("all wait for the neighbour, and go when it answers", async () => {
    const host = await Host.create({ peer: false });
    const echo = host.stack.openEcho();
    expect(echo.request(PEER, 1, data(60_000))).toBe(true);
    host.run();
    expect(host.one().arp).toMatchObject({ op: 1, tpa: PEER });
    host.rxArp({ op: 2, spa: PEER, sha: PEER_MAC });
    const parts = ipOf(host);
    expect(parts).toHaveLength(41);
    expect(reassemble(parts, 1500)).toHaveLength(60_008);
    expect(parts[0]).toMatchObject({ src: US, dst: PEER });
  });
});

describe("cut on the way", () => {
  async function router(mtu: number) {
    const host = await Host.create({ ringSlots: 512 });
    const far = host.join({ address: "10.0.0.1/8", mtu });
    host.stack.switches.set("IP_FORWARD", 1);
    host.stack.neighbours.add(far.nif, "10.0.0.9", "02:00:00:00:02:09");
    return { host, far, take: () => host.take(far.driver).map((frame) => frame.ip as ReadIpv4) };
  }

  test("options go into the first fragment, those with the copied flag into all; the rest is as it was", async () => {
    const { host, take } = await router(100);
    // Record route (not copied), NOP, security (copied, 11 bytes), END.
    const recordRoute = [7, 7, 8, 1, 2, 3, 4];
    const security = [130, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    const options = [...recordRoute, 1, ...security, 0];
    expect(options).toHaveLength(20);
    host.rxIp({ dst: "10.0.0.9", id: 0x1234, tos: 0x48, ttl: 9, proto: 99, options }, data(200));
    const parts = take();
    expect(parts.map((ip) => [...ip.options])).toEqual([options, [...security, 0], [...security, 0], [...security, 0]]);
    for (const ip of parts) expect(ip).toMatchObject({ good: true, id: 0x1234, tos: 0x48, ttl: 8, proto: 99 });
    let at = 0;
    for (const [i, ip] of parts.entries()) {
      expect(ip.flagsOffset).toBe((at / 8) | (i === parts.length - 1 ? 0 : 0x2000));
      at += ip.payload.length;
    }
    expect(join(...parts.map((ip) => ip.payload))).toEqual(data(200));
  });

  test("a fragment cut again keeps its offset, and its MF where it was not the last", async () => {
    const { host, take } = await router(68);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 8000 }),
        fc.integer({ min: 1, max: 180 }),
        fc.boolean(),
        async (offset, eighths, more) => {
          const bytes = data(more ? eighths * 8 : eighths * 8 - 3);
          host.rxIp({ dst: "10.0.0.9", id: 7, proto: 99, flagsOffset: offset | (more ? 0x2000 : 0) }, bytes);
          const parts = take();
          let at = offset * 8;
          for (const [i, ip] of parts.entries()) {
            const last = i === parts.length - 1;
            expect(ip.good).toBe(true);
            expect((ip.flagsOffset & 0x1fff) * 8).toBe(at);
            expect(ip.flagsOffset >> 13).toBe(last && !more ? 0 : 1);
            at += ip.payload.length;
          }
          expect(join(...parts.map((ip) => ip.payload))).toEqual(bytes);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });
});

test("a sender never waits for more buffers than it may have", async () => {
  // Of three TX buffers the message itself takes one, and each fragment.
  const host = await Host.create({ profile: "tiny" });
  const { quota } = host.stack.memory().small;
  expect(quota.tx).toBe(3);
  host.lo.mtu = 576;
  const socket = await host.stack.udp.bind();
  const to = { address: "127.0.0.1", port: 9 };
  expect(codeOf(() => socket.trySend(data(1500), to))).toBe("ENOBUFS");
  host.run();
  // Two may be waited for, and come.
  expect(socket.trySend(data(1000), to)).toBe(true);
  expect(socket.trySend(data(1000), to)).toBe(false);
  await host.clock.advance(1000);
  expect(socket.trySend(data(1000), to)).toBe(true);
  await host.clock.advance(61_000_000);
});
