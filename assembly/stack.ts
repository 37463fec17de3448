// The stack as a whole: boot order, and poll.

import { CONFIG_BYTES } from "./abi/config";
import { CTR_POLLS, CTR_TIMERS_FIRED } from "./abi/counter";
import { E_INVAL, E_NOMEM } from "./abi/errno";
import { LOOPBACK_MTU, MEDIUM_LOOPBACK } from "./abi/netif";
import { clockAdvance, now } from "./core/clock";
import { CONFIG, Config, configCheck, configCheckBoot, configDefaults } from "./core/config";
import { count, dropUnwatch } from "./core/counter";
import { eventInit, eventLayout } from "./core/event";
import { hashInit } from "./core/hash";
import { prngInit } from "./core/prng";
import { switchInit } from "./core/switch";
import { NEVER, timerExpire, timerNext } from "./core/timer";
import { dispatchFrame, dispatchRoom, dispatchTimer } from "./dispatch";
import { igmpLayout } from "./igmp/querier";
import { forwardPlainInit, ipv4ForwardPlain, ipv4ForwardsPlain } from "./ip/forward-plain";
import { icmpRateLayout } from "./ip/icmp-rate";
import { identificationLayout } from "./ip/identification";
import { interfaceAdd, interfaceAddressAdd } from "./ip/interface";
import { pathCacheLayout } from "./ip/path-cache";
import { reassemblyLayout } from "./ip/reassembly-table";
import { redirectLayout } from "./ip/redirect";
import { addressLayout } from "./link/address";
import { groupLayout } from "./link/group";
import { interfaceSwitchInit } from "./link/interface-switch";
import { neighLayout } from "./link/neigh";
import {
  Netif,
  netifAt,
  netifCheckCursors,
  netifCount,
  netifInit,
  netifLayout,
  netifOffer,
  netifReceive,
  netifReclaim,
  netifRxWaiting,
} from "./link/netif";
import { address4 } from "./memory/address";
import { arenaBegin, arenaEnd } from "./memory/arena";
import { byteRingLayout } from "./memory/byte-ring";
import { pbufInit, pbufLargestLen, pbufLayout } from "./memory/pbuf";
import { demuxLayout } from "./pcb/demux";
import { membershipLayout } from "./pcb/membership";
import { pcbLayout } from "./pcb/pcb";
import { portLayout } from "./pcb/port";
import { receiveLayout } from "./pcb/receive";
import { roomNext, roomWaiting } from "./pcb/room";
import { destinationLayout } from "./route/destination";
import { routeInit, routeLayout } from "./route/table";
import { ackGathered } from "./tcp/gather";
import { tcbLayout } from "./tcp/tcb";
import { timeWaitLayout } from "./tcp/time-wait";

/** Frames taken from one interface before the next one has its turn. */
const BATCH: u32 = 32;
/** What poll answers: later than can be said; idle until input. */
const POLL_FAR: u64 = 0xfffffffe;
const POLL_IDLE: u32 = 0xffffffff;

@unmanaged
class StackState {
  booted: u32;
  /** Interface whose turn is next. */
  turn: u32;
}

const S: StackState = changetype<StackState>(memory.data(offsetof<StackState>(), 4));
/** Capacities of none. */
const NOTHING: Config = changetype<Config>(memory.data(CONFIG_BYTES, 8));
const LOOPBACK_NAME: usize = memory.data(16, 8);
const LOOPBACK_IP: usize = memory.data(16, 8);

/** Lays all regions in boot order; nothing is touched. */
function layout(c: Config): void {
  arenaBegin(__heap_base);
  pbufLayout(c.smallBuffers, c.largeBuffers);
  eventLayout(c.sockets, c.interfaces);
  routeLayout(c.routes4, c.routes6, c.nextHops, c.fibDirectBits);
  destinationLayout(c.destinations);
  netifLayout(c.interfaces, c.ringSlots);
  addressLayout(c.addresses);
  groupLayout(c.memberships);
  neighLayout(c.neighbours);
  identificationLayout(c.destinations);
  pathCacheLayout(c.destinations);
  reassemblyLayout(c.reassemblies);
  icmpRateLayout(c.destinations);
  redirectLayout(c.destinations);
  pcbLayout(c.sockets);
  demuxLayout(c.sockets);
  portLayout(c.sockets);
  membershipLayout(c.memberships);
  igmpLayout(c.interfaces);
  receiveLayout(c.socketErrors);
  tcbLayout(c.tcpBlocks, c.tcpRanges);
  timeWaitLayout(c.timeWaits);
  byteRingLayout(c.rings2K, c.rings16K, c.rings64K, c.rings1M);
}

/** Fills the boot record with a profile's capacities; -E_INVAL for no profile, and once the stack has booted. */
export function stackDefaults(profile: u32): i32 {
  return S.booted != 0 ? -E_INVAL : configDefaults(profile);
}

/** Bytes of memory, from address 0, that a stack of this configuration needs; -E_INVAL (the option is in
 * CONFIG_ERROR), -E_NOMEM if no memory could be large enough. */
