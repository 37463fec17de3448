/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A stack: one instance of the module, its interfaces and sockets, polled by a clock.
 */
import { E_BADF, E_NODEV } from "../assembly/abi/errno.js";
import { EVENT_CHANGED } from "../assembly/abi/event.js";
import { HANDLE_INDEX } from "../assembly/abi/socket.js";
import { POLL_FAR, POLL_IDLE } from "../assembly/abi/stack.js";
import { ipv4Prefix } from "./address.js";
import { type Clock, type Pollable, RealClock } from "./clock.js";
import { freeName, Interface, requireDriver, requireFree } from "./control/interfaces.js";
import { Neighbours } from "./control/neighbours.js";
import { type MemoryReport, readMemory, readStatistics, type Statistics } from "./control/report.js";
import { Routes } from "./control/routes.js";
import { readSockets, type SocketEntry } from "./control/sockets.js";
import { InterfaceSwitches, Switches } from "./control/switches.js";
import type { Driver } from "./drivers/driver.js";
import { guarded, refuseUnknown, requireBoolean, StackError, typeError } from "./errors.js";
import { type EchoOptions, EchoSocket } from "./sockets/echo.js";
import type { HostedSocket, SocketHost } from "./sockets/host.js";
import { type PingOptions, type PingReply, ping } from "./sockets/ping.js";
import { type RawOptions, RawSocket } from "./sockets/raw.js";
import { Tcp } from "./sockets/tcp.js";
import { Udp } from "./sockets/udp.js";
import { BOOT_OPTIONS, type BootOptions, Core } from "./wasm/core.js";
import { Events } from "./wasm/events.js";
import { compile, type ModuleSource } from "./wasm/module.js";

export interface StackOptions extends BootOptions {
  /** The host's name, "localhost" unless given. */
  readonly name?: string;
  /** The clock that polls the stack; a RealClock of its own unless given. */
  readonly clock?: Clock;
  /** The module to run: the release build carried in this package unless given. */
  readonly module?: ModuleSource;
}

/** A stack's state between two polls: its memory, and what its drivers say of theirs (structured-cloneable). */
export interface StackSnapshot {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly bytes: number;
  readonly dueUs: number;
  readonly drivers: readonly unknown[];
}

const OPTIONS: ReadonlySet<string> = new Set([...BOOT_OPTIONS, "name", "clock", "module"]);
const INTERFACE_OPTIONS: ReadonlySet<string> = new Set(["name", "address", "up"]);
/** Frames and timers that one poll of the module may take. */
const BUDGET = 512;
/** Polls of the module in one turn of the clock. */
const ROUNDS = 64;
/** Calls between polls see the last poll's time; beyond this age, µs, they poll first. */
const STALE_US = 1000;

export class Stack implements Pollable, SocketHost {
  readonly name: string;
  readonly core: Core;
  readonly clock: Clock;
  readonly udp: Udp;
  readonly tcp: Tcp;
  readonly routes: Routes;
  readonly neighbours: Neighbours;
  readonly switches: Switches;
  /** The interfaces' switches: set here, they are set on every interface and on those to come. */
  readonly interfaceSwitches: InterfaceSwitches;
  /** Called when an interface's flags or MTU have changed. */
  onchange: ((nif: Interface) => void) | undefined;

  readonly #module: WebAssembly.Module;
  readonly #events: Events;
  readonly #interfaces: Interface[] = [];
  readonly #sockets: (HostedSocket | undefined)[] = [];
  #dueUs = Infinity;
  #polledUs = -Infinity;
  /** Within poll(), whose time holds for all that it calls. */
  #polling = false;
  #closed = false;

  private constructor(core: Core, module: WebAssembly.Module, options: StackOptions) {
    this.core = core;
    this.#module = module;
    this.name = options.name ?? "localhost";
    this.clock = options.clock ?? new RealClock();
    this.udp = new Udp(this);
    this.tcp = new Tcp(this);
    this.routes = new Routes(this);
    this.neighbours = new Neighbours(this);
    this.switches = new Switches(this);
    this.interfaceSwitches = new InterfaceSwitches(this, 0);
    this.#events = new Events(core);
  }

  /**
   * Boots a stack: afterwards lo is up with 127.0.0.1/8.
   * @throws (by rejection) StackError EINVAL or ENOMEM naming the option; TypeError, RangeError
   */
  static async create(options: StackOptions = {}): Promise<Stack> {
    refuseUnknown(options, OPTIONS);
    const module = await compile(options.module);
    const stack = new Stack(Core.boot(module, options), module, options);
    stack.#interfaces.push(new Interface(stack, 1));
    stack.clock.add(stack);
    stack.tick();
    return stack;
  }

