import {
  DROP_ETHER_8023_LENGTH,
  DROP_ETHER_VLAN,
  DROP_ICMP_CHECKSUM,
  DROP_IP_CHECKSUM,
  DROP_UDP_CHECKSUM,
} from "../../assembly/abi/drop";
import { ETHERTYPE_ARP, ETHERTYPE_IPV6 } from "../../assembly/abi/proto";
import { load16 } from "../../assembly/memory/endian";
import { ArpHdr, arpCheck } from "../../assembly/wire/arp";
import { checksumFold, checksumSwap, sum } from "../../assembly/wire/checksum";
import { EtherHdr, etherParse } from "../../assembly/wire/ether";
import { IcmpHdr, icmpCheck } from "../../assembly/wire/icmp";
import { Ipv4Hdr, ipv4Check } from "../../assembly/wire/ipv4";
import { Ipv6Hdr, ipv6Check } from "../../assembly/wire/ipv6";
import { WIRE_OK } from "../../assembly/wire/ok";
import { TcpHdr, tcpHdrLen } from "../../assembly/wire/tcp";
import { TcpOptions, tcpOptionsParse, tcpSackLeft, tcpSackRight } from "../../assembly/wire/tcp-options";
import { UdpHdr, udpCheck } from "../../assembly/wire/udp";
import { AT, Frame, frameCount, frameNamed } from "./frame-list";

const OPTIONS = changetype<TcpOptions>(0x10000);

/** What our views and checks say for the field that tshark calls `key`. */
function ours(f: Frame, key: string): string {
  const dot = key.indexOf(".");
  const layer = key.substring(0, dot);
  const field = key.substring(dot + 1);
  if (layer == "eth" || layer == "vlan") return `${etherField(field)}`;
  if (layer == "arp") return `${arpField(f, field)}`;
  if (layer == "ip") return `${ipv4Field(f, field)}`;
  if (layer == "ipv6") return `${ipv6Field(f, field)}`;
  if (layer == "icmp") return `${icmpField(f, field)}`;
  if (layer == "udp") return `${udpField(f, field)}`;
  if (field.startsWith("options.")) return tcpOption(f, field.substring(8));
  return `${tcpField(f, field)}`;
}

function etherField(field: string): u32 {
  if (field == "type") return changetype<EtherHdr>(AT).type;
  if (field == "priority") return load16(AT + 14) >>> 13;
  return load16(AT + 14) & 0xfff;
}

function arpField(f: Frame, field: string): u32 {
  const h = changetype<ArpHdr>(f.net);
  if (field == "opcode") return h.op;
  if (field == "src.proto_ipv4") return h.spa;
  return h.tpa;
}

function ipv4Field(f: Frame, field: string): u32 {
  const h = changetype<Ipv4Hdr>(f.net != 0 ? f.net : AT + 18);
  if (field == "hdr_len") return h.ihl * 4 == h.hdrLen ? h.hdrLen : 0;
  if (field == "dsfield") return h.tos;
  if (field == "len") return h.totalLen;
  if (field == "id") return h.id;
  if (field == "flags.df") return (h.flagsOffset >>> 14) & 1;
  if (field == "flags.mf") return (h.flagsOffset >>> 13) & 1;
  if (field == "frag_offset") return h.offsetBytes >>> 3;
  if (field == "ttl") return h.ttl;
  if (field == "proto") return h.proto;
  if (field == "checksum") return h.checksum;
  if (field == "src") return h.src;
  if (field == "dst") return h.dst;
  const verdict = ipv4Check(changetype<usize>(h), f.net != 0 ? f.netLen : f.len - 18);
  return verdict == WIRE_OK ? 1 : verdict == DROP_IP_CHECKSUM ? 0 : 1000 + verdict;
}

function ipv6Field(f: Frame, field: string): u32 {
  const h = changetype<Ipv6Hdr>(f.net);
  if (field == "tclass") return h.trafficClass;
  if (field == "flow") return h.flowLabel;
  if (field == "plen") return h.payloadLen;
  if (field == "nxt") return h.nextHeader;
  return h.hopLimit;
}

function icmpField(f: Frame, field: string): u32 {
  const h = changetype<IcmpHdr>(f.at);
  if (field == "type") return h.type;
  if (field == "code") return h.code;
  if (field == "checksum") return h.checksum;
  if (field == "ident") return h.id;
  if (field == "seq") return h.seq;
  if (field == "mtu") return h.mtu;
  if (field == "redir_gw") return h.rest;
  if (field == "pointer") return h.pointer;
  if (changetype<Ipv4Hdr>(f.net).isFragment) return 2;
  const verdict = icmpCheck(f.at, f.atLen);
  return verdict == WIRE_OK ? 1 : verdict == DROP_ICMP_CHECKSUM ? 0 : 1000 + verdict;
}