export function stackSize(): i32 {
  if (S.booted != 0) return -E_INVAL;
  const error = configCheck();
  if (error < 0) return error;
  layout(CONFIG);
  const end = arenaEnd();
  // Until the stack has booted there is nothing to be found anywhere.
  layout(NOTHING);
  return end <= 0x7fffffff ? <i32>end : tooLarge(end);
}

function tooLarge(bytes: u64): i32 {
  CONFIG.error = CONFIG_BYTES;
  CONFIG.pages = <u32>min<u64>((bytes + 0xffff) >> 16, 0xffffffff);
  return -E_NOMEM;
}

/** Lays the regions and brings loopback up. 0; or -E_INVAL, -E_NOMEM (memory is smaller than stackSize()), with
 * nothing changed. */
export function stackInit(): i32 {
  const bytes = stackSize();
  if (bytes < 0) return bytes;
  const error = configCheckBoot();
  if (error < 0) return error;
  if ((<u64>memory.size()) << 16 < <u64>bytes) return tooLarge(bytes);
  layout(CONFIG);
  hashInit();
  prngInit();
  switchInit();
  pbufInit();
  eventInit(CONFIG.sockets, CONFIG.interfaces);
  routeInit();
  netifInit();
  interfaceSwitchInit();
  if (ASC_SHRINK_LEVEL == 0) forwardPlainInit();
  const added = addLoopback();
  if (added < 0) return added;
  S.booted = 1;
  return 0;
}

function addLoopback(): i32 {
  store<u16>(LOOPBACK_NAME, 0x6f6c); // "lo"
  const ifindex = interfaceAdd(MEDIUM_LOOPBACK, min<u32>(LOOPBACK_MTU, pbufLargestLen()), LOOPBACK_NAME, LOOPBACK_NAME);
  if (ifindex < 0) return ifindex;
  address4(LOOPBACK_IP, 0x7f000001);
  return interfaceAddressAdd(ifindex, LOOPBACK_IP, 8, 0, 0);
}

/** Does what is due at `time` (microseconds), at most `budget` timers and frames: timers first, then input, at most
 * half the budget, by turns. Answers the microseconds until the next call is due: 0 = work is left. */
export function stackPoll(time: u64, budget: u32): u32 {
  if (S.booted == 0) return POLL_IDLE;
  clockAdvance(time);
  count(CTR_POLLS);
  const left = runTimers(budget);
  reclaim();
  const waiting = runInput(min<u32>(left, max<u32>(1, budget >> 1)));
  // Loopback's slots are free when its frames have been taken.
  netifReclaim(netifAt(0));
  for (let left = roomWaiting(); left != 0; left--) {
    const p = roomNext();
    if (p !== null) dispatchRoom(p);
  }
  if (waiting) return 0;
  const next = timerNext();
  if (next == NEVER) return POLL_IDLE;
  if (next <= now()) return 0;
  return <u32>min<u64>(next - now(), POLL_FAR);
}

/** Fires what is due; answers what is left of the budget. */
function runTimers(budget: u32): u32 {
  let left = budget;
  while (left != 0) {
    const t = timerExpire(now());
    if (t === null) break;
    count(CTR_TIMERS_FIRED);
    dispatchTimer(t);
    left--;
  }
  return left;
}

/** Takes back what the drivers have sent. */
function reclaim(): void {
  for (let i: u32 = 0; i < netifCount(); i++) {
    netifCheckCursors(netifAt(i));
    netifReclaim(netifAt(i));
  }
}

/** Takes received frames, a batch from each interface in turn; true if some are left. */
function runInput(budget: u32): bool {
  let left = budget;
  let again = true;
  const interfaces = netifCount();
  while (again) {
    again = false;
    for (let i: u32 = 0; i < interfaces; i++) {
      const nif = netifAt(S.turn);
      S.turn = S.turn + 1 < interfaces ? S.turn + 1 : 0;
      left -= takeBatch(nif, left);
      if (left == 0) return inputWaits();
      if (netifRxWaiting(nif) != 0) again = true;
    }
  }
  return false;
}

/** Takes frames of one interface, and offers slots for more; how many. */
function takeBatch(nif: Netif, most: u32): u32 {
  const frames = min<u32>(min<u32>(netifRxWaiting(nif), BATCH), most);
  // The size build has the general path only.
  const plain = ASC_SHRINK_LEVEL == 0 && ipv4ForwardsPlain(nif);
  for (let left = frames; left != 0; left--) {
    if (plain) {
      left -= ipv4ForwardPlain(nif, left);
      if (left == 0) break;
    }
    const pb = netifReceive(nif);
    if (pb !== null) dispatchFrame(nif, pb);
  }
  dropUnwatch();
  ackGathered();
  netifOffer(nif);
  return frames;
}

function inputWaits(): bool {
  for (let i: u32 = 0; i < netifCount(); i++) if (netifRxWaiting(netifAt(i)) != 0) return true;
  return false;
}
