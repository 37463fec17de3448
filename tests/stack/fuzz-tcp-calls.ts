/** TCP's calls for the fuzzer, right and wrong, on right handles and wrong ones. What is written is the stream's, so that
 * what is read, sent and kept in rings can be told. */
import { CALL_PTR } from "../../assembly/abi/call.js";
import {
  HANDLE_INDEX,
  OPT_REUSE,
  OPT_TCP,
  OPT_TCP_END,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_KEEPALIVE,
  OPT_TCP_PACING_RATE,
} from "../../assembly/abi/socket.js";
import {
  SW_TCP_AUTOTUNING,
  SW_TCP_CONGESTION,
  SW_TCP_ECN,
  SW_TCP_MTU_PROBING,
  SW_TCP_PACING,
  SW_TCP_RECEIVE_BUFFER,
  SW_TCP_SEND_BUFFER,
  SW_TCP_SYN_COOKIES,
  SW_TCP_TIME_WAIT_MS,
} from "../../assembly/abi/switch.js";
import { TCP_CONGESTION_RENO, TCP_ESTABLISHED } from "../../assembly/abi/tcp.js";
import type { Prng, Stack } from "../../src/index.js";
import { result } from "./fuzz-calls.js";
import { PEERS, pick } from "./fuzz-datagrams.js";
import { SERVED } from "./fuzz-frames.js";
import { breakIn, stream } from "./tcp-invariants.js";
import { TcbRecord } from "./tcp-records.js";
import { ip4 } from "./wire.js";

const TCP = 6;

const KINDS = [
  "open",
  "listen",
  "connect",
  "connect",
  "accept",
  "accept",
  "accept",
  "write",
  "write",
  "write",
  "write",
  "write",
  "write",
  "read",
  "read",
  "read",
  "read",
  "shutdown",
  "shutdown",
  "close",
  "abort",
  "set",
  "set",
  "switch",
  "ask",
  "datagram",
  "foreign",
] as const;

/** How the host speaks TCP, apart from what is so everywhere. */
export function habits(stack: Stack, prng: Prng): void {
  const { exports } = stack.core;
  const choices = [
    [SW_TCP_ECN, 0.5, [0, 1, 1]],
    [SW_TCP_SYN_COOKIES, 0.5, [0, 2, 2]],
    [SW_TCP_PACING, 0.3, [1]],
    [SW_TCP_AUTOTUNING, 0.2, [0]],
    [SW_TCP_MTU_PROBING, 0.6, [0, 2, 2, 2]],
    [SW_TCP_CONGESTION, 0.3, [TCP_CONGESTION_RENO]],
    // Rings that can grow.
    [SW_TCP_SEND_BUFFER, 0.4, [2048]],
    [SW_TCP_RECEIVE_BUFFER, 0.4, [2048]],
  ] as const;
  for (const [id, chance, values] of choices) {
    if (prng.chance(chance)) result("stack_set", exports.stack_set(id, pick<number>(prng, values)));
  }
}

export interface TcpCallsHost {
  readonly prng: Prng;
  readonly stack: Stack;
  readonly addresses: readonly string[];
  /** The boot option tcpRanges. */
  readonly ranges: number;
  /** Handles of the other protocols' sockets. */
  others(): readonly number[];
  /** Has the connection been told bytes that are not the stream's? */
  isSpoiled(t: TcbRecord): boolean;
  digest(bytes: Uint8Array): void;
}

export class TcpCalls {
  readonly #host: TcpCallsHost;
  /** Open, or closed meanwhile. */
  readonly #handles: number[] = [];

  constructor(host: TcpCallsHost) {
    this.#host = host;
  }

  /** One call; says which. */
  call(): string {
    const { prng } = this.#host;
    const recent = this.#handles.slice(-16);
    const handle = recent.length > 0 && prng.chance(0.97) ? pick(prng, recent) : prng.uint32() | 0;
    const kind = pick(prng, KINDS);
    this.#make(kind, handle);
    return `tcp ${kind} ${handle}`;
  }

