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
  OPT_TCP_CONGESTION,
  OPT_TCP_KEEP_COUNT,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_KEEPALIVE,
  OPT_TCP_MSS,
  OPT_TCP_NODELAY,
  OPT_TCP_PACING_RATE,
  OPT_TCP_RECEIVE_BUFFER,
  OPT_TCP_SEND_BUFFER,
  OPT_TCP_USER_TIMEOUT_MS,
  OPT_TOS,
  OPT_TTL,
  PMTUDISC_PROBE,
} from "../../assembly/abi/socket.js";
import { TCP_CONGESTION_CUBIC } from "../../assembly/abi/tcp.js";

/** A name, and the least and the most value; orZero: 0 as well, for none. */
export interface SocketOption {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly orZero?: boolean;
}

/** "ttl = 256: 0 to 255"; of a value that is in its range, without it: something else was wrong. */
export function optionText({ name, least, most, orZero = false }: SocketOption, value: number): string {
  const said = `${name} = ${value}`;
  return value >= least && value <= most ? said : `${said}: ${orZero ? "0, " : ""}${least} to ${most}`;
}

const DAY_MS = 86_400_000;

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
  [OPT_TCP_NODELAY]: { name: "noDelay", least: 0, most: 1 },
  [OPT_TCP_KEEPALIVE]: { name: "keepAlive", least: 0, most: 1 },
  [OPT_TCP_KEEP_IDLE_MS]: { name: "idleMs", least: 1, most: DAY_MS },
  [OPT_TCP_KEEP_INTERVAL_MS]: { name: "intervalMs", least: 1, most: DAY_MS },
  [OPT_TCP_KEEP_COUNT]: { name: "count", least: 1, most: 127 },
  [OPT_TCP_USER_TIMEOUT_MS]: { name: "userTimeoutMs", least: 0, most: DAY_MS },
  [OPT_TCP_SEND_BUFFER]: { name: "sendBuffer", least: 1, most: 1 << 20 },
  [OPT_TCP_RECEIVE_BUFFER]: { name: "receiveBuffer", least: 1, most: 1 << 20 },
  [OPT_TCP_CONGESTION]: { name: "congestion", least: 0, most: TCP_CONGESTION_CUBIC },
  [OPT_TCP_PACING_RATE]: { name: "pacingRate", least: 0, most: 0xffffffff },
  [OPT_TCP_MSS]: { name: "mss", least: 48, most: 0xffff, orZero: true },
};
