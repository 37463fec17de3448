// Whatever bytes come, the parsers and kernels of wire/ neither trap nor read outside the length given: each input is
// laid at the very end of memory and at address 0, where a byte too far traps, and between canaries of two kinds,
// which must not change the answer.

import { arpCheck } from "../../assembly/wire/arp";
import { pseudoSum4Hdr, sum } from "../../assembly/wire/checksum";
import { copySum } from "../../assembly/wire/copy-checksum";
import { ETHER_PARSED, etherParse, etherParsedLen } from "../../assembly/wire/ether";
import { icmpCheck } from "../../assembly/wire/icmp";
import { Ipv4Hdr, ipv4Check } from "../../assembly/wire/ipv4";
import { Ipv4Options, ipv4OptionsParse } from "../../assembly/wire/ipv4-options";
import { ipv6Check } from "../../assembly/wire/ipv6";
import { WIRE_OK } from "../../assembly/wire/ok";
import { TcpHdr, tcpHdrLen } from "../../assembly/wire/tcp";
import { TcpOptions, tcpOptionsParse, tcpSackRight } from "../../assembly/wire/tcp-options";
import { udpCheck } from "../../assembly/wire/udp";
import { AT, Frame, firstDifference, frameCount } from "./frame-list";

const O = changetype<TcpOptions>(0x10000);
const IP = changetype<Ipv4Options>(0x10100);
const BETWEEN: usize = 0x30003;
const OUT: usize = 0x40001;

/** A page of our own, at present the last of memory. */
let ownEnd: usize = 0;

function atEnd(len: u32): usize {
  if (ownEnd != (<usize>memory.size()) << 16) {
    memory.grow(1);
    ownEnd = (<usize>memory.size()) << 16;
  }
  return ownEnd - len;
}

let seed: u32 = 1;

function random(): u32 {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed;
}

function mix(h: u32, v: u32): u32 {
  return (rotl<u32>(h, 5) ^ v) * 0x9e3779b1;
}

/** Every parser on the same bytes, then what follows from the headers they accept. */
function readAll(p: usize, len: u32): u32 {
  let h = mix(mix(mix(1, etherParse(p, len)), arpCheck(p, len)), ipv6Check(p, len));
  h = mix(mix(h, readIpv4(p, len)), readTransport(p, len, 0x1234));
  const parsed = etherParse(p, len);
  if (parsed < ETHER_PARSED) return h;
  const net = p + etherParsedLen(parsed);
  const netLen = len - etherParsedLen(parsed);
  return mix(mix(mix(h, arpCheck(net, netLen)), ipv6Check(net, netLen)), readIpv4(net, netLen));
}

function readIpv4(p: usize, len: u32): u32 {
  const verdict = ipv4Check(p, len);
  if (verdict != WIRE_OK) return verdict;
  const h = changetype<Ipv4Hdr>(p);
  ipv4OptionsParse(p, h.hdrLen, IP);
  const options = mix(IP.fault, IP.sourceRoute ^ (IP.recordRoute << 8) ^ (IP.timestamp << 16));
  const fields = mix(mix(mix(h.id ^ options, h.flagsOffset), h.src ^ h.ttl), h.dst ^ h.tos);
  return mix(fields, readTransport(p + h.hdrLen, h.totalLen - h.hdrLen, pseudoSum4Hdr(p, h.proto, 0)));
}

function readTransport(p: usize, len: u32, pseudo: u32): u32 {
  let h = mix(mix(mix(pseudo, icmpCheck(p, len)), udpCheck(p, len, pseudo)), sum(p, len));
  h = mix(h, readOptions(p, len < 40 ? len : 40));
  const hdrLen = tcpHdrLen(p, len);
  if (hdrLen == 0) return h;
  return mix(mix(h, changetype<TcpHdr>(p).urp), readOptions(p + 20, hdrLen - 20));
}

function readOptions(p: usize, len: u32): u32 {
  memory.fill(changetype<usize>(O), 0, offsetof<TcpOptions>());
  let h = tcpOptionsParse(p, len, O);
  h = mix(mix(mix(h, O.mss), O.wscale), O.tsVal ^ O.tsEcr);
  for (let i: u32 = 0; i < O.sackCount; i++) h = mix(h, tcpSackRight(O, i));
  return h;
}

/** Do all four places of the `len` bytes at `from` give the same answer? */
function agrees(from: usize, len: u32): bool {
  memory.fill(BETWEEN - 64, 0, len + 128);
  memory.copy(BETWEEN, from, len);
  const h = readAll(BETWEEN, len);
  memory.fill(BETWEEN - 64, 0xff, 64);
  memory.fill(BETWEEN + len, 0xff, 64);
  if (readAll(BETWEEN, len) != h) return false;
  const end = atEnd(len);
  memory.copy(end, from, len);
  if (readAll(end, len) != h) return false;
  memory.copy(0, from, len);
  return readAll(0, len) == h;
}

describe("parsers are total", () => {
  it("every truncation of every frame, from each of its layers on", () => {
    let bad = 0;
    let inputs = 0;
    for (let i = 0; i < frameCount(); i++) {
      const f = new Frame(i, AT);
      for (let n: u32 = 0; n <= f.len; n++) {
        if (!agrees(AT, n)) bad++;
        if (n >= f.len - f.atLen && f.at != 0 && !agrees(f.at, n - <u32>(f.at - AT))) bad++;
        inputs++;
      }
    }
    expect(bad).toBe(0);
    expect(inputs).toBeGreaterThan(3000);
  });

  it("frames with random bytes changed, lengths among them", () => {
    let bad = 0;
    for (let i = 0; i < frameCount(); i++) {
      for (let k = 0; k < 60; k++) {
        const f = new Frame(i, AT);
        const changes = (random() & 3) + 1;
        for (let c: u32 = 0; c < changes; c++) store<u8>(AT + (random() % f.len), <u8>(random() >>> 9));
        if (!agrees(AT, f.len) || (f.net != 0 && !agrees(f.net, f.len - <u32>(f.net - AT)))) bad++;
      }
    }
    expect(bad).toBe(0);
  });

  it("random bytes of every length to 200, the first of them often a plausible header", () => {
    let bad = 0;
    for (let n: u32 = 0; n < 200; n++) {
      for (let k: u32 = 0; k < 20; k++) {
        for (let i: u32 = 0; i < n; i++) store<u8>(AT + i, <u8>(random() >>> 7));
        if (k & 1) store<u8>(AT, <u8>(0x45 + ((k >>> 1) & 7)));
        if (!agrees(AT, n)) bad++;
      }
    }
    expect(bad).toBe(0);
  });
});

describe("kernels keep to their bytes", () => {
  it("sum and copySum of every length to 700, at both ends of memory", () => {
    let bad = 0;
    for (let n: u32 = 0; n < 700; n++) {
      for (let i: u32 = 0; i < n; i++) store<u8>(AT + i, <u8>(random() >>> 7));
      const s = sum(AT, n);
      const end = atEnd(n);
      memory.copy(end, AT, n);
      if (sum(end, n) != s) bad++;
      memory.fill(OUT - 64, 0xa5, n + 128);
      if (copySum(OUT, end, n) != s || firstDifference(OUT, AT, n) != -1) bad++;
      for (let i: usize = 0; i < 64; i++) if (load<u8>(OUT - 64 + i) != 0xa5 || load<u8>(OUT + n + i) != 0xa5) bad++;
      memory.copy(0, AT, n);
      if (sum(0, n) != s || copySum(end, 0, n) != s || firstDifference(end, AT, n) != -1) bad++;
    }
    expect(bad).toBe(0);
  });
});
