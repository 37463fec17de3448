/**
 * The verbs of a TCP script (tests/tcp-scripts/README.md): calls of the module's exports, and questions about the state
 * that they leave. Each answers in words what the script compares.
 */
import { CALL_PTR } from "../../assembly/abi/call.js";
import * as EVENT from "../../assembly/abi/event.js";
import * as SOCKET from "../../assembly/abi/socket.js";
import * as SWITCH from "../../assembly/abi/switch.js";
import * as TCP from "../../assembly/abi/tcp.js";
import { errnoName } from "../../src/errors.js";
import { COUNTERS, DROPS } from "../../src/text/drops.js";
import type { Exports } from "../../src/wasm/core.js";
import { type Host, PEER } from "./recording-driver.js";
import { type Connection, OUR_SALT, PEER_SALT, patternByte } from "./tcp-connection.js";
import type { CallLine } from "./tcp-script-lines.js";
import { ip4 } from "./wire.js";

/** A call's answer in words, and whether it is what the line expects. */
export interface Answer {
  got: string;
  good: boolean;
}

interface Socket {
  readonly handle: number;
  /** Bytes written and read so far. */
  written: number;
  read: number;
  /** Events since they were last asked for. */
  events: number;
}

type Verb = (call: CallLine) => number | string;

const STATES = [
  "",
  "CLOSED",
  "LISTEN",
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "LAST-ACK",
  "CLOSING",
  "TIME-WAIT",
];

const EVENTS: Record<string, number> = {
  READABLE: EVENT.EVENT_READABLE,
  WRITABLE: EVENT.EVENT_WRITABLE,
  ERROR: EVENT.EVENT_ERROR,
  URGENT: EVENT.EVENT_URGENT,
  CLOSED: EVENT.EVENT_CLOSED,
};

/** Fields of `info`: where they stand in the Tcb, and how wide they are; sequence numbers relative to our ISS or theirs. */
const INFO: Record<string, [offset: number, form: "u32" | "u8" | "u64" | "ours" | "theirs"]> = {
  una: [TCP.TCB_SND_UNA, "ours"],
  max: [TCP.TCB_SND_MAX, "ours"],
  end: [TCP.TCB_SND_END, "ours"],
  wnd: [TCP.TCB_SND_WND, "u32"],
  rcvnxt: [TCP.TCB_RCV_NXT, "theirs"],
  rcvadv: [TCP.TCB_RCV_ADV, "theirs"],
  rcvup: [TCP.TCB_RCV_UP, "theirs"],
  mss: [TCP.TCB_SND_MSS, "u32"],
  sndshift: [TCP.TCB_SND_SHIFT, "u8"],
  rcvshift: [TCP.TCB_RCV_SHIFT, "u8"],
  recovery: [TCP.TCB_RECOVERY, "u8"],
  dupacks: [TCP.TCB_DUP_ACKS, "u8"],
  backoff: [TCP.TCB_BACKOFF, "u8"],
  srtt: [TCP.TCB_SRTT_US, "u32"],
  minrtt: [TCP.TCB_MIN_RTT_US, "u32"],
  rttvar: [TCP.TCB_RTTVAR_US, "u32"],
  rto: [TCP.TCB_RTO_US, "u32"],
  cwnd: [TCP.TCB_CWND, "u32"],
  ssthresh: [TCP.TCB_SSTHRESH, "u32"],
  retransmits: [TCP.TCB_RETRANSMITS, "u32"],
  acked: [TCP.TCB_BYTES_ACKED, "u64"],
  received: [TCP.TCB_BYTES_RECEIVED, "u64"],
  backlog: [TCP.TCB_BACKLOG, "u32"],
  acceptable: [TCP.TCB_ACCEPTABLE, "u32"],
  halfopen: [TCP.TCB_HALF_OPEN, "u32"],
};

export class Calls {
  /** The port that the last socket was bound to. */
  localPort: number | undefined;
  readonly #host: Host;
  readonly #exports: Exports;
  readonly #connection: (port?: number) => Connection;
  readonly #sockets = new Map<string, Socket>();
  readonly #verbs: Record<string, Verb>;
  #current = "";
  #listening = "";
  /** Counters as they were when a script last asked. */
  readonly #seen = new Map<string, number>();

