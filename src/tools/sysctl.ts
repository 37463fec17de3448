/**
 * `sysctl`: the switches under Linux's names; ours that Linux has not stand under net.ringstack. Of conf there are "all"
 * (every interface, and those to come) and each interface by its name; no "default", which "all" is here.
 */
import type { InterfaceSwitches, InterfaceSwitchName, SwitchName } from "../control/switches.js";
import { TCP_CONGESTIONS } from "../sockets/tcp-info.js";
import type { Stack } from "../stack.js";

/** One name: what it reads, and what it makes of a text. */
interface Entry {
  readonly name: string;
  read(): string;
  /** False for a text that is no value of it. @throws what the switch does, out of its range */
  write(text: string): boolean;
}

/** Value as sysctl shows it, from the switch's, and back. */
interface Scale {
  show(value: number): number;
  take(shown: number): number;
}

const PLAIN: Scale = { show: (value) => value, take: (shown) => shown };
const SECONDS: Scale = { show: (value) => Math.floor(value / 1000), take: (shown) => shown * 1000 };
/** A switch that says "do" where Linux says "do not". */
const INVERSE: Scale = { show: (value) => 1 - value, take: (shown) => 1 - shown };
/** PMTUDISC_WANT is 1, PMTUDISC_DONT 0. */
const NO_DISCOVERY: Scale = { show: (value) => Number(value === 0), take: (shown) => 1 - shown };

const STACK: readonly (readonly [string, SwitchName, Scale])[] = [
  ["net.ipv4.icmp_echo_ignore_all", "ICMP_ECHO_IGNORE_ALL", PLAIN],
  ["net.ipv4.icmp_echo_ignore_broadcasts", "ICMP_ECHO_BROADCASTS", INVERSE],
  ["net.ipv4.icmp_msgs_burst", "ICMP_BURST", PLAIN],
  ["net.ipv4.icmp_msgs_per_sec", "ICMP_RATE", PLAIN],
  ["net.ipv4.igmp_max_memberships", "IGMP_MAX_MEMBERSHIPS", PLAIN],
  ["net.ipv4.ip_default_ttl", "IP_DEFAULT_TTL", PLAIN],
  ["net.ipv4.ip_forward", "IP_FORWARD", PLAIN],
  ["net.ipv4.ip_no_pmtu_disc", "IP_MTU_DISCOVER", NO_DISCOVERY],
  ["net.ipv4.ipfrag_time", "IP_REASSEMBLY_MS", SECONDS],
  ["net.ipv4.neigh.default.base_reachable_time_ms", "NEIGH_REACHABLE_MS", PLAIN],
  ["net.ipv4.neigh.default.delay_first_probe_time", "NEIGH_DELAY_MS", SECONDS],
  ["net.ipv4.neigh.default.gc_stale_time", "NEIGH_STALE_MS", SECONDS],
  ["net.ipv4.neigh.default.mcast_solicit", "NEIGH_PROBES", PLAIN],
  ["net.ipv4.neigh.default.retrans_time_ms", "NEIGH_RETRANS_MS", PLAIN],
  ["net.ipv4.neigh.default.ucast_solicit", "NEIGH_PROBES", PLAIN],
  ["net.ipv4.neigh.default.unres_qlen", "NEIGH_QUEUE", PLAIN],
  ["net.ipv4.route.min_pmtu", "IP_PMTU_LEAST", PLAIN],
  ["net.ipv4.route.mtu_expires", "IP_PMTU_MS", SECONDS],
  ["net.ipv4.tcp_ecn", "TCP_ECN", PLAIN],
  ["net.ipv4.tcp_fin_timeout", "TCP_FIN_WAIT_2_MS", SECONDS],
  ["net.ipv4.tcp_max_orphans", "TCP_ORPHANS", PLAIN],
  ["net.ipv4.tcp_moderate_rcvbuf", "TCP_AUTOTUNING", PLAIN],
  ["net.ipv4.tcp_mtu_probing", "TCP_MTU_PROBING", PLAIN],
  ["net.ipv4.tcp_sack", "TCP_SACK", PLAIN],
  ["net.ipv4.tcp_syncookies", "TCP_SYN_COOKIES", PLAIN],
  ["net.ipv4.tcp_timestamps", "TCP_TIMESTAMPS", PLAIN],
  ["net.ipv4.tcp_window_scaling", "TCP_WINDOW_SCALING", PLAIN],
  ["net.ringstack.addr_follows_carrier", "ADDR_FOLLOWS_CARRIER", PLAIN],
  ["net.ringstack.icmp_host_msgs_burst", "ICMP_HOST_BURST", PLAIN],
  ["net.ringstack.icmp_host_msgs_per_sec", "ICMP_HOST_RATE", PLAIN],
  ["net.ringstack.redirect_expires_ms", "REDIRECT_MS", PLAIN],
  ["net.ringstack.routes_follow_carrier", "ROUTES_FOLLOW_CARRIER", PLAIN],
  ["net.ringstack.tcp_ack_delay_ms", "TCP_ACK_DELAY_MS", PLAIN],
  ["net.ringstack.tcp_challenge_acks_per_sec", "TCP_CHALLENGES", PLAIN],
  ["net.ringstack.tcp_pacing", "TCP_PACING", PLAIN],
  ["net.ringstack.tcp_r2_ms", "TCP_R2_MS", PLAIN],
  ["net.ringstack.tcp_receive_buffer", "TCP_RECEIVE_BUFFER", PLAIN],
  ["net.ringstack.tcp_rto_min_ms", "TCP_RTO_MIN_MS", PLAIN],
  ["net.ringstack.tcp_send_buffer", "TCP_SEND_BUFFER", PLAIN],
  ["net.ringstack.tcp_syn_r2_ms", "TCP_SYN_R2_MS", PLAIN],
  ["net.ringstack.tcp_time_wait_ms", "TCP_TIME_WAIT_MS", PLAIN],
];

