/**
 * Drop reasons and counters by name and in words; the numbers are assembly/abi's.
 */
import * as COUNTER from "../../assembly/abi/counter.js";
import * as DROP from "../../assembly/abi/drop.js";

/** "IP_CHECKSUM" for DROP_IP_CHECKSUM. */
export type DropName = {
  [K in keyof typeof DROP]: K extends "DROP_FIRST" | "DROP_END" ? never : K extends `DROP_${infer N}` ? N : never;
}[keyof typeof DROP];

/** "IP_IN_RECEIVES" for CTR_IP_IN_RECEIVES. */
export type CounterName = {
  [K in keyof typeof COUNTER]: K extends "CTR_END" ? never : K extends `CTR_${infer N}` ? N : never;
}[keyof typeof COUNTER];

/** What each reason says, in the style of `netstat -s`: "3 <text>". */
export const DROP_TEXTS: Readonly<Record<DropName, string>> = {
  RX_BAD_DESCRIPTOR: "descriptors that came back from a driver wrong",
  RX_TOO_LONG: "frames longer than the interface takes",
  RX_IF_DOWN: "frames received on an interface that is down",
  LO_NOT_HANDED_OVER: "loopback frames that the driver lost",
  ETHER_SHORT: "frames too short for an Ethernet header",
  ETHER_NOT_FOR_US: "frames for another station or group",
  ETHER_SOURCE_GROUP: "frames from a group address",
  ETHER_8023_LENGTH: "802.3 frames (a length instead of a type)",
  ETHER_VLAN: "frames of a VLAN",
  ETHER_TYPE: "frames of an unknown type",
  ARP_SHORT: "ARP packets too short",
  ARP_FORMAT: "ARP packets of other address formats",
  ARP_OPERATION: "ARP packets of an unknown operation",
  ARP_SOURCE: "ARP packets from an address that no neighbour can have",
  ARP_NOT_FOR_US: "ARP packets that concern others",
  NEIGH_QUEUE_FULL: "packets dropped from a full neighbour queue",
  NEIGH_FAILED: "packets whose neighbour did not answer",
  NEIGH_TABLE_FULL: "packets for which the neighbour table had no room",
  NEIGH_FLUSHED: "packets whose neighbour was forgotten",
  IP_SHORT: "datagrams too short for an IPv4 header",
  IP_VERSION: "datagrams of another IP version",
  IP_HEADER_LENGTH: "datagrams with a wrong header length",
  IP_TOTAL_LENGTH: "datagrams with a wrong total length",
  IP_CHECKSUM: "datagrams with a bad header checksum",
  IP_SOURCE: "datagrams from an address that no host can have",
  IP_SOURCE_LOOPBACK: "datagrams from 127/8 on a network",
  IP_DEST_LOOPBACK: "datagrams to 127/8 on a network",
  IP_DEST: "datagrams to a reserved address",
  IP_LINK_BROADCAST: "unicast datagrams in a link-layer broadcast",
  IP_NOT_FORWARDING: "datagrams for others, not forwarded",
  IP_OPTIONS: "datagrams with malformed options",
  IP_PROTOCOL: "datagrams of a protocol that nobody serves",
  IP_OWN_SOURCE: "datagrams from one of our own addresses",
  IP_GROUP: "datagrams to a group that this host is not in",
  OUT_NO_ROUTE: "replies without a route",
  OUT_IF_DOWN: "packets for an interface that is down",
  OUT_NO_CARRIER: "packets for an interface without carrier",
  OUT_RING_FULL: "packets for which the transmit ring was full",
  OUT_NO_BUFFER: "packets not sent for want of a buffer",
  OUT_TOO_LONG: "packets longer than the MTU, not to be fragmented",
  OUT_LOOP_COPY: "own copies of a broadcast, for want of a buffer",
  OUT_SOURCE_LOOPBACK: "packets from 127/8 that were on their way to a network",
  ICMP_SHORT: "ICMP messages too short",
  ICMP_CHECKSUM: "ICMP messages with a bad checksum",
  ICMP_TYPE: "ICMP messages of a type not handled",
  ICMP_ECHO_GROUP: "echo and timestamp requests not answered: to a group, or as switched",
  ICMP_REPLY_UNWANTED: "echo replies that nobody waits for",
  ICMP_QUOTE_SHORT: "ICMP errors that quote too little",
  ICMP_QUOTE_FOREIGN: "ICMP errors about a datagram that is not ours",
  ICMP_ERROR_UNMATCHED: "ICMP errors that match no socket",
  ICMP_ERROR_FORBIDDEN: "ICMP errors not sent, as RFC 1122 forbids",
  ICMP_ERROR_RATE: "ICMP errors not sent, for the rate limit",
  UDP_SHORT: "UDP datagrams too short",
  UDP_LENGTH: "UDP datagrams with a wrong length",
  UDP_CHECKSUM: "UDP datagrams with a bad checksum",
  UDP_PORT_ZERO: "UDP datagrams to port 0",
  UDP_NO_PORT: "UDP datagrams to a port that nobody serves",
  UDP_GROUP_NO_PORT: "UDP datagrams to a group and a port that nobody serves",
  SOCK_QUEUE_FULL: "datagrams for a socket whose queue is full",
  SOCK_QUOTA: "datagrams for which sockets had no buffer left",
  SOCK_CLOSED: "datagrams unread in a socket that was closed",
  SOCK_FILTERED: "datagrams to a group from a source that the socket does not hear",
  SOCK_COPY: "copies for further listeners, for want of a buffer",
  IP_RP_FILTER: "datagrams that came by another way than replies would go",
  IP_SOURCE_ROUTE: "source-routed datagrams, refused",
  IP_SOURCE_ROUTE_FAILED: "source-routed datagrams whose next hop cannot be reached",
  IP_DIRECTED_BROADCAST: "directed broadcasts not forwarded",
  FWD_TTL: "datagrams whose time to live ended here",
  FWD_NO_ROUTE: "datagrams for others without a route",
  FWD_UNREACHABLE: "datagrams for others rejected by a route as unreachable",
  FWD_PROHIBITED: "datagrams for others prohibited by a route",
  FWD_BLACKHOLE: "datagrams for others swallowed by a blackhole route",
  FWD_NEED_FRAGMENT: "datagrams for others too long for the next link, not to be fragmented",
  FWD_DEST: "datagrams for others to an address that is never forwarded",
  FRAG_LENGTH: "fragments of a length that cannot be",
  FRAG_TOO_LONG: "fragments beyond the longest datagram",
  FRAG_DUPLICATE: "fragments held already",
  FRAG_OVERLAP: "fragments of datagrams whose fragments overlap",
  FRAG_TIMEOUT: "fragments whose datagram was not complete in time",
  FRAG_EVICTED: "fragments that gave way to others",
  FRAG_SOURCE_LIMIT: "fragments beyond what one source may have waiting",
  FRAG_ECN: "fragments of which some met congestion and others know nothing of that (RFC 3168 §5.3)",
  FRAG_NO_BUFFER: "fragments of datagrams for which there was no buffer",
  ICMP_ERROR_HOST_RATE: "ICMP errors not sent, for the rate limit of their destination",
  ICMP_DEPRECATED: "ICMP messages of a deprecated type",
  ICMP_REDIRECT_OFF: "redirects not followed, as switched",
  ICMP_REDIRECT_GATEWAY: "redirects to a gateway that cannot be one",
  ICMP_REDIRECT_SENDER: "redirects not from the first hop in use",
  ICMP_PMTU: "path MTUs that cannot be",
  ARP_CONFLICT: "ARP packets of others who use one of our addresses",
  ARP_IGNORED: "ARP requests for an address of another interface, ignored as switched",
  IGMP_SHORT: "IGMP messages too short",
  IGMP_CHECKSUM: "IGMP messages with a bad checksum",
  IGMP_TYPE: "IGMP messages of a type not handled",
  IGMP_SOURCE: "IGMP messages not to be believed: their addresses, no router alert",
  IGMP_NOT_MEMBER: "IGMP messages about groups that this host is not in",
  TCP_SHORT: "TCP segments shorter than their headers",
  TCP_CHECKSUM: "TCP segments with a wrong checksum",
  TCP_GROUP: "TCP segments to or from a group address",
  TCP_PORT: "TCP segments with port 0",
  TCP_NO_PORT: "TCP segments for no connection",
  TCP_RST_UNMATCHED: "TCP resets for no connection",
  TCP_TIME_WAIT: "TCP segments for a connection in TIME-WAIT",
  TCP_BACKLOG: "connection requests beyond a listener's backlog",
  TCP_NO_BLOCK: "connection requests without a block or buffers for them",
  TCP_SYN_SENT_ACK: "TCP segments that acknowledge another connection request",
  TCP_SYN_SENT_RST: "TCP resets that acknowledge no connection request",
  TCP_SEQUENCE: "TCP segments outside the window",
  TCP_PAWS: "TCP segments with an old timestamp",
  TCP_NO_TIMESTAMP: "TCP segments without the timestamp agreed on",
  TCP_RST_SEQUENCE: "TCP resets inside the window, but not at its edge",
  TCP_SYN: "TCP connection requests inside a connection",
  TCP_ACK: "TCP segments that acknowledge what was not sent, or long ago",
  TCP_NO_ACK: "TCP segments without an acknowledgement",
  TCP_CLOSED: "TCP data for an application that is gone",
  TCP_HOLES: "TCP segments behind too many holes",
  TCP_ICMP_SEQUENCE: "ICMP errors about TCP segments not in flight",
  TCP_COOKIE: "TCP data for no connection while SYN cookies are out",
};

/** In the order of the numbers: that of a module's names is the alphabet's, or its source's where a bundler made it. */
function named<N extends string>(numbers: Record<string, number>, prefix: string): ReadonlyMap<N, number> {
  const names = Object.entries(numbers).filter(([name]) => !/_(FIRST|END)$/.test(name));
  names.sort(([, a], [, b]) => a - b);
  return new Map(names.map(([name, value]) => [name.slice(prefix.length) as N, value]));
}

/** Index in the counter table of each drop reason. */
export const DROPS: ReadonlyMap<DropName, number> = named<DropName>(DROP, "DROP_");

/** Index in the counter table of each counter of what was done. */
export const COUNTERS: ReadonlyMap<CounterName, number> = named<CounterName>(COUNTER, "CTR_");

const DROP_NAMES = new Map<number, DropName>([...DROPS].map(([name, reason]) => [reason, name]));

/** The name of a drop reason; undefined for 0, which is none. */
export function dropName(reason: number): DropName | undefined {
  return DROP_NAMES.get(reason);
}
