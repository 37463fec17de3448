/**
 * Error codes as C's strerror() says them.
 */
const TEXTS: Record<string, string> = {
  EACCES: "Permission denied",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EAGAIN: "Resource temporarily unavailable",
  ECONNREFUSED: "Connection refused",
  EEXIST: "File exists",
  EHOSTUNREACH: "No route to host",
  EINVAL: "Invalid argument",
  EMSGSIZE: "Message too long",
  ENETDOWN: "Network is down",
  ENETUNREACH: "Network is unreachable",
  ENOBUFS: "No buffer space available",
  ENODEV: "No such device",
  ENOENT: "No such file or directory",
  ENOMEM: "Cannot allocate memory",
  ENOPROTOOPT: "Protocol not available",
  ENOSPC: "No space left on device",
  ENXIO: "No such device or address",
  EOPNOTSUPP: "Operation not supported",
  EPROTO: "Protocol error",
  ESRCH: "No such process",
  ETIMEDOUT: "Connection timed out",
};

/** What strerror() says of a code; the code itself where it is not known. */
export function errorText(code: string): string {
  return TEXTS[code] ?? code;
}
