/** Datagrams for the fuzzer: options of all kinds, trains of fragments, and answers to what the host has sent. */
import type { Prng } from "../../src/index.js";
import { replyDatagram } from "./fuzz-tcp.js";
import { type Bytes, data, icmp, ip4, ipv4, join, readIpv4, TCP, udp } from "./wire.js";

export function pick<T>(prng: Prng, from: readonly T[]): T {
  return from[prng.below(from.length)] as T;
}

/** Who speaks: neighbours on each link, and who is behind them. */
export const PEERS = [
  "192.168.1.2",
  "192.168.1.3",
  "192.168.1.9",
  "192.168.1.253",
  "192.168.1.254",
  "10.0.0.2",
  "10.7.7.7",
  "172.16.0.2",
  "8.8.8.8",
];
/** Beyond: by ways of equal cost, unreachable, prohibited, swallowed, by the point-to-point link, and by nothing. */
export const FAR = [
  "8.8.8.8",
  "20.1.2.3",
  "20.9.9.9",
  "21.0.0.1",
  "22.0.0.1",
  "23.0.0.1",
  "24.0.0.1",
  "25.0.0.1",
  "169.254.0.9",
];

const address = (text: string) => [24, 16, 8, 0].map((shift) => (ip4(text) >>> shift) & 255);

/** Options that are right, or nearly: up to 40 bytes, padded. */
export function options(prng: Prng, stops: readonly string[]): Bytes {
  let all: number[] = [];
  for (let count = 1 + prng.below(3); count > 0; count--) {
    const one = option(prng, stops);
    if (all.length + one.length <= 40) all = [...all, ...one];
  }
  while (all.length % 4 !== 0) all.push(prng.chance(0.9) ? 0 : 1);
  return Uint8Array.from(all);
}

