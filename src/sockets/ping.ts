/**
 * One echo request and its reply.
 */
import { E_HOSTUNREACH } from "../../assembly/abi/errno.js";
import { StackError } from "../errors.js";
import { EchoSocket, readEcho } from "./echo.js";
import type { SocketHost } from "./host.js";

export interface PingOptions {
  /** Bytes of data, 56 unless given. */
  readonly size?: number;
  readonly sequence?: number;
  readonly ttl?: number;
  /** µs to wait for the reply, 1,000,000 unless given. */
  readonly timeoutUs?: number;
  readonly signal?: AbortSignal;
}

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
 * @throws (by rejection) StackError EHOSTUNREACH, ENETUNREACH …, by an ICMP error or for want of a route; an Error with
 *   code ETIMEDOUT when nothing comes; the signal's reason
 */
export async function ping(host: SocketHost, address: string, options: PingOptions = {}): Promise<PingReply> {
  const { size = 56, sequence = 1, ttl, timeoutUs = 1_000_000, signal } = options;
  const socket = new EchoSocket(host, ttl === undefined ? {} : { ttl });
  const over = new AbortController();
  const abort = () => over.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await new Promise<PingReply>((resolve, reject) => {
      over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
      socket.onerror = (error) => {
        if (error instanceof StackError) reject(error);
        else reject(Object.assign(new StackError(E_HOSTUNREACH, "ping", { address }), { code: error.code }));
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
        reject(Object.assign(new Error(`ping ${address}: no room to send`), { code: "EAGAIN" }));
      }
      host.clock.sleep(timeoutUs, over.signal).then(
        () => reject(Object.assign(new Error(`ping ETIMEDOUT ${address}`), { code: "ETIMEDOUT" })),
        () => {},
      );
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    over.abort();
    socket.close();
  }
}
