/** Reassembly: RFC 791 §3.2, RFC 1122 §3.3.2, RFC 5722's rule for overlaps. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, US } from "../recording-driver.js";
import { type Bytes, data, ether, type Ipv4Fields, icmp, ipv4, readIpv4, udp } from "../wire.js";

const MF = 0x2000;

interface Piece {
  at: number;
  bytes: Uint8Array;
  /** More follow. */
  more: boolean;
}

/** Cuts a payload at these offsets (multiples of 8). */
function cut(payload: Bytes, ...offsets: number[]): Piece[] {
  const starts = [0, ...offsets];
  return starts.map((at, i) => ({
    at,
    bytes: payload.slice(at, starts[i + 1] ?? payload.length),
    more: i + 1 < starts.length,
  }));
}

function every(payload: Bytes, size: number): Piece[] {
  return cut(payload, ...Array.from({ length: Math.ceil(payload.length / size) - 1 }, (_, i) => (i + 1) * size));
}

function fragment(host: Host, piece: Piece, fields: Ipv4Fields = {}): void {
  host.rxIp({ id: 7, flagsOffset: (piece.more ? MF : 0) | (piece.at >> 3), ...fields }, piece.bytes);
}

function fragments(host: Host, pieces: readonly Piece[], fields: Ipv4Fields = {}): void {
  for (const piece of pieces) fragment(host, piece, fields);
}

function orders<T>(of: readonly T[]): T[][] {
  if (of.length < 2) return [[...of]];
  return of.flatMap((one, i) => orders([...of.slice(0, i), ...of.slice(i + 1)]).map((rest) => [one, ...rest]));
}

/** A host with a socket on port 1000, and what that has heard. */
async function listener(options: Parameters<typeof Host.create>[0] = {}) {
  const host = await Host.create(options);
  const socket = await host.stack.udp.bind({ port: 1000, queue: 64 });
  const messages: number[][] = [];
  socket.onmessage = (bytes) => messages.push([...bytes]);
  const heard = () => messages.splice(0);
  const held = () => host.stack.memory().small.held.reassembly;
  return { host, heard, held };
}

const MESSAGE = data(100);
/** 108 bytes: four fragments of 32, 32, 32 and 12. */
const PAYLOAD = udp({}, MESSAGE);
const FOUR = cut(PAYLOAD, 32, 64, 96);

