import {
  ARP_OP_REPLY,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPPROTO_ICMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "../../assembly/abi/proto";
import { load16, load32 } from "../../assembly/memory/endian";
import { ArpHdr, arpEmit, arpReply } from "../../assembly/wire/arp";
import { checksumSwap, pseudoSum4, sum } from "../../assembly/wire/checksum";
import { copySum } from "../../assembly/wire/copy-checksum";
import {
  EtherHdr,
  etherCopy,
  etherEmit,
  etherEmitTagged,
  etherPad,
  macCopy,
  macEqual,
} from "../../assembly/wire/ether";
import { IcmpHdr, icmpCheck, icmpEchoToReply, icmpEmit, icmpEmitSummed } from "../../assembly/wire/icmp";
import { Ipv4Hdr, ipv4Check, ipv4Emit, ipv4EmitChecksum } from "../../assembly/wire/ipv4";
import { Ipv6Hdr, ipv6Emit } from "../../assembly/wire/ipv6";
import { WIRE_OK } from "../../assembly/wire/ok";
import { TcpHdr, tcpEmit, tcpEmitChecksum } from "../../assembly/wire/tcp";
import {
  tcpPutMss,
  tcpPutSackBlock,
  tcpPutSackHead,
  tcpPutSackPermitted,
  tcpPutTimestamp,
  tcpPutWscale,
} from "../../assembly/wire/tcp-options";
import { UdpHdr, udpCheck, udpEmit, udpEmitNoChecksum, udpEmitSummed } from "../../assembly/wire/udp";
import { AT, Frame, firstDifference, frameCount, frameNamed, putHex } from "./frame-list";

/** What is emitted goes here, over old garbage. */
const OUT: usize = 0x40001;

function garbage(): void {
  memory.fill(OUT, 0xa5, 4096);
}

/** Emits the network header that stands at f.net to OUT; answers its length, 0 for what we do not emit whole. */
function emitNet(f: Frame): u32 {
  if (f.type == ETHERTYPE_ARP) {
    const a = changetype<ArpHdr>(f.net);
    arpEmit(OUT, a.op, a.sha, a.spa, a.tha, a.tpa);
    return 28;
  }
  if (f.type == ETHERTYPE_IPV6) {
    const h = changetype<Ipv6Hdr>(f.net);
    ipv6Emit(OUT, h.trafficClass, h.flowLabel, h.payloadLen, h.nextHeader, h.hopLimit, h.src, h.dst);
    return 40;
  }
  const h = changetype<Ipv4Hdr>(f.net);
  if (h.hdrLen > 20) {
    memory.copy(OUT, f.net, h.hdrLen);
    store<u16>(OUT + 10, 0x5a5a);
    ipv4EmitChecksum(OUT, h.hdrLen);
    return h.hdrLen;
  }
  ipv4Emit(OUT, h.tos, h.totalLen, h.id, h.flagsOffset, h.ttl, h.proto, h.src, h.dst);
  return 20;
}

/** Emits the transport header at f.at, with the payload copied to OUT first. */
function emitTransport(f: Frame): u32 {
  memory.copy(OUT, f.at, f.atLen);
  if (f.proto == IPPROTO_ICMP) {
    const h = changetype<IcmpHdr>(f.at);
    store<u64>(OUT, 0);
    icmpEmit(OUT, h.type, h.code, h.rest, f.atLen);
    return f.atLen;
  }
  if (f.proto == IPPROTO_UDP) {
    const h = changetype<UdpHdr>(f.at);
    store<u64>(OUT, 0);
    if (h.checksum == 0) udpEmitNoChecksum(OUT, h.srcPort, h.dstPort, h.length);
    else udpEmit(OUT, h.srcPort, h.dstPort, h.length, f.pseudo);
    return f.atLen;
  }
  const h = changetype<TcpHdr>(f.at);
  tcpEmit(OUT, h.srcPort, h.dstPort, h.seq, h.ack, h.hdrLen, h.flags, h.wnd);
  store<u16>(OUT + 18, load<u16>(f.at + 18));
  const payload = sum(OUT + h.hdrLen, f.atLen - h.hdrLen);
  tcpEmitChecksum(OUT, h.hdrLen, f.pseudo + checksumSwap(f.atLen), payload);
  return f.atLen;
}

describe("emitters", () => {
  it("make every header of the fixtures again, byte for byte", () => {
    let wrong = "";
    let made = 0;
    for (let i = 0; i < frameCount(); i++) {
      const f = new Frame(i, AT);
      if (f.net == 0 || f.name.startsWith("bad ")) continue;
      garbage();
      if (f.net != AT) {
        if (f.net == AT + 14) etherEmit(OUT, AT, AT + 6, f.type);
        else etherEmitTagged(OUT, AT, AT + 6, load16(AT + 14), f.type);
        if (firstDifference(AT, OUT, <u32>(f.net - AT)) != -1) wrong += f.name + ": Ethernet; ";
        made++;
      }
      const net = emitNet(f);
      if (firstDifference(f.net, OUT, net) != -1) wrong += f.name + ": network; ";
      if (load<u8>(OUT + net) != 0xa5) wrong += f.name + ": network header too long; ";
      made++;
      if (f.type == ETHERTYPE_IPV4 && changetype<Ipv4Hdr>(f.net).isFragment) continue;
      if (f.proto != IPPROTO_ICMP && f.proto != IPPROTO_UDP && f.proto != IPPROTO_TCP) continue;
      garbage();
      const all = emitTransport(f);
      if (firstDifference(f.at, OUT, all) != -1) wrong += f.name + ": transport; ";
      made++;
    }
    expect(wrong).toBe("");
    expect(made).toBeGreaterThan(85);
  });

  it("copy and checksum in one pass gives the same headers", () => {
    const f = frameNamed("TFTP read request", AT);
    garbage();
    udpEmitSummed(OUT, 1492, 69, 63, f.pseudo, copySum(OUT + 8, f.at + 8, 55));
    expect(firstDifference(f.at, OUT, 63)).toBe(-1);
    const g = frameNamed("echo request", AT);
    garbage();
    icmpEmitSummed(OUT, 8, 0, load32(g.at + 4), copySum(OUT + 8, g.at + 8, g.atLen - 8));
    expect(firstDifference(g.at, OUT, g.atLen)).toBe(-1);
  });

  it("UDP and IPv4 of every length to 3,000 are accepted and say their length", () => {
    let bad = 0;
    for (let i: usize = 0; i < 3000; i++) store<u8>(OUT + i, <u8>(i * 151));
    for (let n: u32 = 8; n < 3000; n++) {
      const pseudo = pseudoSum4(0x0a000001, 0xc0a80002, IPPROTO_UDP, 0);
      udpEmit(OUT + 20, n, 69, n, pseudo);
      ipv4Emit(OUT, n >>> 1, n + 20, n * 7, n >>> 2, 64, IPPROTO_UDP, 0x0a000001, 0xc0a80002);
      const h = changetype<Ipv4Hdr>(OUT);
      const u = changetype<UdpHdr>(OUT + 20);
      if (ipv4Check(OUT, n + 20) != WIRE_OK || udpCheck(OUT + 20, n, pseudo) != WIRE_OK) bad++;
      if (h.totalLen != n + 20 || h.id != ((n * 7) & 0xffff) || h.flagsOffset != n >>> 2 || h.tos != ((n >>> 1) & 0xff))
        bad++;
      if (u.length != n || u.srcPort != n || u.dstPort != 69) bad++;
    }
    expect(bad).toBe(0);
  });

  it("an echo becomes its reply in place", () => {
    const f = frameNamed("echo reply", AT);
    const replyLen = f.atLen;
    memory.copy(OUT, f.at, replyLen);
    const g = frameNamed("echo request", AT);
    icmpEchoToReply(g.at);
    expect(icmpCheck(g.at, g.atLen)).toBe(0);
    expect(firstDifference(g.at, OUT, 4)).toBe(-1);
    expect(firstDifference(g.at, OUT, replyLen)).toBe(-1);
    icmpEmit(g.at, 8, 0x9c, 0x01020304, g.atLen);
    icmpEchoToReply(g.at);
    expect(icmpCheck(g.at, g.atLen)).toBe(0);
    expect(load16(g.at)).toBe(0x009c);
  });

  it("an ARP request becomes the reply that the other host sent", () => {
    const f = frameNamed("ARP reply", AT);
    memory.copy(OUT, f.net, 28);
    const sha = OUT + 64;
    macCopy(sha, changetype<ArpHdr>(f.net).sha);
    const g = frameNamed("ARP request", AT);
    arpReply(g.net, sha, 0xc0a8ef01);
    expect(firstDifference(g.net, OUT, 28)).toBe(-1);
    expect(changetype<ArpHdr>(g.net).op).toBe(ARP_OP_REPLY);
  });

  it("an ARP request without a target address has zeros there", () => {
    garbage();
    putHex(AT, "020000000001");
    arpEmit(OUT, 1, AT, 0x0a010203, 0, 0x0a010204);
    putHex(AT, "00010800060400010200000000010a0102030000000000000a010204");
    expect(firstDifference(AT, OUT, 28)).toBe(-1);
    arpEmit(OUT, 0x0102, AT, 0, 0, 0);
    expect(changetype<ArpHdr>(OUT).op).toBe(0x0102);
  });

  it("Ethernet: addresses compared and copied, a ready header, padding to 60", () => {
    const f = frameNamed("TFTP read request", AT);
    garbage();
    etherCopy(OUT, AT);
    expect(firstDifference(AT, OUT, 14)).toBe(-1);
    expect(load<u8>(OUT + 14)).toBe(0xa5);
    expect(macEqual(AT, OUT)).toBe(true);
    store<u8>(OUT + 5, load<u8>(OUT + 5) ^ 1);
    expect(macEqual(AT, OUT)).toBe(false);
    store<u8>(OUT + 5, load<u8>(OUT + 5) ^ 1);
    store<u8>(OUT, load<u8>(OUT) ^ 0x80);
    expect(macEqual(AT, OUT)).toBe(false);
    expect(changetype<EtherHdr>(AT).dst).toBe(AT);
    garbage();
    expect(etherPad(OUT, 42)).toBe(60);
    let bad = 0;
    for (let i: usize = 0; i < 64; i++) if (load<u8>(OUT + i) != (i < 42 || i >= 60 ? 0xa5 : 0)) bad++;
    expect(bad).toBe(0);
    expect(etherPad(OUT, 60)).toBe(60);
    expect(etherPad(OUT, f.len)).toBe(f.len);
  });

  it("TCP options as other stacks write them", () => {
    const f = frameNamed("ACK with three SACK blocks", AT);
    garbage();
    let p = tcpPutTimestamp(OUT, 1, 2);
    p = tcpPutSackHead(p, 3);
    p = tcpPutSackBlock(p, 0x2000, 0x2800);
    p = tcpPutSackBlock(p, 0x3000, 0x3800);
    p = tcpPutSackBlock(p, 0xfffffff0, 0x10);
    expect(p).toBe(OUT + 40);
    expect(firstDifference(f.at + 20, OUT, 40)).toBe(-1);
    p = tcpPutMss(OUT, 1460);
    p = tcpPutWscale(p, 7);
    p = tcpPutSackPermitted(p);
    putHex(AT, "020405b40103030701010402");
    expect(p).toBe(OUT + 12);
    expect(firstDifference(AT, OUT, 12)).toBe(-1);
  });
});
