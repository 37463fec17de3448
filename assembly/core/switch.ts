// Configuration switches: one u32 each, with the range in which a value is accepted.

import { E_INVAL } from "../abi/errno";
import { PMTUDISC_PROBE, PMTUDISC_WANT } from "../abi/socket";
import {
  SW_ADDR_FOLLOWS_CARRIER,
  SW_ICMP_BURST,
  SW_ICMP_ECHO_BROADCASTS,
  SW_ICMP_ECHO_IGNORE_ALL,
  SW_ICMP_HOST_BURST,
  SW_ICMP_HOST_RATE,
  SW_ICMP_RATE,
  SW_IGMP_MAX_MEMBERSHIPS,
  SW_IP_DEFAULT_TTL,
  SW_IP_FORWARD,
  SW_IP_MTU_DISCOVER,
  SW_IP_PMTU_LEAST,
  SW_IP_PMTU_MS,
  SW_IP_PORT_FIRST,
  SW_IP_PORT_LAST,
  SW_IP_REASSEMBLY_MS,
  SW_NEIGH_DELAY_MS,
  SW_NEIGH_PROBES,
  SW_NEIGH_QUEUE,
  SW_NEIGH_REACHABLE_MS,
  SW_NEIGH_RETRANS_MS,
  SW_NEIGH_STALE_MS,
  SW_REDIRECT_MS,
  SW_ROUTES_FOLLOW_CARRIER,
  SW_TCP_ACK_DELAY_MS,
  SW_TCP_AUTOTUNING,
  SW_TCP_CHALLENGES,
  SW_TCP_CONGESTION,
  SW_TCP_ECN,
  SW_TCP_FIN_WAIT_2_MS,
  SW_TCP_MTU_PROBING,
  SW_TCP_ORPHANS,
  SW_TCP_PACING,
  SW_TCP_R2_MS,
  SW_TCP_RECEIVE_BUFFER,
  SW_TCP_RTO_MIN_MS,
  SW_TCP_SACK,
  SW_TCP_SEND_BUFFER,
  SW_TCP_SYN_COOKIES,
  SW_TCP_SYN_R2_MS,
  SW_TCP_TIME_WAIT_MS,
  SW_TCP_TIMESTAMPS,
  SW_TCP_WINDOW_SCALING,
  SWITCHES,
} from "../abi/switch";
import { TCP_CONGESTION_CUBIC, TCP_CONGESTION_RENO } from "../abi/tcp";

/** value, least, most: 12 bytes a switch. */
const TABLE: usize = memory.data(SWITCHES * 12, 4);
const DAY_MS: u32 = 86400000;

function define(id: u32, value: u32, least: u32, most: u32): void {
  const at = TABLE + id * 12;
  store<u32>(at, value);
  store<u32>(at, least, 4);
  store<u32>(at, most, 8);
}

export function switchInit(): void {
  define(SW_IP_DEFAULT_TTL, 64, 1, 255);
  define(SW_IP_PORT_FIRST, 32768, 1, 65535);
  define(SW_IP_PORT_LAST, 60999, 1, 65535);
  define(SW_ICMP_ECHO_BROADCASTS, 0, 0, 1);
  define(SW_ICMP_RATE, 1000, 0, 1000000);
  define(SW_ICMP_BURST, 50, 1, 1000000);
  define(SW_NEIGH_REACHABLE_MS, 30000, 1, DAY_MS);
  define(SW_NEIGH_STALE_MS, 60000, 1000, DAY_MS);
  define(SW_NEIGH_DELAY_MS, 5000, 1000, DAY_MS);
  define(SW_NEIGH_RETRANS_MS, 1000, 1000, DAY_MS);
  define(SW_NEIGH_PROBES, 3, 1, 16);
  define(SW_NEIGH_QUEUE, 48, 1, 64);
  define(SW_ADDR_FOLLOWS_CARRIER, 0, 0, 1);
  define(SW_IP_FORWARD, 0, 0, 1);
  define(SW_IP_REASSEMBLY_MS, 60000, 1000, 600000);
  define(SW_IP_PMTU_MS, 600000, 1000, DAY_MS);
  define(SW_IP_PMTU_LEAST, 552, 68, 65535);
  define(SW_IP_MTU_DISCOVER, PMTUDISC_WANT, 0, PMTUDISC_PROBE);
  define(SW_ICMP_HOST_RATE, 100, 0, 1000000);
  define(SW_ICMP_HOST_BURST, 20, 1, 1000000);
  define(SW_ICMP_ECHO_IGNORE_ALL, 0, 0, 1);
  define(SW_REDIRECT_MS, 300000, 1000, DAY_MS);
  define(SW_ROUTES_FOLLOW_CARRIER, 1, 0, 1);
  define(SW_IGMP_MAX_MEMBERSHIPS, 20, 0, 1 << 14);
  define(SW_TCP_TIME_WAIT_MS, 60000, 0, 600000);
  define(SW_TCP_RTO_MIN_MS, 1000, 1, 60000);
  define(SW_TCP_R2_MS, 300000, 1000, DAY_MS);
  define(SW_TCP_SYN_R2_MS, 180000, 1000, DAY_MS);
  define(SW_TCP_ACK_DELAY_MS, 40, 0, 499);
  define(SW_TCP_FIN_WAIT_2_MS, 60000, 1000, DAY_MS);
  define(SW_TCP_ORPHANS, 64, 0, 1 << 15);
  define(SW_TCP_CHALLENGES, 10, 1, 1000000);
  define(SW_TCP_SEND_BUFFER, 65536, 1, 1 << 20);
  define(SW_TCP_RECEIVE_BUFFER, 65536, 1, 1 << 20);
  define(SW_TCP_SACK, 1, 0, 1);
  define(SW_TCP_TIMESTAMPS, 1, 0, 1);
  define(SW_TCP_WINDOW_SCALING, 1, 0, 1);
  define(SW_TCP_CONGESTION, TCP_CONGESTION_CUBIC, TCP_CONGESTION_RENO, TCP_CONGESTION_CUBIC);
  define(SW_TCP_ECN, 2, 0, 2);
  define(SW_TCP_SYN_COOKIES, 1, 0, 2);
  define(SW_TCP_PACING, 0, 0, 1);
  define(SW_TCP_AUTOTUNING, 1, 0, 1);
  define(SW_TCP_MTU_PROBING, 1, 0, 2);
}

export function switchValue(id: u32): u32 {
  return load<u32>(TABLE + id * 12);
}

/** A switch in milliseconds, as microseconds. */
export function switchUs(id: u32): u64 {
  return <u64>switchValue(id) * 1000;
}

export function switchGet(id: u32): i32 {
  return id < <u32>SWITCHES ? <i32>switchValue(id) : -E_INVAL;
}

export function switchSet(id: u32, value: u32): i32 {
  if (id >= <u32>SWITCHES) return -E_INVAL;
  const at = TABLE + id * 12;
  if (value < load<u32>(at, 4) || value > load<u32>(at, 8)) return -E_INVAL;
  if (id == SW_IP_PORT_FIRST && value > switchValue(SW_IP_PORT_LAST)) return -E_INVAL;
  if (id == SW_IP_PORT_LAST && value < switchValue(SW_IP_PORT_FIRST)) return -E_INVAL;
  store<u32>(at, value);
  return 0;
}
