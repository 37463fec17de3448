/**
 * One echo request and its reply.
 */

import { E_AGAIN, E_TIMEDOUT } from "../../assembly/abi/errno.js";
import { ICMP_REDIRECT } from "../../assembly/abi/proto.js";
import { errnoOf, refuseUnknown, requireInteger, StackError } from "../errors.js";
import { EchoSocket, readEcho } from "./echo.js";
import type { SocketHost } from "./host.js";

export interface PingOptions {
  /** Bytes of data, 56 unless given. */
  readonly size?: number;
  readonly sequence?: number;
  readonly ttl?: number;
  /** µs to wait for the reply; 4,000,000 unless given, longer than it takes to find that a neighbour is not there. */
  readonly timeoutUs?: number;
  readonly signal?: AbortSignal;
}

const OPTIONS: ReadonlySet<string> = new Set(["size", "sequence", "ttl", "timeoutUs", "signal"]);

export interface PingReply {
  readonly address: string;
  /** Bytes of the ICMP message: data and 8. */
  readonly bytes: number;
  readonly sequence: number;
  readonly ttl: number;
  /** Round trip, µs of the stack's clock. */
  readonly timeUs: number;
}

/**
 * @throws (by rejection) StackError EHOSTUNREACH, ENETUNREACH …, by an ICMP error or for want of a route, ETIMEDOUT when
 *   nothing comes, EAGAIN when there is no room to send; RangeError, TypeError; the signal's reason
 */
export async function ping(host: SocketHost, address: string, options: PingOptions = {}): Promise<PingReply> {
  refuseUnknown(options, OPTIONS);
  const { size = 56, sequence = 1, ttl, timeoutUs = 4_000_000, signal } = options;
  requireInteger("size", size, 0, 0xffff);
  requireInteger("sequence", sequence, 0, 0xffff);
  const socket = new EchoSocket(host, ttl === undefined ? {} : { ttl });
  const over = new AbortController();
  const abort = () => over.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await new Promise<PingReply>((resolve, reject) => {
      over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
      socket.onerror = (error) => {
        // A redirect is about the next one: this one has gone on.
        if (!(error instanceof StackError) && error.icmpType === ICMP_REDIRECT) return;
        reject(error instanceof StackError ? error : new StackError(errnoOf(error.code), "ping", { address }));
      };
      socket.onmessage = (message, info) => {
        const echo = readEcho(message);
        if (echo.sequence !== sequence) return;
        const timeUs = host.clock.now() - sentUs;
        resolve({ address: info.address, bytes: message.length, sequence, ttl: info.ttl, timeUs });
      };
      // With onmessage set no datagram comes this way: only the end of the socket, or of its timeline.
      socket.receive({ signal: over.signal }).catch(reject);
      const sentUs = host.clock.now();
      if (
        !socket.request(
          address,
          sequence,
          new Uint8Array(size).map((_, i) => i),
        )
      ) {
        reject(new StackError(E_AGAIN, "ping", { address }));
      }
      host.clock
        .sleep(timeoutUs, over.signal)
        .then(() => reject(new StackError(E_TIMEDOUT, "ping", { address })), reject);
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    over.abort();
    socket.close();
  }
}
