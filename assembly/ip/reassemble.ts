// Reassembly: RFC 791 §3.2, RFC 1122 §3.3.2, and RFC 5722's rule about overlaps as Linux applies it to IPv4. Fragments
// wait in their own buffers, in order; the one that completes the datagram brings about a single buffer, which goes
// on as if it had come whole. Bounded in buffers (the owner's quota, and half of it for one source), in records and in time.

import { CTR_IP_REASM_FAILS, CTR_IP_REASM_OKS, CTR_IP_REASM_REQDS, CTR_IP_REASM_TIMEOUTS } from "../abi/counter";
import {
  DROP_FRAG_DUPLICATE,
  DROP_FRAG_ECN,
  DROP_FRAG_EVICTED,
  DROP_FRAG_LENGTH,
  DROP_FRAG_NO_BUFFER,
  DROP_FRAG_OVERLAP,
  DROP_FRAG_SOURCE_LIMIT,
  DROP_FRAG_TIMEOUT,
  DROP_FRAG_TOO_LONG,
} from "../abi/drop";
import { MEDIUM_LOOPBACK } from "../abi/netif";
import { OWNER_REASSEMBLY, OWNER_STACK, PBUF_CLASSES } from "../abi/pbuf";
import { IPV4_ECN_CE, IPV4_FLAG_DF, IPV4_FLAG_MF, IPV4_MAX_LEN } from "../abi/proto";
import { count, drop } from "../core/counter";
import { netifAt } from "../link/netif";
import { store16 } from "../memory/endian";
import {
  PB_IP_GROUP,
  PB_LINK_GROUP,
  PB_LOOPED,
  Pbuf,
  pbufAlloc,
  pbufClassFor,
  pbufFree,
  pbufGive,
  pbufLimit,
  pbufTake,
} from "../memory/pbuf";
import { Ipv4Hdr, ipv4EmitChecksum } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import {
  fragmentsOf,
  oldestOther,
  oldestSibling,
  Reassembly,
  reassemblyDiscard,
  reassemblyEmpty,
  reassemblyFind,
  reassemblyOpen,
  reassemblyRefuse,
  reassemblyRelease,
} from "./reassembly-table";

/** In marksOf(). */
const NOT_ECT: u32 = 1;
const CONGESTED: u32 = 1 << IPV4_ECN_CE;

function hdr(pb: Pbuf): Ipv4Hdr {
  return changetype<Ipv4Hdr>(pb.l3);
}

/** Where a fragment's payload begins in that of the whole, its bytes, and where it ends. */
function startOf(pb: Pbuf): u32 {
  return hdr(pb).offsetBytes;
}

function lengthOf(pb: Pbuf): u32 {
  return pb.len - hdr(pb).hdrLen;
}

function endOf(pb: Pbuf): u32 {
  return startOf(pb) + lengthOf(pb);
}

function isLast(pb: Pbuf): bool {
  return (hdr(pb).flagsOffset & IPV4_FLAG_MF) == 0;
}

/** Takes the fragment at pb.l3, for this host: the whole datagram if this completes it, else null. */
export function reassemblyInput(pb: Pbuf): Pbuf | null {
  count(CTR_IP_REASM_REQDS);
  const fault = lengthFault(pb);
  if (fault != WIRE_OK) {
    count(CTR_IP_REASM_FAILS);
    refuse(pb, fault);
    return null;
  }
  const r = recordOf(hdr(pb));
  const refused = r.refused != 0 ? r.refused : conflict(r, pb);
  if (refused != WIRE_OK) {
    if (refused != DROP_FRAG_DUPLICATE && r.refused == 0) reassemblyRefuse(r, refused);
    refuse(pb, refused);
    return null;
  }
  if (isLast(pb)) r.end = endOf(pb);
  const complete = r.bytes + lengthOf(pb) == r.end;
  if (!complete && !hold(r, pb)) {
    reassemblyRefuse(r, DROP_FRAG_SOURCE_LIMIT);
    refuse(pb, DROP_FRAG_SOURCE_LIMIT);
    return null;
  }
  insert(r, pb);
  return complete ? assemble(r) : null;
}

/** Drops a fragment that has just come. */
function refuse(pb: Pbuf, reason: u32): void {
  netifAt(pb.netif).rxDropped++;
  drop(pb, reason);
}

/** Its own lengths: RFC 791 §3.2 counts in 8 bytes, all but the last; the whole has at most 65,535. */
function lengthFault(pb: Pbuf): u32 {
  const len = lengthOf(pb);
  if (len == 0 || (!isLast(pb) && (len & 7) != 0)) return DROP_FRAG_LENGTH;
  return endOf(pb) > <u32>IPV4_MAX_LEN - hdr(pb).hdrLen ? DROP_FRAG_TOO_LONG : WIRE_OK;
}

/** RFC 791 §3.2: what has source, destination, protocol and identification in common belongs together. */
function recordOf(ip: Ipv4Hdr): Reassembly {
  const key = (ip.id << 8) | ip.proto;
  const found = reassemblyFind(ip.src, ip.dst, key);
  return found !== null ? found : reassemblyOpen(ip.src, ip.dst, key);
}

/** Does the fragment agree with those held? A duplicate lies wholly inside what they hold; any other overlap, a second
 * end, and bytes behind the end do not (RFC 5722 §4). */
