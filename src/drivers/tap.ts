/**
 * A TAP or TUN device of Linux as an interface: frames cross between the stack and the kernel of the machine. Needs the
 * optional dependency koffi, /dev/net/tun, and CAP_NET_ADMIN unless the device was made for the user beforehand.
 *
 * The device is the driver's from open() to close(), or to detach(). While attached it keeps the process alive, as an open
 * socket does.
 */
import { macrotask } from "../clock/turn.js";
import { requireInteger, typeError } from "../errors.js";
import type { Driver, DriverPort, Medium } from "./driver.js";
import { loadNative, type Native, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, TapError } from "./tap-native.js";
import { Poller, type Waiting } from "./tap-poller.js";

export { TapError } from "./tap-native.js";

export interface TapOptions {
  /** The device's name in the kernel, 1 to 15 characters; made unless it is there, and gone again with the driver. */
  readonly name: string;
  /** The network namespace that has it: a name of `ip netns`, or a path such as "/proc/7/ns/net"; this process's
   * unless given. */
  readonly netns?: string;
  /** The longest IP packet, bytes, told to the kernel too; the device's own unless given (1500 of a new one). */
  readonly mtu?: number;
  /** Our station's address, 6 bytes, on ethernet; a random one of local administration unless given. The kernel's end
   * has another. */
  readonly mac?: Uint8Array;
  /** "ethernet" is a TAP device, "ip" a TUN device; ethernet unless given. */
  readonly medium?: Medium;
}

/** Frames since open(). */
export interface TapCounters {
  readonly received: number;
  readonly sent: number;
  /** Frames that the kernel did not take: its end is down, or they were none that it knows. */
  readonly refused: number;
}

const CLONE_NEWNET = 0x40000000;
const TUNSETIFF = 0x400454ca;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const IFF_TUN = 1;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFREQ_BYTES = 40;
/** Where a request's own part stands, behind the name. */
const IFREQ_VALUE = 16;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const FRAME_MOST = 65536;
/** Frames read before the stack has its turn: fewer than it has receive buffers. */
const BATCH = 32;

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; the kernel needs its module tun (modprobe tun), a container --device /dev/net/tun",
  ENODEV: "the kernel has no TUN/TAP driver (modprobe tun)",
  EACCES: "this user may not open it; run as root",
  EPERM: "needs CAP_NET_ADMIN: run as root, or have root make the device first: ip tuntap add NAME mode tap user USER",
  EBUSY: "another program has the device open",
  EINVAL: "there is a device of this name and of another kind, or the value is out of its range",
};

const pollers = new WeakMap<Native, Poller>();

function pollerOf(native: Native): Poller {
  let poller = pollers.get(native);
  if (poller === undefined) {
    poller = new Poller(native);
    pollers.set(native, poller);
  }
  return poller;
}

export class TapDriver implements Driver, Waiting {
  readonly medium: Medium;
  readonly mac?: Uint8Array;
  readonly mtu: number;
  /** The device's name in the kernel. */
  readonly name: string;
  readonly fd: number;
  wantsRead = true;
  wantsWrite = false;
  readonly #native: Native;
  readonly #poller: Poller;
  readonly #buffer = new Uint8Array(FRAME_MOST);
  #port: DriverPort | undefined;
  #closed: Promise<void> | undefined;
  #received = 0;
  #sent = 0;
  #refused = 0;

  private constructor(native: Native, device: Device, mac: Uint8Array | undefined) {
    this.#native = native;
    this.#poller = pollerOf(native);
    this.name = device.name;
    this.fd = device.fd;
    this.mtu = device.mtu;
    this.medium = device.medium;
    if (mac !== undefined) this.mac = mac;
  }

  /**
   * Opens a device, or makes it.
   * @throws (by rejection) TapError with what to do: ERR_TAP_PLATFORM off Linux, ERR_TAP_KOFFI without koffi, EPERM,
   *   EACCES, ENOENT, EBUSY, EINVAL; TypeError, RangeError
   */
  static async open(options: TapOptions): Promise<TapDriver> {
    const { name, netns, mtu, medium = "ethernet" } = options;
    if (!/^[^\s/:%]{1,15}$/.test(name)) throw typeError(`name: ${JSON.stringify(name)} is no name of a device`);
    if (medium !== "ethernet" && medium !== "ip") throw typeError(`medium: ${JSON.stringify(medium)} is none`);
    if (mtu !== undefined) requireInteger("mtu", mtu, 68, 65535);
    const mac = medium === "ethernet" ? (options.mac ?? randomMac()) : undefined;
    if (mac !== undefined && (mac.length !== 6 || ((mac[0] ?? 0) & 1) !== 0)) {
      throw typeError("mac: needs 6 bytes, of which the first is even");
    }
    const native = await loadNative();
    const device = within(native, netns, () => openDevice(native, name, medium, mtu));
    return new TapDriver(native, device, mac);
  }

