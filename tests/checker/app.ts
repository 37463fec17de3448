/**
 * The application of a side: a short script of calls. What waits is tried again when the stack has told an event, and not
 * before: so an event that is missing stops the script, and the checker sees it.
 *
 *   "listen; accept; send 300; read 100; ?shutdown; read all; ?close"
 *
 * A call is made as soon as the one before has come to its end; one with a question mark at any time from then on, which
 * is for the checker to choose.
 */
import { E_AGAIN, E_CONNREFUSED, E_CONNRESET, E_NOTCONN, E_PIPE, E_TIMEDOUT } from "../../assembly/abi/errno.js";
import {
  HANDLE_INDEX,
  OPT_TCP_KEEP_COUNT,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_KEEPALIVE,
  SHUT_WR,
} from "../../assembly/abi/socket.js";
import type { Hash } from "./hash.js";
import type { Host } from "./host.js";
import { fillPattern, NAMES, other, patternBreak } from "./pattern.js";
import { must } from "./violation.js";

const WORDS = ["listen", "accept", "connect", "send", "read", "shutdown", "close", "abort"] as const;

export interface Step {
  readonly word: (typeof WORDS)[number];
  /** Bytes; Infinity: to the end of the stream. */
  readonly bytes: number;
  /** When is for the checker to choose. */
  readonly isFree: boolean;
}

export function parseSteps(script: string): Step[] {
  return script.split(";").map((text) => {
    const [, mark, word, count] = /^\s*(\??)(\w+)(?: (\d+|all))?\s*$/.exec(text) ?? [];
    const known = WORDS.find((one) => one === word);
    if (known === undefined) throw new Error(`"${text}" is no call`);
    return { word: known, bytes: count === "all" ? Infinity : Number(count ?? 0), isFree: mark === "?" };
  });
}

const PORTS = [5001, 5002];
/** What a connection may end with that does not end well. */
const FAILURES = [E_CONNREFUSED, E_CONNRESET, E_NOTCONN, E_PIPE, E_TIMEDOUT];

/** An end whose peer is gone without a word finds out in time. */
const KEEPALIVE = [
  [OPT_TCP_KEEPALIVE, 1],
  [OPT_TCP_KEEP_IDLE_MS, 20_000],
  [OPT_TCP_KEEP_INTERVAL_MS, 2000],
  [OPT_TCP_KEEP_COUNT, 2],
] as const;

/** What of the application is state: flat, so that a copy is one spread. */
export interface AppState {
  step: number;
  /** Bytes that the step in hand has sent or read. */
  done: number;
  handle: number;
  listener: number;
  written: number;
  read: number;
  /** It has read to the end of the stream. */
  ended: boolean;
  /** errno that the connection has ended with; 0 = none. */
  failed: number;
  /** The step in hand waits, and what was told since. */
  waiting: boolean;
  told: number;
}

export class App {
  state: AppState = {
    step: 0,
    done: 0,
    handle: -1,
    listener: -1,
    written: 0,
    read: 0,
    ended: false,
    failed: 0,
    waiting: false,
    told: 0,
  };

  constructor(
    readonly host: Host,
    readonly steps: readonly Step[],
    readonly keepsAlive: boolean,
  ) {}

  get isOver(): boolean {
    return this.state.step === this.steps.length;
  }

  get step(): Step | undefined {
    return this.steps[this.state.step];
  }

  /** The step in hand can be tried. */
  get canStep(): boolean {
    return !this.isOver && (!this.state.waiting || this.state.told !== 0);
  }

  /** It may be tried without the checker's choosing so. */
  get mustStep(): boolean {
    return this.canStep && (this.step?.isFree !== true || this.state.waiting);
  }

  /** The stack has told of a socket of this side. */
  tell(index: number, bits: number): void {
    const { handle, listener } = this.state;
    const waitsFor = this.step?.word === "accept" ? listener : handle;
    if (waitsFor >= 0 && (waitsFor & HANDLE_INDEX) === index) this.state.told |= bits;
  }

  /** Tries the step in hand. */
  try(): void {
    const { state } = this;
    state.told = 0;
    state.waiting = false;
    this.host.touch();
    const isDone = this.#attempt(this.step as Step);
    if (isDone) this.#next();
    else if (state.failed === 0) state.waiting = true;
    // Nothing more comes of a connection that has failed; what is left is to give up its handle.
    else while (!this.isOver && this.step?.word !== "close" && this.step?.word !== "abort") this.#next();
  }

