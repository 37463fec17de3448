// Datagrams in and out of a socket, through windows: the host asks for a window, writes or reads it in place, and
// commits. A window is the payload's place in the packet buffer itself: nothing is copied in between.

import {
  CALL_ADDR,
  CALL_ADDR2,
  CALL_ADDR3,
  CALL_ERRNO,
  CALL_ICMP,
  CALL_IFINDEX,
  CALL_IP,
  CALL_IP_LEN,
  CALL_LEN,
  CALL_PORT,
  CALL_PTR,
  CALL_TIME,
  CALL_TOS,
  CALL_TTL,
} from "../abi/call";
import { E_AFNOSUPPORT, E_AGAIN, E_BADF, E_DESTADDRREQ, E_INVAL, E_MSGSIZE, E_OPNOTSUPP } from "../abi/errno";
import { OWNER_TX, PBUF_CLASSES, PBUF_HEADROOM } from "../abi/pbuf";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_DST, IPV4_SRC } from "../abi/proto";
import { SEND_TO } from "../abi/socket";
import { echoOutput } from "../icmp/echo";
import { address4, addressCopy, addressFrom4, addressIs4, addressIsAny } from "../memory/address";
import { Pbuf, pbufAlloc, pbufClassFor, pbufFree } from "../memory/pbuf";
import { PCB_CONNECTED, Pcb, pcbOf, pcbTakeError, remoteOf } from "../pcb/pcb";
import { errorRelease, pcbNextError, pcbNextWindow, SocketError } from "../pcb/receive";
import { roomWaitBuffers } from "../pcb/room";
import { rawOutput } from "../raw/output";
import { udpOutput } from "../udp/output";
import { Ipv4Hdr } from "../wire/ipv4";
import { UdpHdr } from "../wire/udp";
import { CALL, callAddr, callPort, callSet } from "./call";
import { socketAutoBind } from "./socket";

/** Address of a place for `len` bytes of payload, to be filled and then sent; valid until then. -E_MSGSIZE if no
 * buffer is that large, -E_AGAIN if none is free now. */
export function socketWindow(handle: u32, len: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) return -E_OPNOTSUPP;
  const cls = pbufClassFor(len);
  if (cls == PBUF_CLASSES) return -E_MSGSIZE;
  const before = p.txWindow;
  if (before !== null) {
    if (before.cls == cls) return <i32>before.head;
    pbufFree(before);
    p.txWindow = null;
  }
  const pb = pbufAlloc(cls, OWNER_TX, false);
  if (pb === null) {
    roomWaitBuffers(p, cls, 1);
    return -E_AGAIN;
  }
  p.txWindow = pb;
  return <i32>pb.head;
}

/** Sends the first `len` bytes of the window, to the connected peer or (SEND_TO) to the call block's address and
 * port. 0, or -errno; the window is used up by it, but for -E_AGAIN and a `len` or `flags` that cannot be. */
export function socketSend(handle: u32, len: u32, flags: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  const pb = p.txWindow;
  if (pb === null || len > pb.cap - PBUF_HEADROOM || flags > <u32>SEND_TO) return -E_INVAL;
  assert(pb.owner == OWNER_TX);
  pb.len = len;
  pb.l4 = 0;
  const result = send(p, pb, flags == 0);
  if (result == -E_AGAIN) return result;
  p.txWindow = null;
  // Refused before there was a header: the buffer is still ours.
  if (pb.l4 == 0) pbufFree(pb);
  return result;
}

function send(p: Pcb, pb: Pbuf, connected: bool): i32 {
  if (p.error != 0) return pcbTakeError(p);
  const ready = connected ? peer(p) : destination(p);
  if (ready < 0) return ready;
  const to = connected ? remoteOf(p) : callAddr();
  const port = connected ? p.remotePort : callPort();
  if (p.proto == IPPROTO_UDP) return udpOutput(p, pb, to, port, connected);
  return p.proto == IPPROTO_ICMP ? echoOutput(p, pb, to, connected) : rawOutput(p, pb, to, connected);
}

/** A connected block has all that it needs. */
function peer(p: Pcb): i32 {
  return (p.flags & PCB_CONNECTED) != 0 ? 0 : -E_DESTADDRREQ;
}

/** Checks the call block's destination, and gives the block a port if it has none. */
function destination(p: Pcb): i32 {
  if (!addressIs4(callAddr())) return -E_AFNOSUPPORT;
  if (callPort() > 0xffff || (callPort() == 0 && p.proto == IPPROTO_UDP)) return -E_INVAL;
  if (addressIsAny(callAddr())) address4(callAddr(), 0x7f000001);
  return socketAutoBind(p);
}

/** The next datagram: its length, with window, source, destination and the rest in the call block; the window before
 * is given back. -E_AGAIN if none waits; a pending error of a connected socket comes first. */
export function socketReceive(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) return -E_OPNOTSUPP;
  if (p.error != 0) return pcbTakeError(p);
  const pb = pcbNextWindow(p);
  if (pb === null) return -E_AGAIN;
  describe(p, pb);
  return <i32>pb.len;
}

function describe(p: Pcb, pb: Pbuf): void {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  addressFrom4(CALL + CALL_ADDR, pb.l3 + IPV4_SRC);
  addressFrom4(CALL + CALL_ADDR2, pb.l3 + IPV4_DST);
  callSet(CALL_PORT, p.proto == IPPROTO_UDP ? changetype<UdpHdr>(pb.l4).srcPort : 0);
  callSet(CALL_IFINDEX, pb.netif + 1);
  callSet(CALL_PTR, <u32>pb.head);
  callSet(CALL_LEN, pb.len);
  callSet(CALL_TTL, ip.ttl);
  callSet(CALL_TOS, ip.tos);
  store<u64>(CALL, pb.arrival, CALL_TIME);
  callSet(CALL_IP, <u32>pb.l3);
  callSet(CALL_IP_LEN, ip.hdrLen);
}

/** The oldest error in the queue: 0 with the destination, the reporter, errno and ICMP message in the call block
 * (CALL_LEN: bytes 4 to 7 of the message); -E_AGAIN if there is none. */
export function socketError(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  const at = pcbNextError(p);
  if (at == 0) return -E_AGAIN;
  const e = changetype<SocketError>(at);
  addressCopy(CALL + CALL_ADDR, at);
  addressCopy(CALL + CALL_ADDR3, at + 16);
  callSet(CALL_PORT, e.port);
  callSet(CALL_ERRNO, e.errno);
  callSet(CALL_ICMP, e.icmp);
  callSet(CALL_LEN, e.rest);
  errorRelease(at);
  return 0;
}