function conflict(r: Reassembly, pb: Pbuf): u32 {
  const start = startOf(pb);
  const end = endOf(pb);
  const tail = r.tail;
  const highest: u32 = tail === null ? 0 : endOf(tail);
  if (isLast(pb)) {
    if (r.end != 0 ? end != r.end : end < highest) return DROP_FRAG_OVERLAP;
  } else if (r.end != 0 && end > r.end) {
    return DROP_FRAG_OVERLAP;
  }
  if (start >= highest) return WIRE_OK;
  let covered = start;
  let f = r.head;
  while (f !== null && startOf(f) < end) {
    if (endOf(f) > start) {
      if (startOf(f) > covered) return DROP_FRAG_OVERLAP;
      covered = endOf(f);
    }
    f = f.next;
  }
  if (covered == start) return WIRE_OK;
  return covered >= end ? DROP_FRAG_DUPLICATE : DROP_FRAG_OVERLAP;
}

/** Makes room for the fragment and moves it to reassembly's account: one source but ourselves has at most half of the
 * quota, its older datagrams give way first, then the oldest of others. False if all of it is this datagram's own. */
function hold(r: Reassembly, pb: Pbuf): bool {
  const quota = pbufLimit(pb.cls, OWNER_REASSEMBLY);
  const most = netifAt(pb.netif).medium == MEDIUM_LOOPBACK ? quota : max<u32>(quota >> 1, 2);
  while (fragmentsOf(r.src) >= most) {
    const other = oldestSibling(r);
    if (other === null) return false;
    reassemblyDiscard(other, DROP_FRAG_SOURCE_LIMIT);
  }
  while (!pbufGive(pb, OWNER_REASSEMBLY)) {
    const other = oldestOther(r);
    if (other === null) return false;
    reassemblyDiscard(other, DROP_FRAG_EVICTED);
  }
  return true;
}

/** Puts the fragment in its place. */
function insert(r: Reassembly, pb: Pbuf): void {
  r.fragments++;
  r.bytes += lengthOf(pb);
  const start = startOf(pb);
  const tail = r.tail;
  if (tail === null || startOf(tail) < start) {
    pb.next = null;
    if (tail === null) r.head = pb;
    else tail.next = pb;
    r.tail = pb;
    return;
  }
  // A chain's head and `next` are bare pointers: one walk serves for both.
  let at = changetype<usize>(r) + offsetof<Reassembly>("head");
  let f = r.head;
  while (f !== null && startOf(f) < start) {
    at = changetype<usize>(f) + offsetof<Pbuf>("next");
    f = f.next;
  }
  pb.next = f;
  store<usize>(at, changetype<usize>(pb));
}

/** The ECN codepoints in a chain of fragments: a bit for each. */
function marksOf(first: Pbuf): u32 {
  let marks: u32 = 0;
  let pb: Pbuf | null = first;
  while (pb !== null) {
    marks |= 1 << (hdr(pb).tos & IPV4_ECN_CE);
    pb = pb.next;
  }
  return marks;
}

/** All is there: one buffer with the header of fragment zero, its options too; null if there is no buffer. */
function assemble(r: Reassembly): Pbuf | null {
  const zero = changetype<Pbuf>(r.head);
  const hdrLen = hdr(zero).hdrLen;
  const total = hdrLen + r.end;
  if (total > <u32>IPV4_MAX_LEN) {
    reassemblyDiscard(r, DROP_FRAG_TOO_LONG);
    return null;
  }
  const marks = marksOf(zero);
  // RFC 3168 §5.3: a mark is not lost, but who does not know of marks gets none.
  if ((marks & CONGESTED) != 0 && (marks & NOT_ECT) != 0) {
    reassemblyDiscard(r, DROP_FRAG_ECN);
    return null;
  }
  const cls = pbufClassFor(total);
  const whole = cls < <u32>PBUF_CLASSES ? pbufAlloc(cls, OWNER_STACK, false) : null;
  if (whole === null) {
    reassemblyDiscard(r, DROP_FRAG_NO_BUFFER);
    return null;
  }
  memory.copy(whole.head, zero.l3, hdrLen);
  whole.len = total;
  whole.l3 = whole.head;
  whole.l4 = whole.head + hdrLen;
  whole.netif = zero.netif;
  whole.flags = zero.flags & (PB_LINK_GROUP | PB_LOOPED | PB_IP_GROUP);
  let pb = r.head;
  while (pb !== null) {
    const next: Pbuf | null = pb.next;
    memory.copy(whole.l4 + startOf(pb), pb.l3 + hdr(pb).hdrLen, lengthOf(pb));
    pbufFree(pb);
    pb = next;
  }
  store16(whole.l3 + 2, total);
  store16(whole.l3 + 6, hdr(whole).flagsOffset & IPV4_FLAG_DF);
  if ((marks & CONGESTED) != 0) store<u8>(whole.l3, load<u8>(whole.l3, 1) | <u8>IPV4_ECN_CE, 1);
  ipv4EmitChecksum(whole.l3, hdrLen);
  reassemblyEmpty(r);
  reassemblyRelease(r);
  count(CTR_IP_REASM_OKS);
  return whole;
}

/** The time of a datagram is up: what is held of it is dropped, but for fragment zero, which goes to the caller if it is
 * there: its source is told (RFC 1122 §3.3.2), else nobody (RFC 792). */
export function reassemblyTimer(r: Reassembly): Pbuf | null {
  if (r.refused == 0) count(CTR_IP_REASM_TIMEOUTS);
  const first = r.head;
  if (first === null || startOf(first) != 0) {
    reassemblyDiscard(r, DROP_FRAG_TIMEOUT);
    return null;
  }
  r.head = first.next;
  r.fragments--;
  first.next = null;
  pbufTake(first);
  reassemblyDiscard(r, DROP_FRAG_TIMEOUT);
  return first;
}
