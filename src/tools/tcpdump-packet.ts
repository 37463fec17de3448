/**
 * A frame taken apart as far as tcpdump's filters and lines need it. Total: what is cut short is simply not there.
 */
import * as PROTO from "../../assembly/abi/proto.js";
import { u16, u32 } from "./big-endian.js";

/** What of a frame is an IPv4 datagram. */
export interface Ipv4Packet {
  /** From the header to the end of the datagram, or of what was captured. */
  readonly bytes: Uint8Array;
  readonly headerLength: number;
  readonly totalLength: number;
  readonly protocol: number;
  /** Host order. */
  readonly source: number;
  readonly destination: number;
  /** In bytes. */
  readonly offset: number;
  readonly moreFragments: boolean;
  /** What stands behind the header. */
  readonly payload: Uint8Array;
}

export interface Packet {
  readonly frame: Uint8Array;
  /** Where the network header begins. */
  readonly linkLength: number;
  /** The Ethernet type, or the one that fits on a raw IP link. */
  readonly type: number;
  readonly ip?: Ipv4Packet;
  /** What stands behind the link header. */
  readonly body: Uint8Array;
}

/** @param ethernet  whether the frame begins with an Ethernet header, or with IP's */
export function dissect(frame: Uint8Array, ethernet: boolean): Packet {
  if (!ethernet) {
    const version = (frame[0] ?? 0) >> 4;
    const type = version === 6 ? PROTO.ETHERTYPE_IPV6 : PROTO.ETHERTYPE_IPV4;
    return packet(frame, 0, type);
  }
  let linkLength = PROTO.ETHER_HDR_LEN;
  let type = u16(frame, 12);
  if (type === PROTO.ETHERTYPE_VLAN) {
    type = u16(frame, 16);
    linkLength += PROTO.VLAN_TAG_LEN;
  }
  return packet(frame, linkLength, type);
}

function packet(frame: Uint8Array, linkLength: number, type: number): Packet {
  const body = frame.subarray(linkLength);
  const ip = type === PROTO.ETHERTYPE_IPV4 ? dissectIpv4(body) : undefined;
  return { frame, linkLength, type, body, ...(ip !== undefined && { ip }) };
}

/** Undefined for what is no IPv4 header. */
export function dissectIpv4(body: Uint8Array): Ipv4Packet | undefined {
  const headerLength = ((body[0] ?? 0) & 15) * 4;
  if (body.length < PROTO.IPV4_HDR_LEN || (body[0] as number) >> 4 !== 4) return undefined;
  if (headerLength < PROTO.IPV4_HDR_LEN || headerLength > body.length) return undefined;
  const totalLength = u16(body, 2);
  const bytes = body.subarray(0, Math.max(totalLength, headerLength));
  const fragment = u16(body, 6);
  return {
    bytes,
    headerLength,
    totalLength,
    protocol: body[9] as number,
    source: u32(body, 12),
    destination: u32(body, 16),
    offset: (fragment & PROTO.IPV4_OFFSET_MASK) * 8,
    moreFragments: (fragment & PROTO.IPV4_FLAG_MF) !== 0,
    payload: bytes.subarray(headerLength),
  };
}

/** Source and destination port; undefined where there are none. */
export function portsOf(ip: Ipv4Packet): readonly [number, number] | undefined {
  const has = ip.protocol === PROTO.IPPROTO_UDP || ip.protocol === PROTO.IPPROTO_TCP;
  if (!has || ip.offset !== 0 || ip.payload.length < 4) return undefined;
  return [u16(ip.payload, 0), u16(ip.payload, 2)];
}
