/**
 * Two stacks joined by a simulated Ethernet: ARP, echoes across it, and a neighbour that is not there.
 */
import { VirtualClock } from "../../clock.js";
import { SimLink } from "../../drivers/sim-link.js";
import type { Stack } from "../../stack.js";
import { arp } from "../../tools/arp.js";
import { decodeFrame } from "../../tools/decode.js";
import { netstatStatistics } from "../../tools/netstat.js";
import { demand, demandAnswered, type Step } from "./session.js";

const DELAY_US = 250;
const COUNT = 3;
/** Frames shown of what passes. */
const SHOWN = 8;

export const ethernet: Step = {
  name: "ethernet",
  title: "Two stacks on a simulated Ethernet resolve and ping each other",
  async run(session) {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 1, delayUs: DELAY_US });
    const a = await session.boot({ name: "a", clock });
    const b = await session.boot({ name: "b", clock });
    const wire: string[] = [];
    link.onFrame = (frame, { timeUs, end, event }) => {
      if (event !== "sent") return;
      const inner = decodeFrame(frame).at(-1);
      wire.push(`${String(timeUs).padStart(9)} µs  ${end === 0 ? "a" : "b"}  ${inner?.name} ${inner?.text}`);
    };
    a.addInterface(link.nic(), { address: "192.168.1.1/24" });
    b.addInterface(link.nic(), { address: "192.168.1.2/24" });
    const across = await session.ping(a, "192.168.1.2", { count: COUNT });
    demandAnswered("192.168.1.2", across, COUNT);
    session.line(`what a and b sent in virtual time (${DELAY_US} µs each way), the first ${SHOWN} frames:`);
    for (const line of wire.slice(0, SHOWN)) session.line(line);
    session.line();
    for (const stack of [a, b]) session.command(`arp -n    # on ${stack.name}`, arp(stack));
    demandKnown(a, b);
    demandKnown(b, a);
    const missing = await session.ping(a, "192.168.1.9", { count: 1 });
    demand(missing.errors === 1 && missing.received === 0, "a host that is not there was not reported unreachable");
    const statistics = a.statistics();
    session.command("netstat -s    # on a", netstatStatistics(statistics));
    return { across, missing, wire, neighbours: { a: a.neighbours.list(), b: b.neighbours.list() }, statistics };
  },
};

/** One holds the other's hardware address. */
function demandKnown(one: Stack, other: Stack): void {
  const nif = other.interface("eth0");
  const known = one.neighbours.list().find(({ address }) => address === nif.addresses[0]?.address);
  demand(known?.mac === nif.mac, `${one.name} holds ${known?.mac} for ${other.name}, not ${nif.mac}`);
}