  get counters(): TapCounters {
    return { received: this.#received, sent: this.#sent, refused: this.#refused };
  }

  /** @throws Error when a stack is attached already, or was */
  attach(port: DriverPort): void {
    if (this.#port !== undefined || this.#closed !== undefined) {
      throw new Error(`${this.name} ${this.#closed === undefined ? "has a stack already" : "is closed"}`);
    }
    this.#port = port;
    this.#poller.add(this);
  }

  transmit(frame: Uint8Array): boolean {
    if (this.#closed !== undefined) return true;
    for (;;) {
      if (this.#native.write(this.fd, frame, frame.length) >= 0) {
        this.#sent++;
        return true;
      }
      const code = this.#native.errnoName(this.#native.errno());
      if (code === "EINTR") continue;
      if (code === "EAGAIN" || code === "ENOBUFS") {
        this.wantsWrite = true;
        this.#poller.changed();
        return false;
      }
      // EIO: the kernel's end is down, and what is sent on such a line is lost.
      this.#refused++;
      return true;
    }
  }

  /** Closes the device. */
  detach(): void {
    this.close();
  }

  /** @returns settles when the kernel has been told: a device made by open() is gone then */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#port = undefined;
      this.#native.close(this.fd);
      this.#closed = this.#poller.remove(this);
    }
    return this.#closed;
  }

  ready(canRead: boolean, canWrite: boolean): void {
    if (canWrite && this.wantsWrite) {
      this.wantsWrite = false;
      this.#port?.wake();
    }
    if (canRead) this.#drain();
  }

  /** Reads until nothing is left; between batches the stack has its turn. */
  #drain(): void {
    for (let i = 0; i < BATCH; i++) {
      if (this.#port === undefined) return;
      const lenBytes = this.#native.read(this.fd, this.#buffer, FRAME_MOST);
      if (lenBytes <= 0) {
        this.#emptied(lenBytes < 0 ? this.#native.errnoName(this.#native.errno()) : "EAGAIN");
        return;
      }
      this.#received++;
      this.#port.receive(this.#buffer.subarray(0, lenBytes));
    }
    this.wantsRead = false;
    macrotask(() => this.#drain());
  }

  #emptied(code: string): void {
    if (code === "EAGAIN" || code === "EINTR") {
      this.#resume();
      return;
    }
    // EBADFD: somebody has deleted the device, or its namespace. It does not come back.
    this.#poller.remove(this);
    this.#port?.carrier(false);
  }

  /** Nothing is left to read: the poll waits for more. */
  #resume(): void {
    if (this.wantsRead) return;
    this.wantsRead = true;
    this.#poller.changed();
  }
}

interface Device {
  readonly fd: number;
  readonly name: string;
  readonly mtu: number;
  readonly medium: Medium;
}

function randomMac(): Uint8Array {
  const mac = crypto.getRandomValues(new Uint8Array(6));
  mac[0] = ((mac[0] as number) & 0xfc) | 2;
  return mac;
}

/** The result, if it is none of an error. @throws TapError, closing the descriptors */
function demand(native: Native, result: number, syscall: string, what: string, ...fds: number[]): number {
  if (result >= 0) return result;
  const code = native.errnoName(native.errno());
  for (const fd of fds) native.close(fd);
  const hint = HINTS[code];
  throw new TapError(code, syscall, hint === undefined ? what : `${what}: ${hint}`);
}

function openDevice(native: Native, name: string, medium: Medium, mtu: number | undefined): Device {
  const path = "/dev/net/tun";
  const fd = demand(native, native.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), "open", path);
  const request = interfaceRequest(name);
  const kind = (medium === "ip" ? IFF_TUN : IFF_TAP) | IFF_NO_PI;
  new Int16Array(request.buffer)[IFREQ_VALUE / 2] = kind;
  demand(native, native.ioctl(fd, TUNSETIFF, request), "TUNSETIFF", name, fd);
  const socket = demand(native, native.socket(AF_INET, SOCK_DGRAM | O_CLOEXEC, 0), "socket", name, fd);
  const wish = interfaceRequest(name);
  const word = new Int32Array(wish.buffer);
  if (mtu !== undefined) {
    word[IFREQ_VALUE / 4] = mtu;
    demand(native, native.ioctl(socket, SIOCSIFMTU, wish), "SIOCSIFMTU", `${name}: MTU ${mtu}`, socket, fd);
  }
  demand(native, native.ioctl(socket, SIOCGIFMTU, wish), "SIOCGIFMTU", name, socket, fd);
  native.close(socket);
  return { fd, name, medium, mtu: word[IFREQ_VALUE / 4] as number };
}

/** A `struct ifreq` for the device. */
function interfaceRequest(name: string): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(new ArrayBuffer(IFREQ_BYTES));
  new TextEncoder().encodeInto(name, request.subarray(0, IFREQ_VALUE - 1));
  return request;
}

/** Does it within a network namespace: this thread goes there and comes back, with nothing of it in between. */
function within<T>(native: Native, netns: string | undefined, act: () => T): T {
  if (netns === undefined) return act();
  const path = netns.includes("/") ? netns : `/run/netns/${netns}`;
  const home = demand(native, native.open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open", "own namespace");
  const there = native.open(path, O_RDONLY | O_CLOEXEC);
  if (there < 0 && native.errnoName(native.errno()) === "ENOENT") {
    native.close(home);
    throw new TapError("ENOENT", "open", `${path}: there is no such network namespace; ip netns add NAME makes one`);
  }
  demand(native, there, "open", path, home);
  demand(native, native.setns(there, CLONE_NEWNET), "setns", path, there, home);
  native.close(there);
  try {
    return act();
  } finally {
    demand(native, native.setns(home, CLONE_NEWNET), "setns", "the way back to this process's namespace", home);
    native.close(home);
  }
}
