/** The harness itself: two stacks on a wire, and a pool that is not full again is found. */
import { expect, test } from "vitest";
import { SimLink, VirtualClock } from "../../src/index.js";
import { boot, checkPools } from "./harness.js";

test("two stacks ping each other over a SimLink", async () => {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1, delayUs: 1000 });
  const h1 = await boot({ clock, name: "h1" });
  const h2 = await boot({ clock, name: "h2" });
  h1.addInterface(link.nic(), { address: "192.168.1.1/24" });
  h2.addInterface(link.nic(), { address: "192.168.1.2/24" });
  const reply = h1.ping("192.168.1.2");
  await clock.advance(1_000_000);
  // h2's announcement of its address answers h1's question a millisecond before the reply would.
  expect((await reply).timeUs).toBe(3000);
  checkPools(h1);
  checkPools(h2);
});

test("a buffer in a socket's queue is no full pool", async () => {
  const stack = await boot();
  const socket = await stack.udp.bind({ address: "127.0.0.1" });
  socket.trySend("x", socket.address);
  await (stack.clock as VirtualClock).advance(0);
  expect(() => checkPools(stack)).toThrow(/small buffers/);
});
