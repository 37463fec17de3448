// The boot record: profiles, and the limits within which an option makes sense.

import {
  CLOCK_UNKNOWN,
  CONFIG_ADDRESSES,
  CONFIG_BYTES,
  CONFIG_DAY_MS,
  CONFIG_DESTINATIONS,
  CONFIG_ERROR,
  CONFIG_FIB_DIRECT_BITS,
  CONFIG_INTERFACES,
  CONFIG_LARGE_BUFFERS,
  CONFIG_MEMBERSHIPS,
  CONFIG_NEIGHBOURS,
  CONFIG_NEXT_HOPS,
  CONFIG_REASSEMBLIES,
  CONFIG_RING_SLOTS,
  CONFIG_RINGS_1M,
  CONFIG_RINGS_2K,
  CONFIG_RINGS_16K,
  CONFIG_RINGS_64K,
  CONFIG_ROUTES4,
  CONFIG_ROUTES6,
  CONFIG_SEED,
  CONFIG_SMALL_BUFFERS,
  CONFIG_SOCKET_ERRORS,
  CONFIG_SOCKETS,
  CONFIG_TCP_BLOCKS,
  CONFIG_TCP_RANGES,
  CONFIG_TIME_WAITS,
  PROFILE_HOST,
  PROFILE_ROUTER,
  PROFILE_TINY,
} from "../abi/config";
import { E_INVAL } from "../abi/errno";
import { ROUTE_MAX_DIRECT_BITS, ROUTE_MAX_NEXTHOPS } from "../abi/route";

@unmanaged
export class Config {
  smallBuffers: u32;
  largeBuffers: u32;
  interfaces: u32;
  ringSlots: u32;
  addresses: u32;
  neighbours: u32;
  routes4: u32;
  routes6: u32;
  nextHops: u32;
  fibDirectBits: u32;
  sockets: u32;
  socketErrors: u32;
  dayMs: u32;
  seed0: u32;
  seed1: u32;
  seed2: u32;
  seed3: u32;
  error: u32;
  least: u32;
  most: u32;
  pages: u32;
  memberships: u32;
  reassemblies: u32;
  destinations: u32;
  tcpBlocks: u32;
  timeWaits: u32;
  rings2K: u32;
  rings16K: u32;
  rings64K: u32;
  rings1M: u32;
  tcpRanges: u32;
  reserved: u32;
}

export const CONFIG: Config = changetype<Config>(memory.data(CONFIG_BYTES, 8));

/** Fills the record with a profile's capacities; the seed is left to the host. */
export function configDefaults(profile: u32): i32 {
  switch (profile) {
    case PROFILE_HOST:
      capacities(1024, 20, 4, 256, 64, 256, 256, 64);
      routing(64, 8);
      gathering(64, 32, 256);
      break;
    case PROFILE_TINY:
      capacities(12, 0, 2, 8, 2, 4, 7, 0);
      routing(6, 0);
      gathering(2, 2, 2);
      break;
    case PROFILE_ROUTER:
      capacities(8192, 32, 64, 1024, 256, 4096, 1000000, 65536);
      routing(4096, 16);
      gathering(256, 256, 4096);
      break;
    default:
      return -E_INVAL;
  }
  const tiny = profile == PROFILE_TINY;
  CONFIG.sockets = tiny ? 8 : 1024;
  CONFIG.socketErrors = tiny ? 4 : 256;
  // A listener and four connections, two rings each.
  if (tiny) connections(5, 4, 4, 8, 0, 0, 0);
  else connections(256, 512, 32, 128, 64, 32, 2);
  CONFIG.dayMs = CLOCK_UNKNOWN;
  return 0;
}

function capacities(
  small: u32,
  large: u32,
  interfaces: u32,
  slots: u32,
  addresses: u32,
  neighbours: u32,
  routes4: u32,
  routes6: u32,
): void {
  CONFIG.smallBuffers = small;
  CONFIG.largeBuffers = large;
  CONFIG.interfaces = interfaces;
  CONFIG.ringSlots = slots;
  CONFIG.addresses = addresses;
  CONFIG.neighbours = neighbours;
  CONFIG.routes4 = routes4;
  CONFIG.routes6 = routes6;
}

function routing(nextHops: u32, directBits: u32): void {
  CONFIG.nextHops = nextHops;
  CONFIG.fibDirectBits = directBits;
}

function gathering(memberships: u32, reassemblies: u32, destinations: u32): void {
  CONFIG.memberships = memberships;
  CONFIG.reassemblies = reassemblies;
  CONFIG.destinations = destinations;
}

function connections(
  blocks: u32,
  timeWaits: u32,
  ranges: u32,
  rings2K: u32,
  rings16K: u32,
  rings64K: u32,
  rings1M: u32,
): void {
  CONFIG.tcpBlocks = blocks;
  CONFIG.timeWaits = timeWaits;
  CONFIG.tcpRanges = ranges;
  CONFIG.rings2K = rings2K;
  CONFIG.rings16K = rings16K;
  CONFIG.rings64K = rings64K;
  CONFIG.rings1M = rings1M;
}