function option(prng: Prng, stops: readonly string[]): number[] {
  const list = (most: number) => Array.from({ length: prng.below(most + 1) }, () => address(pick(prng, stops))).flat();
  switch (prng.below(8)) {
    case 0: {
      const room = 4 * prng.below(10);
      return [7, 3 + room, 4 + 4 * prng.below(room / 4 + 1), ...new Array<number>(room).fill(0)];
    }
    case 1: {
      const flags = pick(prng, [0, 1, 3, 3, prng.below(16)]);
      const size = flags === 0 ? 4 : 8;
      const entries = Array.from({ length: prng.below(4) + 1 }, () =>
        size === 4 ? [0, 0, 0, 0] : [...address(pick(prng, stops)), 0, 0, 0, 0],
      );
      const overflow = prng.chance(0.2) ? prng.below(16) : 0;
      const pointer = 5 + size * prng.below(entries.length + 1);
      return [68, 4 + entries.length * size, pointer, (overflow << 4) | flags, ...entries.flat()];
    }
    case 2:
    case 3: {
      const route = list(9);
      const pointer = prng.chance(0.6) ? 4 : 4 + 4 * prng.below(route.length / 4 + 1);
      return [pick(prng, [131, 131, 137]), 3 + route.length, pointer, ...route];
    }
    case 4:
      return [148, 4, 0, prng.chance(0.9) ? 0 : 1];
    case 5:
      return [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    case 6:
      return [1];
    default:
      return [prng.below(256), prng.below(12), ...data(prng.below(8))];
  }
}

/** A datagram cut into fragments, whole or not, in any order: fields as for ipv4(). */
export function train(prng: Prng, head: Parameters<typeof ipv4>[0], payload: Bytes): Bytes[] {
  const cuts: { at: number; bytes: Bytes; more: boolean }[] = [];
  const most = pick(prng, [75, 180]);
  for (let at = 0; at < payload.length; ) {
    const size = Math.min(8 * (1 + prng.below(most)), payload.length - at);
    cuts.push({ at, bytes: payload.slice(at, at + size), more: at + size < payload.length });
    at += size;
  }
  const one = pick(prng, cuts);
  const twist = prng.below(14);
  const slip = (cut: typeof one) => cuts.splice(prng.below(cuts.length + 1), 0, cut);
  if (twist === 0) cuts.splice(cuts.indexOf(one), 1);
  else if (twist === 1) slip(one);
  else if (twist === 2) slip({ ...one, at: Math.max(0, one.at - 8) });
  else if (twist === 3) slip({ at: one.at, bytes: one.bytes.slice(0, 8), more: true });
  else if (twist === 4) slip({ ...one, more: !one.more });
  else if (twist === 5) slip({ ...one, at: 65512 + 8 * prng.below(2) });
  else if (twist === 6) one.bytes = one.bytes.slice(0, 1 + prng.below(one.bytes.length));
  if (prng.chance(0.5)) for (let i = cuts.length - 1; i > 0; i--) cuts.push(...cuts.splice(prng.below(i + 1), 1));
  const copied = head.options?.[0] !== undefined && (head.options[0] & 0x80) !== 0;
  // One has met congestion: its sender knows of that, or not.
  const marked = prng.chance(0.2) ? pick(prng, cuts) : undefined;
  const usual = marked === undefined ? (head.tos ?? 0) : ((head.tos ?? 0) & 0xfc) | pick(prng, [0, 0, 2]);
  return cuts.map((cut) => {
    const { at, bytes, more } = cut;
    const fields = at === 0 || copied ? head : { ...head, options: [] };
    const tos = usual | (cut === marked ? 3 : 0);
    return ipv4({ ...fields, tos, flagsOffset: (at >> 3) | (more ? 0x2000 : 0) }, bytes);
  });
}

/** What somebody says to this datagram that the host has sent: the answer itself, or an error about it. */
export function answer(prng: Prng, sent: Bytes): Bytes {
  const ip = readIpv4(sent);
  const back = { src: ip.dst, dst: ip.src, id: prng.below(65536) };
  if (ip.proto === TCP && (ip.flagsOffset & 0x3fff) === 0 && ip.payload.length >= 20 && prng.chance(0.4)) {
    return replyDatagram(prng, ip, pick(prng, ["mild", "wild", "lacking"]));
  }
  if (prng.chance(0.3) && ip.icmp?.type === 8) {
    return ipv4({ ...back, proto: 1 }, icmp({ type: 0, rest: ip.icmp.rest }, ip.icmp.data));
  }
  if (prng.chance(0.3) && ip.udp !== undefined) {
    const ends = { src: ip.dst, dst: ip.src, srcPort: ip.udp.dstPort, dstPort: ip.udp.srcPort };
    return ipv4(back, udp(ends, ip.udp.data.slice(0, 600)));
  }
  if (prng.chance(FAR.includes(ip.dst) ? 0.6 : 0.3)) {
    const source = { ...back, src: "192.168.1.254", proto: 1 };
    const gateway = pick(prng, [
      "192.168.1.253",
      "192.168.1.253",
      "192.168.1.3",
      "192.168.1.2",
      "192.168.1.1",
      "10.0.0.2",
      "8.8.4.4",
    ]);
    return ipv4(source, icmp({ type: 5, code: prng.below(4), rest: ip4(gateway) }, quote(prng, sent)));
  }
  const source = { ...back, src: prng.chance(0.5) ? ip.dst : pick(prng, PEERS), proto: 1 };
  if (prng.chance(0.4)) {
    const mtu = pick(prng, [0, 67, 68, 296, 552, 576, 700, 1006, ip.totalLen - 1, ip.totalLen - 1, ip.totalLen]);
    return ipv4(source, icmp({ type: 3, code: 4, rest: mtu & 0xffff }, quote(prng, sent)));
  }
  const [type, code] = pick(prng, [
    [3, prng.below(16)],
    [3, 3],
    [11, prng.below(2)],
    [12, prng.below(2)],
    [4, 0],
  ] as const);
  return ipv4(source, icmp({ type, code, rest: prng.below(24) * 2 ** 24 }, quote(prng, sent)));
}

/** As much of it as routers quote; at times spoiled. */
function quote(prng: Prng, sent: Bytes): Bytes {
  const bytes = join(sent.subarray(0, pick(prng, [28, 68, 548, 20 + prng.below(20)])));
  if (prng.chance(0.2)) {
    const at = prng.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
  }
  return bytes;
}
