// Forwarding, the plain case: a datagram without options for somebody else that has a unicast way by another interface,
// whose next hop is known, and that fits. It goes from ring to ring at once, and what is counted is counted for many.
//
// Nothing is decided here that link/ethernet.ts, ip/input.ts, ip/martian.ts and ip/forward.ts would decide otherwise: each
// test below is one of theirs, and a frame which any of them might drop, answer or change by more than a hop is left in
// the ring, for them. RFC 1812 §5.2.1.2, §5.3.
//
// Frames are taken some at a time, in three passes: what each is, its route, its way out. So the loads of many lookups are
// under way together, and each loop fits the processor's registers.

import { CTR_IP_FORW_DATAGRAMS, CTR_IP_IN_RECEIVES } from "../abi/counter";
import { IFF_UP, IFSW_FORWARDING, IFSW_RP_FILTER, MEDIUM_ETHERNET, NEIGH_ETHER } from "../abi/netif";
import { OWNER_RX, OWNER_TX } from "../abi/pbuf";
import { ETHER_HDR_LEN, IPV4_DST, IPV4_HDR_LEN, IPV4_SRC } from "../abi/proto";
import { DESC_BYTES } from "../abi/ring";
import { RTF_GATEWAY, RTF_LOCAL, RTF_REJECT } from "../abi/route";
import { now } from "../core/clock";
import { countMany } from "../core/counter";
import { hash8 } from "../core/hash";
import { addressFilter, addressFilterByte, addressFilterShift } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Neigh, neighFind } from "../link/neigh";
import {
  Netif,
  netifAt,
  netifMayPass,
  netifPassed,
  netifRxRoom,
  netifSent,
  netifTxDesc,
  netifTxHeld,
  netifTxRun,
  netifUsable,
} from "../link/netif";
import { address4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { descLen, descPbuf, descWrite, ringDesc, ringHeld, ringShadow } from "../memory/ring";
import { F4, FibLookup } from "../route/fib";
import { NextHop, nexthopAt } from "../route/nexthop";
import { routeMember } from "../route/table";
import { ipv4HeaderSum } from "../wire/checksum";
import { etherCopy, etherPad } from "../wire/ether";
import { Ipv4Hdr, ipv4DecrementTtl } from "../wire/ipv4";
import { flowDestination } from "./flow";

@unmanaged
class PlainState {
  /** Bytes of the frames that findPlain() has found. */
  bytes: u32;
}

const F: PlainState = changetype<PlainState>(memory.data(offsetof<PlainState>(), 4));
/** Frames of one pass. */
const SOME: u32 = 32;
const GATEWAY: usize = offsetof<NextHop>("gateway0");
/** EtherType IPv4, version 4 and five words of header, as they lie at byte 12. */
const TYPE_AND_VERSION: u32 = 0x450008;

/** A next hop's note of a lease is its complement, so that 0 and 0 do not agree. */
const NO_LEASE: u32 = 0xffffffff;
const LEAST: u32 = ETHER_HDR_LEN + IPV4_HDR_LEN;
/** 169.254/16 as it lies in memory. */
const LINK_LOCAL: u32 = 0xfea9;
/** 1 for each first byte of an address that may be odd: 0, 127, 169, 224 and above. */
const ODD: usize = memory.data(256, 64);

export function forwardPlainInit(): void {
  store<u8>(ODD, 1);
  store<u8>(ODD, 1, 127);
  store<u8>(ODD, 1, 169);
  memory.fill(ODD + 224, 1, 32);
}

/** May datagrams that come by this interface be plain? */
export function ipv4ForwardsPlain(nif: Netif): bool {
  return (
    nif.medium == MEDIUM_ETHERNET &&
    (nif.flags & IFF_UP) != 0 &&
    interfaceSwitch(nif, IFSW_FORWARDING) != 0 &&
    interfaceSwitch(nif, IFSW_RP_FILTER) == 0
  );
}

/** Forwards the plain datagrams at the front of the RX ring of `nif`, at most `most`, up to the first that is not
 * plain; how many. */
export function ipv4ForwardPlain(nif: Netif, most: u32): u32 {
  let done: u32 = 0;
  let left = min<u32>(most, netifMayPass(nif));
  while (left != 0) {
    // No further than to the end of the ring, so that slots follow one another.
    const some = min<u32>(min<u32>(left, SOME), nif.mask + 1 - (nif.rxRead & nif.mask));
    const first = changetype<Pbuf>(ringHeld(nif.rx, nif.mask, nif.rxRead));
    const found = findPlain(nif, some);
    routePlain(first, found);
    const sent = sendPlain(nif, first, found);
    netifPassed(nif, sent, F.bytes - leftBytes(nif, sent, found));
    done += sent;
    if (sent != some) break;
    left -= some;
  }
  if (done == 0) return 0;
  countMany(CTR_IP_IN_RECEIVES, done);
  countMany(CTR_IP_FORW_DATAGRAMS, done);
  return done;
}

/** Bytes of the frames from the `sent`-th to the `found`-th of the ring. */
function leftBytes(nif: Netif, sent: u32, found: u32): u32 {
  let bytes: u32 = 0;
  for (let i = sent; i < found; i++) bytes += descLen(ringDesc(nif.rx, nif.mask, nif.rxRead + i));
  return bytes;
}

/** How many frames at the front of the ring, at most `most`, are for our own hardware address from a single station, with
 * a sound header of 20 bytes, time to live, and unicast addresses that are not ours. Their buffers are linked by pb.next;
 * pb.len is the datagram's length, pb.slot its destination in host order; F.bytes is
 * the sum of the frames. */
function findPlain(nif: Netif, most: u32): u32 {
  const mac = nif.mac;
  const filter = addressFilter();
  const shift = addressFilterShift();
  const room = netifRxRoom(nif) - LEAST;
  let held = ringShadow(nif.rx, nif.mask) + ((nif.rxRead & nif.mask) << 2);
  let desc = ringDesc(nif.rx, nif.mask, nif.rxRead);
  let last = changetype<Pbuf>(load<usize>(held));
  let bytes: u32 = 0;
  let found: u32 = 0;
  for (; found < most; found++) {
    const pb = changetype<Pbuf>(load<usize>(held));
    const beyond = descLen(desc) - LEAST;
    if (descPbuf(desc) != pb.index) break;
    if (beyond > room) break;

    const frame = pb.head;
    if ((load<u64>(frame) ^ mac) << 16 != 0) break;
    if ((load<u32>(frame, 12) & 0xffffff) != TYPE_AND_VERSION) break;
    if ((load<u8>(frame, 6) & 1) != 0) break;

    const ip = frame + ETHER_HDR_LEN;
    const total = changetype<Ipv4Hdr>(ip).totalLen;
    if (total - IPV4_HDR_LEN > beyond) break;
    if (ipv4HeaderSum(ip) != 0xffff) break;
    if (load<u8>(ip, 8) <= 1) break;

    const pair = load<u64>(ip, IPV4_SRC);
    const dst = <u32>(pair >> 32);
    if ((oddTop(<u32>pair) | oddTop(dst)) != 0 && isOdd(pair)) break;
    if ((mayBeOurs(filter, shift, <u32>pair) | mayBeOurs(filter, shift, dst)) != 0) break;
    pb.len = total;
    pb.slot = bswap<u32>(dst);
    bytes += beyond + LEAST;
    last.next = pb;
    last = pb;
    held += 4;
    desc += DESC_BYTES;
  }
  F.bytes = bytes;
  return found;
}

/** May an address that begins so, as it lies in memory, be odd? */
function oddTop(word: u32): u32 {
  return <u32>load<u8>(ODD + (word & 0xff));
}

/** Is either address, as they lie in memory in two halves, in 0/8, 127/8, 169.254/16 or above class C? */
function isOdd(pair: u64): bool {
  return isOddAddress(<u32>pair) || isOddAddress(<u32>(pair >> 32));
}

function isOddAddress(word: u32): bool {
  return (word & 0xff) != 169 || (word & 0xffff) == LINK_LOCAL;
}

/** 0 if the address, as it lies in memory, is certainly neither ours nor a broadcast of a network of ours. */
function mayBeOurs(filter: usize, shift: u64, word: u32): u32 {
  return <u32>load<u8>(filter + addressFilterByte(word, shift));
}

/** Next hops of `count` datagrams, in place of the destinations in pb.slot. */
function routePlain(first: Pbuf, count: u32): void {
  const base = F4.base;
  const direct = F4.direct;
  const scale = F4.scale;
  let pb = first;
  for (; count != 0; count--) {
    pb.slot = FibLookup.v4(base, direct, scale, pb.slot);
    pb = changetype<Pbuf>(pb.next);
  }
}

/** Sends on the first `most` frames of the ring, from buffer `first` on, up to the first whose way out is not plain; how
 * many. */
function sendPlain(nif: Netif, first: Pbuf, most: u32): u32 {
  let pb = first;
  let done: u32 = 0;
  while (done < most) {
    const n = neighbour(pb);
    if (n === null || n.netif == nif.index) break;
    const out = netifAt(n.netif);
    const run = netifUsable(out) ? min<u32>(netifTxRun(out), most - done) : 0;
    const sent = sendRun(out, pb, run);
    if (sent == 0) break;
    done += sent;
    for (let i = sent; i != 0; i--) pb = changetype<Pbuf>(pb.next);
  }
  return done;
}

/** Sends datagrams, from that in `first` on, by `out`, which has `most` free slots one after another: up to the first that
 * does not go there, or not plainly; how many. */
function sendRun(out: Netif, first: Pbuf, most: u32): u32 {
  const time = now();
  const mtu = out.mtu;
  const index = out.index;
  let desc = netifTxDesc(out);
  let held = netifTxHeld(out);
  let bytes: u32 = 0;
  let pb = first;
  let done: u32 = 0;
  for (; done < most; done++) {
    const hop = nexthopAt(pb.slot);
    const frame = pb.head;
    const total = pb.len;
    let n = changetype<Neigh>(hop.hint);
    if ((n.lease ^ hop.lease) != NO_LEASE) {
      const found = neighbour(pb);
      if (found === null) break;
      n = found;
    }
    if (n.netif != index) break;
    if (total > mtu) break;
    n.used = time;
    ipv4DecrementTtl(frame + ETHER_HDR_LEN);
    etherCopy(frame, changetype<usize>(n) + NEIGH_ETHER);
    assert(pb.owner == OWNER_RX);
    pb.owner = <u8>OWNER_TX;
    store<usize>(held, changetype<usize>(pb));
    descWrite(desc, frame, etherPad(frame, total + ETHER_HDR_LEN), pb.index);
    bytes += total;
    held += 4;
    desc += DESC_BYTES;
    pb = changetype<Pbuf>(pb.next);
  }
  netifSent(out, done, bytes + done * ETHER_HDR_LEN);
  return done;
}

/** The neighbour through which the datagram leaves, if it is ready; null also where the way leads to none. */
function neighbour(pb: Pbuf): Neigh | null {
  const ip = pb.head + ETHER_HDR_LEN;
  const found = pb.slot;
  const src = bswap<u32>(load<u32>(ip, IPV4_SRC));
  const dst = bswap<u32>(load<u32>(ip, IPV4_DST));
  // Of several ways of equal cost, the flow's (RFC 2992).
  const hop = nexthopAt(found == 0 ? 0 : routeMember(found, hash8(((<u64>src) << 32) | dst)));
  if ((hop.flags & (RTF_REJECT | RTF_LOCAL)) != 0) return null;
  if ((hop.flags & RTF_GATEWAY) == 0) {
    address4(flowDestination(), dst);
    return ready(neighFind(hop.ifindex - 1, flowDestination()));
  }
  const n = ready(neighFind(hop.ifindex - 1, changetype<usize>(hop) + GATEWAY));
  if (n !== null) {
    hop.hint = changetype<usize>(n);
    hop.lease = n.lease ^ NO_LEASE;
  }
  return n;
}

function ready(n: Neigh | null): Neigh | null {
  return n !== null && n.lease != 0 ? n : null;
}
