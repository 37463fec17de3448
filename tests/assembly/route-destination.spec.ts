import { E_NOENT } from "../../assembly/abi/errno";
import { DEST_BYTES, DEST_FLAGS, DEST_MTU, RTF_DYNAMIC, RTF_MODIFIED, RTF_UP } from "../../assembly/abi/route";
import { clockAdvance, now } from "../../assembly/core/clock";
import { CONFIG } from "../../assembly/core/config";
import { hashInit } from "../../assembly/core/hash";
import { address4, addressV4 } from "../../assembly/memory/address";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import {
  Destination,
  destinationFind,
  destinationFlush,
  destinationForget,
  destinationLayout,
  destinationRecord,
  destinationRedirect,
  destinationSetMtu,
} from "../../assembly/route/destination";
import { routeGeneration } from "../../assembly/route/table";

const AT: usize = 65536;
const IP: usize = 1 << 20;
const GATEWAY: usize = IP + 16;
const ROUTER: usize = IP + 32;

/** An empty cache; what an earlier one held is forgotten. */
function boot(capacity: u32): void {
  destinationFlush(0);
  CONFIG.seed0 = 1;
  hashInit();
  arenaBegin(AT);
  destinationLayout(capacity);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
}

function ip(i: u32): usize {
  address4(IP, 0x0a000000 + i);
  return IP;
}

function redirect(i: u32, via: u32, ifindex: u32, until: u64, flags: u32 = RTF_DYNAMIC): bool {
  address4(GATEWAY, via);
  address4(ROUTER, 0x0a0000fe);
  return destinationRedirect(ip(i), GATEWAY, ifindex, ROUTER, until, flags);
}

/** The gateway named for destination i, 0 without one. */
function gatewayOf(i: u32): u32 {
  const d = destinationFind(ip(i));
  return d === null || d.redirectUntil == 0 ? 0 : addressV4(changetype<usize>(d) + offsetof<Destination>("gateway0"));
}

function mtuOf(i: u32): u32 {
  const d = destinationFind(ip(i));
  return d === null ? 0 : d.mtu;
}

function entriesInUse(capacity: u32): u32 {
  let n: u32 = 0;
  for (let i: u32 = 0; i < capacity; i++) if (load<u32>(destinationRecord(i), DEST_FLAGS) != 0) n++;
  return n;
}