  constructor(host: Host, connection: (port?: number) => Connection) {
    this.#host = host;
    this.#exports = host.stack.core.exports;
    this.#connection = connection;
    this.#verbs = this.#table();
  }

  /** Makes the call, lets the stack do what follows of it, and compares. */
  run(call: CallLine): Answer {
    const host = this.#host;
    host.stack.poll(host.clock.now());
    const verb = this.#verbs[call.verb];
    if (verb === undefined) throw new Error(`"${call.verb}" is no verb`);
    const answer = verb(call);
    host.stack.work();
    host.run();
    const got = typeof answer === "number" && answer < 0 ? errnoName(-answer) : String(answer);
    return { got, good: call.result === undefined ? this.#plain(call, answer) : call.result === got };
  }

  /** Without a result in the line: no error, and all of what was to be written or read. */
  #plain(call: CallLine, answer: number | string): boolean {
    if (typeof answer === "string") return answer === "true";
    const wanted = Number(call.args[0]);
    return call.verb === "write" || call.verb === "read" ? answer === wanted : answer >= 0;
  }

  #table(): Record<string, Verb> {
    const { core } = this.#host.stack;
    const { exports } = core;
    const handle = (call: CallLine) => this.#socket(call).handle;
    const numberOf = (call: CallLine, i = 0, otherwise = 0) => Number(call.args[i] ?? otherwise);
    return {
      socket: (call) => this.#keep(exports.sock_open(6), call.into ?? "s"),
      bind: (call) => {
        const port = numberOf(call);
        core.putPeer(0, port);
        if (port !== 0) this.localPort = port;
        return exports.sock_bind(handle(call));
      },
      listen: (call) => {
        this.#listening = call.socket ?? this.#current;
        return exports.sock_listen(handle(call), numberOf(call, 0, 16));
      },
      accept: (call) => {
        const listener = this.#named(call.socket ?? this.#listening).handle;
        return this.#keep(exports.sock_accept(listener), call.into ?? "c");
      },
      connect: (call) => {
        core.putPeer(ip4(PEER), numberOf(call, 0, 40000));
        return exports.sock_connect(handle(call));
      },
      write: (call) => this.#write(call),
      read: (call) => this.#read(call),
      shutdown: (call) => {
        const how = { rd: SOCKET.SHUT_RD, wr: SOCKET.SHUT_WR, rdwr: SOCKET.SHUT_RDWR }[call.args[0] as "rd"];
        return exports.sock_shutdown(handle(call), how);
      },
      close: (call) => this.#drop(call, exports.sock_close(handle(call))),
      abort: (call) => this.#drop(call, exports.sock_abort(handle(call))),
      set: (call) => exports.sock_set(handle(call), optionNumber(call.args[0]), numberOf(call, 1)),
      get: (call) => exports.sock_get(handle(call), optionNumber(call.args[0])),
      ready: (call) => {
        const bits = exports.sock_ready(handle(call));
        return bits < 0 ? bits : eventText(bits);
      },
      events: (call) => {
        const socket = this.#socket(call);
        const bits = socket.events;
        socket.events = 0;
        return eventText(bits);
      },
      switch: (call) => exports.stack_set(switchNumber(call.args[0]), numberOf(call, 1)),
      state: (call) => {
        const state = call.socket === undefined ? this.state(portOf(call)) : this.#stateOf(this.#tcb(call));
        return this.#is(state, call.args[0]);
      },
      info: (call) => this.#is(String(this.#info(call)), call.args[1]),
      drop: (call) => this.#is(String(this.#risen("drop", call.args[0])), call.args[1]),
      counter: (call) => this.#is(String(this.#risen("counter", call.args[0])), call.args[1]),
      link: (call) => {
        if (call.args[0] === "busy") this.#host.driver.busy = true;
        else this.#host.driver.free();
        return 0;
      },
      nothing: () => 0,
      renew: (call) => {
        this.#connection(call.args[0] === undefined ? undefined : numberOf(call)).forget();
        return 0;
      },
    };
  }

  /** "true", or what it is instead. */
  #is(got: string, wanted: string | undefined): string {
    return got === wanted ? "true" : got;
  }

  #named(name: string): Socket {
    const socket = this.#sockets.get(name);
    if (socket === undefined) throw new Error(`there is no socket "${name}"`);
    return socket;
  }

  #socket(call: CallLine): Socket {
    return this.#named(call.socket ?? this.#current);
  }

  /** A new socket under its name. Stack.close() aborts what a script has left open. */
  #keep(handle: number, name: string): number {
    if (handle < 0) return handle;
    const socket: Socket = { handle, written: 0, read: 0, events: 0 };
    this.#sockets.set(name, socket);
    this.#current = name;
    this.#host.stack.register({
      handle,
      event: (bits) => {
        socket.events |= bits;
      },
      abandon: () => {},
      close: () => this.#exports.sock_abort(handle),
    } as Parameters<Host["stack"]["register"]>[0]);
    return 0;
  }

  #drop(call: CallLine, result: number): number {
    const { handle } = this.#socket(call);
    if (result >= 0) this.#host.stack.unregister({ handle, event: () => {}, abandon: () => {} });
    return result;
  }

  /** Into one window after the other, as long as there is room: what was taken, or why nothing was. */
  #write(call: CallLine): number {
    const { core } = this.#host.stack;
    const socket = this.#socket(call);
    const wanted = Number(call.args[0]);
    const flags =
      (call.args.includes("more") ? SOCKET.SEND_MORE : 0) | (call.args.includes("urgent") ? SOCKET.SEND_URGENT : 0);
    for (let done = 0; ; ) {
      const room = this.#exports.tcp_send_window(socket.handle);
      if (room < 0) return done > 0 ? done : room;
      const len = Math.min(room, wanted - done);
      const at = core.get(CALL_PTR);
      for (let i = 0; i < len; i++) core.u8[at + i] = patternByte(OUR_SALT, socket.written + i);
      // Where the ring has its end is nothing to a script: what goes on at its beginning follows at once.
      const last = done + len === wanted || this.#free(socket) <= len;
      const sent = this.#exports.tcp_send(socket.handle, len, last ? flags : flags | SOCKET.SEND_MORE);
      if (sent < 0) return sent;
      socket.written += len;
      done += len;
      if (done === wanted) return done;
    }
  }

  /** Bytes that are free in the socket's send ring, in one piece or two. */
  #free(socket: Socket): number {
    const { u32 } = this.#host.stack.core;
    const record = this.#exports.sock_record(socket.handle & SOCKET.HANDLE_INDEX);
    const tcb = u32[(record + SOCKET.PCB_TCB) >> 2] as number;
    const word = (at: number) => u32[(tcb + at) >> 2] as number;
    // A SYN that is not acknowledged takes no byte of it.
    const first = word(TCP.TCB_SND_UNA) === word(TCP.TCB_ISS) ? word(TCP.TCB_ISS) + 1 : word(TCP.TCB_SND_UNA);
    return word(TCP.TCB_SND_MASK) + 1 - ((word(TCP.TCB_SND_END) - first) >>> 0);
  }

  /** What can be read, up to the number given: how many bytes, "eof", or an error. */
  #read(call: CallLine): number | string {
    const { core } = this.#host.stack;
    const socket = this.#socket(call);
    const wanted = call.args[0] === undefined ? Infinity : Number(call.args[0]);
    for (let done = 0; ; ) {
      const there = this.#exports.tcp_receive_window(socket.handle);
      if (there <= 0) return done > 0 ? done : there === 0 ? "eof" : there;
      const len = Math.min(there, wanted - done);
      const at = core.get(CALL_PTR);
      for (let i = 0; i < len; i++) {
        if (core.u8[at + i] !== patternByte(PEER_SALT, socket.read + i)) {
          throw new Error(`byte ${socket.read + i} that is read is not what the peer sent`);
        }
      }
      const taken = this.#exports.tcp_receive(socket.handle, len);
      if (taken < 0) return taken;
      socket.read += len;
      done += len;
      if (done === wanted) return done;
    }
  }

  /** Address of the Tcb of the connection with the peer's port, whoever holds it, a living one rather than one that is
   * over; 0 if there is none. */
  #tcbOf(connection: Connection): number {
    const { u32 } = this.#host.stack.core;
    const word = (at: number, offset: number) => u32[(at + offset) >> 2] as number;
    for (let i = 0, found = 0; ; i++) {
      const at = this.#exports.sock_record(i);
      if (at < 0) return found;
      if (word(at, SOCKET.PCB_PROTO) !== 6 || word(at, SOCKET.PCB_REMOTE_PORT) !== connection.peerPort) continue;
      if (word(at, SOCKET.PCB_LOCAL_PORT) !== connection.localPort) continue;
      found = word(at, SOCKET.PCB_TCB);
      if (word(found, TCP.TCB_STATE) !== TCP.TCP_CLOSED) return found;
    }
  }

  /** Tcb of the socket that a line names, or else of the connection. */
  #tcb(call: CallLine): number {
    if (call.socket === undefined) return this.#tcbOf(this.#connection(portOf(call)));
    const { u32 } = this.#host.stack.core;
    const record = this.#exports.sock_record(this.#socket(call).handle & SOCKET.HANDLE_INDEX);
    return u32[(record + SOCKET.PCB_TCB) >> 2] as number;
  }

  /** State of a connection: its record's, TIME-WAIT if it has one of those, else CLOSED. */
  state(port?: number): string {
    const connection = this.#connection(port);
    const state = this.#stateOf(this.#tcbOf(connection));
    return state === "CLOSED" && this.#waits(connection) ? "TIME-WAIT" : state;
  }

  #stateOf(tcb: number): string {
    if (tcb === 0) return "CLOSED";
    return STATES[this.#host.stack.core.u32[(tcb + TCP.TCB_STATE) >> 2] as number] as string;
  }

  #waits(connection: Connection): boolean {
    const { u32 } = this.#host.stack.core;
    for (let i = 0; ; i++) {
      const at = this.#exports.time_wait_record(i);
      if (at < 0) return false;
      if (u32[(at + TCP.TW_LOCAL_PORT) >> 2] !== connection.localPort) continue;
      if (u32[(at + TCP.TW_REMOTE_PORT) >> 2] === connection.peerPort) return true;
    }
  }

  #info(call: CallLine): number {
    const field = INFO[call.args[0] as string];
    if (field === undefined) throw new Error(`"${call.args[0]}" is no field`);
    const { core } = this.#host.stack;
    const tcb = this.#tcb(call);
    if (tcb === 0) throw new Error("there is no such connection");
    const [offset, form] = field;
    const word = (at: number) => core.u32[(tcb + at) >> 2] as number;
    if (form === "u8") return core.u8[tcb + offset] as number;
    if (form === "u64") return core.u64(tcb + offset);
    if (form === "u32") return word(offset);
    return (word(offset) - word(form === "ours" ? TCP.TCB_ISS : TCP.TCB_IRS)) | 0;
  }

  /** By how much a counter has risen since a line last asked for it, or since the beginning. */
  #risen(kind: "drop" | "counter", name: string | undefined): number {
    const index = (kind === "drop" ? DROPS : COUNTERS).get(name as never);
    if (index === undefined) throw new Error(`"${name}" is no ${kind}`);
    const { counters, drops } = this.#host.stack.statistics();
    const now = (kind === "drop" ? drops : counters)[name as never] as number;
    const before = this.#seen.get(`${kind} ${name}`) ?? 0;
    this.#seen.set(`${kind} ${name}`, now);
    return now - before;
  }
}

/** The peer's port that a line names at its end, "@40001". */
function portOf(call: CallLine): number | undefined {
  const port = /^@(\d+)$/.exec(call.args.at(-1) ?? "")?.[1];
  return port === undefined ? undefined : Number(port);
}

function optionNumber(name: string | undefined): number {
  const number =
    (SOCKET as Record<string, number>)[`OPT_TCP_${name}`] ?? (SOCKET as Record<string, number>)[`OPT_${name}`];
  if (number === undefined) throw new Error(`"${name}" is no option`);
  return number;
}

function switchNumber(name: string | undefined): number {
  const number = (SWITCH as Record<string, number>)[`SW_${name}`];
  if (number === undefined) throw new Error(`"${name}" is no switch`);
  return number;
}

/** "READABLE|WRITABLE"; "none". */
function eventText(bits: number): string {
  return (
    Object.entries(EVENTS)
      .filter(([, bit]) => (bits & bit) !== 0)
      .map(([name]) => name)
      .join("|") || "none"
  );
}
