// Protocol control blocks: what a socket is to its protocol, whatever the address family. A pool of records with
// handles; freed slots are used again first-in first-out, so that a stale handle stays stale for long.

import { E_BADF } from "../abi/errno";
import {
  HANDLE_INDEX,
  OPTIONS,
  PCB_BYTES,
  PCB_HANDLE,
  PCB_LOCAL_PORT,
  PCB_PROTO,
  PCB_REMOTE,
  PCB_RX_COUNT,
  PCB_TCB,
} from "../abi/socket";
import { address4 } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { Pbuf } from "../memory/pbuf";

/** Bound to its local address by name, not by a connect. */
export const PCB_BOUND: u32 = 1;
/** Waits for room to send. */
export const PCB_WAITS: u32 = 2;
/** Has a peer. */
export const PCB_CONNECTED: u32 = 4;
/** No application has the handle: TCP goes on with it alone. */
export const PCB_ORPHAN: u32 = 8;
/** Shares its port with the listener that it came by. */
export const PCB_ACCEPTED: u32 = 16;
/** No application has the handle yet: the connection waits to be accepted. */
export const PCB_UNCLAIMED: u32 = 32;

@unmanaged
export class Pcb {
  local0: u64;
  local1: u64;
  remote0: u64;
  remote1: u64;
  localPort: u32;
  remotePort: u32;
  proto: u32;
  handle: u32;
  /** Chains of the demultiplexing table and of the port table. */
  demuxNext: Pcb | null;
  portNext: Pcb | null;
  /** Datagrams that wait to be read. */
  rxHead: Pbuf | null;
  rxTail: Pbuf | null;
  rxCount: u32;
  /** Datagram whose window the host holds; buffer whose window the host fills. */
  rxWindow: Pbuf | null;
  txWindow: Pbuf | null;
  /** Errors that wait to be read: first and last record, and how many. */
  errHead: usize;
  errTail: usize;
  errCount: u32;
  /** Pending error of a connected socket (errno). */
  error: u32;
  /** Where demux has it: DEMUX_… */
  level: u32;
  /** nextHop0 ..: a Path (ip/path.ts) to the connected peer. */
  path0: u64;
  path1: u64;
  path2: u64;
  path3: u64;
  path4: u64;
  path5: u64;
  /** Memberships in groups (pcb/membership.ts). */
  groups: usize;
  freeNext: Pcb | null;
  /** Next block that waits for room to send (pcb/room.ts). */
  waitNext: Pcb | null;
  /** What it waits for (pcb/room.ts). */
  waitsFor: u32;
  flags: u32;
  /** OPT_… values, one u32 each. */
  opt0: u32;
  opt1: u32;
  opt2: u32;
  opt3: u32;
  opt4: u32;
  opt5: u32;
  opt6: u32;
  opt7: u32;
  opt8: u32;
  opt9: u32;
  opt10: u32;
  /** IP options, padded to 32 bits (pcb/options.ts). */
  options0: u64;
  options8: u64;
  options16: u64;
  options24: u64;
  options32: u64;
  optionsLen: u8;
  /** Where the source route among them stands in a header; 0 = none. */
  sourceRoute: u8;
  /** TCP's part (tcp/tcb.ts); 0 = none. */
  tcb: usize;
}

@unmanaged
class PcbState {
  table: usize;
  capacity: u32;
  /** Slots handed out so far; fresh ones are taken before freed ones are. */
  fresh: u32;
  freeHead: Pcb | null;
  freeTail: Pcb | null;
}

const P: PcbState = changetype<PcbState>(memory.data(offsetof<PcbState>(), 8));

export function pcbLayout(sockets: u32): void {
  P.capacity = sockets;
  P.table = arenaTake(sockets, PCB_BYTES);
}

function pcbAt(index: u32): Pcb {
  return changetype<Pcb>(P.table + index * PCB_BYTES);
}

/** Index of the record: its place in the table, and its number as an event object. */
export function pcbIndex(p: Pcb): u32 {
  return p.handle & HANDLE_INDEX;
}

export function localOf(p: Pcb): usize {
  return changetype<usize>(p);
}

export function remoteOf(p: Pcb): usize {
  return changetype<usize>(p) + PCB_REMOTE;
}

export function optionOf(p: Pcb, option: u32): u32 {
  return load<u32>(changetype<usize>(p) + (option << 2), offsetof<Pcb>("opt0"));
}

export function setOption(p: Pcb, option: u32, value: u32): void {
  store<u32>(changetype<usize>(p) + (option << 2), value, offsetof<Pcb>("opt0"));
}

/** A new block of the protocol, unbound, or null if all are in use. */
export function pcbOpen(proto: u32): Pcb | null {
  let p: Pcb | null = null;
  let handle: u32 = 0;
  if (P.fresh < P.capacity) {
    handle = P.fresh | (1 << 16);
    p = pcbAt(P.fresh++);
  } else {
    p = P.freeHead;
    if (p === null) return null;
    P.freeHead = p.freeNext;
    if (P.freeHead === null) P.freeTail = null;
    handle = nextHandle(p.handle);
  }
  memory.fill(changetype<usize>(p), 0, PCB_BYTES);
  p.handle = handle;
  p.proto = proto;
  address4(localOf(p), 0);
  address4(remoteOf(p), 0);
  return p;
}

/** Generations run from 1 to 0x7fff. */
function nextHandle(handle: u32): u32 {
  const generation = handle >>> 16;
  return (handle & HANDLE_INDEX) | ((generation == 0x7fff ? 1 : generation + 1) << 16);
}

export function pcbRelease(p: Pcb): void {
  p.proto = 0;
  p.freeNext = null;
  const tail = P.freeTail;
  if (tail === null) P.freeHead = p;
  else tail.freeNext = p;
  P.freeTail = p;
}

/** The open block of a handle, or null if the handle is stale, given up, not given out yet, or none. */
export function pcbOf(handle: u32): Pcb | null {
  const index = handle & HANDLE_INDEX;
  if (index >= P.capacity) return null;
  const p = pcbAt(index);
  return p.handle == handle && p.proto != 0 && (p.flags & (PCB_ORPHAN | PCB_UNCLAIMED)) == 0 ? p : null;
}

/** The block's pending error, -errno; it is told once. */
export function pcbTakeError(p: Pcb): i32 {
  const error = <i32>p.error;
  p.error = 0;
  return -error;
}

/** The record of slot `index` for the host, open or not; -E_BADF. */
export function pcbRecord(index: u32): i32 {
  return index < P.capacity ? <i32>changetype<usize>(pcbAt(index)) : -E_BADF;
}

if (offsetof<Pcb>("localPort") != PCB_LOCAL_PORT) ERROR("Pcb.localPort");
if (offsetof<Pcb>("proto") != PCB_PROTO) ERROR("Pcb.proto");
if (offsetof<Pcb>("handle") != PCB_HANDLE) ERROR("Pcb.handle");
if (offsetof<Pcb>("rxCount") != PCB_RX_COUNT) ERROR("Pcb.rxCount");
if (offsetof<Pcb>("tcb") != PCB_TCB) ERROR("Pcb.tcb");
if (offsetof<Pcb>("opt0") + OPTIONS * 4 > offsetof<Pcb>("options0")) ERROR("Pcb.opt0");
if (offsetof<Pcb>() > <usize>PCB_BYTES) ERROR("Pcb");
