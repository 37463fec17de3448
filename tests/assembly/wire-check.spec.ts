import {
  DROP_ARP_FORMAT,
  DROP_ARP_OPERATION,
  DROP_ARP_SHORT,
  DROP_ETHER_8023_LENGTH,
  DROP_ETHER_SHORT,
  DROP_ETHER_VLAN,
  DROP_ICMP_CHECKSUM,
  DROP_ICMP_SHORT,
  DROP_IP_CHECKSUM,
  DROP_IP_HEADER_LENGTH,
  DROP_IP_SHORT,
  DROP_IP_TOTAL_LENGTH,
  DROP_IP_VERSION,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_PORT_ZERO,
  DROP_UDP_SHORT,
} from "../../assembly/abi/drop";
import { load16, store16 } from "../../assembly/memory/endian";
import { arpCheck } from "../../assembly/wire/arp";
import { pseudoSum4Hdr } from "../../assembly/wire/checksum";
import { EtherHdr, etherParse } from "../../assembly/wire/ether";
import { icmpCheck } from "../../assembly/wire/icmp";
import { Ipv4Hdr, ipv4Check, ipv4EmitChecksum } from "../../assembly/wire/ipv4";
import { ipv6Check } from "../../assembly/wire/ipv6";
import { WIRE_OK } from "../../assembly/wire/ok";
import { tcpHdrLen } from "../../assembly/wire/tcp";
import { udpCheck, udpEmit } from "../../assembly/wire/udp";
import { AT, Frame, flipBit, frameNamed, putHex } from "./frame-list";

/** The TFTP frame's IPv4 header with byte `at` set, its checksum made good again. */
function withByte(at: usize, value: u32): u32 {
  const f = frameNamed("TFTP read request", AT);
  store<u8>(f.net + at, <u8>value);
  ipv4EmitChecksum(f.net, 20);
  return ipv4Check(f.net, f.netLen);
}

/** Makes the frame's UDP checksum good for its present header and payload. */
function resum(f: Frame, srcPort: u32, dstPort: u32, length: u32): void {
  udpEmit(f.at, srcPort, dstPort, length, f.pseudo);
}

describe("IPv4 check, in the order of RFC 1122 3.2.1", () => {
  it("length: 20 bytes or more", () => {
    const f = frameNamed("TFTP read request", AT);
    let bad = 0;
    for (let n: u32 = 0; n < 20; n++) if (ipv4Check(f.net, n) != DROP_IP_SHORT) bad++;
    expect(bad).toBe(0);
  });

  it("version, before the header length", () => {
    let bad = 0;
    for (let v: u32 = 0; v < 16; v++) {
      if (withByte(0, (v << 4) | 5) != (v == 4 ? WIRE_OK : DROP_IP_VERSION)) bad++;
      if (v != 4 && withByte(0, v << 4) != DROP_IP_VERSION) bad++;
    }
    expect(bad).toBe(0);
  });

  it("header length: 5 words or more, and received, before the checksum", () => {
    let bad = 0;
    for (let ihl: u32 = 0; ihl < 5; ihl++) if (withByte(0, 0x40 | ihl) != DROP_IP_HEADER_LENGTH) bad++;
    const f = frameNamed("IPv4 options, 40 bytes", AT);
    for (let n: u32 = 20; n < 60; n++) if (ipv4Check(f.net, n) != DROP_IP_HEADER_LENGTH) bad++;
    expect(bad).toBe(0);
    expect(ipv4Check(f.net, f.netLen)).toBe(WIRE_OK);
  });

  it("checksum, before the total length: each bit counts, options too", () => {
    let bad = 0;
    for (let k = 0; k < 2; k++) {
      const f = frameNamed(k == 0 ? "TFTP read request" : "record route", AT);
      const bits = changetype<Ipv4Hdr>(f.net).hdrLen * 8;
      for (let bit: u32 = 8; bit < bits; bit++) {
        flipBit(f.net, bit);
        if (ipv4Check(f.net, f.netLen) != DROP_IP_CHECKSUM) bad++;
        flipBit(f.net, bit);
      }
      if (ipv4Check(f.net, f.netLen) != WIRE_OK) bad++;
    }
    expect(bad).toBe(0);
  });

  it("total length: the header or more, and received; padding is no fault", () => {
    expect(withByte(3, 19)).toBe(DROP_IP_TOTAL_LENGTH);
    expect(withByte(3, 20)).toBe(WIRE_OK);
    expect(withByte(3, 83)).toBe(WIRE_OK);
    expect(withByte(3, 84)).toBe(DROP_IP_TOTAL_LENGTH);
    expect(withByte(2, 1)).toBe(DROP_IP_TOTAL_LENGTH);
    const padded = frameNamed("padded to 60", AT);
    expect(ipv4Check(padded.net, padded.netLen)).toBe(WIRE_OK);
    expect(padded.atLen).toBe(9);
    const options = frameNamed("record route", AT);
    store16(options.net + 2, 59);
    ipv4EmitChecksum(options.net, 60);
    expect(ipv4Check(options.net, options.netLen)).toBe(DROP_IP_TOTAL_LENGTH);
    store16(options.net + 2, 60);
    ipv4EmitChecksum(options.net, 60);
    expect(ipv4Check(options.net, 60)).toBe(WIRE_OK);
  });
});

