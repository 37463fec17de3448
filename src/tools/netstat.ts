/**
 * `netstat -s`, `-i` and `-r`.
 */

import { formatIpv4, ipv4, maskOf } from "../address.js";
import type { Interface } from "../control/interfaces.js";
import type { Statistics } from "../control/report.js";
import type { Stack } from "../stack.js";
import { type CounterName, DROP_TEXTS, type DropName } from "../text/drops.js";
import { listed } from "./ifconfig.js";
import { type RouteOptions, routeCells, routeColumns } from "./route.js";

type Line = readonly [CounterName, string];

interface Section {
  readonly title: string;
  /** Drop reasons whose names begin with one of these stand here. */
  readonly drops: readonly string[];
  /** Printed whatever their value, but for a section in which nothing has happened. */
  readonly counters: readonly Line[];
}

const SECTIONS: readonly Section[] = [
  {
    title: "Ip",
    drops: ["IP_", "FWD_", "FRAG_", "OUT_"],
    counters: [
      ["IP_IN_RECEIVES", "total packets received"],
      ["IP_FORW_DATAGRAMS", "forwarded"],
      ["IP_SOURCE_ROUTED", "forwarded as their source route says"],
      ["IP_IN_DELIVERS", "incoming packets delivered"],
      ["IP_OUT_REQUESTS", "requests sent out"],
      ["IP_LOOP_COPIES", "own broadcasts delivered here too"],
      ["IP_REASM_REQDS", "reassemblies required"],
      ["IP_REASM_OKS", "packets reassembled ok"],
      ["IP_REASM_FAILS", "packet reassemblies failed"],
      ["IP_REASM_TIMEOUTS", "reassemblies timed out"],
      ["IP_FRAG_OKS", "packets fragmented ok"],
      ["IP_FRAG_FAILS", "packets not fragmented"],
      ["IP_FRAG_CREATES", "fragments created"],
      ["IP_PMTU_LEARNED", "path MTUs learned"],
    ],
  },
  {
    title: "Icmp",
    drops: ["ICMP_"],
    counters: [
      ["ICMP_IN_MSGS", "ICMP messages received"],
      ["ICMP_IN_DEST_UNREACHS", "destination unreachable received"],
      ["ICMP_IN_TIME_EXCDS", "time exceeded received"],
      ["ICMP_IN_PARM_PROBS", "parameter problems received"],
      ["ICMP_IN_SRC_QUENCHS", "source quenches received"],
      ["ICMP_IN_REDIRECTS", "redirects received"],
      ["ICMP_REDIRECTS_ACCEPTED", "redirects followed"],
      ["ICMP_IN_ECHOS", "echo requests received"],
      ["ICMP_IN_ECHO_REPS", "echo replies received"],
      ["ICMP_IN_TIMESTAMPS", "timestamp requests received"],
      ["ICMP_IN_TIMESTAMP_REPS", "timestamp replies received"],
      ["ICMP_IN_ERRORS_MATCHED", "errors told to the socket concerned"],
      ["ICMP_OUT_MSGS", "ICMP messages sent"],
      ["ICMP_OUT_DEST_UNREACHS", "destination unreachable sent"],
      ["ICMP_OUT_TIME_EXCDS", "time exceeded sent"],
      ["ICMP_OUT_PARM_PROBS", "parameter problems sent"],
      ["ICMP_OUT_REDIRECTS", "redirects sent"],
      ["ICMP_OUT_ECHOS", "echo requests sent"],
      ["ICMP_OUT_ECHO_REPS", "echo replies sent"],
      ["ICMP_OUT_TIMESTAMP_REPS", "timestamp replies sent"],
    ],
  },
  {
    title: "Igmp",
    drops: ["IGMP_"],
    counters: [
      ["IGMP_IN_QUERIES", "queries received"],
      ["IGMP_IN_REPORTS", "reports received"],
      ["IGMP_OUT_REPORTS", "reports sent"],
      ["IGMP_OUT_LEAVES", "leaves sent"],
    ],
  },
  {
    title: "Udp",
    drops: ["UDP_"],
    counters: [
      ["UDP_IN_DATAGRAMS", "packets received"],
      ["UDP_OUT_DATAGRAMS", "packets sent"],
    ],
  },
  {
    title: "Tcp",
    drops: ["TCP_"],
    counters: [
      ["TCP_ACTIVE_OPENS", "active connection openings"],
      ["TCP_PASSIVE_OPENS", "passive connection openings"],
      ["TCP_ATTEMPT_FAILS", "failed connection attempts"],
      ["TCP_ESTAB_RESETS", "connection resets received"],
      ["TCP_IN_SEGS", "segments received"],
      ["TCP_OUT_SEGS", "segments sent out"],
      ["TCP_RETRANS_SEGS", "segments retransmitted"],
      ["TCP_OUT_RSTS", "resets sent"],
      ["TCP_TIMEOUTS", "retransmission timeouts"],
      ["TCP_FAST_RECOVERIES", "times recovered from packet loss by fast retransmit"],
      ["TCP_SACK_RECOVERIES", "of these by selective acknowledgements"],
      ["TCP_LIMITED_TRANSMITS", "segments sent on the first duplicate acks"],
      ["TCP_IN_DUPLICATE_ACKS", "duplicate acks received"],
      ["TCP_IN_OUT_OF_ORDER", "segments received out of order"],
      ["TCP_DELAYED_ACKS", "delayed acks sent"],
      ["TCP_CHALLENGE_ACKS", "challenge acks sent"],
      ["TCP_OUT_WINDOW_PROBES", "window probes sent"],
      ["TCP_OUT_KEEPALIVES", "keepalive probes sent"],
      ["TCP_TIME_WAITS", "connections that entered time wait"],
      ["TCP_TIME_WAIT_RECYCLED", "time wait ended early for another"],
      ["TCP_GIVEN_UP", "connections aborted due to timeout"],
      ["TCP_ORPHANS_RESET", "connections reset, too many without an application"],
      ["TCP_LOSS_PROBES", "tail loss probes sent"],
      ["TCP_LOSS_PROBE_RECOVERIES", "tail losses repaired by a probe"],
      ["TCP_RECOVERIES_UNDONE", "fast recoveries undone, nothing was lost"],
      ["TCP_SPURIOUS_TIMEOUTS", "timeouts undone, nothing was lost"],
      ["TCP_REORDERINGS", "connections whose path was seen to reorder"],
      ["TCP_OUT_DSACKS", "duplicates reported to peers"],
      ["TCP_IN_DSACKS", "duplicates reported by peers"],
      ["TCP_SLOW_START_EXITS", "slow starts ended by growing delay"],
      ["TCP_IN_CE", "segments received with congestion experienced"],
      ["TCP_ECN_REDUCTIONS", "windows reduced by explicit congestion notification"],
      ["TCP_OUT_COOKIES", "SYN cookies sent"],
      ["TCP_IN_COOKIES", "connections begun by a SYN cookie"],
      ["TCP_PACED", "segments that waited for their time"],
      ["TCP_RINGS_MOVED", "buffers enlarged"],
      ["TCP_MTU_PROBES", "path MTU probes sent"],
      ["TCP_MTU_BLACK_HOLES", "path MTU black holes found"],
    ],
  },
  {
    title: "Raw",
    drops: ["RAW_"],
    counters: [
      ["RAW_IN_DATAGRAMS", "packets received"],
      ["RAW_OUT_DATAGRAMS", "packets sent"],
    ],
  },
  {
    title: "Arp",
    drops: ["ARP_", "NEIGH_"],
    counters: [
      ["ARP_IN_REQUESTS", "requests received"],
      ["ARP_IN_REPLIES", "replies received"],
      ["ARP_IN_CONFLICTS", "conflicts with own addresses"],
      ["ARP_OUT_REQUESTS", "requests sent"],
      ["ARP_OUT_REPLIES", "replies sent"],
      ["ARP_OUT_PROXIES", "replies sent for others"],
      ["ARP_OUT_PROBES", "own addresses probed"],
      ["ARP_OUT_ANNOUNCES", "own addresses announced"],
      ["NEIGH_RESOLVED", "neighbours resolved"],
      ["NEIGH_FAILED", "neighbours that did not answer"],
    ],
  },
  { title: "Sockets", drops: ["SOCK_"], counters: [] },
  { title: "Link", drops: ["RX_", "LO_", "ETHER_"], counters: [] },
];