describe("fragments become their datagram", () => {
  test("in every order of four", async () => {
    const { host, heard, held } = await listener();
    const { counters, drops } = await host.changes(() => {
      for (const order of orders(FOUR)) {
        for (const piece of order) fragment(host, piece);
        expect(heard()).toEqual([[...MESSAGE]]);
        expect(held()).toBe(0);
      }
    });
    expect(drops).toEqual({});
    expect(counters).toEqual({
      IP_IN_RECEIVES: 96,
      IP_IN_DELIVERS: 24,
      IP_REASM_REQDS: 96,
      IP_REASM_OKS: 24,
      UDP_IN_DATAGRAMS: 24,
    });
  });

  test("with any of them twice: what is held already is dropped alone", async () => {
    const { host, heard } = await listener();
    for (const order of orders(FOUR)) {
      for (const twice of order.slice(0, 3)) {
        const drops = await host.drops(() => {
          for (const piece of order.slice(0, 3)) fragment(host, piece);
          fragment(host, twice);
          fragment(host, order[3] as Piece);
        });
        expect(drops).toEqual({ FRAG_DUPLICATE: 1 });
        expect(heard()).toEqual([[...MESSAGE]]);
      }
    }
  });

  test("a fragment inside the bytes of several others is a duplicate", async () => {
    const { host, heard } = await listener();
    const inside = { at: 16, bytes: PAYLOAD.slice(16, 80), more: true };
    const drops = await host.drops(() => {
      for (const piece of FOUR.slice(0, 3)) fragment(host, piece);
      fragment(host, inside);
      fragment(host, FOUR[3] as Piece);
    });
    expect(drops).toEqual({ FRAG_DUPLICATE: 1 });
    expect(heard()).toEqual([[...MESSAGE]]);
  });

  test("source, destination, protocol and identification tell datagrams apart (RFC 791 §3.2)", async () => {
    const { host, heard } = await listener();
    host.stack.interface("eth0").addAddress("192.168.1.7/24");
    const others: Ipv4Fields[] = [{ src: "192.168.1.3" }, { dst: "192.168.1.7" }, { proto: 99 }, { id: 8 }];
    for (const fields of others) {
      for (const piece of FOUR.slice(0, 3)) fragment(host, piece, fields);
    }
    fragment(host, FOUR[3] as Piece);
    expect(heard()).toEqual([]);
    for (const piece of FOUR.slice(0, 3)) fragment(host, piece);
    expect(heard()).toEqual([[...MESSAGE]]);
    expect(host.stack.memory().small.held.reassembly).toBe(12);
    await host.clock.advance(61_000_000);
  });

  test("the header is that of fragment zero; the errors about it quote the whole", async () => {
    const host = await Host.create();
    const pieces = cut(udp({ dstPort: 9 }, data(40)), 24);
    fragment(host, pieces[1] as Piece, { ttl: 9, tos: 4, flagsOffset: 3 });
    fragment(host, pieces[0] as Piece, { ttl: 50, tos: 8 });
    const { ip } = host.one();
    expect(ip?.icmp).toMatchObject({ type: 3, code: 3, good: true });
    const quoted = ip?.icmp?.data as Bytes;
    expect([...quoted.slice(20)]).toEqual([...udp({ dstPort: 9 }, data(40))]);
    const header = readIpv4(quoted);
    expect(header).toMatchObject({ totalLen: 68, ttl: 50, tos: 8, id: 7, flagsOffset: 0, src: PEER, dst: US });
  });

  test("an echo in fragments is answered, of one small buffer and of 60,000 bytes", async () => {
    const host = await Host.create();
    for (const [size, step] of [
      [1000, 512],
      [60_000, 1480],
    ] as const) {
      const { counters, drops } = await host.changes(() => {
        for (const piece of every(icmp({}, data(size)), step)) fragment(host, piece, { proto: 1 });
      });
      expect(counters).toMatchObject({ IP_REASM_OKS: 1, ICMP_IN_ECHOS: 1 });
      expect(drops.FRAG_NO_BUFFER).toBeUndefined();
      host.take();
    }
  });

  test.each([
    ["host", 9000, 65_000, 35],
    ["host", 1500, 65_000, 44],
    ["host", 576, 65_000, 118],
    ["tiny", 576, 1000, 2],
    ["tiny", 68, 80, 2],
  ] as const)("over lo itself: %s, an MTU of %d, %d bytes", async (profile, mtu, size, pieces) => {
    const { host, heard } = await listener({ profile });
    host.lo.mtu = mtu;
    const socket = await host.stack.udp.bind();
    const { counters, drops } = await host.changes(() => {
      expect(socket.trySend(data(size), { address: "127.0.0.1", port: 1000 })).toBe(true);
    });
    expect(drops).toEqual({});
    expect(counters).toMatchObject({ IP_FRAG_CREATES: pieces, IP_REASM_OKS: 1 });
    expect(heard()).toEqual([[...data(size)]]);
  });

  test("what is dropped as it comes counts as dropped at its interface", async () => {
    const { host } = await listener();
    fragment(host, FOUR[0] as Piece);
    const before = host.nif.counters.rxDropped;
    fragment(host, FOUR[0] as Piece);
    fragment(host, { at: 16, bytes: data(32), more: true });
    fragment(host, FOUR[1] as Piece);
    fragment(host, { at: 0, bytes: data(9), more: true });
    expect(host.nif.counters.rxDropped - before).toBe(4);
    await host.clock.advance(61_000_000);
  });

  test("the longest: 65,535 bytes, the last offset 65,528", async () => {
    const { host, heard } = await listener();
    const message = data(65_507);
    for (const piece of every(udp({}, message), 1480).reverse()) fragment(host, piece);
    expect(heard()).toEqual([[...message]]);
    // A last fragment at the last offset, of seven bytes less the header's twenty: it would grow beyond.
    expect(await host.drops(() => fragment(host, { at: 65_528, bytes: data(7), more: false }))).toEqual({
      FRAG_TOO_LONG: 1,
    });
    expect(await host.drops(() => fragment(host, { at: 65_512, bytes: data(4), more: false }))).toEqual({
      FRAG_TOO_LONG: 1,
    });
  });

  test("every length of two fragments in the smallest configuration, up to one buffer (RFC 1122 §3.3.2: 576 and more)", async () => {
    const { host, heard, held } = await listener({ profile: "tiny" });
    for (const size of [9, 100, 548, 1000, 1472, 1892]) {
      const message = data(size);
      const first = Math.min(1480, (size + 8 - 1) & ~7);
      for (const piece of cut(udp({}, message), first)) fragment(host, piece);
      expect(heard(), String(size)).toEqual([[...message]]);
      expect(held()).toBe(0);
    }
    const drops = await host.drops(() => {
      for (const piece of cut(udp({}, data(1893)), 1480)) fragment(host, piece);
    });
    expect(drops).toEqual({ FRAG_NO_BUFFER: 2 });
  });
});