describe("IPv6 check", () => {
  it("length, version, payload length", () => {
    const f = frameNamed("IPv6 UDP", AT);
    expect(ipv6Check(f.net, 39)).toBe(DROP_IP_SHORT);
    expect(ipv6Check(f.net, 52)).toBe(DROP_IP_TOTAL_LENGTH);
    expect(ipv6Check(f.net, 53)).toBe(WIRE_OK);
    store16(f.net + 4, 0);
    expect(ipv6Check(f.net, 40)).toBe(WIRE_OK);
    store<u8>(f.net, 0x4b);
    expect(ipv6Check(f.net, 53)).toBe(DROP_IP_VERSION);
  });
});

describe("UDP check", () => {
  it("short, then length", () => {
    const f = frameNamed("TFTP read request", AT);
    let bad = 0;
    for (let n: u32 = 0; n < 8; n++) if (udpCheck(f.at, n, f.pseudo) != DROP_UDP_SHORT) bad++;
    for (let n: u32 = 8; n < 63; n++) if (udpCheck(f.at, n, f.pseudo) != DROP_UDP_LENGTH) bad++;
    for (let n: u32 = 0; n < 8; n++) {
      store16(f.at + 4, n);
      if (udpCheck(f.at, 63, f.pseudo) != DROP_UDP_LENGTH) bad++;
    }
    expect(bad).toBe(0);
  });

  it("checksum: each bit of header, payload and addresses counts", () => {
    const f = frameNamed("TFTP read request", AT);
    let bad = 0;
    for (let bit: u32 = 0; bit < 63 * 8; bit++) {
      flipBit(f.at, bit);
      const verdict = udpCheck(f.at, 63, f.pseudo);
      if (verdict != (bit >>> 4 == 2 ? DROP_UDP_LENGTH : DROP_UDP_CHECKSUM)) {
        // A length made smaller is still a length: then the checksum says so.
        if (bit >>> 4 != 2 || verdict != DROP_UDP_CHECKSUM) bad++;
      }
      flipBit(f.at, bit);
    }
    for (let bit: u32 = 0; bit < 64; bit++) {
      flipBit(f.net + 12, bit);
      if (udpCheck(f.at, 63, pseudoSum4Hdr(f.net, 17, 0)) != DROP_UDP_CHECKSUM) bad++;
      flipBit(f.net + 12, bit);
    }
    expect(bad).toBe(0);
  });

  it("a length less than what IP carried: the rest is neither summed nor read", () => {
    const f = frameNamed("TFTP read request", AT);
    resum(f, 1492, 69, 40);
    let bad = 0;
    for (let v: u32 = 0; v < 256; v++) {
      store<u8>(f.at + 40, <u8>v);
      if (udpCheck(f.at, 63, f.pseudo) != WIRE_OK) bad++;
    }
    expect(bad).toBe(0);
  });

  it("the zero rule: 0 is not checked; what sums to 0 is sent as ffff", () => {
    const none = frameNamed("UDP without checksum", AT);
    expect(udpCheck(none.at, none.atLen, 0x1234)).toBe(WIRE_OK);
    const f = frameNamed("UDP checksum 0 sent as ffff", AT);
    expect(load16(f.at + 6)).toBe(0xffff);
    expect(udpCheck(f.at, f.atLen, f.pseudo)).toBe(WIRE_OK);
    store16(f.at + 6, 0);
    resum(f, 5, 6, 10);
    expect(load16(f.at + 6)).toBe(0xffff);
  });

  it("destination port 0, after the checksum", () => {
    const f = frameNamed("TFTP read request", AT);
    store16(f.at + 2, 0);
    expect(udpCheck(f.at, 63, f.pseudo)).toBe(DROP_UDP_CHECKSUM);
    resum(f, 1492, 0, 63);
    expect(udpCheck(f.at, 63, f.pseudo)).toBe(DROP_UDP_PORT_ZERO);
    resum(f, 0, 69, 63);
    expect(udpCheck(f.at, 63, f.pseudo)).toBe(WIRE_OK);
  });
});

