/** Frames for the fuzzer: valid ones of every kind, and ways to spoil them. */
import type { Prng } from "../../src/index.js";
import { FRAMES } from "../fixtures/frames.js";
import { answer, FAR, options, PEERS, pick, train } from "./fuzz-datagrams.js";
import { stray } from "./fuzz-tcp.js";
import {
  arp,
  type Bytes,
  checksum,
  data,
  ether,
  fromHex,
  icmp,
  ip4,
  ipv4,
  join,
  mac as macBytes,
  TCP,
  udp,
} from "./wire.js";

/** What the frames may speak of, so that many are for the host under test. */
export interface Scene {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
  /** Datagrams that the host has sent, to be quoted by errors. */
  readonly quotable: readonly Bytes[];
}

const CAPTURES = FRAMES.map((line) => line.split(" | "))
  .filter((parts) => parts[1]?.trim() === "ether")
  .map((parts) => fromHex(parts[3] ?? ""));

const GROUPS = [
  "240.1.1.1",
  "239.1.2.3",
  "255.255.255.255",
  "192.168.1.255",
  "192.168.1.0",
  "224.0.0.1",
  "224.0.0.9",
  "0.0.0.0",
  "127.0.0.1",
];

/** Groups that sockets join. */
export const MULTICASTS = ["239.1.2.3", "239.1.2.3", "239.1.2.3", "239.1.2.4", "224.0.0.9"];
/** Ports that most sockets are bound to. */
export const SERVED = [7, 1000, 1001];

/** An IGMP message about them. */
function igmp(prng: Prng): Bytes {
  const group = prng.chance(0.7) ? ip4(pick(prng, MULTICASTS)) : 0;
  const count = prng.below(12);
  const sources = prng.chance(0.5) ? [] : [prng.below(256), prng.below(256), 0, count, ...data(count * 4)];
  const type = pick(prng, [0x11, 0x11, 0x11, 0x12, 0x16, 0x17, 0x22]);
  const code = prng.below(256);
  if (prng.chance(0.05)) return data(prng.below(8));
  const head = (sum: number) =>
    join(
      [type, code, sum >>> 8, sum & 255],
      [24, 16, 8, 0].map((shift) => (group >>> shift) & 255),
      sources,
    );
  return head(checksum(head(0)));
}

/** Header fields of a datagram for the host, or for somebody behind it. */
function heading(prng: Prng, scene: Scene) {
  const src = prng.chance(0.9) ? pick(prng, PEERS) : pick(prng, [...GROUPS, ...FAR, ...scene.addresses]);
  const dst = prng.chance(0.6) ? pick(prng, scene.addresses) : pick(prng, [...GROUPS, ...PEERS, ...FAR, ...FAR]);
  const ttl = prng.chance(0.5) ? 64 : pick(prng, [0, 1, 2, 255, prng.below(256)]);
  const flagsOffset = prng.chance(0.4) ? 0x4000 : 0;
  const stops = [...scene.addresses, ...PEERS];
  const optional = prng.chance(0.1) ? { options: options(prng, stops) } : {};
  return { src, dst, id: prng.below(65536), ttl, tos: prng.below(256), flagsOffset, ...optional };
}

/** The fragments of a datagram, for the host or to be forwarded. */
export function fragments(prng: Prng, scene: Scene): Bytes[] {
  const forHost = {
    src: pick(prng, PEERS),
    dst: pick(prng, scene.addresses),
    id: prng.below(65536),
    tos: prng.below(256),
  };
  const head = prng.chance(0.5) ? forHost : { ...heading(prng, scene), flagsOffset: 0 };
  const bytes = data(8 + prng.below(pick(prng, [100, 1400, 4000, 4000])));
  const ends = { ...head, srcPort: pick(prng, scene.ports), dstPort: pick(prng, scene.ports) };
  if (prng.chance(0.5)) return train(prng, head, udp(ends, bytes));
  return train(prng, { ...head, proto: 1 }, icmp({ type: pick(prng, [8, 0, 13]) }, bytes));
}

