// IP options of a socket: checked when they are set, then part of each header it sends (RFC 1122 §3.2.1.8, §4.1.3.2).
// As on Linux, a source route names the hops in order and what the application sends to is the end: the datagram goes
// to the first hop, and the end stands last in the option.

import { E_INVAL } from "../abi/errno";
import { IPOPT_SSRR, IPV4_HDR_LEN } from "../abi/proto";
import { IP_OPTIONS_MOST } from "../abi/socket";
import { addressFrom4 } from "../memory/address";
import { store32 } from "../memory/endian";
import { Ipv4Options, ipv4OptionsParse, optionsPad } from "../wire/ipv4-options";
import { Pcb } from "./pcb";

/** A header to send: only its options are filled in. */
const HEADER: usize = memory.data(IPV4_HDR_LEN + IP_OPTIONS_MOST, 8);
const FOUND: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));
const HOP: usize = memory.data(16, 8);
/** Where the first address of a source route stands in it, and its pointer then. */
const FIRST: u32 = 3;
const FIRST_POINTER: u32 = 4;

function optionsOf(p: Pcb): usize {
  return changetype<usize>(p) + offsetof<Pcb>("options0");
}

/** Takes the `len` bytes at `from` as the block's options, none for 0: 0; -E_INVAL for what is none. */
export function pcbSetOptions(p: Pcb, from: usize, len: u32): i32 {
  if (len > <u32>IP_OPTIONS_MOST) return -E_INVAL;
  memory.copy(HEADER + IPV4_HDR_LEN, from, len);
  const padded = optionsPad(HEADER + IPV4_HDR_LEN, len);
  if (!ipv4OptionsParse(HEADER, IPV4_HDR_LEN + padded, FOUND)) return -E_INVAL;
  // A source route has a hop, and none is behind it yet.
  const route = HEADER + FOUND.sourceRoute;
  if (FOUND.sourceRoute != 0 && (load<u8>(route, 2) != FIRST_POINTER || load<u8>(route, 1) < FIRST + 4))
    return -E_INVAL;
  memory.copy(optionsOf(p), HEADER + IPV4_HDR_LEN, padded);
  p.optionsLen = <u8>padded;
  p.sourceRoute = <u8>FOUND.sourceRoute;
  return 0;
}

/** Gives the block the options of another one. */
export function pcbCopyOptions(p: Pcb, from: Pcb): void {
  memory.copy(optionsOf(p), optionsOf(from), IP_OPTIONS_MOST);
  p.optionsLen = from.optionsLen;
  p.sourceRoute = from.sourceRoute;
}

/** Where a datagram to `dst` goes first (16 bytes): the first hop of the block's source route, else `dst`. */
export function pcbFirstHop(p: Pcb, dst: usize): usize {
  if (p.sourceRoute == 0) return dst;
  addressFrom4(HOP, optionsOf(p) + p.sourceRoute - IPV4_HDR_LEN + FIRST);
  return HOP;
}

/** Must the first hop be on a link of ours (RFC 791: strict source and record route)? */
export function pcbStrict(p: Pcb): bool {
  return p.sourceRoute != 0 && load<u8>(optionsOf(p) + p.sourceRoute - IPV4_HDR_LEN) == IPOPT_SSRR;
}

/** The options of a datagram to `dst`: p.optionsLen bytes, good until the next call. */
export function pcbOptions(p: Pcb, dst: u32): usize {
  const len = <u32>p.optionsLen;
  memory.copy(HEADER + IPV4_HDR_LEN, optionsOf(p), len);
  ipv4OptionsParse(HEADER, IPV4_HDR_LEN + len, FOUND);
  if (FOUND.sourceRoute != 0) {
    const route = HEADER + FOUND.sourceRoute;
    const end = <u32>load<u8>(route, 1) - 4;
    memory.copy(route + FIRST, route + FIRST + 4, end - FIRST);
    store32(route + end, dst);
  }
  return HEADER + IPV4_HDR_LEN;
}

if (offsetof<Pcb>("options0") + IP_OPTIONS_MOST != offsetof<Pcb>("optionsLen")) ERROR("Pcb.options");