const INTERFACE: readonly (readonly [string, string, InterfaceSwitchName])[] = [
  ["net.ipv4.conf", "accept_local", "ACCEPT_LOCAL"],
  ["net.ipv4.conf", "accept_redirects", "ACCEPT_REDIRECTS"],
  ["net.ipv4.conf", "accept_source_route", "ACCEPT_SOURCE_ROUTE"],
  ["net.ipv4.conf", "arp_ignore", "ARP_IGNORE"],
  ["net.ipv4.conf", "bc_forwarding", "BC_FORWARDING"],
  ["net.ipv4.conf", "force_igmp_version", "IGMP_VERSION"],
  ["net.ipv4.conf", "forwarding", "FORWARDING"],
  ["net.ipv4.conf", "proxy_arp", "PROXY_ARP"],
  ["net.ipv4.conf", "rp_filter", "RP_FILTER"],
  ["net.ipv4.conf", "send_redirects", "SEND_REDIRECTS"],
  ["net.ringstack.conf", "local_route", "LOCAL_ROUTE"],
];

/** A whole number from its decimal digits. */
function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function stackEntry(stack: Stack, name: string, id: SwitchName, scale: Scale): Entry {
  return {
    name,
    read: () => String(scale.show(stack.switches.get(id))),
    write(text) {
      const shown = numberOf(text.trim());
      if (shown === undefined) return false;
      stack.switches.set(id, scale.take(shown));
      return true;
    },
  };
}

function interfaceEntry(switches: InterfaceSwitches, name: string, id: InterfaceSwitchName): Entry {
  return {
    name,
    read: () => String(switches.get(id)),
    write(text) {
      const value = numberOf(text.trim());
      if (value === undefined) return false;
      switches.set(id, value);
      return true;
    },
  };
}

/** First and last at once, so that no order of the two stands in the way. */
function portRange({ switches }: Stack): Entry {
  return {
    name: "net.ipv4.ip_local_port_range",
    read: () => `${switches.get("IP_PORT_FIRST")}\t${switches.get("IP_PORT_LAST")}`,
    write(text) {
      const [first, last, ...rest] = text.trim().split(/\s+/).map(numberOf);
      if (first === undefined || last === undefined || rest.length > 0) return false;
      if (first < 1 || first > last || last > 65535) return false;
      switches.set("IP_PORT_FIRST", 1);
      switches.set("IP_PORT_LAST", last);
      switches.set("IP_PORT_FIRST", first);
      return true;
    },
  };
}

function congestionControl({ switches }: Stack): Entry {
  return {
    name: "net.ipv4.tcp_congestion_control",
    read: () => TCP_CONGESTIONS[switches.get("TCP_CONGESTION")] as string,
    write(text) {
      const value = (TCP_CONGESTIONS as readonly string[]).indexOf(text.trim());
      if (value < 0) return false;
      switches.set("TCP_CONGESTION", value);
      return true;
    },
  };
}