  /**
   * Another stack that carries on from a snapshot, to the bit. Its sockets are taken over by `udp.adopt()`, `tcp.adopt()` and
   * `tcp.adoptServer()`; `sockets()` has their handles.
   * @param drivers  one for each interface beside lo, in order; each is handed its own record of the snapshot
   * @throws (by rejection) TypeError when there are more or fewer, or one is not of its interface's medium and MAC; what
   *   a driver throws. Then nothing is left attached.
   */
  static async resume(snapshot: StackSnapshot, drivers: readonly Driver[], options: StackOptions = {}): Promise<Stack> {
    if (drivers.length !== snapshot.drivers.length) {
      throw typeError(`resume: ${snapshot.drivers.length} drivers are needed, ${drivers.length} given`);
    }
    const module = await compile(options.module);
    const stack = new Stack(Core.resume(module, snapshot.memory, snapshot.bytes), module, options);
    try {
      stack.#interfaces.push(new Interface(stack, 1));
      for (const [i, driver] of drivers.entries()) stack.#interfaces.push(new Interface(stack, i + 2, driver));
      for (const nif of stack.#interfaces) nif.requireMatch();
      stack.#dueUs = snapshot.dueUs;
      stack.clock.add(stack);
      for (const nif of stack.#interfaces) nif.resume();
      for (const [i, record] of snapshot.drivers.entries()) stack.#interfaces[i + 1]?.restore(record);
    } catch (error) {
      stack.close();
      throw error;
    }
    stack.clock.wake(stack);
    return stack;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The compiled module, to be shared with other stacks. */
  get module(): WebAssembly.Module {
    return this.#module;
  }

  // Interfaces

  get interfaces(): readonly Interface[] {
    return this.#interfaces;
  }

  interfaceNamed(name: string): Interface | undefined {
    return this.#interfaces.find((nif) => nif.name === name);
  }

  interfaceAt(index: number): Interface | undefined {
    return this.#interfaces[index - 1];
  }

  /** The interface of this name. @throws StackError ENODEV */
  interface(name: string): Interface {
    const nif = this.interfaceNamed(name);
    if (nif === undefined) throw new StackError(E_NODEV, "interface", { address: name });
    return nif;
  }

  /**
   * Joins a driver to the stack. The interface is brought up, and given `address` ("192.168.1.2/24") if there is one.
   * @throws StackError ENOSPC (see the boot option `interfaces`), EINVAL (MTU, MAC), EEXIST, EBADF (closed); TypeError;
   *   what the driver's attach() throws: the interface is then there, without carrier
   */
  addInterface(driver: Driver, options: { name?: string; address?: string; up?: boolean } = {}): Interface {
    if (this.#closed) throw new StackError(E_BADF, "addInterface");
    requireDriver(driver);
    refuseUnknown(options, INTERFACE_OPTIONS);
    if (options.up !== undefined) requireBoolean("up", options.up);
    if (options.address !== undefined) ipv4Prefix(options.address, "address");
    const name = options.name ?? freeName(driver, this.#interfaces);
    requireFree(name, this.#interfaces);
    const nif = Interface.add(this, driver, name);
    this.#interfaces.push(nif);
    nif.attach();
    if (options.up !== false) nif.up();
    if (options.address !== undefined) nif.addAddress(options.address);
    return nif;
  }

  // Sockets

  /** A socket for ICMP echoes. @throws StackError; RangeError, TypeError */
  openEcho(options?: EchoOptions): EchoSocket {
    return new EchoSocket(this, options);
  }

  /** A socket for the datagrams of an IP protocol. @throws StackError; RangeError, TypeError */
  openRaw(options: RawOptions): RawSocket {
    return new RawSocket(this, options);
  }

  /** Sends one echo request and waits for the reply: see sockets/ping.ts. */
  ping(address: string, options?: PingOptions): Promise<PingReply> {
    return ping(this, address, options);
  }

  /** Every socket of the stack, connections whose application is gone and those in TIME-WAIT too. */
  sockets(): SocketEntry[] {
    return readSockets(this.core, this.clock.now());
  }

  register(socket: HostedSocket): void {
    this.#sockets[socket.handle & HANDLE_INDEX] = socket;
  }

  registered(handle: number): boolean {
    return this.#sockets[handle & HANDLE_INDEX]?.handle === handle;
  }

  unregister(socket: HostedSocket): void {
    const index = socket.handle & HANDLE_INDEX;
    if (this.#sockets[index] === socket) this.#sockets[index] = undefined;
  }

  // Reports

  /** Counters and drops since boot. */
  statistics(): Statistics {
    return readStatistics(this.core);
  }

  /** Where the memory is: fixed bytes, buffers and their owners. */
  memory(): MemoryReport {
    return readMemory(this.core);
  }

  // Time

  /** Clock time of the next poll, µs; Infinity when idle. */
  pollAt(): number {
    return this.#dueUs;
  }

  /** Does what is due; the clock calls it. */
  poll(nowUs: number): void {
    const low = nowUs % 2 ** 32;
    const high = Math.floor(nowUs / 2 ** 32);
    this.#polledUs = nowUs;
    this.#polling = true;
    try {
      this.#rounds(nowUs, low, high);
    } finally {
      this.#polling = false;
    }
  }

  #rounds(nowUs: number, low: number, high: number): void {
    const { exports } = this.core;
    this.#service();
    for (let round = 0; round < ROUNDS; round++) {
      // From here on 0 means that a callback or a driver has made work: see work().
      this.#dueUs = Infinity;
      const wait = exports.stack_poll(low, high, BUDGET) >>> 0;
      this.#events.drain(this);
      if (this.#closed) return;
      const moved = this.#service();
      if (wait !== 0 && !moved && this.#dueUs !== 0) {
        this.#dueUs = wait === POLL_IDLE ? Infinity : nowUs + Math.min(wait, POLL_FAR);
        return;
      }
    }
    this.#dueUs = nowUs;
  }

  #service(): boolean {
    let moved = false;
    for (const nif of this.#interfaces) if (nif.service()) moved = true;
    return moved;
  }

  tick(): void {
    if (this.#polling) return;
    const nowUs = this.clock.now();
    if (nowUs - this.#polledUs <= STALE_US) return;
    this.#polledUs = nowUs;
    this.core.exports.stack_poll(nowUs % 2 ** 32, Math.floor(nowUs / 2 ** 32), 0);
    this.work();
  }

  work(): void {
    if (this.#dueUs === 0 || this.#closed) return;
    this.#dueUs = 0;
    // Within poll() the next round does it, or the clock asks afterwards.
    if (!this.#polling) this.clock.wake(this);
  }

  socketEvent(index: number, bits: number): void {
    this.#sockets[index]?.event(bits);
  }

  interfaceEvent(index: number, bits: number): void {
    const nif = this.#interfaces[index];
    if (nif === undefined) return;
    nif.event(bits);
    if ((bits & EVENT_CHANGED) !== 0) guarded(() => this.onchange?.(nif));
  }

  // Snapshots

  /** A copy of all that the stack is, between two polls. @throws Error when a driver cannot say its state */
  snapshot(): StackSnapshot {
    const drivers = this.#interfaces.slice(1).map((nif) => nif.snapshot());
    return { memory: this.core.u8.slice(), bytes: this.core.bytes, dueUs: this.#dueUs, drivers };
  }

  /**
   * Goes back to a snapshot of this stack. Calls of the old timeline that wait reject with code ERR_STACK_RESTORED;
   * sockets that were open then are valid again. The clock is restored by its owner, before.
   * @throws TypeError for what is no snapshot of this stack; what a driver throws. Then nothing is changed.
   */
  restore(snapshot: StackSnapshot): void {
    if (snapshot.memory.length !== this.core.u8.length || snapshot.drivers.length !== this.#interfaces.length - 1) {
      throw typeError("restore: this is no snapshot of this stack");
    }
    const reason = Object.assign(new Error("the stack was restored to an earlier state"), {
      code: "ERR_STACK_RESTORED",
    });
    this.#restoreDrivers(snapshot.drivers);
    this.core.u8.set(snapshot.memory);
    for (const socket of [...this.#sockets]) {
      if (socket === undefined) continue;
      // One that was opened since is no more, for good: its handle may come to mean another.
      const known = this.core.exports.sock_ready(socket.handle) >= 0;
      if (!known) this.unregister(socket);
      socket.abandon(reason, !known);
    }
    for (const nif of this.#interfaces) nif.abandon(reason);
    this.#dueUs = snapshot.dueUs;
    this.#polledUs = -Infinity;
    this.clock.wake(this);
  }

  /** All drivers, or none: those that have gone back go on as before when one throws. */
  #restoreDrivers(records: readonly unknown[]): void {
    const nifs = this.#interfaces.slice(1);
    const before = nifs.map((nif) => nif.snapshot());
    let tried = 0;
    try {
      for (const nif of nifs) nif.restore(records[tried++]);
    } catch (error) {
      while (tried-- > 0) guarded(() => nifs[tried]?.restore(before[tried]));
      throw error;
    }
  }

  /** Ends the stack: its drivers are detached, its sockets closed; waiting calls reject with EBADF. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.clock.remove(this);
    for (const socket of this.#sockets) (socket as { close?(): void } | undefined)?.close?.();
    for (const nif of this.#interfaces) {
      nif.abandon();
      guarded(() => nif.detach());
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
