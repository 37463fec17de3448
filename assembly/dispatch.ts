// The one place which knows every protocol: a layer answers about a packet with a verdict, and here it is sent on.
// So layers never import what stands above them, and nobody frees what its caller still holds.

import {
  DROP_FRAG_TIMEOUT,
  DROP_ICMP_ERROR_UNMATCHED,
  DROP_ICMP_REDIRECT_OFF,
  DROP_IP_PROTOCOL,
  DROP_NEIGH_FAILED,
  DROP_RX_IF_DOWN,
  DROP_UDP_NO_PORT,
} from "./abi/drop";
import { EVENT_WRITABLE } from "./abi/event";
import { IFF_UP, MEDIUM_ETHERNET } from "./abi/netif";
import {
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_TIME_EXCEEDED_REASSEMBLY,
  ICMP_UNREACH_HOST,
  ICMP_UNREACH_PORT,
  ICMP_UNREACH_PROTOCOL,
  ICMP_UNREACHABLE,
  IPPROTO_ICMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./abi/proto";
import {
  TIMER_ADDRESS,
  TIMER_GROUP,
  TIMER_IGMP,
  TIMER_NEIGH,
  TIMER_REASSEMBLY,
  TIMER_TCP_ACK,
  TIMER_TCP_LIFE,
  TIMER_TCP_PACE,
  TIMER_TCP_REXMT,
  TIMER_TIME_WAIT,
} from "./abi/timer";
import {
  NEXT_ARP,
  NEXT_CONFLICT,
  NEXT_DONE,
  NEXT_FORWARD,
  NEXT_FREE,
  NEXT_ICMP,
  NEXT_ICMP_ERROR,
  NEXT_IGMP,
  NEXT_IPV4,
  NEXT_OPTIONS,
  NEXT_PORT_UNREACH,
  NEXT_PROTO_UNREACH,
  NEXT_RAW,
  NEXT_REASSEMBLE,
  NEXT_REDIRECT_OFF,
  NEXT_TCP,
  NEXT_UDP,
} from "./abi/verdict";
import { drop, dropUnwatch } from "./core/counter";
import { eventSocket } from "./core/event";
import { Timer } from "./core/timer";
import { echoError } from "./icmp/echo";
import { icmpInput } from "./icmp/input";
import { icmpQuoted } from "./icmp/quote";
import { redirectFailed } from "./icmp/redirect";
import { igmpInput } from "./igmp/input";
import { igmpGroupTimer, igmpTimer } from "./igmp/timer";
import { addressConflict, probeTimer } from "./ip/address-probe";
import { ipv4Forward } from "./ip/forward";
import { icmpErrorAndDrop } from "./ip/icmp-error";
import { ipv4Deliver, ipv4Input } from "./ip/input";
import { optionsInput } from "./ip/options";
import { reassemblyInput, reassemblyTimer } from "./ip/reassemble";
import { reassemblyOfTimer } from "./ip/reassembly-table";
import { arpInput } from "./link/arp";
import { etherInput } from "./link/ethernet";
import { neighDequeue, neighOfTimer, neighTimer } from "./link/neigh";
import { Netif, netifAt } from "./link/netif";
import { addressCopy } from "./memory/address";
import { PB_LOOPED, Pbuf, pbufFree } from "./memory/pbuf";
import { Pcb, pcbIndex } from "./pcb/pcb";
import { rawCopies, rawError, rawInput } from "./raw/input";
import { rawAny } from "./raw/raw";
import { tcpError } from "./tcp/error";
import { tcpInput } from "./tcp/input";
import { tcpOutput } from "./tcp/output";
import { tcbOf } from "./tcp/tcb";
import { timeWaitTimer } from "./tcp/time-wait";
import { tcpTimer } from "./tcp/timers";
import { udpError, udpInput } from "./udp/input";
import { IcmpHdr } from "./wire/icmp";
import { Ipv4Hdr } from "./wire/ipv4";

const HOP: usize = memory.data(16, 8);

/** A frame received on `ring`'s interface; one that came over loopback as our copy of a broadcast counts as received
 * where the broadcast left. */
export function dispatchFrame(ring: Netif, pb: Pbuf): void {
  const looped = (pb.flags & PB_LOOPED) != 0;
  const nif = looped ? netifAt(pb.netif) : ring;
  pb.netif = nif.index;
  if ((nif.flags & IFF_UP) == 0) {
    ring.rxDropped++;
    drop(pb, DROP_RX_IF_DOWN);
    return;
  }
  let verdict: u32 = NEXT_IPV4;
  if (nif.medium == MEDIUM_ETHERNET && !looped) verdict = etherInput(nif, pb);
  else pb.l3 = pb.head;
  carryOut(nif, pb, verdict);
}

function carryOut(nif: Netif, pb: Pbuf, verdict: u32): void {
  while (verdict != NEXT_DONE) verdict = step(nif, pb, verdict);
}

/** Carries out one verdict; NEXT_DONE ends it. */
function step(nif: Netif, pb: Pbuf, verdict: u32): u32 {
  switch (verdict) {
    case NEXT_ARP:
      return arpInput(nif, pb);
    case NEXT_IPV4:
      return ipv4Input(nif, pb);
    case NEXT_ICMP:
      if (rawAny()) rawCopies(pb, nif.index + 1);
      return icmpInput(pb, nif.index + 1);
    case NEXT_UDP:
      if (rawAny()) rawCopies(pb, nif.index + 1);
      return udpInput(pb, nif.index + 1);
    case NEXT_IGMP:
      if (rawAny()) rawCopies(pb, nif.index + 1);
      return igmpInput(nif, pb);
    case NEXT_TCP:
      if (rawAny()) rawCopies(pb, nif.index + 1);
      return tcpInput(pb, nif.index + 1);
    case NEXT_RAW:
      return rawInput(pb, nif.index + 1);
    case NEXT_PROTO_UNREACH:
      icmpErrorAndDrop(pb, ICMP_UNREACHABLE, ICMP_UNREACH_PROTOCOL, DROP_IP_PROTOCOL);
      return NEXT_DONE;
    case NEXT_PORT_UNREACH:
      icmpErrorAndDrop(pb, ICMP_UNREACHABLE, ICMP_UNREACH_PORT, DROP_UDP_NO_PORT);
      return NEXT_DONE;
    case NEXT_FORWARD:
      return ipv4Forward(nif, pb);
    case NEXT_OPTIONS:
      return optionsInput(nif, pb);
    case NEXT_REASSEMBLE:
      return fragmentInput(pb);
    case NEXT_ICMP_ERROR:
      return icmpErrorInput(pb);
    case NEXT_REDIRECT_OFF:
      icmpErrorInput(pb);
      return DROP_ICMP_REDIRECT_OFF;
    case NEXT_CONFLICT:
      return addressConflict(nif, pb);
    case NEXT_FREE:
      pbufFree(pb);
      return NEXT_DONE;
    default:
      nif.rxDropped++;
      drop(pb, verdict);
      return NEXT_DONE;
  }
}

/** A fragment; the datagram that it completes goes on as if it had come whole, by fragment zero's interface. */
function fragmentInput(pb: Pbuf): u32 {
  const whole = reassemblyInput(pb);
  // The frame in hand is held or gone: its buffer may be another's by now.
  dropUnwatch();
  if (whole !== null) carryOut(netifAt(whole.netif), whole, ipv4Deliver(whole));
  return NEXT_DONE;
}

/** To the transport that sent the datagram which the error quotes, whatever interface the error came by, and to the raw
 * sockets that may have. */
function icmpErrorInput(pb: Pbuf): u32 {
  const ip = icmpQuoted(pb);
  const raw = rawAny() && rawError(pb, ip.proto);
  const verdict = transportError(pb, ip);
  // What is to be done about a redirect has been done, whoever else wants to know.
  const heard = raw || changetype<IcmpHdr>(pb.l4).type == ICMP_REDIRECT;
  return heard && verdict == DROP_ICMP_ERROR_UNMATCHED ? NEXT_FREE : verdict;
}

function transportError(pb: Pbuf, ip: Ipv4Hdr): u32 {
  const quoted = changetype<usize>(ip) + ip.hdrLen;
  switch (ip.proto) {
    case IPPROTO_UDP:
      return udpError(pb, quoted);
    case IPPROTO_TCP:
      return tcpError(pb, quoted);
    case IPPROTO_ICMP:
      return echoError(pb, quoted);
    default:
      return DROP_ICMP_ERROR_UNMATCHED;
  }
}

/** A timer has expired. */
export function dispatchTimer(t: Timer): void {
  switch (t.kind) {
    case TIMER_NEIGH: {
      const n = neighOfTimer(t);
      if (!neighTimer(n)) return;
      // RFC 1122 §2.3.2.2 and §3.3.1: the sender of each packet that waited is told.
      // As many as wait now: telling the last of them may make this record another neighbour's.
      addressCopy(HOP, changetype<usize>(n));
      for (let left = n.queueLen; left != 0; left--) {
        const pb = neighDequeue(n);
        if (pb === null) continue;
        redirectFailed(pb, HOP);
        icmpErrorAndDrop(pb, ICMP_UNREACHABLE, ICMP_UNREACH_HOST, DROP_NEIGH_FAILED);
      }
      return;
    }
    case TIMER_REASSEMBLY: {
      const zero = reassemblyTimer(reassemblyOfTimer(t));
      if (zero !== null) {
        icmpErrorAndDrop(zero, ICMP_TIME_EXCEEDED, ICMP_TIME_EXCEEDED_REASSEMBLY, DROP_FRAG_TIMEOUT);
      }
      return;
    }
    case TIMER_ADDRESS:
      probeTimer(t);
      return;
    case TIMER_GROUP:
      igmpGroupTimer(t);
      return;
    case TIMER_IGMP:
      igmpTimer(t);
      return;
    case TIMER_TCP_REXMT:
    case TIMER_TCP_ACK:
    case TIMER_TCP_LIFE:
    case TIMER_TCP_PACE:
      tcpTimer(t);
      return;
    case TIMER_TIME_WAIT:
      timeWaitTimer();
      return;
    default:
      assert(false);
  }
}

/** A socket that waited for room to send has it. */
export function dispatchRoom(p: Pcb): void {
  if (p.proto == IPPROTO_TCP) tcpOutput(tcbOf(p));
  else eventSocket(pcbIndex(p), EVENT_WRITABLE);
}
