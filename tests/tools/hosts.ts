// Stacks for the tools' tests: the host of two networks whose screens are known, and a pair on one Ethernet.
import { parseMac, SimLink, type SimLinkOptions, Stack, VirtualClock } from "../../src/index.js";

const SEED = [1, 2, 3, 4];

/** eth0 192.168.10.223/24, eth1 192.168.56.136/24, lo, and a default route via 192.168.10.1. */
export async function dualHomed() {
  const clock = new VirtualClock();
  const stack = await Stack.create({ clock, name: "sun", seed: SEED });
  const nics = ["00:0c:29:c2:8d:7e", "00:0c:29:c2:8d:88"].map((mac) =>
    new SimLink({ clock }).nic({ mac: parseMac(mac) }),
  );
  for (const [i, address] of ["192.168.10.223/24", "192.168.56.136/24"].entries()) {
    const nic = nics[i];
    if (nic !== undefined) stack.addInterface(nic, { address });
  }
  stack.routes.add({ destination: "default", gateway: "192.168.10.1" });
  await clock.advance(1000);
  return { clock, stack, nics };
}

/** 192.168.1.1 and 192.168.1.2 on one link, 1 ms apart unless the options say otherwise. */
export async function pair(options: Partial<SimLinkOptions> = {}) {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1, delayUs: 1000, ...options });
  const [a, b] = await Promise.all(["a", "b"].map((name) => Stack.create({ clock, name, seed: SEED })));
  if (a === undefined || b === undefined) throw new Error("no stacks");
  const macs = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"].map(parseMac);
  a.addInterface(link.nic({ mac: macs[0] }), { address: "192.168.1.1/24" });
  b.addInterface(link.nic({ mac: macs[1] }), { address: "192.168.1.2/24" });
  await clock.advance(10_000);
  return { clock, link, a, b };
}

/** Lets virtual time go on until the work is done. */
export async function during<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  await clock.runUntil(() => isOver, 3600e6);
  if (!isOver) throw new Error("not done within an hour of virtual time");
  return work;
}
