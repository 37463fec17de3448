/**
 * Forwarding's plain case (assembly/ip/forward-plain.ts) against the general one: two routers, one of which filters
 * reverse paths (loosely, and with a default route, so that it refuses nothing), for which no frame is plain. Whatever
 * comes, both send the same bytes and count the same.
 */
import { describe, expect, test } from "vitest";
import { IFSW_RP_FILTER } from "../../../assembly/abi/netif.js";
import { Prng } from "../../../src/prng.js";
import { Host, OUR_MAC, type RecordingDriver } from "../recording-driver.js";
import { BROADCAST_MAC, type Bytes, data, ether, type Ipv4Fields, ipv4 } from "../wire.js";

interface Router {
  host: Host;
  /** Three networks: 192.168.1/24, 10/8, and 172.31.0/24 with an MTU of 600. */
  drivers: RecordingDriver[];
}

async function router(plain: boolean): Promise<Router> {
  const host = await Host.create({ seed: [1, 2, 3, 4] });
  const { stack } = host;
  const far = host.join({ mac: "02:00:00:00:02:01", address: "10.0.0.1/8" });
  const narrow = host.join({ mac: "02:00:00:00:03:01", address: "172.31.0.1/24", mtu: 600 });
  for (let i = 2; i < 6; i++) {
    stack.neighbours.add(far.nif, `10.0.0.${i}`, `02:00:00:00:02:0${i}`);
    stack.neighbours.add(narrow.nif, `172.31.0.${i}`, `02:00:00:00:03:0${i}`);
  }
  stack.routes.add({ destination: "default", gateway: "10.0.0.2" });
  stack.routes.add({ destination: "20.0.0.0/8", gateway: "10.0.0.3" });
  stack.routes.add({ destination: "20.0.0.0/8", gateway: "172.31.0.3" });
  stack.routes.add({ destination: "20.1.2.128/25", gateway: "172.31.0.4" });
  stack.routes.add({ destination: "30.0.0.0/8", gateway: "172.31.0.2" });
  // Nobody is there; the one it came from; refused.
  stack.routes.add({ destination: "40.0.0.0/8", gateway: "10.0.0.99" });
  stack.routes.add({ destination: "50.0.0.0/8", gateway: "192.168.1.2" });
  stack.routes.add({ destination: "60.0.0.0/8", type: "prohibit" });
  stack.switches.set("IP_FORWARD", 1);
  if (!plain) expect(stack.core.exports.netif_set(0, IFSW_RP_FILTER, 2)).toBe(0);
  host.run();
  return { host, drivers: [host.driver, far.driver, narrow.driver] };
}

const DESTINATIONS =
  "10.0.0.2 10.0.0.4 10.0.0.77 10.255.255.255 10.0.0.1 20.0.0.1 20.9.8.7 20.77.1.1 20.1.2.129 20.1.2.3 30.1.1.1 40.1.2.3 50.1.1.1 60.1.1.1 8.8.8.8 172.31.0.5 172.31.0.255 192.168.1.1 192.168.1.255 0.1.2.3 127.0.0.1 169.254.3.4 169.1.2.3 224.0.0.1 239.1.2.3 240.1.1.1 255.255.255.255".split(
    " ",
  );
const SOURCES =
  "192.168.1.2 192.168.1.77 7.7.7.7 20.5.5.5 192.168.1.1 10.0.0.1 10.255.255.255 0.0.0.0 0.1.1.1 127.0.0.1 169.254.1.1 169.253.1.1 224.0.0.1 250.1.1.1".split(
    " ",
  );

