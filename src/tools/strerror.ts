/**
 * Error codes as C's strerror() says them.
 */
const TEXTS: Record<string, string> = {
  EACCES: "Permission denied",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  EAGAIN: "Resource temporarily unavailable",
  EALREADY: "Operation already in progress",
  EBADF: "Bad file descriptor",
  ECONNABORTED: "Software caused connection abort",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EEXIST: "File exists",
  EHOSTUNREACH: "No route to host",
  EINVAL: "Invalid argument",
  EISCONN: "Transport endpoint is already connected",
  EMSGSIZE: "Message too long",
  ENETDOWN: "Network is down",
  ENETUNREACH: "Network is unreachable",
  ENOBUFS: "No buffer space available",
  ENODEV: "No such device",
  ENOENT: "No such file or directory",
  ENOMEM: "Cannot allocate memory",
  ENOPROTOOPT: "Protocol not available",
  ENOSPC: "No space left on device",
  ENOTCONN: "Transport endpoint is not connected",
  ENXIO: "No such device or address",
  EOPNOTSUPP: "Operation not supported",
  EPIPE: "Broken pipe",
  EPROTO: "Protocol error",
  ESRCH: "No such process",
  ETIMEDOUT: "Connection timed out",
};

/** What strerror() says of a code; the code itself where it is not known. */
export function errorText(code: string): string {
  return TEXTS[code] ?? code;
}