/** A valid IPv4 datagram. */
export function datagram(prng: Prng, scene: Scene): Bytes {
  const head = heading(prng, scene);
  const { src, dst } = head;
  const payload = data(prng.below(prng.chance(0.6) ? 64 : 1450));
  const ends = { src, dst, srcPort: pick(prng, scene.ports), dstPort: pick(prng, scene.ports) };
  switch (prng.below(15)) {
    case 13:
    case 14:
      return ipv4({ ...head, proto: TCP }, stray(prng, ends));
    case 9:
    case 10:
      if (scene.quotable.length > 0) return answer(prng, pick(prng, scene.quotable));
      return ipv4({ ...head, proto: 1 }, icmp({ type: 13 + prng.below(2), rest: prng.uint32() }, data(12)));
    case 11:
      return ipv4({ ...head, proto: 1 }, icmp({ type: 10 + prng.below(11), rest: prng.uint32() }, data(12)));
    case 7:
    case 12: {
      const to = prng.chance(0.5) ? "224.0.0.1" : pick(prng, [...MULTICASTS, ...scene.addresses]);
      return ipv4({ ...head, dst: to, proto: 2, options: prng.chance(0.8) ? [0x94, 4, 0, 0] : [] }, igmp(prng));
    }
    case 0:
      // Without a checksum only the lengths can be wrong.
      if (prng.chance(0.1)) return ipv4(head, data(prng.below(8)));
      if (prng.chance(0.3)) return ipv4(head, udp({ ...ends, checksum: 0, length: 8 + prng.below(120) }, payload));
      return ipv4(head, udp({ ...ends, checksum: 0 }, payload));
    case 1:
      return ipv4(head, udp(ends, payload));
    case 2:
      if (prng.chance(0.1)) return ipv4({ ...head, proto: 1 }, data(prng.below(8)));
      return ipv4({ ...head, proto: 1 }, icmp({ rest: prng.uint32() }, payload));
    case 3:
      return ipv4({ ...head, proto: 1 }, icmp({ type: 0, rest: pick(prng, scene.ports) * 65536 }, payload));
    case 4: {
      const quote = scene.quotable.length > 0 && prng.chance(0.5) ? pick(prng, scene.quotable) : ipv4(head, payload);
      const type = pick(prng, [3, 3, 3, 11, 12, 4, 5]);
      return ipv4(
        { ...head, proto: 1 },
        icmp({ type, code: prng.below(16), rest: prng.below(1500) }, quote.slice(0, 548)),
      );
    }
    case 5: {
      const some = prng.chance(0.2) ? data(4 * prng.below(11)) : options(prng, [...scene.addresses, ...PEERS]);
      if (prng.chance(0.4)) return ipv4({ ...head, proto: 1, options: some }, icmp({ type: 8 }, payload));
      return ipv4({ ...head, options: some }, udp(ends, payload));
    }
    case 6:
      return ipv4({ ...head, flagsOffset: prng.below(65536) }, udp(ends, payload));
    default:
      return ipv4({ ...head, proto: pick(prng, [6, 47, 253, 255, prng.below(256)]) }, payload);
  }
}

/** Hardware addresses of the neighbours. */
export const STATIONS = ["02:00:00:00:03:00", "02:00:00:00:03:01", "02:00:00:00:03:02", "02:00:00:00:03:03"];
const GROUP_MACS = ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "01:00:5e:01:02:03", "01:00:5e:00:00:09"];

/** The host's own hardware address, a group's, or somebody else's. */
function destination(prng: Prng, mac: string): string {
  if (prng.chance(0.72)) return mac;
  return prng.chance(0.8) ? pick(prng, GROUP_MACS) : pick(prng, STATIONS);
}

/** A valid Ethernet frame. */
export function frame(prng: Prng, scene: Scene, mac: string): Bytes {
  const dst = destination(prng, mac);
  const src = pick(prng, STATIONS);
  const tag = prng.chance(0.1) ? { tag: prng.below(3) } : {};
  switch (prng.below(10)) {
    case 0:
    case 1: {
      const spa = prng.chance(0.9) ? pick(prng, PEERS) : pick(prng, [...GROUPS, ...scene.addresses]);
      const tpa = prng.chance(0.7) ? pick(prng, scene.addresses) : pick(prng, [...PEERS, ...FAR]);
      return ether({ dst, src, type: 0x0806, ...tag }, arp({ op: 1 + prng.below(2), sha: src, spa, tpa }));
    }
    case 2: {
      const captured = pick(prng, CAPTURES).slice();
      if (prng.chance(0.7)) captured.set(macBytes(dst), 0);
      return captured;
    }
    default:
      return ether({ dst, src, ...tag }, datagram(prng, scene));
  }
}

