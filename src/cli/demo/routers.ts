/**
 * A lab: a host whose default router knows a better one, a line of small MTU behind that, and what the host makes of it.
 */
import { VirtualClock } from "../../clock.js";
import { Lab } from "../../lab/lab.js";
import { parseScript } from "../../lab/script.js";
import { Session as LabSession } from "../../lab/session.js";
import { isAllReturned } from "../../tools/memory.js";
import { demand, type Step } from "./session.js";

const TOPOLOGY = {
  links: { lan: { delay: "100us" }, line: { type: "ip", mtu: 600, delay: "2ms" }, far: { delay: "100us" } },
  hosts: {
    h1: {
      interfaces: { eth0: { link: "lan", address: "192.168.239.136/24" } },
      routes: ["default via 192.168.239.145"],
    },
    h2: {
      interfaces: { eth0: { link: "far", address: "192.168.100.5/24" } },
      routes: ["default via 192.168.100.1"],
    },
  },
  routers: {
    r1: {
      interfaces: { eth0: { link: "lan", address: "192.168.239.145/24" } },
      routes: ["default via 192.168.239.2"],
    },
    r2: {
      interfaces: {
        eth0: { link: "lan", address: "192.168.239.2/24" },
        ppp0: { link: "line", address: "10.0.0.1/30" },
      },
      routes: ["192.168.100.0/24 via 10.0.0.2"],
    },
    r3: {
      interfaces: {
        ppp0: { link: "line", address: "10.0.0.2/30" },
        eth0: { link: "far", address: "192.168.100.1/24" },
      },
      routes: ["default via 10.0.0.1"],
    },
  },
};

const SCRIPT = `h1 ping -n -c 2 h2
h1 route -n
h1 ping -n -c 2 -M do -s 1000 h2
h1 ping -n -c 1 -s 1000 h2
h1 traceroute -n h2`;

export const routers: Step = {
  name: "routers",
  title: "A lab: three routers, a redirect, a link of small MTU",
  async run({ line }) {
    const lab = await Lab.create(TOPOLOGY, { clock: new VirtualClock() });
    try {
      const session = new LabSession(lab, { out: line });
      await session.runAll(parseScript(SCRIPT, session.names));
      line();
      const h1 = lab.host("h1");
      const redirect = h1.routes.list().find(({ destination }) => destination === "192.168.100.5/32");
      demand(
        redirect?.gateway === "192.168.239.2",
        `h1 goes by ${redirect?.gateway}, not by the router it was told of`,
      );
      const { counters } = h1.statistics();
      demand(counters.IP_PMTU_LEARNED === 1, `h1 has learned ${counters.IP_PMTU_LEARNED} path MTUs, not one`);
      demand(counters.IP_FRAG_CREATES === 2, `h1 has sent ${counters.IP_FRAG_CREATES} fragments, not two`);
      const forwarded = ["r1", "r2", "r3"].map((name) => lab.host(name).statistics().counters.IP_FORW_DATAGRAMS);
      for (const stack of lab.hosts.values()) {
        demand(isAllReturned(stack.memory()), `${stack.name} has not returned all its buffers`);
      }
      return { redirect, learned: counters.IP_PMTU_LEARNED, fragments: counters.IP_FRAG_CREATES, forwarded };
    } finally {
      lab.close();
    }
  },
};
