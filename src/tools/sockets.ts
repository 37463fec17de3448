/**
 * `netstat -a`: the sockets, in net-tools' columns. Echo sockets stand as "icmp", with their identifier for a port.
 */
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../assembly/abi/proto.js";
import * as SOCKET from "../../assembly/abi/socket.js";
import { formatIpv4, readIpv4 } from "../address.js";
import type { Stack } from "../stack.js";

export interface SocketListOptions {
  /** Sockets without a peer, too (-a). */
  readonly all?: boolean;
  /** Of these protocols only: "udp", "raw", "icmp". */
  readonly only?: readonly string[];
}

const NAMES: Record<number, string> = { [IPPROTO_ICMP]: "icmp", [IPPROTO_TCP]: "tcp", [IPPROTO_UDP]: "udp" };
const HEADER = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";

/** Recv-Q counts datagrams, where Linux counts bytes; nothing waits in a socket to be sent. */
export function netstatSockets(stack: Stack, { all = false, only }: SocketListOptions = {}): string {
  const lines: string[] = [];
  for (let i = 0; ; i++) {
    const at = stack.core.exports.sock_record(i);
    if (at < 0) break;
    const line = socketOf(stack, at);
    if (line !== undefined && (all || line.isConnected) && (only ?? [line.name]).includes(line.name)) {
      lines.push(line.text);
    }
  }
  const title = `Active Internet connections (${all ? "servers and established" : "w/o servers"})`;
  return [title, HEADER, ...lines].join("\n");
}

function socketOf({ core }: Stack, at: number): { name: string; text: string; isConnected: boolean } | undefined {
  const word = (offset: number) => core.u32[(at + offset) >> 2] as number;
  const proto = word(SOCKET.PCB_PROTO);
  if (proto === 0) return undefined;
  const isRaw = (proto & SOCKET.SOCK_RAW) !== 0;
  const name = isRaw ? "raw" : (NAMES[proto] ?? String(proto));
  const remoteIp = readIpv4(core.u8, at + SOCKET.PCB_REMOTE);
  const isConnected = remoteIp !== 0;
  const port = (value: number) => (isRaw ? String(proto & 255) : value === 0 ? "*" : String(value));
  const local = `${formatIpv4(readIpv4(core.u8, at + SOCKET.PCB_LOCAL))}:${port(word(SOCKET.PCB_LOCAL_PORT))}`;
  const remotePort = isRaw || !isConnected ? "*" : port(word(SOCKET.PCB_REMOTE_PORT));
  const remote = `${formatIpv4(remoteIp)}:${remotePort}`;
  const state = isRaw ? "7" : isConnected ? "ESTABLISHED" : "";
  const queued = String(word(SOCKET.PCB_RX_COUNT)).padStart(6);
  const cells = `${name.padEnd(5)} ${queued}      0 ${local.padEnd(23)} ${remote.padEnd(23)} ${state.padEnd(11)}`;
  return { name, text: cells, isConnected };
}
