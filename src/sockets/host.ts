/**
 * What a socket needs of the stack it lives in.
 */
import type { Clock } from "../clock.js";
import type { Core } from "../wasm/core.js";

export interface SocketHost {
  readonly core: Core;
  readonly clock: Clock;
  /** The stack has ended: nothing is opened any more. */
  readonly closed: boolean;
  /** Brings the stack's time up to date before a call that depends on it. */
  tick(): void;
  /** A call has made work: the stack is to be polled. */
  work(): void;
  interfaceNamed(name: string): { readonly index: number } | undefined;
  register(socket: HostedSocket): void;
  /** Is there an object for this handle? */
  registered(handle: number): boolean;
  unregister(socket: HostedSocket): void;
}

/** A socket as the stack sees it. */
export interface HostedSocket {
  readonly handle: number;
  /** EVENT_… bits that were drained for it. */
  event(bits: number): void;
  /** The stack goes back in time, or away for good: whoever waits is told why. */
  abandon(reason: Error, forGood: boolean): void;
}
