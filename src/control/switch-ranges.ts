/**
 * The names of the switches, and what each may be, for the text of an error: the module is what judges (assembly/core/switch.ts).
 */
import { PMTUDISC_PROBE } from "../../assembly/abi/socket.js";
import type * as NUMBERS from "../../assembly/abi/switch.js";
import { TCP_CONGESTION_CUBIC } from "../../assembly/abi/tcp.js";

/** "IP_DEFAULT_TTL" for SW_IP_DEFAULT_TTL. */
export type SwitchName = {
  [K in keyof typeof NUMBERS]: K extends `SW_${infer N}` ? N : never;
}[keyof typeof NUMBERS];

const DAY_MS = 86_400_000;

/** The least and the most value. */
export const SWITCH_RANGES: Readonly<Record<SwitchName, readonly [number, number]>> = {
  IP_DEFAULT_TTL: [1, 255],
  IP_PORT_FIRST: [1, 0xffff],
  IP_PORT_LAST: [1, 0xffff],
  ICMP_ECHO_BROADCASTS: [0, 1],
  ICMP_RATE: [0, 1e6],
  ICMP_BURST: [1, 1e6],
  NEIGH_REACHABLE_MS: [1, DAY_MS],
  NEIGH_STALE_MS: [1000, DAY_MS],
  NEIGH_DELAY_MS: [1000, DAY_MS],
  NEIGH_RETRANS_MS: [1000, DAY_MS],
  NEIGH_PROBES: [1, 16],
  NEIGH_QUEUE: [1, 64],
  ADDR_FOLLOWS_CARRIER: [0, 1],
  IP_FORWARD: [0, 1],
  IP_REASSEMBLY_MS: [1000, 600_000],
  IP_PMTU_MS: [1000, DAY_MS],
  IP_PMTU_LEAST: [68, 0xffff],
  IP_MTU_DISCOVER: [0, PMTUDISC_PROBE],
  ICMP_HOST_RATE: [0, 1e6],
  ICMP_HOST_BURST: [1, 1e6],
  ICMP_ECHO_IGNORE_ALL: [0, 1],
  REDIRECT_MS: [1000, DAY_MS],
  ROUTES_FOLLOW_CARRIER: [0, 1],
  IGMP_MAX_MEMBERSHIPS: [0, 1 << 14],
  TCP_TIME_WAIT_MS: [0, 600_000],
  TCP_RTO_MIN_MS: [1, 60_000],
  TCP_R2_MS: [1000, DAY_MS],
  TCP_SYN_R2_MS: [1000, DAY_MS],
  TCP_ACK_DELAY_MS: [0, 499],
  TCP_FIN_WAIT_2_MS: [1000, DAY_MS],
  TCP_ORPHANS: [0, 1 << 15],
  TCP_CHALLENGES: [1, 1e6],
  TCP_SEND_BUFFER: [1, 1 << 20],
  TCP_RECEIVE_BUFFER: [1, 1 << 20],
  TCP_SACK: [0, 1],
  TCP_TIMESTAMPS: [0, 1],
  TCP_WINDOW_SCALING: [0, 1],
  TCP_CONGESTION: [0, TCP_CONGESTION_CUBIC],
  TCP_ECN: [0, 2],
  TCP_SYN_COOKIES: [0, 2],
  TCP_PACING: [0, 1],
  TCP_AUTOTUNING: [0, 1],
  TCP_MTU_PROBING: [0, 2],
};
