// OPEN: RFC 9293 §3.10.1. A block for a socket, passive and active opens, and accepting what a passive one has brought.

import { E_ADDRINUSE, E_ADDRNOTAVAIL, E_ALREADY, E_INVAL, E_ISCONN, E_NETUNREACH } from "../abi/errno";
import { IPPROTO_TCP } from "../abi/proto";
import {
  OPT_TCP_CONGESTION,
  OPT_TCP_KEEP_COUNT,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_RECEIVE_BUFFER,
  OPT_TCP_SEND_BUFFER,
} from "../abi/socket";
import { SW_TCP_CONGESTION, SW_TCP_RECEIVE_BUFFER, SW_TCP_SEND_BUFFER } from "../abi/switch";
import { TCB_F_GROWS_IN, TCB_F_GROWS_OUT, TCB_F_HELD, TCP_CLOSED, TCP_LISTEN, TCP_SYN_SENT } from "../abi/tcp";
import { switchValue } from "../core/switch";
import { PATH_BROADCAST } from "../ip/path";
import { address4, addressCopy, addressEqual, addressIsAny } from "../memory/address";
import { demuxConnected, demuxInsert } from "../pcb/demux";
import { localOf, PCB_ACCEPTED, PCB_CONNECTED, PCB_UNCLAIMED, Pcb, remoteOf } from "../pcb/pcb";
import { portBind, portFirst, portNext, portRelease } from "../pcb/port";
import { pathOf, pcbFindPath, pcbKeepPath } from "../pcb/send";
import { backlogNext } from "./backlog";
import { congestionChoose } from "./congestion";
import { connectionBegin } from "./connection";
import { synSend } from "./handshake";
import { Tcb, tcbAt, tcbFresh, tcbOf, tcbOpen, tcpEvent, tcpOptionSet } from "./tcb";
import { timeWaitAllows, timeWaitHolds } from "./time-wait";
import { tcpReady } from "./transfer";

/** Ports that are tried before a connection to one peer is given up. */
const DRAWS: u32 = 64;
const BACKLOG_MOST: u32 = 0xffff;

/** A block in CLOSED for the socket: false if there is none. */
export function tcpOpen(p: Pcb): bool {
  const t = tcbOpen(p);
  if (t === null) return false;
  t.flags = TCB_F_HELD | TCB_F_GROWS_IN | TCB_F_GROWS_OUT;
  tcpOptionSet(t, OPT_TCP_KEEP_IDLE_MS, 7200000);
  tcpOptionSet(t, OPT_TCP_KEEP_INTERVAL_MS, 75000);
  tcpOptionSet(t, OPT_TCP_KEEP_COUNT, 9);
  tcpOptionSet(t, OPT_TCP_SEND_BUFFER, switchValue(SW_TCP_SEND_BUFFER));
  tcpOptionSet(t, OPT_TCP_RECEIVE_BUFFER, switchValue(SW_TCP_RECEIVE_BUFFER));
  tcpOptionSet(t, OPT_TCP_CONGESTION, switchValue(SW_TCP_CONGESTION));
  congestionChoose(t);
  return true;
}

/** Passive open: connections may come, `backlog` of them before any is accepted. 0, -E_ISCONN, -E_INVAL, -E_ADDRINUSE. */
export function tcpListen(p: Pcb, backlog: u32): i32 {
  const t = tcbOf(p);
  if (backlog > BACKLOG_MOST) return -E_INVAL;
  if (t.state != TCP_LISTEN) {
    if (t.state != TCP_CLOSED || t.rcvRing != 0) return -E_ISCONN;
    if (p.localPort == 0) {
      const bound = portBind(p, 0);
      if (bound < 0) return bound;
    }
    if (heardAlready(p)) return -E_ADDRINUSE;
    t.state = TCP_LISTEN;
    demuxInsert(p);
  }
  t.backlog = max<u32>(backlog, 1);
  return 0;
}

/** Does another one, that shares the port, listen at this address? */
function heardAlready(p: Pcb): bool {
  let q = portFirst(IPPROTO_TCP, p.localPort);
  while (q !== null) {
    const overlap = addressIsAny(localOf(p)) == addressIsAny(localOf(q)) && addressEqual(localOf(p), localOf(q));
    if (q !== p && tcbOf(q).state == TCP_LISTEN && overlap) return true;
    q = portNext(q);
  }
  return false;
}

/** Active open to `to`:`port`: 0 = the SYN is on its way; or -errno. */
export function tcpConnect(p: Pcb, to: usize, port: u32): i32 {
  const t = tcbOf(p);
  if (t.state != TCP_CLOSED || t.rcvRing != 0) return t.state == TCP_SYN_SENT ? -E_ALREADY : -E_ISCONN;
  if (port == 0) return -E_INVAL;
  const path = pathOf(p);
  const found = pcbFindPath(p, path, to, port);
  const generation = path.generation;
  path.generation = 0;
  if (found < 0) return found;
  if (path.kind >= <u32>PATH_BROADCAST) return -E_NETUNREACH;
  const unbound = p.localPort == 0;
  const anywhere = addressIsAny(localOf(p));
  if (anywhere) address4(localOf(p), path.source);
  addressCopy(remoteOf(p), to);
  p.remotePort = port;
  const error = unbound ? drawPort(p) : isFree(p) ? 0 : -E_ADDRINUSE;
  const begun = error < 0 ? error : connectionBegin(t, 0);
  if (begun < 0) {
    if (unbound) portRelease(p);
    if (anywhere) address4(localOf(p), 0);
    address4(remoteOf(p), 0);
    p.remotePort = 0;
    return begun;
  }
  p.flags |= PCB_CONNECTED;
  pcbKeepPath(p, generation);
  demuxInsert(p);
  t.state = TCP_SYN_SENT;
  synSend(t);
  return 0;
}

/** A port with which the connection is a new one. */
function drawPort(p: Pcb): i32 {
  for (let i: u32 = 0; i < DRAWS; i++) {
    const bound = portBind(p, 0);
    if (bound < 0) return -E_ADDRNOTAVAIL;
    if (isFree(p)) return 0;
    portRelease(p);
  }
  return -E_ADDRNOTAVAIL;
}

/** RFC 9293 MUST-10: is there no such connection, nor one in TIME-WAIT that is to be kept? */
function isFree(p: Pcb): bool {
  if (demuxConnected(IPPROTO_TCP, localOf(p), p.localPort, remoteOf(p), p.remotePort, 0) !== null) return false;
  return timeWaitAllows(p);
}

/** The first connection that waits at the listener, from now on its application's; or null. */
export function tcpAccept(listener: Tcb): Tcb | null {
  const t = backlogNext(listener);
  if (t === null) return null;
  t.flags |= TCB_F_HELD;
  t.pcb.flags &= ~PCB_UNCLAIMED;
  tcpEvent(t, tcpReady(t));
  return t;
}

/** Has any connection the local port: an accepted one, or one in TIME-WAIT? (Who listens or was bound, the port table
 * knows.) Asked when a socket is bound to a port that it names, without OPT_REUSE. */
export function tcpPortInUse(port: u32): bool {
  for (let i: u32 = 0; i < tcbFresh(); i++) {
    const t = tcbAt(i);
    if (t.state != 0 && (t.pcb.flags & PCB_ACCEPTED) != 0 && t.pcb.localPort == port) return true;
  }
  return timeWaitHolds(port);
}