  #next(): void {
    this.state.step++;
    this.state.done = 0;
  }

  /** True: done. False: it waits, or has failed. */
  #attempt(step: Step): boolean {
    const { host, state } = this;
    const { exports } = host.core;
    switch (step.word) {
      case "listen":
        state.listener = this.#open();
        host.bind(state.listener, PORTS[host.side]);
        return this.#done(exports.sock_listen(state.listener, 1));
      case "accept":
        return this.#accept();
      case "connect":
        state.handle = this.#open();
        host.bind(state.handle, PORTS[host.side]);
        return this.#done(host.connect(state.handle, PORTS[other(host.side)]));
      case "send":
        return this.#send(step.bytes);
      case "read":
        return this.#read(step.bytes);
      case "shutdown":
        return this.#done(exports.sock_shutdown(state.handle, SHUT_WR));
      default:
        return this.#giveUp(step.word === "abort");
    }
  }

  #open(): number {
    const handle = this.host.open();
    for (const [option, value] of this.keepsAlive ? KEEPALIVE : []) {
      const result = this.host.core.exports.sock_set(handle, option, value);
      must(result === 0, () => `option ${option} is refused: ${result}`);
    }
    return handle;
  }

  /** A call that has nothing to wait for. */
  #done(result: number): boolean {
    if (result < 0) this.#fail(result);
    return result >= 0;
  }

  #fail(result: number): void {
    must(FAILURES.includes(-result), () => `${NAMES[this.host.side]}: ${this.step?.word} answers ${result}`);
    this.state.failed = -result;
  }

  #accept(): boolean {
    const { host, state } = this;
    const handle = host.core.exports.sock_accept(state.listener);
    if (handle === -E_AGAIN) return false;
    must(handle >= 0, () => `${NAMES[host.side]}: accept answers ${handle}`);
    state.handle = handle;
    this.closeListener();
    return true;
  }

  /** One connection is all that is wanted. */
  closeListener(): void {
    const { host, state } = this;
    if (state.listener < 0) return;
    host.touch();
    must(host.core.exports.sock_close(state.listener) === 0, "the listener does not close");
    state.listener = -1;
  }

  #giveUp(abort: boolean): boolean {
    const { exports } = this.host.core;
    const result = abort ? exports.sock_abort(this.state.handle) : exports.sock_close(this.state.handle);
    must(result === 0, () => `${NAMES[this.host.side]}: close or abort answers ${result}`);
    this.state.handle = -1;
    return true;
  }

  #send(bytes: number): boolean {
    const { host, state } = this;
    const { exports } = host.core;
    while (state.done < bytes) {
      const room = exports.tcp_send_window(state.handle);
      if (room === -E_AGAIN) return false;
      if (room < 0) return this.#done(room);
      must(room > 0, "a send window of no bytes");
      const count = Math.min(room, bytes - state.done);
      fillPattern(host.side, state.written, host.window(count));
      const sent = exports.tcp_send(state.handle, count, 0);
      if (sent < 0) return this.#done(sent);
      state.written += count;
      state.done += count;
    }
    return true;
  }

  #read(bytes: number): boolean {
    const { host, state } = this;
    const { exports } = host.core;
    while (state.done < bytes) {
      const there = exports.tcp_receive_window(state.handle);
      if (there === -E_AGAIN) return false;
      if (there < 0) return this.#done(there);
      if (there === 0) {
        state.ended = true;
        must(bytes === Infinity, () => `${NAMES[host.side]} reads the end of the stream at ${state.read}`);
        return true;
      }
      const count = Math.min(there, bytes - state.done);
      const bad = patternBreak(other(host.side), state.read, host.window(count));
      must(bad < 0, () => `${NAMES[host.side]} reads a wrong byte at ${state.read + bad} of the stream`);
      const taken = exports.tcp_receive(state.handle, count);
      must(taken === 0, () => `tcp_receive answers ${taken}`);
      state.read += count;
      state.done += count;
    }
    return true;
  }

  hash(hash: Hash): void {
    const { state } = this;
    hash.add(state.step | (state.done << 8));
    hash.add(state.written | (state.read << 16));
    const bits = [state.handle >= 0, state.listener >= 0, state.ended, state.waiting].map(Number);
    hash.add(state.failed | (state.told << 8) | (Number.parseInt(bits.join(""), 2) << 16));
  }
}
