/**
 * ICMP echo sockets (RFC 792; like Linux's SOCK_DGRAM with IPPROTO_ICMP): requests out, replies in, errors about them.
 * The identifier is the socket's own; ping is built on this.
 */
import { ICMP_ECHO, ICMP_HDR_LEN, IPPROTO_ICMP } from "../../assembly/abi/proto.js";
import {
  OPT_BROADCAST,
  OPT_INTERFACE,
  OPT_MTU_DISCOVER,
  OPT_TOS,
  OPT_TTL,
  PMTUDISC_DO,
  SEND_TO,
} from "../../assembly/abi/socket.js";
import { ipv4 } from "../address.js";
import { check, refuseUnknown, requireBoolean } from "../errors.js";
import { DatagramSocket, type PathMtuDiscovery } from "./datagram.js";
import type { SocketHost } from "./host.js";
import { requireBytes } from "./socket.js";

export interface EchoOptions {
  /** Local address; chosen by the path unless given. */
  readonly address?: string;
  readonly ttl?: number;
  readonly tos?: number;
  readonly dontFragment?: boolean;
  /** May send to broadcast addresses. */
  readonly broadcast?: boolean;
  /** "want" unless given, or dontFragment is. */
  readonly pathMtuDiscovery?: PathMtuDiscovery;
  /** IP options of what is sent: as setOptions(). */
  readonly options?: Uint8Array;
  /** Speaks by this interface only (its ifindex). */
  readonly ifindex?: number;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "address",
  "ttl",
  "tos",
  "dontFragment",
  "broadcast",
  "pathMtuDiscovery",
  "options",
  "ifindex",
]);

export class EchoSocket extends DatagramSocket {
  /** @throws StackError EADDRNOTAVAIL, EINVAL, ENOBUFS; RangeError, TypeError */
  constructor(host: SocketHost, options: EchoOptions = {}) {
    refuseUnknown(options, OPTIONS);
    super(host, IPPROTO_ICMP, "socket");
    try {
      host.core.putPeer(ipv4(options.address ?? "0.0.0.0"), 0);
      check(host.core.exports.sock_bind(this.handle), "bind", { address: options.address });
      if (options.ttl !== undefined) this.setOption(OPT_TTL, options.ttl);
      if (options.tos !== undefined) this.setOption(OPT_TOS, options.tos);
      if (options.broadcast !== undefined) this.setSwitch(OPT_BROADCAST, options.broadcast);
      if (options.dontFragment !== undefined && requireBoolean("dontFragment", options.dontFragment)) {
        this.setOption(OPT_MTU_DISCOVER, PMTUDISC_DO);
      }
      if (options.pathMtuDiscovery !== undefined) this.setPathMtuDiscovery(options.pathMtuDiscovery);
      if (options.options !== undefined) this.setOptions(options.options);
      if (options.ifindex !== undefined) this.setOption(OPT_INTERFACE, options.ifindex);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The identifier in this socket's requests. */
  get identifier(): number {
    return this.address.port;
  }

  /**
   * Sends an echo request with this sequence number and data.
   * @returns false if there is no room now
   * @throws StackError ENETUNREACH, EHOSTUNREACH, EMSGSIZE, EBADF
   */
  request(address: string, sequence: number, data: Uint8Array): boolean {
    this.open("send");
    const { core } = this.host;
    const to = ipv4(address);
    requireBytes(data);
    const fill = (at: number) => {
      core.u8.fill(0, at, at + ICMP_HDR_LEN);
      core.u8[at] = ICMP_ECHO;
      core.u8[at + 6] = sequence >>> 8;
      core.u8[at + 7] = sequence;
      core.u8.set(data, at + ICMP_HDR_LEN);
    };
    core.putPeer(to, 0);
    return this.push(ICMP_HDR_LEN + data.length, fill, SEND_TO, { address, port: 0 });
  }
}

/** An echo reply as it arrived: sequence number and data. */
export function readEcho(message: Uint8Array): { sequence: number; data: Uint8Array } {
  return {
    sequence: ((message[6] as number) << 8) | (message[7] as number),
    data: message.subarray(ICMP_HDR_LEN),
  };
}
