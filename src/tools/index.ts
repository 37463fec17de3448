/**
 * What the classic commands print, as functions over a stack: `ringstack/tools`.
 */
export { arp } from "./arp.js";
export {
  COMMANDS,
  type Command,
  type CommandContext,
  type CommandFiles,
  QuoteError,
  run,
  splitWords,
} from "./command.js";
export { type Checksum, decode, decodeFrame, type Layer } from "./decode.js";
export { type HttpSite, serveHttp } from "./http-server.js";
export { type IfconfigOptions, ifconfig } from "./ifconfig.js";
export { type IperfClientOptions, iperfClient } from "./iperf-client.js";
export type { TestTerms } from "./iperf-protocol.js";
export { type IperfServerOptions, iperfServer } from "./iperf-server.js";
export { buffersInUse, isAllReturned, memory } from "./memory.js";
export { netstatInterfaces, netstatRoutes, netstatStatistics } from "./netstat.js";
export { type PingRunOptions, type PingSummary, ping } from "./ping.js";
export { type RouteOptions, route } from "./route.js";
export { netstatSockets, type SocketListOptions } from "./sockets.js";
export { type SsOptions, ss } from "./ss.js";
export { runSysctl, type SysctlResult, sysctl } from "./sysctl.js";
export { type TracerouteOptions, type TracerouteResult, traceroute } from "./traceroute.js";