function udpField(f: Frame, field: string): u32 {
  const p = f.net != 0 ? f.at : AT + 38;
  const h = changetype<UdpHdr>(p);
  if (field == "srcport") return h.srcPort;
  if (field == "dstport") return h.dstPort;
  if (field == "length") return h.length;
  if (field == "checksum") return h.checksum;
  if (f.net == 0) return 1;
  const verdict = udpCheck(p, f.atLen, f.pseudo);
  if (verdict == DROP_UDP_CHECKSUM) return 0;
  return verdict != WIRE_OK ? 1000 + verdict : h.checksum == 0 ? 3 : 1;
}

function tcpField(f: Frame, field: string): u32 {
  const h = changetype<TcpHdr>(f.at);
  if (field == "srcport") return h.srcPort;
  if (field == "dstport") return h.dstPort;
  if (field == "seq") return h.seq;
  if (field == "ack_raw") return h.ack;
  if (field == "hdr_len") return h.hdrLen == tcpHdrLen(f.at, f.atLen) ? h.hdrLen : 0;
  if (field == "flags") return h.flags;
  if (field == "window_size_value") return h.wnd;
  if (field == "checksum") return h.checksum;
  if (field == "urgent_pointer") return h.urp;
  return checksumFold(f.pseudo + checksumSwap(f.atLen) + sum(f.at, f.atLen)) == 0xffff ? 1 : 0;
}

function tcpOption(f: Frame, field: string): string {
  const seen = tcpOptionsParse(f.at + 20, tcpHdrLen(f.at, f.atLen) - 20, OPTIONS);
  if (field == "mss_val" && (seen & 4) != 0) return `${OPTIONS.mss}`;
  if (field == "wscale.shift" && (seen & 8) != 0) return `${OPTIONS.wscale}`;
  if (field == "sack_perm") return (seen & 16) != 0 ? "1" : "0";
  if (field == "timestamp.tsval" && (seen & 256) != 0) return `${OPTIONS.tsVal}`;
  if (field == "timestamp.tsecr" && (seen & 256) != 0) return `${OPTIONS.tsEcr}`;
  if ((seen & 32) == 0) return "not seen";
  if (field == "sack.count") return `${OPTIONS.sackCount}`;
  let edges = "";
  for (let i: u32 = 0; i < OPTIONS.sackCount; i++) {
    if (i > 0) edges += ",";
    edges += `${field == "sack_le" ? tcpSackLeft(OPTIONS, i) : tcpSackRight(OPTIONS, i)}`;
  }
  return edges;
}

describe("frames with known answers", () => {
  it("are read as tshark reads them, field by field", () => {
    let wrong = "";
    let fields = 0;
    for (let i = 0; i < frameCount(); i++) {
      const f = new Frame(i, AT);
      if (f.facts == "") continue;
      const facts = f.facts.split(" ");
      for (let k = 0; k < facts.length; k++) {
        const pair = facts[k].split("=");
        const said = ours(f, pair[0]);
        fields++;
        if (said != pair[1]) wrong += f.name + ": " + pair[0] + " " + said + " for " + pair[1] + "; ";
      }
    }
    expect(wrong).toBe("");
    expect(fields).toBeGreaterThan(600);
  });

  it("pass the checks of every layer, but for those made wrong", () => {
    let wrong = "";
    for (let i = 0; i < frameCount(); i++) {
      const f = new Frame(i, AT);
      if (f.net == 0) continue;
      let verdict: u32 = WIRE_OK;
      if (f.type == ETHERTYPE_ARP) verdict = arpCheck(f.net, f.netLen);
      else if (f.type == ETHERTYPE_IPV6) verdict = ipv6Check(f.net, f.netLen);
      else if (f.name != "bad IP checksum") verdict = ipv4Check(f.net, f.netLen);
      if (verdict != WIRE_OK) wrong += f.name + " ";
    }
    expect(wrong).toBe("");
  });

  it("the TFTP read request: both checksums verify", () => {
    const f = frameNamed("TFTP read request", AT);
    expect(f.len).toBe(97);
    expect(changetype<Ipv4Hdr>(f.net).version).toBe(4);
    expect(changetype<Ipv4Hdr>(f.net).checksum).toBe(0x25ec);
    expect(ipv4Check(f.net, f.netLen)).toBe(WIRE_OK);
    expect(changetype<UdpHdr>(f.at).checksum).toBe(0xac40);
    expect(udpCheck(f.at, f.atLen, f.pseudo)).toBe(WIRE_OK);
  });

  it("Ethernet takes a priority tag; other tags and 802.3 length frames have reasons of their own", () => {
    expect(etherParse(AT, frameNamed("priority tag", AT).len)).toBe(0x08000012);
    expect(etherParse(AT, frameNamed("ARP in a priority tag", AT).len)).toBe(0x08060012);
    expect(etherParse(AT, frameNamed("VLAN 7", AT).len)).toBe(DROP_ETHER_VLAN);
    expect(etherParse(AT, frameNamed("802.3 with LLC", AT).len)).toBe(DROP_ETHER_8023_LENGTH);
  });
});