/** RX and TX 3 each, sockets 2, neighbour queues 1, reassembly 2, one in reserve. */
const LEAST_SMALL: u32 = 12;
const MOST_SMALL: u32 = 1 << 20;
const MOST_LARGE: u32 = 1 << 15;
const LEAST_SLOTS: u32 = 4;
const MOST_SLOTS: u32 = 1 << 15;
/** All memory that there can be, in rings of one size. */
const MOST_RING_BYTES: u32 = 1 << 31;

function within(option: u32, least: u32, most: u32): bool {
  const value = load<u32>(changetype<usize>(CONFIG) + option);
  if (value >= least && value <= most) return true;
  refuse(option, least, most);
  return false;
}

/** 0, or -E_INVAL with the offending option's offset in CONFIG_ERROR. */
export function configCheck(): i32 {
  CONFIG.error = CONFIG_BYTES;
  const ok =
    within(CONFIG_SMALL_BUFFERS, LEAST_SMALL, MOST_SMALL) &&
    within(CONFIG_LARGE_BUFFERS, 0, MOST_LARGE) &&
    within(CONFIG_INTERFACES, 1, 255) &&
    within(CONFIG_RING_SLOTS, LEAST_SLOTS, MOST_SLOTS) &&
    within(CONFIG_ADDRESSES, 1, 1 << 14) &&
    within(CONFIG_NEIGHBOURS, 1, 1 << 16) &&
    within(CONFIG_ROUTES4, 4, 1 << 22) &&
    within(CONFIG_ROUTES6, 0, 1 << 22) &&
    within(CONFIG_NEXT_HOPS, 4, ROUTE_MAX_NEXTHOPS) &&
    within(CONFIG_FIB_DIRECT_BITS, 0, ROUTE_MAX_DIRECT_BITS) &&
    within(CONFIG_SOCKETS, 1, 1 << 15) &&
    within(CONFIG_SOCKET_ERRORS, 0, 1 << 16) &&
    within(CONFIG_MEMBERSHIPS, 0, 1 << 14) &&
    within(CONFIG_REASSEMBLIES, 1, 1 << 14) &&
    within(CONFIG_DESTINATIONS, 1, 1 << 16) &&
    within(CONFIG_TCP_BLOCKS, 0, 1 << 15) &&
    within(CONFIG_TIME_WAITS, 0, 1 << 20) &&
    within(CONFIG_TCP_RANGES, 1, 255) &&
    within(CONFIG_RINGS_2K, 0, MOST_RING_BYTES >> 11) &&
    within(CONFIG_RINGS_16K, 0, MOST_RING_BYTES >> 14) &&
    within(CONFIG_RINGS_64K, 0, MOST_RING_BYTES >> 16) &&
    within(CONFIG_RINGS_1M, 0, MOST_RING_BYTES >> 20);
  if (!ok) return -E_INVAL;
  if ((CONFIG.ringSlots & (CONFIG.ringSlots - 1)) != 0) return refuse(CONFIG_RING_SLOTS, LEAST_SLOTS, MOST_SLOTS);
  // A quarter is posted for receiving, in even shares: at least one for each interface beside lo.
  if (CONFIG.smallBuffers >> 2 < CONFIG.interfaces - 1) {
    return refuse(CONFIG_SMALL_BUFFERS, (CONFIG.interfaces - 1) << 2, MOST_SMALL);
  }
  // With fewer the quotas of their holders are none.
  if (CONFIG.largeBuffers != 0 && CONFIG.largeBuffers < 4) return refuse(CONFIG_LARGE_BUFFERS, 4, MOST_LARGE);
  return 0;
}

function refuse(option: u32, least: u32, most: u32): i32 {
  CONFIG.error = option;
  CONFIG.least = least;
  CONFIG.most = most;
  return -E_INVAL;
}

/** What stack_init() asks for beyond capacities: a seed, and a time of day which is one. */
export function configCheckBoot(): i32 {
  if ((CONFIG.seed0 | CONFIG.seed1 | CONFIG.seed2 | CONFIG.seed3) == 0) {
    return refuse(CONFIG_SEED, 1, 0xffffffff);
  }
  if (CONFIG.dayMs != CLOCK_UNKNOWN && CONFIG.dayMs >= 86400000) {
    return refuse(CONFIG_DAY_MS, 0, 86399999);
  }
  return 0;
}

if (offsetof<Config>("dayMs") != CONFIG_DAY_MS) ERROR("Config.dayMs");
if (offsetof<Config>("seed0") != CONFIG_SEED) ERROR("Config.seed0");
if (offsetof<Config>("error") != CONFIG_ERROR) ERROR("Config.error");
if (offsetof<Config>("memberships") != CONFIG_MEMBERSHIPS) ERROR("Config.memberships");
if (offsetof<Config>("tcpBlocks") != CONFIG_TCP_BLOCKS) ERROR("Config.tcpBlocks");
if (offsetof<Config>("tcpRanges") != CONFIG_TCP_RANGES) ERROR("Config.tcpRanges");
if (offsetof<Config>() != CONFIG_BYTES) ERROR("Config");
