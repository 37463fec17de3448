// Calls of TCP sockets beyond those that all sockets have.

import { CALL_ADDR, CALL_PORT, CALL_PTR } from "../abi/call";
import { E_AGAIN, E_BADF, E_INVAL, E_OPNOTSUPP } from "../abi/errno";
import { IPPROTO_TCP } from "../abi/proto";
import { SHUT_RDWR } from "../abi/socket";
import { TCP_LISTEN } from "../abi/tcp";
import { addressCopy } from "../memory/address";
import { Pcb, pcbOf, remoteOf } from "../pcb/pcb";
import { tcpAbort, tcpShutdown } from "../tcp/close";
import { tcpAccept, tcpListen } from "../tcp/open";
import { tcbOf } from "../tcp/tcb";
import { receivePlace, sendPlace, tcpReceive, tcpReceiveWindow, tcpSend, tcpSendWindow } from "../tcp/transfer";
import { CALL, callSet } from "./call";

/** 0, or why there is no TCP socket of this handle. */
function refused(p: Pcb | null): i32 {
  if (p === null) return -E_BADF;
  return p.proto == IPPROTO_TCP ? 0 : -E_OPNOTSUPP;
}

/** Connections may come to the socket's port; at most `backlog` wait to be accepted. May be called again. */
export function socketListen(handle: u32, backlog: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  return p === null || no < 0 ? no : tcpListen(p, backlog);
}

/** Handle of the next connection, its peer in the call block; -E_AGAIN if none waits, -E_INVAL if this is no listener. */
export function socketAccept(handle: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  if (p === null || no < 0) return no;
  if (tcbOf(p).state != TCP_LISTEN) return -E_INVAL;
  const t = tcpAccept(tcbOf(p));
  if (t === null) return -E_AGAIN;
  addressCopy(CALL + CALL_ADDR, remoteOf(t.pcb));
  callSet(CALL_PORT, t.pcb.remotePort);
  return <i32>t.pcb.handle;
}

/** Ends receiving, sending or both (SHUT_…). */
export function socketShutdown(handle: u32, how: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  if (p === null || no < 0) return no;
  return how > <u32>SHUT_RDWR ? -E_INVAL : tcpShutdown(tcbOf(p), how);
}

/** Ends the connection with a reset, and closes the socket. */
export function socketAbort(handle: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  if (p === null || no < 0) return no;
  tcpAbort(tcbOf(p));
  return 0;
}

/** Bytes that may be written, their place in CALL_PTR; or -errno. */
export function streamSendWindow(handle: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  if (p === null || no < 0) return no;
  const room = tcpSendWindow(tcbOf(p));
  callSet(CALL_PTR, <u32>sendPlace(tcbOf(p)));
  return room;
}

export function streamSend(handle: u32, len: u32, flags: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  return p === null || no < 0 ? no : tcpSend(tcbOf(p), len, flags);
}

/** Bytes that may be read, their place in CALL_PTR; 0 at the end; or -errno. */
export function streamReceiveWindow(handle: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  if (p === null || no < 0) return no;
  const there = tcpReceiveWindow(tcbOf(p));
  callSet(CALL_PTR, <u32>receivePlace(tcbOf(p)));
  return there;
}

export function streamReceive(handle: u32, len: u32): i32 {
  const p = pcbOf(handle);
  const no = refused(p);
  return p === null || no < 0 ? no : tcpReceive(tcbOf(p), len);
}
