/** A seeded line between a kernel's TAP device and a stack of ours: it loses, doubles, spoils, reorders and delays. */
import { expect } from "vitest";
import { type LinkConditions, SimLink, type StackOptions, TapDriver } from "../../src/index.js";
import { type Ends, Peer } from "./tcp-peer.js";
import { inWorld, type Kernel, type Ours, type World } from "./world.js";

/** All at once that a line can do to a frame. */
export const ROUGH: Partial<LinkConditions> = {
  loss: 0.02,
  duplicate: 0.01,
  corrupt: 0.01,
  reorder: 0.02,
  reorderUs: 4000,
  delayUs: 2000,
  jitterUs: 1000,
};

/** As Ours.join(), with a simulated link between the TAP device and our interface. What is returned ends the line. */
export async function joinByLine(
  world: World,
  kernel: Kernel,
  { stack }: Ours,
  conditions: Partial<LinkConditions>,
): Promise<() => void> {
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
  return () => {
    link.close();
    const done = link.nics.reduce((sum, { counters: { lost, marked } }) => sum + lost + marked, 0);
    expect(done, "the line has lost something, or marked it").toBeGreaterThan(0);
  };
}

/** The kernel 10.9.1.1 and its sockets, a line, and a stack of ours 10.9.1.2. */
export function overLine(
  conditions: Partial<LinkConditions>,
  body: (ends: Ends) => Promise<void>,
  options: StackOptions = {},
): Promise<void> {
  return inWorld(async (world) => {
    const [kernel, ours] = await Promise.all([world.kernel(), world.stack(options)]);
    const endLine = await joinByLine(world, kernel, ours, conditions);
    const peer = new Peer(kernel);
    try {
      await body({ kernel, ours, peer });
    } finally {
      peer.end();
      endLine();
    }
  });
}
