/**
 * Sockets that may join groups, with node:dgram's methods: RFC 1112 §6.1 and §7.1, RFC 3376 §3.1. What is sent to a group
 * is heard by the sockets that have joined it on the interface by which it comes; 224.0.0.1, all hosts, by every socket.
 */

import * as CALL from "../../assembly/abi/call.js";
import { E_NODEV } from "../../assembly/abi/errno.js";
import { ADDR_FAMILY, ADDR_IP, ADDR_NETIF, FAMILY_IPV4 } from "../../assembly/abi/netif.js";
import {
  GROUP_BLOCK,
  GROUP_JOIN,
  GROUP_JOIN_SOURCE,
  GROUP_LEAVE,
  GROUP_LEAVE_SOURCE,
  GROUP_UNBLOCK,
  OPT_MULTICAST_INTERFACE,
  OPT_MULTICAST_LOOP,
  OPT_MULTICAST_TTL,
} from "../../assembly/abi/socket.js";
import { ipv4, readIpv4 } from "../address.js";
import { check, requireWord, StackError } from "../errors.js";
import { DatagramSocket } from "./datagram.js";

/** An interface: its number (ifindex; 0 = as routes say), its name, or an own address of it, as node:dgram has it. */
export type GroupInterface = number | string;

export abstract class GroupSocket extends DatagramSocket {
  /**
   * Joins a group, to hear all that is sent there.
   * @param on  the interface; unless given the socket's own, else that of the route to the group
   * @throws StackError EINVAL (no group), EADDRINUSE (has joined), ENODEV, ENOBUFS (see the switch
   *   `IGMP_MAX_MEMBERSHIPS` and the boot option `memberships`), EBADF; TypeError
   */
  addMembership(group: string, on?: GroupInterface): void {
    this.#group(GROUP_JOIN, "addMembership", group, on);
  }

  /** Leaves a group; closing the socket leaves all. @throws StackError EADDRNOTAVAIL (had not joined), EINVAL */
  dropMembership(group: string, on?: GroupInterface): void {
    this.#group(GROUP_LEAVE, "dropMembership", group, on);
  }

  /**
   * Joins a group, to hear what this source sends there, and others so joined.
   * @throws StackError EADDRNOTAVAIL (is heard already), EINVAL (has joined for all sources), as addMembership
   */
  addSourceSpecificMembership(source: string, group: string, on?: GroupInterface): void {
    this.#group(GROUP_JOIN_SOURCE, "addSourceSpecificMembership", group, on, source);
  }

  /** Hears this source no more; leaves the group with the last. @throws StackError EADDRNOTAVAIL, EINVAL */
  dropSourceSpecificMembership(source: string, group: string, on?: GroupInterface): void {
    this.#group(GROUP_LEAVE_SOURCE, "dropSourceSpecificMembership", group, on, source);
  }

  /** As a member for all sources: hears this one no more. @throws StackError EADDRNOTAVAIL, EINVAL, ENOBUFS */
  blockSource(source: string, group: string, on?: GroupInterface): void {
    this.#group(GROUP_BLOCK, "blockSource", group, on, source);
  }

  /** Hears a blocked source again. @throws StackError EADDRNOTAVAIL, EINVAL */
  unblockSource(source: string, group: string, on?: GroupInterface): void {
    this.#group(GROUP_UNBLOCK, "unblockSource", group, on, source);
  }

  #group(op: number, syscall: string, group: string, on: GroupInterface | undefined, source?: string): void {
    this.open(syscall);
    const { core } = this.host;
    const address = ipv4(group, "group");
    const from = source === undefined ? 0 : ipv4(source, "source");
    const ifindex = this.#ifindex(syscall, on ?? 0);
    this.host.tick();
    core.putIpv4(CALL.CALL_ADDR, address);
    core.putIpv4(CALL.CALL_ADDR2, from);
    core.put(CALL.CALL_IFINDEX, ifindex);
    const result = core.exports.sock_group(this.handle, op);
    this.host.work();
    check(result, syscall, { address: group });
  }

  /** Number of an interface. @throws StackError ENODEV; TypeError for what is neither a name nor an address */
  #ifindex(syscall: string, on: GroupInterface): number {
    if (typeof on !== "string") return requireWord("interface", on);
    const named = this.host.interfaceNamed(on);
    if (named !== undefined) return named.index;
    if (/^[a-z]/i.test(on) && on !== "localhost") throw new StackError(E_NODEV, syscall, { address: on });
    const { exports, u8, u32 } = this.host.core;
    const address = ipv4(on, "interface");
    if (address === 0) return 0;
    for (let i = 0; ; i++) {
      const at = exports.addr_record(i);
      if (at < 0) throw new StackError(E_NODEV, syscall, { address: on });
      if (u32[(at + ADDR_FAMILY) >> 2] !== FAMILY_IPV4 || readIpv4(u8, at + ADDR_IP) !== address) continue;
      return (u32[(at + ADDR_NETIF) >> 2] as number) + 1;
    }
  }

  /** TTL of multicast datagrams, 0 to 255; 1 at first. */
  setMulticastTTL(ttl: number): void {
    this.setOption(OPT_MULTICAST_TTL, ttl);
  }

  /** Whether own multicasts are heard here too, by the members of the group; they are at first. */
  setMulticastLoopback(on: boolean): void {
    this.setSwitch(OPT_MULTICAST_LOOP, on);
  }

  /** The interface by which multicasts leave; 0 or "0.0.0.0": as routes say. @throws StackError ENODEV */
  setMulticastInterface(on: GroupInterface): void {
    this.setOption(OPT_MULTICAST_INTERFACE, this.#ifindex("setsockopt", on));
  }
}
