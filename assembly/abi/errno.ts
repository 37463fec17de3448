// Error numbers: Linux's (include/uapi/asm-generic/errno*.h), so that a C host and Node agree on them.
// Exports answer >= 0 for success and -E_… for failure.

export const E_NOENT = 2;
export const E_SRCH = 3;
export const E_BADF = 9;
export const E_AGAIN = 11;
export const E_NOMEM = 12;
export const E_ACCES = 13;
export const E_EXIST = 17;
export const E_NODEV = 19;
export const E_INVAL = 22;
export const E_NOSPC = 28;
export const E_NONET = 64;
export const E_PROTO = 71;
export const E_DESTADDRREQ = 89;
export const E_MSGSIZE = 90;
export const E_NOPROTOOPT = 92;
export const E_PROTONOSUPPORT = 93;
export const E_OPNOTSUPP = 95;
export const E_AFNOSUPPORT = 97;
export const E_ADDRINUSE = 98;
export const E_ADDRNOTAVAIL = 99;
export const E_NETDOWN = 100;
export const E_NETUNREACH = 101;
export const E_NOBUFS = 105;
export const E_NOTCONN = 107;
export const E_TIMEDOUT = 110;
export const E_CONNREFUSED = 111;
export const E_HOSTDOWN = 112;
export const E_HOSTUNREACH = 113;
/** A redirect, as Linux's ping sockets tell of it. */
export const E_REMOTEIO = 121;