describe("ICMP, Ethernet, ARP and TCP checks", () => {
  it("ICMP: short; each bit counts in the checksum, odd lengths too", () => {
    const f = frameNamed("echo request", AT);
    let bad = 0;
    for (let n: u32 = 0; n < 8; n++) if (icmpCheck(f.at, n) != DROP_ICMP_SHORT) bad++;
    for (let bit: u32 = 0; bit < f.atLen * 8; bit++) {
      flipBit(f.at, bit);
      if (icmpCheck(f.at, f.atLen) != DROP_ICMP_CHECKSUM) bad++;
      flipBit(f.at, bit);
    }
    expect(bad).toBe(0);
    memory.fill(AT, 0, 64);
    expect(icmpCheck(AT, 64)).toBe(DROP_ICMP_CHECKSUM);
  });

  it("Ethernet: short, tagged short, a second tag, a length behind a tag, types from 0x600", () => {
    let bad = 0;
    const plain = frameNamed("TFTP read request", AT);
    for (let n: u32 = 0; n < 14; n++) if (etherParse(AT, n) != DROP_ETHER_SHORT) bad++;
    for (let type: u32 = 0; type < 0x600; type++) {
      store16(AT + 12, type);
      if (etherParse(AT, plain.len) != DROP_ETHER_8023_LENGTH) bad++;
    }
    store16(AT + 12, 0x600);
    if (etherParse(AT, 14) != 0x0600000e) bad++;
    frameNamed("priority tag", AT);
    for (let n: u32 = 14; n < 18; n++) if (etherParse(AT, n) != DROP_ETHER_SHORT) bad++;
    if (etherParse(AT, 18) != 0x08000012) bad++;
    for (let vid: u32 = 1; vid < 4096; vid++) {
      store16(AT + 14, 0xf000 | vid);
      if (etherParse(AT, 54) != DROP_ETHER_VLAN) bad++;
    }
    store16(AT + 14, 0xf000);
    store16(AT + 16, 0x8100);
    if (etherParse(AT, 54) != DROP_ETHER_VLAN) bad++;
    store16(AT + 16, 0x5ff);
    if (etherParse(AT, 54) != DROP_ETHER_8023_LENGTH) bad++;
    store16(AT + 16, 0x600);
    if (etherParse(AT, 54) != 0x06000012) bad++;
    expect(bad).toBe(0);
  });

  it("Ethernet: group and broadcast bits", () => {
    putHex(AT, "ffffffffffff010000000000");
    const h = changetype<EtherHdr>(AT);
    expect(h.dstIsBroadcast && h.dstIsGroup && h.srcIsGroup).toBe(true);
    putHex(AT, "ffffffffff7f020000000000");
    expect(h.dstIsBroadcast || !h.dstIsGroup || h.srcIsGroup).toBe(false);
    putHex(AT, "feffffffffff020000000000");
    expect(h.dstIsBroadcast || h.dstIsGroup).toBe(false);
  });

  it("ARP: short; each bit of the four format fields; operations but 1 and 2", () => {
    const f = frameNamed("ARP request", AT);
    let bad = 0;
    for (let n: u32 = 0; n < 28; n++) if (arpCheck(f.net, n) != DROP_ARP_SHORT) bad++;
    for (let bit: u32 = 0; bit < 48; bit++) {
      flipBit(f.net, bit);
      if (arpCheck(f.net, 28) != DROP_ARP_FORMAT) bad++;
      flipBit(f.net, bit);
    }
    for (let op: u32 = 0; op < 65536; op++) {
      store16(f.net + 6, op);
      if (arpCheck(f.net, 28) != (op == 1 || op == 2 ? WIRE_OK : DROP_ARP_OPERATION)) bad++;
    }
    expect(bad).toBe(0);
  });

  it("TCP: a header shorter than 20 bytes or longer than the segment has no length", () => {
    const f = frameNamed("SYN with the usual options", AT);
    let bad = 0;
    for (let n: u32 = 0; n < 40; n++) if (tcpHdrLen(f.at, n) != 0) bad++;
    for (let doff: u32 = 0; doff < 16; doff++) {
      store<u8>(f.at + 12, <u8>(doff << 4));
      if (tcpHdrLen(f.at, 40) != (doff < 5 || doff > 10 ? 0 : doff * 4)) bad++;
    }
    expect(bad).toBe(0);
  });
});