/** Makes the checksums of header and message right again, where the lengths leave anything to sum. */
export function repair(bytes: Bytes, at: number): void {
  const ihl = ((bytes[at] ?? 0) & 15) * 4;
  if (ihl < 20 || at + ihl > bytes.length) return;
  const put = (offset: number, value: number) => bytes.set([value >>> 8, value & 255], offset);
  put(at + 10, 0);
  put(at + 10, checksum(bytes.subarray(at, at + ihl)));
  const total = Math.min((bytes[at + 2] as number) * 256 + (bytes[at + 3] as number), bytes.length - at);
  const l4 = at + ihl;
  const proto = bytes[at + 9];
  const end = at + total;
  if (proto === 1 && end >= l4 + 8) {
    put(l4 + 2, 0);
    put(l4 + 2, checksum(bytes.subarray(l4, end)));
  }
  if (proto === TCP && end >= l4 + 20) {
    put(l4 + 16, 0);
    const pseudo = join(bytes.subarray(at + 12, at + 20), [0, TCP, (end - l4) >>> 8, (end - l4) & 255]);
    put(l4 + 16, checksum(pseudo, bytes.subarray(l4, end)));
  }
  if (proto === 17 && end >= l4 + 8) {
    const length = (bytes[l4 + 4] as number) * 256 + (bytes[l4 + 5] as number);
    if (l4 + length > end) return;
    put(l4 + 6, 0);
    const pseudo = join(bytes.subarray(at + 12, at + 20), [0, 17, length >>> 8, length & 255]);
    put(l4 + 6, checksum(pseudo, bytes.subarray(l4, l4 + length)) || 0xffff);
  }
}

/** Spoils the frame once, somehow. `l3` is where the IP header stands. */
function spoil(prng: Prng, bytes: Bytes, l3: number, other: () => Bytes): Bytes {
  switch (prng.below(7)) {
    case 0: {
      for (let flips = 1 + prng.below(4); flips > 0; flips--) {
        const at = prng.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
      }
      return bytes;
    }
    case 1:
      return bytes.slice(0, 1 + prng.below(bytes.length));
    case 2:
      return join(bytes, prng.fill(new Uint8Array(1 + prng.below(prng.chance(0.9) ? 64 : 600))));
    case 3: {
      // A field of the headers gets a value that is special, or any; what sums is put right.
      const at = Math.min(l3 + prng.below(48), bytes.length - 1);
      bytes[at] = prng.chance(0.5) ? pick(prng, [0, 1, 0x7f, 0x80, 0xff]) : prng.below(256);
      repair(bytes, l3);
      return bytes;
    }
    case 4: {
      const tail = other();
      return join(bytes.subarray(0, prng.below(bytes.length)), tail.subarray(prng.below(tail.length)));
    }
    case 5: {
      // Total length, IHL, UDP's Length: the fields by which one is read beyond one's end.
      const at = Math.min(l3 + pick(prng, [0, 2, 3, 24, 25]), bytes.length - 1);
      bytes[at] = prng.below(256);
      repair(bytes, l3);
      return bytes;
    }
    default: {
      const from = prng.below(bytes.length);
      prng.fill(bytes.subarray(from, Math.min(bytes.length, from + 1 + prng.below(8))));
      return bytes;
    }
  }
}

/** The fragments of a datagram, in frames to `mac`. */
export function fragmentFrames(prng: Prng, scene: Scene, mac: string | undefined): Bytes[] {
  const all = fragments(prng, scene);
  if (mac === undefined) return all;
  const dst = destination(prng, mac);
  return all.map((bytes) => ether({ dst, src: pick(prng, STATIONS) }, bytes));
}

/** A frame to `mac` that is right. On a raw IP link, which has none, the datagram stands bare. */
export function right(prng: Prng, scene: Scene, mac: string | undefined): Bytes {
  return mac === undefined ? datagram(prng, scene) : frame(prng, scene, mac);
}

/** A datagram for a socket. */
export function forSocket(prng: Prng, scene: Scene, mac: string | undefined): Bytes {
  const src = pick(prng, PEERS);
  const dst = prng.chance(0.6) ? pick(prng, scene.addresses) : pick(prng, [...MULTICASTS, "255.255.255.255"]);
  const ends = { src, dst, srcPort: 1000 + prng.below(4), dstPort: pick(prng, SERVED) };
  if (prng.chance(0.15)) {
    const bytes = ipv4({ src, dst, proto: TCP }, stray(prng, ends));
    return mac === undefined ? bytes : ether({ dst: mac, src: pick(prng, STATIONS) }, bytes);
  }
  const bytes = prng.chance(0.8)
    ? ipv4({ src, dst }, udp(ends, data(prng.below(600))))
    : ipv4({ src, dst, proto: pick(prng, [47, 253, 255]) }, data(prng.below(600)));
  return mac === undefined ? bytes : ether({ dst: mac, src: pick(prng, STATIONS) }, bytes);
}

/** The same as right(), or spoiled once or more. */
export function mutant(prng: Prng, scene: Scene, mac: string | undefined): Bytes {
  let bytes = right(prng, scene, mac);
  for (let times = prng.below(4); times > 1 && bytes.length > 0; times--) {
    bytes = spoil(prng, bytes, mac === undefined ? 0 : 14, () => right(prng, scene, mac));
  }
  return bytes;
}
