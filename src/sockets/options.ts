/**
 * The names of the sockets' options and what they may be, as errors say them. The module has the last word.
 */
import {
  OPT_BROADCAST,
  OPT_HEADER_INCLUDED,
  OPT_INTERFACE,
  OPT_MTU_DISCOVER,
  OPT_MULTICAST_INTERFACE,
  OPT_MULTICAST_LOOP,
  OPT_MULTICAST_TTL,
  OPT_QUEUE,
  OPT_REUSE,
  OPT_TOS,
  OPT_TTL,
  PMTUDISC_PROBE,
} from "../../assembly/abi/socket.js";

/** A name, and the least and the most value. */
export interface SocketOption {
  readonly name: string;
  readonly least: number;
  readonly most: number;
}

/** By OPT_… */
export const SOCKET_OPTIONS: Readonly<Record<number, SocketOption>> = {
  [OPT_BROADCAST]: { name: "broadcast", least: 0, most: 1 },
  [OPT_TTL]: { name: "ttl", least: 0, most: 255 },
  [OPT_TOS]: { name: "tos", least: 0, most: 255 },
  [OPT_MTU_DISCOVER]: { name: "pathMtuDiscovery", least: 0, most: PMTUDISC_PROBE },
  [OPT_MULTICAST_TTL]: { name: "multicastTTL", least: 0, most: 255 },
  [OPT_QUEUE]: { name: "queue", least: 1, most: 65536 },
  [OPT_INTERFACE]: { name: "ifindex", least: 0, most: 0xffff },
  [OPT_MULTICAST_LOOP]: { name: "multicastLoopback", least: 0, most: 1 },
  [OPT_MULTICAST_INTERFACE]: { name: "multicastInterface", least: 0, most: 0xffff },
  [OPT_REUSE]: { name: "reuseAddr", least: 0, most: 1 },
  [OPT_HEADER_INCLUDED]: { name: "headerIncluded", least: 0, most: 1 },
};
