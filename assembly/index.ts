// The exports, one line each; docs/ABI.md describes them. Results are >= 0, or -errno.

import { CALL_ADDR, CALL_ADDR2, CALL_MAC, CALL_NAME } from "./abi/call";
import { E_INVAL } from "./abi/errno";
import {
  REGION_BYTE_RINGS,
  REGION_CALL,
  REGION_CONFIG,
  REGION_COUNTERS,
  REGION_EVENTS,
  REGION_HELD,
  REGION_LIMITS,
  REGION_ROUTE,
  VERSION,
} from "./abi/stack";
import { CONFIG } from "./core/config";
import { COUNTERS } from "./core/counter";
import { eventBase } from "./core/event";
import { switchGet } from "./core/switch";
import {
  interfaceAdd,
  interfaceAddressAdd,
  interfaceAddressDelete,
  interfaceCarrier,
  interfaceSwitchSet,
  interfaceUp,
  stackSwitchSet,
} from "./ip/interface";
import { addressRecord } from "./link/address";
import { interfaceSwitchGet } from "./link/interface-switch";
import { neighAdd, neighDelete, neighRecord } from "./link/neigh";
import { netifRecord, netifSetMtu } from "./link/netif";
import { byteRingTable } from "./memory/byte-ring";
import { pbufHeldTable, pbufLimitTable } from "./memory/pbuf";
import { pcbRecord } from "./pcb/pcb";
import { destinationFlush, destinationRecord } from "./route/destination";
import { CALL } from "./socket/call";
import { socketGroup } from "./socket/group-call";
import { ROUTE, routeCallAdd, routeCallDelete, routeCallFirst, routeCallGet, routeCallNext } from "./socket/route-call";
import {
  socketBind,
  socketClose,
  socketConnect,
  socketDisconnect,
  socketGet,
  socketOpen,
  socketOptions,
  socketReady,
  socketSet,
} from "./socket/socket";
import {
  socketAbort,
  socketAccept,
  socketListen,
  socketShutdown,
  streamReceive,
  streamReceiveWindow,
  streamSend,
  streamSendWindow,
} from "./socket/stream";
import { socketError, socketReceive, socketSend, socketWindow } from "./socket/transfer";
import { stackDefaults, stackInit, stackPoll, stackSize } from "./stack";
import { timeWaitRecord } from "./tcp/time-wait";

export function stack_version(): u32 {
  return VERSION;
}

export function stack_defaults(profile: u32): i32 {
  return stackDefaults(profile);
}

export function stack_size(): i32 {
  return stackSize();
}

export function stack_init(): i32 {
  return stackInit();
}

export function stack_poll(nowLow: u32, nowHigh: u32, budget: u32): u32 {
  return stackPoll(((<u64>nowHigh) << 32) | nowLow, budget);
}

export function stack_region(id: u32): i32 {
  switch (id) {
    case REGION_CONFIG:
      return <i32>changetype<usize>(CONFIG);
    case REGION_CALL:
      return <i32>CALL;
    case REGION_COUNTERS:
      return <i32>COUNTERS;
    case REGION_EVENTS:
      return <i32>eventBase();
    case REGION_ROUTE:
      return <i32>ROUTE;
    case REGION_HELD:
      return <i32>pbufHeldTable();
    case REGION_LIMITS:
      return <i32>pbufLimitTable();
    case REGION_BYTE_RINGS:
      return <i32>byteRingTable();
    default:
      return -E_INVAL;
  }
}

export function stack_set(id: u32, value: u32): i32 {
  return stackSwitchSet(id, value);
}

export function stack_get(id: u32): i32 {
  return switchGet(id);
}

export function netif_add(medium: u32, mtu: u32): i32 {
  return interfaceAdd(medium, mtu, CALL + CALL_MAC, CALL + CALL_NAME);
}

export function netif_set(ifindex: u32, id: u32, value: u32): i32 {
  return interfaceSwitchSet(ifindex, id, value);
}

export function netif_get(ifindex: u32, id: u32): i32 {
  return interfaceSwitchGet(ifindex, id);
}