describe("what cannot be part of a datagram", () => {
  test("all but the last have a multiple of 8 bytes, and none is empty", async () => {
    const { host } = await listener();
    for (const piece of [
      { at: 0, bytes: data(9), more: true },
      { at: 8, bytes: data(7), more: true },
      { at: 0, bytes: data(0), more: true },
      { at: 8, bytes: data(0), more: false },
    ]) {
      const { counters, drops } = await host.changes(() => fragment(host, piece));
      expect(drops).toEqual({ FRAG_LENGTH: 1 });
      expect(counters).toMatchObject({ IP_REASM_REQDS: 1, IP_REASM_FAILS: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  const piece = (at: number, end: number, more = true): Piece => ({ at, bytes: PAYLOAD.slice(at, end), more });
  const OVERLAPS: [string, Piece[], Piece][] = [
    ["its beginning in another's end", [piece(0, 32)], piece(24, 64)],
    ["its end in another's beginning", [piece(32, 64)], piece(0, 40)],
    ["around another", [piece(32, 64)], piece(24, 72)],
    ["around another, with the same beginning", [piece(32, 64)], piece(32, 72)],
    ["around another, with the same end", [piece(32, 64)], piece(24, 64)],
    ["over the gap between two", [piece(0, 32), piece(64, 96)], piece(24, 72)],
    ["over a gap and what stands behind it", [piece(0, 32), piece(64, 96)], piece(24, 88)],
    ["behind the end", [piece(96, 108, false)], { at: 112, bytes: data(8), more: true }],
    ["over the end", [piece(96, 108, false)], { at: 96, bytes: data(16), more: true }],
    ["another end, before", [piece(96, 108, false)], piece(64, 96, false)],
    ["another end, behind", [piece(96, 108, false)], { at: 112, bytes: data(8), more: false }],
    ["an end before what is held", [piece(64, 96)], piece(32, 64, false)],
    ["an end inside what is held", [piece(0, 96)], piece(32, 64, false)],
  ];

  test.each(OVERLAPS)(
    "overlap: %s discards the datagram, and the rest of it until its time is up (RFC 5722)",
    async (_, before, bad) => {
      const { host, heard, held } = await listener();
      for (const one of before) fragment(host, one);
      expect(held()).toBe(before.length);
      const { counters, drops } = await host.changes(() => fragment(host, bad));
      expect(drops).toEqual({ FRAG_OVERLAP: before.length + 1 });
      expect(counters).toMatchObject({ IP_REASM_FAILS: 1 });
      expect(held()).toBe(0);
      await host.clock.advance(59_000_000);
      expect(await host.drops(() => fragments(host, FOUR))).toEqual({ FRAG_OVERLAP: 4 });
      expect(heard()).toEqual([]);
      await host.clock.advance(1_000_000);
      for (const one of FOUR) fragment(host, one);
      expect(heard()).toEqual([[...MESSAGE]]);
      expect(host.take()).toEqual([]);
      expect(host.stack.statistics().counters).toMatchObject({ IP_REASM_FAILS: 1, IP_REASM_TIMEOUTS: 0 });
    },
  );
});

describe("time", () => {
  test("60 s after the first that came all is dropped, and the sender is told, with fragment zero (RFC 1122 §3.3.2)", async () => {
    const { host, heard, held } = await listener();
    fragment(host, FOUR[1] as Piece);
    await host.clock.advance(59_000_000);
    // A fixed time: later fragments do not prolong it.
    fragment(host, FOUR[0] as Piece);
    fragment(host, FOUR[3] as Piece);
    await host.clock.advance(999_000);
    expect(held()).toBe(3);
    const { counters, drops } = await host.changes(() => host.clock.advance(1000));
    expect(drops).toEqual({ FRAG_TIMEOUT: 3 });
    expect(counters).toMatchObject({ IP_REASM_TIMEOUTS: 1, IP_REASM_FAILS: 1 });
    const { ip } = host.one();
    expect(ip).toMatchObject({ src: US, dst: PEER, good: true });
    expect(ip?.icmp).toMatchObject({ type: 11, code: 1, rest: 0, good: true });
    expect(Array.from(ip?.icmp?.data ?? [])).toEqual([...ipv4({ id: 7, flagsOffset: MF }, PAYLOAD.slice(0, 32))]);
    // Then it may begin anew.
    for (const piece of FOUR) fragment(host, piece);
    expect(heard()).toEqual([[...MESSAGE]]);
  });

  test("without fragment zero nobody is told (RFC 792)", async () => {
    const { host } = await listener();
    for (const piece of FOUR.slice(1)) fragment(host, piece);
    expect(await host.drops(() => host.clock.advance(60_000_000))).toEqual({ FRAG_TIMEOUT: 3 });
    expect(host.take()).toEqual([]);
  });

  test("the time is a switch", async () => {
    const { host } = await listener();
    host.stack.switches.set("IP_REASSEMBLY_MS", 2000);
    fragment(host, FOUR[0] as Piece);
    await host.clock.advance(1_999_000);
    expect(host.take()).toEqual([]);
    await host.clock.advance(1000);
    expect(host.one().ip?.icmp).toMatchObject({ type: 11, code: 1 });
  });
});

describe("bounds", () => {
  test("a source's unfinished datagrams are a quarter of the records, its oldest give way", async () => {
    const { host, heard } = await listener({ reassemblies: 16 });
    for (let id = 1; id <= 4; id++) fragment(host, FOUR[0] as Piece, { id });
    expect(await host.drops(() => fragment(host, FOUR[0] as Piece, { id: 5 }))).toEqual({ FRAG_SOURCE_LIMIT: 1 });
    // The first is gone, the others go on.
    for (let id = 2; id <= 5; id++) for (const piece of FOUR.slice(1)) fragment(host, piece, { id });
    expect(heard()).toHaveLength(4);
    expect(host.stack.memory().small.held.reassembly).toBe(0);
  });

  test("a source's fragments are half of the quota, its older datagrams give way; others' stay", async () => {
    const { host, heard, held } = await listener({ smallBuffers: 256 });
    const { reassembly } = host.stack.memory().small.quota;
    expect(reassembly).toBe(32);
    fragment(host, FOUR[0] as Piece, { src: "192.168.1.3", id: 1 });
    const long = every(udp({}, data(1000)), 8);
    for (const piece of long.slice(0, 10)) fragment(host, piece, { id: 1 });
    const drops = await host.drops(() => {
      for (const piece of long.slice(0, 10)) fragment(host, piece, { id: 2 });
    });
    expect(drops).toEqual({ FRAG_SOURCE_LIMIT: 10 });
    expect(held()).toBe(11);
    // One datagram that needs more can never be whole: it is refused, and all that still comes of it.
    expect(await host.drops(() => fragments(host, long.slice(10), { id: 2 }))).toEqual({
      FRAG_SOURCE_LIMIT: long.length,
    });
    expect(held()).toBe(1);
    for (const piece of FOUR.slice(1)) fragment(host, piece, { src: "192.168.1.3", id: 1 });
    expect(heard()).toEqual([]); // The checksum is of another source.
    expect(held()).toBe(0);
    expect(host.stack.statistics().drops.UDP_CHECKSUM).toBe(1);
  });

  test("with all records in use the oldest of any source gives way", async () => {
    const { host, heard } = await listener({ reassemblies: 4 });
    for (let i = 3; i < 7; i++) fragment(host, FOUR[0] as Piece, { src: `192.168.1.${i}` });
    const { counters, drops } = await host.changes(() => fragment(host, FOUR[0] as Piece));
    expect(drops).toEqual({ FRAG_EVICTED: 1 });
    expect(counters).toMatchObject({ IP_REASM_FAILS: 1 });
    for (const piece of FOUR.slice(1)) fragment(host, piece);
    expect(heard()).toEqual([[...MESSAGE]]);
    expect(await host.drops(() => host.clock.advance(60_000_000))).toMatchObject({ FRAG_TIMEOUT: 3 });
    host.take();
  });

  test("with the quota used up the oldest of any source gives way", async () => {
    const { host, held } = await listener({ smallBuffers: 64 });
    expect(host.stack.memory().small.quota.reassembly).toBe(8);
    const pieces = every(udp({}, data(200)), 8);
    for (const src of ["192.168.1.3", "192.168.1.4"]) {
      for (const piece of pieces.slice(0, 4)) fragment(host, piece, { src });
    }
    expect(held()).toBe(8);
    expect(await host.drops(() => fragment(host, FOUR[0] as Piece))).toEqual({ FRAG_EVICTED: 4 });
    expect(held()).toBe(5);
    await host.clock.advance(60_000_000);
    host.take();
  });

  test("a flood from many sources neither grows nor stops what is whole", async () => {
    const { host, heard, held } = await listener({ smallBuffers: 64 });
    for (let i = 0; i < 2000; i++) {
      const src = `10.${i >> 8}.${i & 255}.1`;
      host.rx(ether({ dst: OUR_MAC }, ipv4({ src, id: i, flagsOffset: MF | (i % 3) }, data(64))));
      if (i % 100 === 0) {
        host.rxUdp({}, data(10));
        expect(heard()).toHaveLength(1);
      }
    }
    expect(held()).toBeLessThanOrEqual(8);
    await host.clock.advance(60_000_000);
    expect(held()).toBe(0);
    host.take();
  });
});

/** A payload, where it is cut (multiples of 8), the order in which the pieces come, and which come twice. */
const sent = fc.integer({ min: 9, max: 3000 }).chain((size) =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: ((size + 7) >> 3) - 1 || 1 }), { minLength: 1, maxLength: 12 })
    .chain((units) => {
      // No piece is longer than a frame.
      const at = new Set([...units.map((unit) => unit * 8), 1472, 2944]);
      const offsets = [...at].filter((offset) => offset < size).sort((a, b) => a - b);
      const all = Array.from({ length: offsets.length + 1 }, (_, i) => i);
      return fc.record({
        size: fc.constant(size),
        offsets: fc.constant(offsets),
        order: fc.shuffledSubarray(all, { minLength: all.length }),
        twice: fc.array(fc.nat(offsets.length), { maxLength: 4 }),
      });
    }),
);

describe("any fragmentation", () => {
  test("any cuts, orders and duplicates give the bytes that were sent", async () => {
    const { host, heard, held } = await listener();
    let id = 0;
    fc.assert(
      fc.property(sent, ({ size, offsets, order, twice }) => {
        const message = data(size - 8);
        const pieces = cut(udp({}, message), ...offsets);
        id = (id + 1) & 0xffff;
        // What comes twice does so before the last.
        const come = [...twice.filter((i) => i !== order[order.length - 1]), ...order];
        for (const i of come) fragment(host, pieces[i] as Piece, { id });
        expect(heard()).toEqual([[...message]]);
        expect(held()).toBe(0);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  test("bits turned anywhere in any fragment: nothing traps, and one alone is never delivered", async () => {
    const { host, heard } = await listener();
    const turned = fc.tuple(fc.nat(3), fc.nat(51), fc.integer({ min: 1, max: 255 }));
    let id = 0;
    fc.assert(
      fc.property(fc.array(turned, { minLength: 1, maxLength: 4 }), (changes) => {
        id = (id + 1) & 0xffff;
        const frames = FOUR.map((piece) =>
          ipv4({ id, flagsOffset: (piece.more ? MF : 0) | (piece.at >> 3) }, piece.bytes),
        );
        for (const [which, at, bits] of changes) {
          const frame = frames[which] as Bytes;
          if (at < frame.length) frame[at] = (frame[at] as number) ^ bits;
          // A header that verifies, so that its fields count.
          const head = frame.slice(0, 20);
          head.set([0, 0], 10);
          let sum = 0;
          for (let i = 0; i < 20; i += 2) sum += (head[i] as number) * 256 + (head[i + 1] as number);
          while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
          frame.set([(~sum >> 8) & 255, ~sum & 255], 10);
        }
        for (const frame of frames) host.rx(ether({ dst: OUR_MAC }, frame));
        // Several changes may leave the checksum as it was; one cannot.
        for (const message of heard()) if (changes.length === 1) expect(message).toEqual([...MESSAGE]);
      }),
      { numRuns: 500 },
    );
    await host.clock.advance(61_000_000);
    host.take();
    expect(host.stack.memory().small.held.reassembly).toBe(0);
  });
});

describe("ECN of fragments (RFC 3168 §5.3)", () => {
  const NONE = 0;
  const ECT1 = 1;
  const ECT0 = 2;
  const CE = 3;

  /** The TOS of the datagram that these make, as an ICMP error quotes it; undefined where there is none. */
  async function combined(...codes: number[]) {
    const host = await Host.create();
    const pieces = cut(udp({ dstPort: 9 }, data(100)), 32, 64, 96);
    const { drops } = await host.changes(() => {
      for (const [i, piece] of pieces.entries()) fragment(host, piece, { tos: 0xb8 | (codes[i] as number) });
    });
    const quoted = host.take()[0]?.ip?.icmp?.data;
    const header = quoted === undefined ? undefined : readIpv4(quoted);
    return { tos: header?.tos, good: header?.good, dropped: drops.FRAG_ECN };
  }

  test("one codepoint for all of them is the whole's; with CE among ECT it is CE, and the checksum is right", async () => {
    for (const code of [NONE, ECT1, ECT0, CE]) {
      expect(await combined(code, code, code, code)).toEqual({ tos: 0xb8 | code, good: true, dropped: undefined });
    }
    for (const codes of [
      [CE, ECT0, ECT0, ECT0],
      [ECT0, ECT1, ECT0, CE],
    ]) {
      expect(await combined(...codes)).toEqual({ tos: 0xbb, good: true, dropped: undefined });
    }
  });

  test("CE beside one without ECN: the datagram is dropped, and counted", async () => {
    expect(await combined(CE, ECT0, NONE, ECT0)).toMatchObject({ tos: undefined, dropped: 4 });
    expect(await combined(NONE, NONE, NONE, CE)).toMatchObject({ tos: undefined, dropped: 4 });
  });

  test("a mixture without CE is what fragment zero is", async () => {
    expect(await combined(ECT0, NONE, ECT1, NONE)).toMatchObject({ tos: 0xba, dropped: undefined });
  });
});
