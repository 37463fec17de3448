// Sockets: open, bind, connect, options, close. POSIX's meaning, Linux's errors; a protocol's own behaviour is in its
// folder, what is common to all blocks in pcb/.

import { CALL_OPTIONS } from "../abi/call";
import {
  E_ADDRINUSE,
  E_ADDRNOTAVAIL,
  E_AFNOSUPPORT,
  E_BADF,
  E_INVAL,
  E_NOBUFS,
  E_NODEV,
  E_NOTCONN,
  E_OPNOTSUPP,
  E_PROTONOSUPPORT,
} from "../abi/errno";
import { EVENT_ERROR, EVENT_READABLE, EVENT_WRITABLE } from "../abi/event";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_ECN_CE } from "../abi/proto";
import {
  OPT_BROADCAST,
  OPT_HEADER_INCLUDED,
  OPT_INTERFACE,
  OPT_MTU,
  OPT_MTU_DISCOVER,
  OPT_MULTICAST_INTERFACE,
  OPT_MULTICAST_LOOP,
  OPT_MULTICAST_TTL,
  OPT_QUEUE,
  OPT_REUSE,
  OPT_TOS,
  OPT_TTL,
  OPTIONS,
  PMTUDISC_PROBE,
  SOCK_RAW,
} from "../abi/socket";
import { SW_IP_MTU_DISCOVER } from "../abi/switch";
import { switchValue } from "../core/switch";
import { addressKind, KIND_BROADCAST, KIND_FOREIGN } from "../link/address";
import { netifByIndex } from "../link/netif";
import { address4, addressCopy, addressIs4, addressIsAny, addressV4 } from "../memory/address";
import { demuxInsert, demuxRemove } from "../pcb/demux";
import { membershipLeaveAll } from "../pcb/membership";
import { pcbSetOptions } from "../pcb/options";
import {
  localOf,
  optionOf,
  PCB_BOUND,
  PCB_CONNECTED,
  PCB_WAITS,
  Pcb,
  pcbOf,
  pcbOpen,
  pcbRelease,
  remoteOf,
  setOption,
} from "../pcb/pcb";
import { portBind, portRelease } from "../pcb/port";
import { pcbPurge } from "../pcb/receive";
import { roomForget } from "../pcb/room";
import { pathOf, pcbFindPath, pcbMtu } from "../pcb/send";
import { rawAdd, rawRemove } from "../raw/raw";
import { tcpClose } from "../tcp/close";
import { tcpConnect, tcpOpen, tcpPortInUse } from "../tcp/open";
import { isTcpOption, tcpGet, tcpSet } from "../tcp/option";
import { tcbOf } from "../tcp/tcb";
import { tcpReady } from "../tcp/transfer";
import { CALL, callAddr, callPort } from "./call";

/** Datagrams that may wait in a new socket. */
const QUEUE_DEFAULT: u32 = 64;
const QUEUE_MOST: u32 = 65536;

/** A new socket of the protocol (UDP, or ICMP for echo; raw with SOCK_RAW): its handle, or -errno. */
export function socketOpen(proto: u32): i32 {
  const raw = isRaw(proto);
  if (!raw && proto != IPPROTO_UDP && proto != IPPROTO_TCP && proto != IPPROTO_ICMP) return -E_PROTONOSUPPORT;
  const p = pcbOpen(proto);
  if (p === null) return -E_NOBUFS;
  setOption(p, OPT_QUEUE, QUEUE_DEFAULT);
  setOption(p, OPT_MULTICAST_TTL, 1);
  setOption(p, OPT_MTU_DISCOVER, switchValue(SW_IP_MTU_DISCOVER));
  setOption(p, OPT_MULTICAST_LOOP, 1);
  if (raw) rawAdd(p);
  if (proto == IPPROTO_TCP && !tcpOpen(p)) {
    pcbRelease(p);
    return -E_NOBUFS;
  }
  return <i32>p.handle;
}

function isRaw(proto: u32): bool {
  return proto > <u32>SOCK_RAW && proto <= <u32>(SOCK_RAW | 0xff);
}

/** Closes the socket; what waited in it is dropped and counted. A TCP connection goes on to its end without it. */
export function socketClose(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) {
    tcpClose(tcbOf(p));
    return 0;
  }
  demuxRemove(p);
  portRelease(p);
  if (isRaw(p.proto)) rawRemove(p);
  membershipLeaveAll(p);
  roomForget(p);
  pcbPurge(p);
  pcbRelease(p);
  return 0;
}

/** Binds to the call block's address and port (both may be 0: all addresses, any free port); a raw socket has none. */
export function socketBind(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  const port = callPort();
  if (p.localPort != 0 || (p.flags & PCB_BOUND) != 0 || port > 0xffff) return -E_INVAL;
  if (!addressIs4(callAddr())) return -E_AFNOSUPPORT;
  const tcp = p.proto == IPPROTO_TCP;
  if (!bindable(callAddr()) || (tcp && isGroup(callAddr()))) return -E_ADDRNOTAVAIL;
  if (tcp && port != 0 && optionOf(p, OPT_REUSE) == 0 && tcpPortInUse(port)) return -E_ADDRINUSE;
  addressCopy(localOf(p), callAddr());
  const error = isRaw(p.proto) ? 0 : portBind(p, port);
  if (error < 0) {
    address4(localOf(p), 0);
    return error;
  }
  p.flags |= PCB_BOUND;
  // A TCP socket hears nobody before it listens or connects.
  if (!tcp) demuxInsert(p);
  return 0;
}

