/**
 * `netstat -a`: the sockets, in net-tools' columns. Echo sockets stand as "icmp", with their identifier for a port.
 */
import type { SocketEntry } from "../control/sockets.js";
import type { Stack } from "../stack.js";

export interface SocketListOptions {
  /** Sockets without a peer, too (-a). */
  readonly all?: boolean;
  /** Only sockets without a peer (-l). */
  readonly listening?: boolean;
  /** Of these kinds only: "tcp", "udp", "raw", "icmp". */
  readonly only?: readonly string[];
  /** With the timers of TCP (-o). */
  readonly timers?: boolean;
}

const HEADER = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";
const NO_ADDRESS = "0.0.0.0";

/** What waits to be read: bytes of TCP, connections of a listener, datagrams of the others. */
export function unreadOf({ info, datagrams }: SocketEntry): number {
  if (info === undefined) return datagrams;
  return info.state === "LISTEN" ? info.acceptable : info.unread;
}

/** Waits for a peer: whoever it may be. */
export function isServer({ kind, state, remote }: SocketEntry): boolean {
  if (kind === "tcp") return state === "LISTEN" || state === "CLOSE";
  return remote.address === NO_ADDRESS;
}

/** Recv-Q counts datagrams but for TCP, where Linux counts bytes; only TCP has what waits to be sent. */
export function netstatSockets(stack: Stack, options: SocketListOptions = {}): string {
  const { all = false, listening = false, only, timers = false } = options;
  const shown = stack.sockets().filter((entry) => {
    if (entry.state === "CLOSE" && !all) return false;
    if (!all && isServer(entry) !== listening) return false;
    return (only ?? [entry.kind]).includes(entry.kind);
  });
  const which = listening ? "only servers" : all ? "servers and established" : "w/o servers";
  const lines = shown.map((entry) => (timers ? `${cellsOf(entry)} ${timerText(entry)}` : cellsOf(entry)));
  return [`Active Internet connections (${which})`, timers ? `${HEADER} Timer` : HEADER, ...lines].join("\n");
}

function cellsOf(entry: SocketEntry): string {
  const { kind, protocol, local, remote, info } = entry;
  const isRaw = kind === "raw";
  const isConnected = remote.address !== NO_ADDRESS;
  const port = (value: number) => (isRaw ? String(protocol) : value === 0 ? "*" : String(value));
  const here = `${local.address}:${port(local.port)}`;
  const there = `${remote.address}:${isRaw || !isConnected ? "*" : port(remote.port)}`;
  const state = entry.state ?? (isRaw ? "7" : isConnected ? "ESTABLISHED" : "");
  const queues = `${String(unreadOf(entry)).padStart(6)} ${String(info?.unacked ?? 0).padStart(6)}`;
  return `${kind.padEnd(5)} ${queues} ${here.padEnd(23)} ${there.padEnd(23)} ${state.padEnd(11)}`;
}

/** "on (0.20/1/0)": what runs, seconds left, retransmissions in a row. */
function timerText({ timer, info }: SocketEntry): string {
  if (timer === undefined) return "off (0.00/0/0)";
  return `${timer.name} (${(timer.leftUs / 1e6).toFixed(2)}/${info?.backoff ?? 0}/0)`;
}