/** Mostly right, in one way or another not. */
function frame(random: Prng): Bytes {
  const below = (n: number) => random.uint32() % n;
  const among = <T>(list: readonly T[]) => list[below(list.length)] as T;
  const rarely = <T>(right: T, wrong: T) => (below(12) === 0 ? wrong : right);
  const fields: Ipv4Fields = {
    dst: below(3) === 0 ? among(DESTINATIONS) : among(["20.0.0.1", "20.9.8.7", "30.1.1.1", "8.8.8.8", "10.0.0.4"]),
    src: rarely("192.168.1.2", among(SOURCES)),
    ttl: rarely(2 + below(254), below(2)),
    tos: below(256),
    id: below(65536),
    flagsOffset: among([0, 0, 0x4000, 0x2000, 0x0010]),
    proto: among([17, 6, 1, 89]),
    version: rarely(4, below(16)),
    options: rarely(
      [],
      among([
        [1, 1, 1, 1],
        [7, 7, 4, 0, 0, 0, 0, 0],
        [131, 3, 4, 0],
      ]),
    ),
  };
  const length = among([0, 1, 5, 6, 8, 26, 27, 64, 579, 580, 581, 1480]);
  if (below(30) === 0) fields.totalLen = below(1600);
  if (below(30) === 0) fields.checksum = below(65536);
  const made = ether(
    {
      dst: rarely(OUR_MAC, among([BROADCAST_MAC, "02:00:00:00:09:09", "01:00:5e:00:00:01"])),
      src: rarely("02:00:00:00:01:02", "03:00:00:00:01:02"),
      type: rarely(0x0800, among([0x0806, 0x86dd, 0x0100])),
      ...(below(20) === 0 ? { tag: among([0, 0x6000, 5]) } : {}),
    },
    ipv4(fields, data(length)),
  );
  // Padding that is not zero, or a frame cut short.
  if (below(4) === 0) return Uint8Array.from([...made, ...data(below(30))]);
  return below(30) === 0 ? made.slice(0, 1 + below(made.length)) : made;
}

function state({ host, drivers }: Router) {
  const { counters, drops } = host.stack.statistics();
  return {
    sent: drivers.map((driver) => driver.sent.splice(0).map((bytes) => Buffer.from(bytes).toString("hex"))),
    counters,
    drops,
    interfaces: host.stack.interfaces.map((nif) => nif.counters),
    memory: host.stack.memory(),
  };
}

describe("the plain case of forwarding", () => {
  test.each([1, 2, 3])("sends, answers, drops and counts as the general one does (seed %i)", async (seed) => {
    const routers = [await router(true), await router(false)];
    const random = new Prng(seed);
    let forwarded = 0;
    for (let round = 0; round < 150; round++) {
      const frames = Array.from({ length: 1 + (random.uint32() % 40) }, () => frame(random));
      const busy = random.uint32() % 16 === 0 ? 1 + (random.uint32() % 2) : 0;
      const us = random.uint32() % 4 === 0 ? 2_000_000 : 0;
      const [plain, general] = routers.map((router) => {
        const driver = router.drivers[busy];
        if (busy !== 0 && driver) driver.busy = true;
        for (const bytes of frames) router.host.driver.port.receive(bytes);
        router.host.run();
        if (busy !== 0 && driver) driver.free();
        router.host.run(us);
        return state(router);
      });
      expect(plain).toEqual(general);
      forwarded += plain?.sent.slice(1).flat().length ?? 0;
    }
    expect(forwarded).toBeGreaterThan(1000);
  });

  test("fills a TX ring to its end and no further, and goes on where it was", async () => {
    for (const plain of [true, false]) {
      const { host, drivers } = await router(plain);
      const [, far] = drivers as [RecordingDriver, RecordingDriver];
      far.busy = true;
      const drops = await host.drops(() => {
        for (let i = 0; i < 20; i++) {
          for (let j = 0; j < 20; j++) {
            host.driver.port.receive(ether({ dst: OUR_MAC }, ipv4({ dst: "8.8.8.8", id: i * 20 + j }, data(30))));
          }
          host.run();
        }
      });
      const kept = 400 - Object.values(drops).reduce((sum, n) => sum + n, 0);
      far.free();
      host.run();
      const ids = host.take(far).map((read) => read.ip?.id);
      expect(ids).toEqual(Array.from({ length: kept }, (_, i) => i));
      expect(kept).toBeGreaterThan(200);
      expect(kept).toBeLessThan(400);
    }
  });
});