describe("the destination cache", () => {
  it("holds a redirect and a path MTU of one destination, each until its time", () => {
    boot(8);
    const t = now();
    expect(redirect(1, 0x0a000002, 3, t + 1000)).toBe(true);
    expect(destinationSetMtu(ip(1), 1400, t + 2000)).toBe(true);
    expect(gatewayOf(1)).toBe(0x0a000002);
    expect(mtuOf(1)).toBe(1400);
    expect(gatewayOf(2)).toBe(0);
    expect(entriesInUse(8)).toBe(1);
    clockAdvance(t + 999);
    expect(gatewayOf(1)).toBe(0x0a000002);
    const before = routeGeneration();
    clockAdvance(t + 1000);
    expect(gatewayOf(1)).toBe(0);
    expect(mtuOf(1)).toBe(1400);
    expect(routeGeneration()).not.toBe(before);
    clockAdvance(t + 2000);
    expect(mtuOf(1)).toBe(0);
    expect(entriesInUse(8)).toBe(0);
  });

  it("a later redirect takes the place of an earlier one, with its flags", () => {
    boot(8);
    redirect(1, 0x0a000002, 3, now() + 1000);
    redirect(1, 0x0a000003, 4, now() + 1000, RTF_MODIFIED | 0x200);
    expect(gatewayOf(1)).toBe(0x0a000003);
    const record = destinationRecord(0);
    expect(load<u32>(record, DEST_FLAGS)).toBe(RTF_UP | RTF_MODIFIED);
    expect(load<u32>(record, DEST_MTU)).toBe(0);
    expect(entriesInUse(8)).toBe(1);
  });

  it("is bounded: the least recently needed gives way", () => {
    boot(4);
    for (let i: u32 = 1; i <= 4; i++) destinationSetMtu(ip(i), 1000 + i, now() + 1000);
    expect(mtuOf(1)).toBe(1001);
    destinationSetMtu(ip(5), 1005, now() + 1000);
    expect(mtuOf(2)).toBe(0);
    expect(mtuOf(1)).toBe(1001);
    destinationSetMtu(ip(6), 1006, now() + 1000);
    expect(mtuOf(3)).toBe(0);
    expect(mtuOf(4)).toBe(1004);
    expect(entriesInUse(4)).toBe(4);
    expect(destinationRecord(4)).toBe(-E_NOENT);
    expect(destinationRecord(3) - destinationRecord(0)).toBe(3 * DEST_BYTES);
  });

  it("forgets by destination and by interface, and says when there was nothing", () => {
    boot(8);
    redirect(1, 0x0a000002, 3, now() + 1000);
    redirect(2, 0x0a000002, 4, now() + 1000);
    redirect(3, 0x0a000002, 3, now() + 1000);
    destinationSetMtu(ip(3), 900, now() + 1000);
    let before = routeGeneration();
    destinationForget(ip(1));
    expect(routeGeneration()).not.toBe(before);
    expect(gatewayOf(1)).toBe(0);
    before = routeGeneration();
    destinationForget(ip(1));
    destinationForget(ip(9));
    expect(routeGeneration()).toBe(before);
    expect(destinationFlush(3)).toBe(1);
    expect(gatewayOf(3)).toBe(0);
    expect(mtuOf(3)).toBe(900);
    expect(gatewayOf(2)).toBe(0x0a000002);
    expect(destinationFlush(3)).toBe(-E_NOENT);
    expect(destinationFlush(0)).toBe(2);
    expect(entriesInUse(8)).toBe(0);
    expect(destinationFlush(0)).toBe(-E_NOENT);
  });

  it("finds every entry among colliding ones, while they come, expire and are forgotten", () => {
    const capacity: u32 = 48;
    boot(capacity);
    let s: u32 = 7;
    let bad: u32 = 0;
    for (let step: u32 = 0; step < 20000; step++) {
      s = s * 1664525 + 1013904223;
      const i = (s >> 20) % 96;
      const what = (s >> 8) & 7;
      if (what < 3) {
        destinationSetMtu(ip(i), 1000 + i, now() + ((s >> 12) & 127));
        // an MTU that has had its time already is not found
        if (mtuOf(i) != 1000 + i && ((s >> 12) & 127) != 0) bad++;
      } else if (what < 5) {
        redirect(i, 0x0b000000 + i, 1 + (i & 3), now() + 1 + ((s >> 12) & 63));
        if (gatewayOf(i) != 0x0b000000 + i) bad++;
      } else if (what == 5) {
        destinationForget(ip(i));
        if (gatewayOf(i) != 0) bad++;
      } else if (what == 6) {
        clockAdvance(now() + 1);
      }
      const other = (s >> 16) % 96;
      const mtu = mtuOf(other);
      if (mtu != 0 && mtu != 1000 + other) bad++;
      const gateway = gatewayOf(other);
      if (gateway != 0 && gateway != 0x0b000000 + other) bad++;
    }
    expect(bad).toBe(0);
    expect(entriesInUse(capacity) <= capacity).toBe(true);
    clockAdvance(now() + 1000);
    for (let i: u32 = 0; i < 96; i++) if (destinationFind(ip(i)) !== null) bad++;
    expect(bad).toBe(0);
    expect(entriesInUse(capacity)).toBe(0);
  });

  it("with no room for any entry takes none", () => {
    boot(0);
    expect(redirect(1, 0x0a000002, 3, now() + 1000)).toBe(false);
    expect(destinationSetMtu(ip(1), 1400, now() + 1000)).toBe(false);
    expect(mtuOf(1)).toBe(0);
    expect(destinationRecord(0)).toBe(-E_NOENT);
  });
});
