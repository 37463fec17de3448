/**
 * Applications that keep nothing of their own: what they write follows from port and sequence number (streamByte), and so
 * does what they must read. So they go on from a copy of a stack as from the stack itself.
 */
import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN } from "../../assembly/abi/errno.js";
import { TCB_F_FIN_QUEUED, TCB_F_HELD, TCP_CLOSED, TCP_LISTEN } from "../../assembly/abi/tcp.js";
import type { Stack } from "../../src/index.js";
import { breakIn, stream } from "./tcp-invariants.js";
import { type TcbRecord, tcbRecords } from "./tcp-records.js";

const TCP = 6;

/** A listener at the port: its handle. */
export function listen(stack: Stack, port: number, backlog: number): number {
  const { core } = stack;
  const handle = core.exports.sock_open(TCP);
  core.putPeer(0, port);
  if (core.exports.sock_bind(handle) < 0 || core.exports.sock_listen(handle, backlog) < 0) {
    throw new Error(`nobody can listen at port ${port}`);
  }
  return handle;
}

/** Begins to connect: the handle, or -errno. */
export function connect(stack: Stack, address: number, port: number): number {
  const { core } = stack;
  const handle = core.exports.sock_open(TCP);
  if (handle < 0) return handle;
  core.putPeer(address, port);
  const begun = core.exports.sock_connect(handle);
  if (begun < 0) core.exports.sock_close(handle);
  return begun < 0 ? begun : handle;
}

/** The connections that an application has, whatever has become of them. */
export function heldConnections(stack: Stack, ranges: number): TcbRecord[] {
  return tcbRecords(stack, ranges).filter((t) => t.has(TCB_F_HELD) && t.get("state") !== TCP_LISTEN);
}

/** Writes up to `most` bytes, as many as there is room for in one piece: how many. */
export function write(stack: Stack, t: TcbRecord, most: number): number {
  const { core } = stack;
  if (t.has(TCB_F_FIN_QUEUED) || t.get("state") === TCP_CLOSED) return 0;
  const room = core.exports.tcp_send_window(t.handle);
  const length = Math.min(most, room);
  if (length <= 0) return 0;
  core.u8.set(stream(t.localPort, t.get("sndEnd"), length), core.get(CALL_PTR));
  const sent = core.exports.tcp_send(t.handle, length, 0);
  if (sent < 0) throw new Error(`tcp_send answers ${sent}`);
  return length;
}

/** Reads up to `most` bytes in one piece, each of which must be the stream's if the connection is to be trusted: how many;
 * undefined at the end of the stream, or if the connection has failed. */
export function read(stack: Stack, t: TcbRecord, most: number, isTrusted = true): number | undefined {
  const { core } = stack;
  const waiting = core.exports.tcp_receive_window(t.handle);
  if (waiting === -E_AGAIN) return 0;
  if (waiting <= 0) return undefined;
  const at = core.get(CALL_PTR);
  const length = Math.min(most, waiting);
  const wrong = breakIn(core.u8.subarray(at, at + length), t.remotePort, t.get("rcvRead"));
  if (wrong >= 0 && isTrusted) throw new Error(`${stack.name}: ${t.name}: byte ${wrong} read is not what was written`);
  core.exports.tcp_receive(t.handle, length);
  return length;
}
