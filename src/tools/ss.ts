/**
 * `ss`: the sockets in iproute2's columns, and what TCP knows of each connection.
 */
import type { SocketEntry } from "../control/sockets.js";
import type { TcpInfo, TcpState } from "../sockets/tcp-info.js";
import type { Stack } from "../stack.js";
import { isServer, unreadOf } from "./sockets.js";

export interface SsOptions {
  /** Every state (-a). */
  readonly all?: boolean;
  /** Only sockets that wait for a peer (-l). */
  readonly listening?: boolean;
  /** Of these kinds only: "tcp", "udp", "raw", "icmp". */
  readonly only?: readonly string[];
  /** What TCP knows (-i), the buffers (-m), the timers (-o), timers and handles (-e). */
  readonly info?: boolean;
  readonly memory?: boolean;
  readonly timers?: boolean;
  readonly extended?: boolean;
  /** Without the first line (-H). */
  readonly bare?: boolean;
}

const STATES: Readonly<Record<TcpState, string>> = {
  CLOSE: "UNCONN",
  LISTEN: "LISTEN",
  SYN_SENT: "SYN-SENT",
  SYN_RECV: "SYN-RECV",
  ESTABLISHED: "ESTAB",
  FIN_WAIT1: "FIN-WAIT-1",
  FIN_WAIT2: "FIN-WAIT-2",
  CLOSE_WAIT: "CLOSE-WAIT",
  LAST_ACK: "LAST-ACK",
  CLOSING: "CLOSING",
  TIME_WAIT: "TIME-WAIT",
};

const HEADER = ["Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process"];
/** What stands before each column, and the columns that are flush right. */
const BEFORE = ["", " ", " ", " ", " ", ":", " ", ":", ""];
const RIGHT = [4, 6];
/** Columns of ports: at least as wide as the longest. */
const PORTS = [5, 7];

/** A line for each socket; with details a second one, behind a tab. */
export function ss(stack: Stack, options: SsOptions = {}): string {
  const { all = false, listening = false, only } = options;
  const shown = stack.sockets().filter((entry) => {
    if (!(only ?? [entry.kind]).includes(entry.kind)) return false;
    if (all) return true;
    if (listening) return isServer(entry);
    return !isServer(entry) && entry.state !== "TIME_WAIT" && entry.state !== "SYN_RECV";
  });
  const rows = shown.map((entry) => cellsOf(entry, options));
  if (options.bare !== true) rows.unshift(HEADER);
  const widths = HEADER.map((_, column) =>
    Math.max(PORTS.includes(column) ? 5 : 0, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const first = only?.length === 1 ? 1 : 0;
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      const text = RIGHT.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      return column === first ? text : `${BEFORE[column]}${text}`;
    });
    return cells.slice(first).join("").trimEnd();
  });
  const details = shown.map((entry) => detailsOf(entry, options));
  const skipped = rows.length - shown.length;
  return lines.map((line, i) => `${line}${details[i - skipped] ?? ""}`).join("\n");
}

function cellsOf(entry: SocketEntry, options: SsOptions): string[] {
  const { kind, protocol, local, remote, info } = entry;
  const isConnected = remote.address !== "0.0.0.0";
  const state = entry.state === undefined ? (isConnected ? "ESTAB" : "UNCONN") : STATES[entry.state];
  const port = (value: number) => (value === 0 ? "*" : String(value));
  return [
    kind,
    state,
    String(unreadOf(entry)),
    String(info?.state === "LISTEN" ? info.backlog : (info?.unacked ?? 0)),
    local.address,
    kind === "raw" ? String(protocol) : port(local.port),
    remote.address,
    isConnected && kind !== "raw" ? port(remote.port) : "*",
    besideOf(entry, options),
  ];
}

function besideOf(entry: SocketEntry, { timers = false, extended = false }: SsOptions): string {
  const { timer, handle, info } = entry;
  const parts: string[] = [];
  if ((timers || extended) && timer !== undefined) {
    const name = timer.name === "probe" ? "persist" : timer.name;
    parts.push(`timer:(${name},${timeText(timer.leftUs)},${info?.backoff ?? 0})`);
  }
  if (extended && handle >= 0) parts.push(`sk:${handle.toString(16)}`);
  return parts.length === 0 ? "" : ` ${parts.join(" ")}`;
}

/** "1min59sec", "5.200ms" (seconds), "200ms", as iproute2 writes them. */
function timeText(us: number): string {
  const ms = Math.floor(us / 1000);
  const minutes = Math.floor(ms / 60_000);
  const seconds = minutes > 9 ? 0 : Math.floor(ms / 1000) % 60;
  const rest = minutes > 0 || seconds > 9 ? 0 : ms % 1000;
  const texts = [
    minutes === 0 ? "" : `${minutes}min`,
    seconds === 0 ? "" : `${seconds}${rest === 0 ? "sec" : "."}`,
    rest === 0 ? "" : `${String(rest).padStart(3, "0")}ms`,
  ];
  return texts.join("");
}

function detailsOf({ info }: SocketEntry, options: SsOptions): string {
  if (info === undefined) return "";
  const parts: string[] = [];
  if (options.memory) parts.push(memoryText(info));
  if (options.info && info.state !== "LISTEN") parts.push(infoText(info));
  return parts.length === 0 ? "" : `\n\t ${parts.join(" ")}`;
}

/** Bytes received and written that are held, and the sizes of their buffers; the kernel's other figures are none here. */
function memoryText({ unread, unacked, receiveBuffer, sendBuffer }: TcpInfo): string {
  return `skmem:(r${unread},rb${receiveBuffer},t0,tb${sendBuffer},f0,w${unacked},o0,bl0,d0)`;
}

/** cwnd and ssthresh count segments, as ss does; retrans is those in a row, and all. */
function infoText(info: TcpInfo): string {
  const { mss, cwnd, ssthresh, rttUs, unacked, notSent } = info;
  const segments = (bytes: number) => Math.max(1, Math.floor(bytes / Math.max(1, mss)));
  const ms = (us: number) => String(Number((us / 1000).toPrecision(6)));
  const inFlight = unacked - notSent;
  const some = (name: string, value: number) => (value === 0 ? "" : `${name}:${value}`);
  return [
    info.timestamps ? "ts" : "",
    info.sack ? "sack" : "",
    info.ecn ? "ecn" : "",
    info.congestion,
    info.windowScaling ? `wscale:${info.sndShift},${info.rcvShift}` : "",
    `rto:${ms(info.rtoUs)}`,
    some("backoff", info.backoff),
    rttUs === 0 ? "" : `rtt:${ms(rttUs)}/${ms(info.rttvarUs)}`,
    `mss:${mss}`,
    `cwnd:${segments(cwnd)}`,
    Number.isFinite(ssthresh) ? `ssthresh:${segments(ssthresh)}` : "",
    some("bytes_acked", info.bytesAcked),
    some("bytes_received", info.bytesReceived),
    some("segs_out", info.segsOut),
    some("segs_in", info.segsIn),
    rttUs === 0 ? "" : `send ${Math.round((cwnd * 8e6) / rttUs)}bps`,
    inFlight === 0 ? "" : `unacked:${Math.ceil(inFlight / Math.max(1, mss))}`,
    info.backoff + info.retransmits === 0 ? "" : `retrans:${info.backoff}/${info.retransmits}`,
    some("notsent", notSent),
    `rcv_wnd:${info.rcvWnd}`,
    `snd_wnd:${info.sndWnd}`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}