/** `netstat -s`: what was done, by protocol, and every reason for which something was dropped. */
export function netstatStatistics(statistics: Statistics): string {
  const lines: string[] = [];
  for (const { title, drops, counters } of SECTIONS) {
    const done = counters.map(([name, text]) => `    ${statistics.counters[name]} ${text}`);
    const lost = (Object.entries(statistics.drops) as [DropName, number][])
      .filter(([name, value]) => value !== 0 && drops.some((prefix) => name.startsWith(prefix)))
      .map(([name, value]) => `    ${value} ${DROP_TEXTS[name]}`);
    const isIdle = lost.length === 0 && counters.every(([name]) => statistics.counters[name] === 0);
    if (!isIdle) lines.push(`${title}:`, ...done, ...lost);
  }
  return lines.join("\n");
}

/** `netstat -r`: the table in netstat's own columns; the stack keeps no MSS, window or RTT by route. */
export function netstatRoutes(stack: Stack, options: RouteOptions = {}): string {
  const lines = routeCells(stack, options).map(({ cells }) => {
    const rest = cells.iface === "-" ? "    - -          -" : "    0 0          0";
    return `${routeColumns(cells)} ${rest} ${cells.iface}`;
  });
  return [
    "Kernel IP routing table",
    "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface",
    ...lines,
  ].join("\n");
}

const INTERFACE_COLUMNS = ["Name", "Mtu", "Net/Dest", "Address", "Ipkts", "Ierrs", "Opkts", "Oerrs", "Collis", "Queue"];
/** Least widths of all columns but the last. */
const INTERFACE_WIDTHS = [4, 4, 13, 15, 6, 5, 6, 5, 6];

/** `netstat -i`, in SunOS's form: a line for each interface; one that is down has a star behind its name. */
export function netstatInterfaces(stack: Stack, { numeric = false }: RouteOptions = {}): string {
  const rows = [INTERFACE_COLUMNS, ...listed(stack).map((nif) => interfaceCells(stack, nif, numeric))];
  const widths = INTERFACE_WIDTHS.map((least, column) =>
    Math.max(least, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" ")).join("\n");
}

function interfaceCells(stack: Stack, nif: Interface, numeric: boolean): string[] {
  const { rxPackets, rxErrors, rxOverruns, rxFrame, txPackets, txErrors } = nif.counters;
  const [primary] = nif.addresses;
  let [network, address] = ["none", "none"];
  if (primary !== undefined) {
    network = formatIpv4((ipv4(primary.address) & maskOf(primary.prefixLength)) >>> 0);
    address = primary.address;
    if (!numeric) {
      if (network === "127.0.0.0") network = "loopback";
      address = address === "127.0.0.1" ? "localhost" : stack.name;
    }
  }
  const numbers = [rxPackets, rxErrors + rxOverruns + rxFrame, txPackets, txErrors, 0, nif.queued];
  return [nif.isUp ? nif.name : `${nif.name}*`, String(nif.mtu), network, address, ...numbers.map(String)];
}
