/**
 * The calls of Linux's C library that a TAP device needs, by koffi (an optional dependency, loaded when first needed).
 */

/** What is used of koffi. */
interface Koffi {
  load(path: string | null): { func(definition: string): NativeFunction };
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

type NativeFunction = ((...args: unknown[]) => number) & {
  async(...args: unknown[]): void;
};

/** Functions that answer -1 leave the reason in errno(). */
export interface Native {
  open(path: string, flags: number): number;
  close(fd: number): number;
  read(fd: number, into: Uint8Array, lenBytes: number): number;
  write(fd: number, from: Uint8Array, lenBytes: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  socket(family: number, type: number, protocol: number): number;
  setns(fd: number, kind: number): number;
  eventfd(value: number, flags: number): number;
  /** Waits on a thread of the pool; `fds` must not be touched until it has called back. */
  poll(fds: Uint8Array, count: number, timeoutMs: number, done: (error: Error | null, ready: number) => void): void;
  errno(): number;
  /** "EPERM" for 1. */
  errnoName(errno: number): string;
}

export const O_RDWR = 2;
export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

/** What went wrong with a TAP device, and what to do about it. */
export class TapError extends Error {
  override readonly name = "TapError";
  /** Such as "EPERM"; ERR_TAP_PLATFORM off Linux, ERR_TAP_KOFFI without koffi. */
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, syscall: string, text: string) {
    super(`${syscall}: ${code}: ${text}`);
    this.code = code;
    this.syscall = syscall;
  }
}

/** The host's process, where there is one. */
export const host = globalThis as {
  process?: { readonly platform: string; once(event: "exit", act: () => void): unknown };
};

let loaded: Promise<Native> | undefined;

/** @throws (by rejection) TapError off Linux, or when koffi is not there */
export function loadNative(): Promise<Native> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Native> {
  const platform = host.process?.platform ?? "no operating system";
  if (platform !== "linux") {
    throw new TapError("ERR_TAP_PLATFORM", "tap", `TAP devices are driven on Linux only, this is ${platform}`);
  }
  // By a variable: neither compilers nor bundlers look for a package that may be missing.
  const name = "koffi";
  let koffi: Koffi;
  try {
    const module = (await import(/* @vite-ignore */ name)) as { default?: Koffi } & Koffi;
    koffi = module.default ?? module;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new TapError("ERR_TAP_KOFFI", "tap", `the package koffi is needed (npm install koffi@3): ${why}`);
  }
  return bind(koffi);
}

function bind(koffi: Koffi): Native {
  const libc = koffi.load(null);
  // Backwards, so that of two names the first in the alphabet holds: EAGAIN, not EWOULDBLOCK.
  const names = new Map(
    Object.entries(koffi.os.errno)
      .sort(([a], [b]) => (a < b ? 1 : -1))
      .map(([name, value]) => [value, name]),
  );
  const poll = libc.func("int poll(void *fds, unsigned long count, int timeoutMs)");
  return {
    open: libc.func("int open(const char *path, int flags)"),
    close: libc.func("int close(int fd)"),
    read: libc.func("intptr_t read(int fd, void *into, size_t lenBytes)"),
    write: libc.func("intptr_t write(int fd, const void *from, size_t lenBytes)"),
    ioctl: libc.func("int ioctl(int fd, unsigned long request, void *argument)"),
    socket: libc.func("int socket(int family, int type, int protocol)"),
    setns: libc.func("int setns(int fd, int kind)"),
    eventfd: libc.func("int eventfd(unsigned int value, int flags)"),
    poll: (fds, count, timeoutMs, done) => poll.async(fds, count, timeoutMs, done),
    errno: () => koffi.errno(),
    errnoName: (errno) => names.get(errno) ?? `errno ${errno}`,
  };
}