/** Every name, in order. */
function entries(stack: Stack): Entry[] {
  // A "." within an interface's name is written "/", as sysctl(8) has it.
  const targets = [
    ["all", stack.interfaceSwitches] as const,
    ...stack.interfaces.map((nif) => [nif.name.replaceAll(".", "/"), nif.switches] as const),
  ];
  const all = [
    ...STACK.map(([name, id, scale]) => stackEntry(stack, name, id, scale)),
    ...INTERFACE.flatMap(([stem, leaf, id]) =>
      targets.map(([target, switches]) => interfaceEntry(switches, `${stem}.${target}.${leaf}`, id)),
    ),
    portRange(stack),
    congestionControl(stack),
  ];
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a run of sysctl prints, line by line, and its exit status. */
export interface SysctlResult {
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly status: number;
}

interface Mode {
  all: boolean;
  values: boolean;
  names: boolean;
  write: boolean;
}

const USAGE = "Usage:\n sysctl [-n] [-N] [-w] [variable[=value] ...]\n sysctl -a";
const LETTERS: Readonly<Record<string, keyof Mode>> = { a: "all", A: "all", n: "values", N: "names", w: "write" };

/** "net/ipv4/ip_forward" is another way to write a name: whichever of "." and "/" comes first separates. */
function dotted(key: string): string {
  if (key.search(/[./]/) < 0 || key[key.search(/[./]/)] === ".") return key;
  return key.replace(/[./]/g, (sign) => (sign === "/" ? "." : "/"));
}

/**
 * Runs `sysctl` with these arguments: prints "name = value" of each name, sets each "name=value" and prints it; -a all,
 * -n values only, -N names only, -w only settings. What goes wrong with one is said and the others go on.
 */
export function runSysctl(stack: Stack, args: readonly string[]): SysctlResult {
  const mode: Mode = { all: false, values: false, names: false, write: false };
  const words: string[] = [];
  for (const arg of args) {
    if (!/^-./.test(arg)) {
      words.push(arg);
      continue;
    }
    for (const letter of arg.slice(1)) {
      const field = LETTERS[letter];
      if (field === undefined) return { out: [], err: [`sysctl: invalid option -- '${letter}'`, USAGE], status: 1 };
      mode[field] = true;
    }
  }
  if (mode.all) return { out: entries(stack).map((entry) => lineOf(entry, mode)), err: [], status: 0 };
  if (words.length === 0) return { out: [], err: [USAGE], status: 1 };
  const known = new Map(entries(stack).map((entry) => [entry.name, entry]));
  const out: string[] = [];
  const err: string[] = [];
  for (const word of words) {
    const said = one(known, word, mode);
    (said.failed ? err : out).push(said.line);
  }
  return { out, err, status: err.length > 0 ? 255 : 0 };
}

function lineOf(entry: Entry, mode: Mode): string {
  if (mode.names) return entry.name;
  return mode.values ? entry.read() : `${entry.name} = ${entry.read()}`;
}

function one(known: ReadonlyMap<string, Entry>, word: string, mode: Mode): { line: string; failed: boolean } {
  const failure = (text: string) => ({ line: `sysctl: ${text}`, failed: true });
  const equals = word.indexOf("=");
  if (mode.write && equals < 0) return failure(`"${word}" must be of the form name=value`);
  const name = dotted((equals < 0 ? word : word.slice(0, equals)).trim());
  const value = equals < 0 ? undefined : word.slice(equals + 1);
  if (name === "" || value?.trim() === "") return failure(`malformed setting "${word}"`);
  const entry = known.get(name);
  if (entry === undefined) {
    const path = name.replace(/[./]/g, (sign) => (sign === "." ? "/" : "."));
    return failure(`cannot stat /proc/sys/${path}: No such file or directory`);
  }
  if (value !== undefined && !isWritten(entry, value)) return failure(`setting key "${name}": Invalid argument`);
  return { line: lineOf(entry, mode), failed: false };
}

function isWritten(entry: Entry, value: string): boolean {
  try {
    return entry.write(value);
  } catch (error) {
    // Out of the switch's range.
    if (["EINVAL", "ERR_OUT_OF_RANGE"].includes((error as { code?: string }).code ?? "")) return false;
    throw error;
  }
}

/** The text that `sysctl` with these arguments leaves on a terminal: what it prints, then what went wrong. */
export function sysctl(stack: Stack, args: readonly string[]): string {
  const { out, err } = runSysctl(stack, args);
  return [...out, ...err].join("\n");
}