/** Is it broadcast or multicast, where no connection has an end? */
function isGroup(ip: usize): bool {
  const v4 = addressV4(ip);
  return v4 >>> 28 == 0xe || v4 == 0xffffffff || addressKind(ip) == KIND_BROADCAST;
}

/** All addresses, an own one, any of 127/8, or a group: to hear what is sent there. */
function bindable(ip: usize): bool {
  if (addressIsAny(ip)) return true;
  const v4 = addressV4(ip);
  if (v4 >>> 24 == 127 || v4 == 0xffffffff || v4 >>> 28 == 0xe) return true;
  return addressKind(ip) != KIND_FOREIGN;
}

/** Gives an unbound socket a port of its own: 0 or -E_ADDRINUSE. */
export function socketAutoBind(p: Pcb): i32 {
  if (p.localPort != 0 || isRaw(p.proto)) return 0;
  const error = portBind(p, 0);
  if (error == 0) demuxInsert(p);
  return error;
}

/** Connects to the call block's address and port. A datagram socket then hears only that peer, gets errors about it, and
 * keeps the path, and may be connected again; for TCP this is the active open. The unspecified address means this host. */
export function socketConnect(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  const to = callAddr();
  const port = callPort();
  if (port > 0xffff || (port == 0 && p.proto == IPPROTO_UDP)) return -E_INVAL;
  if (!addressIs4(to)) return -E_AFNOSUPPORT;
  if (addressIsAny(to)) address4(to, 0x7f000001);
  if (p.proto == IPPROTO_TCP) return tcpConnect(p, to, port);
  const bound = socketAutoBind(p);
  if (bound < 0) return bound;
  const path = pathOf(p);
  const error = pcbFindPath(p, path, to, port);
  // Found anew with the first datagram, from the local address that the block has by then.
  path.generation = 0;
  if (error < 0) return error;
  demuxRemove(p);
  addressCopy(remoteOf(p), to);
  p.remotePort = p.proto == IPPROTO_UDP ? port : 0;
  if ((p.flags & PCB_BOUND) == 0 || addressIsAny(localOf(p))) {
    p.flags &= ~PCB_BOUND;
    address4(localOf(p), path.source);
  }
  p.flags |= PCB_CONNECTED;
  p.error = 0;
  demuxInsert(p);
  return 0;
}

/** Dissolves the connection of a datagram socket: it hears everyone again. */
export function socketDisconnect(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) return -E_OPNOTSUPP;
  if ((p.flags & PCB_CONNECTED) == 0) return -E_NOTCONN;
  demuxRemove(p);
  address4(remoteOf(p), 0);
  p.remotePort = 0;
  p.flags &= ~PCB_CONNECTED;
  if ((p.flags & PCB_BOUND) == 0) address4(localOf(p), 0);
  p.error = 0;
  demuxInsert(p);
  return 0;
}

function acceptable(option: u32, value: u32): i32 {
  switch (option) {
    case OPT_BROADCAST:
    case OPT_MULTICAST_LOOP:
    case OPT_REUSE:
    case OPT_HEADER_INCLUDED:
      return value <= 1 ? 0 : -E_INVAL;
    case OPT_MTU_DISCOVER:
      return value <= <u32>PMTUDISC_PROBE ? 0 : -E_INVAL;
    case OPT_TTL:
    case OPT_TOS:
    case OPT_MULTICAST_TTL:
      return value <= 255 ? 0 : -E_INVAL;
    case OPT_QUEUE:
      return value >= 1 && value <= QUEUE_MOST ? 0 : -E_INVAL;
    case OPT_INTERFACE:
    case OPT_MULTICAST_INTERFACE:
      return value == 0 || netifByIndex(value) !== null ? 0 : -E_NODEV;
    default:
      return -E_INVAL;
  }
}

export function socketSet(handle: u32, option: u32, value: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (isTcpOption(option)) return p.proto == IPPROTO_TCP ? tcpSet(tcbOf(p), option, value) : -E_INVAL;
  const error = acceptable(option, value);
  if (error < 0) return error;
  // RFC 3168 §6.1: these bits are TCP's own (as Linux).
  if (option == OPT_TOS && p.proto == IPPROTO_TCP) value &= ~IPV4_ECN_CE;
  setOption(p, option, value);
  // A connected block finds its path anew.
  if (option == OPT_INTERFACE || option == OPT_MULTICAST_INTERFACE || option == OPT_BROADCAST) pathOf(p).generation = 0;
  return 0;
}

/** Takes the `len` bytes at CALL_OPTIONS as IP options of what the socket sends, none for 0: 0; -E_BADF, -E_INVAL. */
export function socketOptions(handle: u32, len: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  const error = pcbSetOptions(p, CALL + CALL_OPTIONS, len);
  if (error == 0) pathOf(p).generation = 0;
  return error;
}

export function socketGet(handle: u32, option: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (isTcpOption(option)) return p.proto == IPPROTO_TCP ? tcpGet(tcbOf(p), option) : -E_INVAL;
  if (option == OPT_MTU) return (p.flags & PCB_CONNECTED) != 0 ? pcbMtu(p) : -E_NOTCONN;
  return option < <u32>OPTIONS ? <i32>optionOf(p, option) : -E_INVAL;
}

/** What the socket is ready for now: EVENT_… bits. */
export function socketReady(handle: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) return tcpReady(tcbOf(p));
  let bits = 0;
  if (p.rxCount != 0) bits |= EVENT_READABLE;
  if ((p.flags & PCB_WAITS) == 0) bits |= EVENT_WRITABLE;
  if (p.error != 0 || p.errCount != 0) bits |= EVENT_ERROR;
  return bits;
}
