/**
 * Errors as Node has them: `code`, `errno` (negative), `syscall`, and where there is one `address` and `port`.
 */
import * as ERRNO from "../assembly/abi/errno.js";

const NAMES = new Map<number, string>();
for (const [name, value] of Object.entries(ERRNO)) NAMES.set(value, `E${name.slice(2)}`);

const TEXTS: Record<string, string> = {
  EACCES: "broadcast is not enabled on this socket",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address not available",
  EAFNOSUPPORT: "address family not supported",
  EAGAIN: "no room or nothing there now",
  EBADF: "closed or no such handle",
  EALREADY: "connecting already",
  ECONNABORTED: "connection aborted",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "connection reset by the peer",
  EDESTADDRREQ: "destination address required",
  EEXIST: "already there",
  EHOSTUNREACH: "host unreachable",
  EINVAL: "invalid argument",
  EISCONN: "connected already",
  EMSGSIZE: "message too long",
  ENETDOWN: "interface is down",
  ENETUNREACH: "network unreachable",
  ENOBUFS: "no buffer free",
  ENODEV: "no such interface",
  ENOENT: "no such entry",
  ENOMEM: "not enough memory",
  ENOSPC: "table full",
  ENOTCONN: "not connected",
  EPIPE: "this direction has ended",
  ETIMEDOUT: "no answer in time",
};

/** Name of an errno of abi/errno.ts, such as "ECONNREFUSED". */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

/** Its number, from the name. */
export function errnoOf(name: string): number {
  for (const [errno, known] of NAMES) if (known === name) return errno;
  return 0;
}

export interface ErrorDetails {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** Said instead of the code's usual text. */
  readonly text?: string;
}

/** What a call of the stack throws, or a promise rejects with. */
export class StackError extends Error {
  override readonly name = "StackError";
  /** Such as "ECONNREFUSED". */
  readonly code: string;
  /** The negative errno, as Node has it. */
  readonly errno: number;
  readonly syscall: string;
  readonly address?: string;
  readonly port?: number;

  constructor(errno: number, syscall: string, details: ErrorDetails = {}) {
    const code = errnoName(errno);
    const where =
      details.address === undefined ? "" : ` ${details.address}${details.port === undefined ? "" : `:${details.port}`}`;
    const text = details.text ?? TEXTS[code];
    super(`${syscall} ${code}${where}${text === undefined ? "" : ` (${text})`}`);
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
    if (details.address !== undefined) this.address = details.address;
    if (details.port !== undefined) this.port = details.port;
  }
}

/** An error of a program's own callback: uncaught, as one in a timer's is; what called back goes on. */
export function uncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Runs somebody else's part of what must go on anyhow. */
export function guarded(act: () => void): void {
  try {
    act();
  } catch (thrown) {
    uncaught(thrown);
  }
}

/** A TypeError with Node's code for one. */
export function typeError(message: string): TypeError & { code: string } {
  return Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" });
}

/** A RangeError with Node's code for one. */
export function rangeError(message: string): RangeError & { code: string } {
  return Object.assign(new RangeError(message), { code: "ERR_OUT_OF_RANGE" });
}

/** A text is shown as one: 5 is an integer, "5" is not. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The value, if it is an integer within the bounds. @throws RangeError naming it */
export function requireInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw rangeError(`${name}: ${shown(value)} is not an integer from ${least} to ${most}`);
}

/** The value, if it fits a u32. @throws RangeError naming it */
export function requireWord(name: string, value: number): number {
  return requireInteger(name, value, 0, 0xffffffff);
}

/** The value, if it is true or false. @throws TypeError naming it */
export function requireBoolean(name: string, value: boolean): boolean {
  if (typeof value !== "boolean") throw typeError(`${name}: a boolean is needed, not ${shown(value)}`);
  return value;
}

/** @throws TypeError naming what is no object */
export function requireObject(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null) throw typeError(`${name}: an object is needed, not ${shown(value)}`);
}

/** @throws TypeError for what is no object, and naming an option that is not known */
export function refuseUnknown(options: object, known: ReadonlySet<string>): void {
  requireObject("options", options);
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw typeError(`${name}: no such option`);
  }
}

/** Before a call that a stack refuses once it has ended. @throws StackError EBADF */
export function requireOpen(host: { readonly closed: boolean }, syscall: string): void {
  if (host.closed) throw new StackError(ERRNO.E_BADF, syscall);
}

/** The result of an export when it is >= 0; otherwise the StackError of its -errno is thrown. */
export function check(result: number, syscall: string, details?: ErrorDetails): number {
  if (result < 0) throw new StackError(-result, syscall, details);
  return result;
}
