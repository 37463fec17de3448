// Our stack and the kernel's over a line that loses, reorders, doubles, spoils and delays, by a seed: all arrives.
import { expect } from "vitest";
import { type LinkConditions, SimLink, TapDriver } from "../../src/index.js";
import { interop } from "./need.js";
import { bytesOf, connected, type Ends, hear, heardOf, Peer } from "./tcp-peer.js";
import { inWorld } from "./world.js";

/** The kernel 10.9.1.1 and a stack of ours 10.9.1.2, with a simulated link between the TAP device and our interface. */
function overLine(conditions: Partial<LinkConditions>, body: (ends: Ends) => Promise<void>): Promise<void> {
  return inWorld(async (world) => {
    const [kernel, ours] = await Promise.all([world.kernel(), world.stack()]);
    const { stack } = ours;
    const { clock } = stack;
    const tap = await TapDriver.open({ name: "tap0", netns: kernel.name });
    world.drivers.push(tap);
    const link = new SimLink({ clock, seed: "line", ...conditions });
    const nif = stack.addInterface(link.nic(), { name: "eth0", address: "10.9.1.2/24" });
    world.watch(nif);
    const far = link.nic();
    const quiet = { clock, carrier: () => {}, wake: () => {} };
    far.attach({ ...quiet, receive: (frame) => tap.transmit(frame) });
    tap.attach({ ...quiet, receive: (frame) => far.transmit(frame) });
    await kernel.do(`ip addr add 10.9.1.1/24 dev tap0; ip link set tap0 address 02:00:00:00:00:01 up`);
    // A bit that flips in an ARP packet is nobody's to notice.
    await kernel.do(`ip neigh add 10.9.1.2 lladdr ${nif.mac} dev tap0 nud permanent`);
    stack.neighbours.add(nif, "10.9.1.1", "02:00:00:00:00:01");
    const peer = new Peer(kernel);
    try {
      await body({ kernel, ours, peer });
      const [near, other] = link.nics.map((nic) => nic.counters);
      expect((near?.lost ?? 0) + (other?.lost ?? 0), "the line has lost something").toBeGreaterThan(0);
    } finally {
      peer.end();
      link.close();
    }
  });
}

const LINES: readonly (readonly [string, number, Partial<LinkConditions>])[] = [
  ["1 % lost", 2 << 20, { loss: 0.01, delayUs: 1000 }],
  [
    "3 % lost, 1 % doubled, 1 % spoilt, 2 % late",
    1 << 20,
    { loss: 0.03, duplicate: 0.01, corrupt: 0.01, reorder: 0.02, reorderUs: 5000, delayUs: 1000, jitterUs: 1000 },
  ],
  ["5 % lost, a path of 20 ms", 1 << 19, { loss: 0.05, delayUs: 10_000, jitterUs: 2000 }],
];

for (const [name, size, conditions] of LINES) {
  interop(`${name}: all arrives, both ways at once, with SACK and without`, ["python3", "tshark"], () =>
    overLine(conditions, async (ends) => {
      const { switches } = ends.ours.stack;
      const counters = () => ends.ours.stack.statistics().counters;
      switches.set("TCP_RTO_MIN_MS", 200);
      const transfer = async () => {
        const [theirs, socket] = await connected(ends);
        const [heard, got] = await Promise.all([
          theirs.receive(),
          hear(socket),
          socket.end(bytesOf(size, "ours")),
          theirs.send(size, "theirs").then(() => theirs.shutdown()),
        ]);
        expect([heard, got]).toEqual([heardOf(size, "ours"), heardOf(size, "theirs")]);
      };
      await transfer();
      const { TCP_SACK_RECOVERIES } = counters();
      expect(TCP_SACK_RECOVERIES).toBeGreaterThan(0);
      switches.set("TCP_SACK", 0);
      await transfer();
      expect(counters().TCP_SACK_RECOVERIES).toBe(TCP_SACK_RECOVERIES);
      expect(counters().TCP_FAST_RECOVERIES).toBeGreaterThan(TCP_SACK_RECOVERIES);
      expect(counters().TCP_IN_OUT_OF_ORDER).toBeGreaterThan(0);
    }),
  );
}