  #make(kind: (typeof KINDS)[number], handle: number): void {
    const { prng, stack } = this.#host;
    const { exports } = stack.core;
    switch (kind) {
      case "open":
        this.#open();
        return;
      case "listen":
        result("sock_listen", exports.sock_listen(handle, pick(prng, [0, 1, 2, 5, 5, 70000])));
        return;
      case "connect":
        this.#connect();
        return;
      case "accept": {
        const accepted = result("sock_accept", exports.sock_accept(handle));
        if (accepted > 0) this.#keep(accepted);
        return;
      }
      case "write":
        this.#writes(handle);
        return;
      case "read":
        this.#read(handle);
        return;
      case "shutdown":
        result("sock_shutdown", exports.sock_shutdown(handle, pick(prng, [0, 1, 1, 1, 2, 3])));
        return;
      case "close":
        if (prng.chance(0.5)) result("sock_close", exports.sock_close(handle));
        return;
      case "abort":
        if (prng.chance(0.3)) result("sock_abort", exports.sock_abort(handle));
        return;
      case "set":
        this.#set(handle);
        return;
      case "switch": {
        const id = SW_TCP_TIME_WAIT_MS + prng.below(SW_TCP_MTU_PROBING - SW_TCP_TIME_WAIT_MS + 1);
        result("stack_set", exports.stack_set(id, pick(prng, [0, 1, 1, 2, 10, 1000, 2000, 60000, 1 << 20])));
        return;
      }
      case "ask":
        result("sock_ready", exports.sock_ready(handle));
        result("sock_error", exports.sock_error(handle));
        result("time_wait_record", exports.time_wait_record(prng.below(12)));
        return;
      case "datagram":
        // What datagram sockets do.
        result("sock_window", exports.sock_window(handle, prng.below(2000)));
        result("sock_send", exports.sock_send(handle, prng.below(2000), prng.below(2)));
        result("sock_recv", exports.sock_recv(handle));
        result("sock_disconnect", exports.sock_disconnect(handle));
        return;
      default:
        this.#foreign();
    }
  }

  #keep(handle: number): void {
    this.#handles.push(handle);
  }

  /** A socket, a listener mostly. */
  #open(): void {
    const { prng, stack } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const handle = result("sock_open", exports.sock_open(TCP));
    if (handle < 0) return;
    this.#keep(handle);
    if (prng.chance(0.5)) result("sock_set", exports.sock_set(handle, OPT_REUSE, 1));
    if (prng.chance(0.3)) this.#set(handle);
    core.putPeer(prng.chance(0.7) ? 0 : ip4(pick(prng, this.#host.addresses)), pick(prng, SERVED));
    if (prng.chance(0.9)) result("sock_bind", exports.sock_bind(handle));
    if (prng.chance(0.9)) result("sock_listen", exports.sock_listen(handle, pick(prng, [0, 1, 2, 5, 5, 70000])));
  }

  /** Somebody out there is called, or this host itself. */
  #connect(): void {
    const { prng, stack, addresses } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const again = this.#handles.at(-1);
    const handle = prng.chance(0.1) && again !== undefined ? again : result("sock_open", exports.sock_open(TCP));
    if (handle < 0) return;
    if (handle !== again) this.#keep(handle);
    if (prng.chance(0.3)) this.#set(handle);
    if (prng.chance(0.1)) {
      core.putPeer(0, pick(prng, SERVED));
      result("sock_bind", exports.sock_bind(handle));
    }
    const to = prng.chance(0.7)
      ? pick(prng, PEERS)
      : pick(prng, ["127.0.0.1", "0.0.0.0", "255.255.255.255", ...addresses]);
    core.putPeer(ip4(to), prng.chance(0.97) ? pick(prng, SERVED) : 0);
    result("sock_connect", exports.sock_connect(handle));
  }

  #record(handle: number): TcbRecord {
    const { stack, ranges } = this.#host;
    return new TcbRecord(stack, stack.core.exports.sock_record(handle & HANDLE_INDEX), ranges);
  }

  /** Handles of sockets that are open, and so. */
  #those(are: (record: TcbRecord) => boolean): number[] {
    return this.#handles.filter((handle) => {
      if (this.#host.stack.core.exports.sock_record(handle & HANDLE_INDEX) < 0) return false;
      const record = this.#record(handle);
      return record.handle === handle && are(record);
    });
  }

  /** Once or several times; mostly to a connection that is established, be it that it waits to be accepted. */
  #writes(handle: number): void {
    const { prng, stack } = this.#host;
    const open = this.#those((record) => record.get("state") === TCP_ESTABLISHED);
    for (const listener of this.#those((record) => record.get("acceptable") > 0)) {
      const accepted = prng.chance(0.5) ? result("sock_accept", stack.core.exports.sock_accept(listener)) : 0;
      if (accepted > 0) this.#keep(accepted);
      if (accepted > 0) open.push(accepted);
    }
    const to = open.length > 0 && prng.chance(0.7) ? pick(prng, open) : handle;
    for (let times = prng.chance(0.3) ? 3 : 1; times > 0; times--) this.#write(to);
  }

  #write(handle: number): void {
    const { prng, stack } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const room = result("tcp_send_window", exports.tcp_send_window(handle));
    const flags = prng.chance(0.8) ? 0 : pick(prng, [2, 4, 6, 1, 8, 0xffffffff]);
    if (room <= 0) {
      result("tcp_send", exports.tcp_send(handle, pick(prng, [0, 1, 1000]), flags));
      return;
    }
    const at = core.get(CALL_PTR);
    const record = this.#record(handle);
    core.u8.set(stream(record.localPort, record.get("sndEnd"), room), at);
    const right = Math.min(room, pick(prng, [1, 100, 1460, 5000, room, room, prng.below(room + 1)]));
    const length = prng.chance(0.9) ? right : pick(prng, [0, room + 1, -1]);
    result("tcp_send", exports.tcp_send(handle, length, flags));
  }

  #read(handle: number): void {
    const { prng, stack } = this.#host;
    const { core } = stack;
    const { exports } = core;
    const waiting = result("tcp_receive_window", exports.tcp_receive_window(handle));
    if (waiting > 0) {
      const bytes = core.u8.subarray(core.get(CALL_PTR), core.get(CALL_PTR) + waiting);
      this.#host.digest(bytes);
      const record = this.#record(handle);
      const wrong = breakIn(bytes, record.remotePort, record.get("rcvRead"));
      if (wrong >= 0 && !this.#host.isSpoiled(record)) throw new Error(`byte ${wrong} read is not what was sent`);
    }
    result("tcp_receive", exports.tcp_receive(handle, pick(prng, [waiting, waiting, 1, 0, 100, waiting + 1, -1])));
  }

  #set(handle: number): void {
    const { prng, stack } = this.#host;
    const { exports } = stack.core;
    if (prng.chance(0.2)) {
      // A connection that is asked soon whether it is still there.
      result("sock_set", exports.sock_set(handle, OPT_TCP_KEEP_IDLE_MS, pick(prng, [1, 1000, 10000])));
      result("sock_set", exports.sock_set(handle, OPT_TCP_KEEP_INTERVAL_MS, pick(prng, [1, 1000])));
      result("sock_set", exports.sock_set(handle, OPT_TCP_KEEPALIVE, 1));
    }
    if (prng.chance(0.3)) {
      const rate = pick(prng, [0, 1000, 20_000, 500_000, 0xffffffff]);
      result("sock_set", exports.sock_set(handle, OPT_TCP_PACING_RATE, rate));
    }
    const option = OPT_TCP + prng.below(OPT_TCP_END - OPT_TCP + 1);
    const value = pick(prng, [0, 1, 1, 2, 47, 48, 536, 1000, 2000, 10000, 65535, 1 << 20, (1 << 20) + 1, 0xffffffff]);
    result("sock_set", exports.sock_set(handle, option, value));
    result("sock_get", exports.sock_get(handle, option));
  }

  /** TCP's calls on sockets that are not TCP's. */
  #foreign(): void {
    const { prng, stack } = this.#host;
    const { exports } = stack.core;
    const others = this.#host.others();
    if (others.length === 0) return;
    const handle = pick(prng, others);
    pick(prng, [
      () => result("sock_listen", exports.sock_listen(handle, 5)),
      () => result("sock_accept", exports.sock_accept(handle)),
      () => result("sock_shutdown", exports.sock_shutdown(handle, prng.below(4))),
      () => result("sock_abort", exports.sock_abort(handle)),
      () => result("tcp_send_window", exports.tcp_send_window(handle)),
      () => result("tcp_send", exports.tcp_send(handle, prng.below(100), 0)),
      () => result("tcp_receive_window", exports.tcp_receive_window(handle)),
      () => result("tcp_receive", exports.tcp_receive(handle, prng.below(100))),
      () => this.#set(handle),
    ])();
  }
}