export function netif_record(ifindex: u32): i32 {
  return netifRecord(ifindex);
}

export function netif_up(ifindex: u32, on: u32): i32 {
  return interfaceUp(ifindex, on != 0);
}

export function netif_carrier(ifindex: u32, on: u32): i32 {
  return interfaceCarrier(ifindex, on != 0);
}

export function netif_mtu(ifindex: u32, mtu: u32): i32 {
  return netifSetMtu(ifindex, mtu);
}

export function addr_add(ifindex: u32, prefixLength: u32, flags: u32): i32 {
  return interfaceAddressAdd(ifindex, CALL + CALL_ADDR, prefixLength, flags, CALL + CALL_ADDR2);
}

export function addr_del(ifindex: u32): i32 {
  return interfaceAddressDelete(ifindex, CALL + CALL_ADDR);
}

export function addr_record(index: u32): i32 {
  return addressRecord(index);
}

export function route_add(): i32 {
  return routeCallAdd(false);
}

export function route_replace(): i32 {
  return routeCallAdd(true);
}

export function route_del(): i32 {
  return routeCallDelete();
}

export function route_first(family: u32): i32 {
  return routeCallFirst(family);
}

export function route_next(): i32 {
  return routeCallNext();
}

export function route_get(ifindex: u32): i32 {
  return routeCallGet(ifindex);
}

export function dest_record(index: u32): i32 {
  return destinationRecord(index);
}

export function dest_flush(ifindex: u32): i32 {
  return destinationFlush(ifindex);
}

export function neigh_add(ifindex: u32): i32 {
  return neighAdd(ifindex, CALL + CALL_ADDR, CALL + CALL_MAC);
}

export function neigh_del(ifindex: u32): i32 {
  return neighDelete(ifindex, CALL + CALL_ADDR);
}

export function neigh_record(index: u32): i32 {
  return neighRecord(index);
}

export function sock_open(protocol: u32): i32 {
  return socketOpen(protocol);
}

export function sock_close(handle: u32): i32 {
  return socketClose(handle);
}

export function sock_bind(handle: u32): i32 {
  return socketBind(handle);
}

export function sock_connect(handle: u32): i32 {
  return socketConnect(handle);
}

export function sock_disconnect(handle: u32): i32 {
  return socketDisconnect(handle);
}

export function sock_listen(handle: u32, backlog: u32): i32 {
  return socketListen(handle, backlog);
}

export function sock_accept(handle: u32): i32 {
  return socketAccept(handle);
}

export function sock_shutdown(handle: u32, how: u32): i32 {
  return socketShutdown(handle, how);
}

export function sock_abort(handle: u32): i32 {
  return socketAbort(handle);
}

export function tcp_send_window(handle: u32): i32 {
  return streamSendWindow(handle);
}

export function tcp_send(handle: u32, len: u32, flags: u32): i32 {
  return streamSend(handle, len, flags);
}

export function tcp_receive_window(handle: u32): i32 {
  return streamReceiveWindow(handle);
}

export function tcp_receive(handle: u32, len: u32): i32 {
  return streamReceive(handle, len);
}

export function time_wait_record(index: u32): i32 {
  return timeWaitRecord(index);
}

export function sock_window(handle: u32, len: u32): i32 {
  return socketWindow(handle, len);
}

export function sock_send(handle: u32, len: u32, flags: u32): i32 {
  return socketSend(handle, len, flags);
}

export function sock_recv(handle: u32): i32 {
  return socketReceive(handle);
}

export function sock_error(handle: u32): i32 {
  return socketError(handle);
}

export function sock_set(handle: u32, option: u32, value: u32): i32 {
  return socketSet(handle, option, value);
}

export function sock_options(handle: u32, len: u32): i32 {
  return socketOptions(handle, len);
}

export function sock_get(handle: u32, option: u32): i32 {
  return socketGet(handle, option);
}

export function sock_group(handle: u32, op: u32): i32 {
  return socketGroup(handle, op);
}

export function sock_ready(handle: u32): i32 {
  return socketReady(handle);
}

export function sock_record(index: u32): i32 {
  return pcbRecord(index);
}
