/**
 * ringstack: a TCP/IP host inside one WebAssembly module, and what TypeScript adds around it.
 */
export { formatIpv4, formatMac, parseIpv4, parseMac } from "./address.js";
export {
  type Clock,
  type ClockRecord,
  type Pollable,
  RealClock,
  VirtualClock,
  type VirtualClockOptions,
} from "./clock.js";
export type { AddressConflict, AddressOptions, InterfaceAddress } from "./control/addresses.js";
export type { KnownDestination } from "./control/destinations.js";
export type { Interface, InterfaceCounters, MediumName, Tap, TapInfo } from "./control/interfaces.js";
export type { Neighbour, NeighbourState, Neighbours } from "./control/neighbours.js";
export type { BufferPool, ByteRingPool, MemoryReport, Statistics } from "./control/report.js";
export type { Route, RouteChoice, RouteSpec, Routes, RouteType } from "./control/routes.js";
export type { SocketEntry, TcpTimer } from "./control/sockets.js";
export {
  INTERFACE_SWITCH_NAMES,
  type InterfaceSwitches,
  type InterfaceSwitchName,
  SWITCH_NAMES,
  type Switches,
  type SwitchName,
} from "./control/switches.js";
export type { Driver, DriverPort, Medium } from "./drivers/driver.js";
export type { LinkConditions } from "./drivers/sim-conditions.js";
export type { DirectionRecord } from "./drivers/sim-direction.js";
export type { FlightRecord, FrameEvent, LinkCounters, SimNicRecord } from "./drivers/sim-end.js";
export * from "./drivers/sim-link.js";
export type { SimNic } from "./drivers/sim-nic.js";
export { type TapCounters, TapDriver, TapError, type TapOptions } from "./drivers/tap.js";
export { type ErrorDetails, StackError } from "./errors.js";
export { Prng, type PrngRecord } from "./prng.js";
export type {
  Datagram,
  DatagramInfo,
  DatagramSocket,
  PathMtuDiscovery,
} from "./sockets/datagram.js";
export { type EchoOptions, EchoSocket, readEcho } from "./sockets/echo.js";
export type { GroupInterface, GroupSocket } from "./sockets/group-socket.js";
export type { PingOptions, PingReply } from "./sockets/ping.js";
export { type RawOptions, RawSocket } from "./sockets/raw.js";
export type { DatagramError, Endpoint } from "./sockets/socket.js";
export type { Tcp } from "./sockets/tcp.js";
export type { KeepAlive, TcpSettings } from "./sockets/tcp-base.js";
export type { TcpInfo, TcpRecovery, TcpState } from "./sockets/tcp-info.js";
export { type TcpListenOptions, TcpServer } from "./sockets/tcp-server.js";
export { type Shutdown, type TcpConnectOptions, TcpSocket } from "./sockets/tcp-socket.js";
export { type Destination, type Udp, type UdpOptions, UdpSocket } from "./sockets/udp.js";
export { Stack, type StackOptions, type StackSnapshot } from "./stack.js";
export { type CounterName, DROP_TEXTS, type DropName } from "./text/drops.js";
export type { BootOptions, Core } from "./wasm/core.js";
export type { ModuleSource } from "./wasm/module.js";
