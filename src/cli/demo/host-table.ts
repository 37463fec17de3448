/**
 * The table of a host with two networks and a way to the world.
 */
import { parseMac } from "../../address.js";
import { VirtualClock } from "../../clock.js";
import { SimLink } from "../../drivers/sim-link.js";
import type { Stack } from "../../stack.js";
import { ifconfig } from "../../tools/ifconfig.js";
import { route } from "../../tools/route.js";
import { demand, type Session, type Step } from "./session.js";

const NETWORKS = [
  { address: "192.168.10.223/24", mac: "00:0c:29:c2:8d:7e" },
  { address: "192.168.56.136/24", mac: "00:0c:29:c2:8d:88" },
];

export const hostTable: Step = {
  name: "hostTable",
  title: "A host with two networks chooses a route",
  async run(session) {
    const clock = new VirtualClock();
    const stack = await session.boot({ name: "dual-homed", clock });
    for (const { address, mac } of NETWORKS) {
      stack.addInterface(new SimLink({ clock }).nic({ mac: parseMac(mac) }), { address });
    }
    stack.routes.add({ destination: "default", gateway: "192.168.10.1" });
    await clock.advance(1000);
    const texts = { ifconfig: ifconfig(stack), route: route(stack) };
    session.command("ifconfig", texts.ifconfig);
    session.command("route", texts.route);
    const [near, far, ...own] = ["192.168.56.3", "202.10.1.2", "192.168.10.223", "127.9.9.9"].map((address) =>
      chosen(session, stack, address),
    );
    session.line();
    demand(near?.dev === "eth1" && near.gateway === undefined, "192.168.56.3 is not direct on eth1");
    demand(far?.dev === "eth0" && far.gateway === "192.168.10.1", "202.10.1.2 does not go via 192.168.10.1");
    demand(
      own.every(({ dev }) => dev === "lo"),
      "own addresses do not go through lo",
    );
    return { ...texts, choices: [near, far, ...own] };
  },
};

/** What the table says of a destination, in words and as facts. */
export function chosen(session: Session, stack: Stack, address: string, note = "") {
  const { dev, source, route: by } = stack.routes.get(address);
  const way = by?.gateway === undefined ? "direct" : `via ${by.gateway}`;
  session.line(`${address.padEnd(15)} -> ${`${dev} ${way}`.padEnd(22)} by ${by?.destination ?? "no route"}${note}`);
  return { address, dev, gateway: by?.gateway, source, by: by?.destination };
}
