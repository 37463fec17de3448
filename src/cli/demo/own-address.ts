/**
 * What a host sends to its own address goes through loopback, and what becomes of it when the carrier goes.
 */
import { VirtualClock } from "../../clock.js";
import { SimLink } from "../../drivers/sim-link.js";
import type { Stack } from "../../stack.js";
import { demand, demandAnswered, type Session, type Step } from "./session.js";

const OWN = "192.168.1.10";
const COUNT = 3;

export const ownAddress: Step = {
  name: "ownAddress",
  title: "Ping of the own address: loopback counts it, the NIC does not",
  async run(session) {
    const clock = new VirtualClock();
    const stack = await session.boot({ name: "laptop", clock });
    const nic = new SimLink({ clock }).nic();
    stack.addInterface(nic, { address: `${OWN}/24` });
    await clock.advance(1000);
    session.line("In virtual time, of which a way through loopback takes none:");
    session.line();
    const linked = await counted(session, stack);
    demandAnswered(OWN, linked.ping, COUNT);
    for (const { name, tx, rx } of linked.moved) {
      const expected = name === "lo" ? 2 * COUNT : 0;
      demand(tx === expected && rx === expected, `${name}: ${tx} sent and ${rx} received, not ${expected}`);
    }
    session.line("The cable is pulled, and the switch set that lets an own address go with its carrier:");
    session.line();
    stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
    nic.unplug();
    const unplugged = await session.ping(stack, OWN, { count: COUNT });
    const loopback = await session.ping(stack, "127.0.0.1", { count: COUNT });
    demand(unplugged.received === 0, `${OWN} answers without carrier`);
    demandAnswered("127.0.0.1", loopback, COUNT);
    return { linked, unplugged: { own: unplugged, loopback } };
  },
};

/** Pings the own address; what each interface has counted meanwhile. */
async function counted(session: Session, stack: Stack) {
  const before = stack.interfaces.map(({ counters }) => counters);
  const summary = await session.ping(stack, OWN, { count: COUNT });
  const moved = stack.interfaces.map(({ name, counters }, i) => {
    const tx = counters.txPackets - (before[i]?.txPackets ?? 0);
    const rx = counters.rxPackets - (before[i]?.rxPackets ?? 0);
    session.line(`${name.padEnd(5)} TX packets +${tx}  RX packets +${rx}`);
    return { name, tx, rx };
  });
  session.line();
  return { ping: summary, moved };
}
