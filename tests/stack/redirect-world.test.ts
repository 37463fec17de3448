/**
 * A host, the router that its default route names, and better ones on the same network: RFC 1122 §3.2.2.2 and §3.3.1.2,
 * RFC 1812 §5.2.7.2. What ping prints is what iputils printed on Linux in the same network, times apart.
 */
import { describe, expect, test } from "vitest";
import { SimLink, VirtualClock } from "../../src/index.js";
import { route } from "../../src/tools/route.js";
import { shown } from "../tools/screen.js";
import { boot } from "./harness.js";

const TARGET = "192.168.100.5";
const BETTER = "192.168.239.2";
const OTHER = "192.168.239.3";

/** The host .10 and routers .1, .2 and .3 on one network; .1 sends what is for the target's network to .2, else to .3. */
async function world() {
  const clock = new VirtualClock();
  const lan = new SimLink({ clock, seed: 1, delayUs: 20 });
  const far = new SimLink({ clock, seed: 2, delayUs: 20 });
  const station = async (name: string, address: string, options: { router?: string } = {}) => {
    const stack = await boot({ clock, name });
    const nic = lan.nic();
    const nif = stack.addInterface(nic, { address: `${address}/24` });
    if (options.router !== undefined) {
      stack.switches.set("IP_FORWARD", 1);
      if (options.router !== "") stack.addInterface(far.nic(), { address: `${options.router}/24` });
    }
    return { stack, nif, nic };
  };
  const host = await station("host", "192.168.239.10");
  const first = await station("first", "192.168.239.1", { router: "" });
  const better = await station("better", BETTER, { router: "192.168.100.1" });
  await station("other", OTHER, { router: "192.168.100.2" });
  host.stack.routes.add({ destination: "default", gateway: "192.168.239.1" });
  first.stack.routes.add({ destination: "192.168.100.0/24", gateway: BETTER, metric: 10 });
  first.stack.routes.add({ destination: "192.168.100.0/24", gateway: OTHER, metric: 20 });
  const target = await boot({ clock, name: "target" });
  target.addInterface(far.nic(), { address: `${TARGET}/24` });
  // What comes back comes by the third router, whatever becomes of the second.
  target.routes.add({ destination: "default", gateway: "192.168.100.2" });
  await clock.advance(1000);
  const { stack } = host;
  return {
    clock,
    lan,
    first: first.stack,
    better,
    host,
    /** What ping prints of so many requests, without times and statistics. */
    async ping(count: number, interval = "0.316") {
      const { out } = await shown(clock, stack, `ping -c ${count} -i ${interval} -W 1 ${TARGET}`);
      const [lines = ""] = out.split("\n\n--- ");
      return lines
        .split("\n")
        .slice(1)
        .map((line) => line.replace(/ time=.*/, ""));
    },
    hostRoutes: () =>
      route(stack, { numeric: true })
        .split("\n")
        .filter((line) => line.startsWith("192.168.100.5")),
    /** Time for what fails to have failed, a datagram a second. */
    async keepSending(seconds: number) {
      const socket = await stack.udp.bind();
      for (let i = 0; i < seconds; i++) {
        try {
          socket.trySend("x", { address: TARGET, port: 9 });
        } catch {}
        await clock.advance(1_000_000);
      }
      socket.close();
    },
  };
}

const reply = (sequence: number) => `64 bytes from ${TARGET}: icmp_seq=${sequence} ttl=63`;
const told = (sequence: number, gateway = BETTER) =>
  `From 192.168.239.1: icmp_seq=${sequence} Redirect Host(New nexthop: ${gateway})`;

describe("a host whose router knows a better first hop", () => {
  test("obeys with the very next datagram, and shows it in its table with D", async () => {
    const { ping, hostRoutes, first } = await world();
    expect(await ping(5)).toEqual([told(1), reply(1), reply(2), reply(3), reply(4), reply(5)]);
    expect(first.statistics().counters).toMatchObject({ IP_FORW_DATAGRAMS: 1, ICMP_OUT_REDIRECTS: 1 });
    expect(hostRoutes()).toEqual(["192.168.100.5   192.168.239.2   255.255.255.255 UGHD  0      0        0 eth0"]);
  });

  test("with M where its table had a route to that very host", async () => {
    const { host, ping, hostRoutes } = await world();
    host.stack.routes.add({ destination: TARGET, gateway: "192.168.239.1" });
    await ping(1);
    expect(hostRoutes()).toEqual(["192.168.100.5   192.168.239.2   255.255.255.255 UGHM  0      0        0 eth0"]);
  });

  test("learns it anew when its time is up", async () => {
    const { clock, host, ping, hostRoutes } = await world();
    host.stack.switches.set("REDIRECT_MS", 30_000);
    await ping(1);
    await clock.advance(28_000_000);
    expect(await ping(1)).toEqual([reply(1)]);
    await clock.advance(2_010_000);
    expect(hostRoutes()).toEqual([]);
    expect(await ping(2)).toEqual([told(1), reply(1), reply(2)]);
  });

  test("forgets it when that one dies: the old way again, which leads by another", async () => {
    const { better, first, host, ping, keepSending, hostRoutes } = await world();
    await ping(2);
    better.nic.unplug();
    // Stale, probed, failed: here, and then at the first router, who has another way.
    await keepSending(90);
    expect(first.statistics().counters.IP_FORW_DATAGRAMS).toBeGreaterThan(1);
    expect(hostRoutes()).toEqual(["192.168.100.5   192.168.239.3   255.255.255.255 UGHD  0      0        0 eth0"]);
    expect(await ping(1)).toEqual([reply(1)]);
    expect(host.stack.neighbours.list().find(({ address }) => address === BETTER)?.state).not.toBe("reachable");
  });

  test("that is not to obey is told all the same: its ping, by the switch, and the router tells it less and less", async () => {
    const { host, ping, hostRoutes, first } = await world();
    host.nif.switches.set("ACCEPT_REDIRECTS", 0);
    expect(await ping(5)).toEqual([...[1, 2, 3, 4].flatMap((sequence) => [told(sequence), reply(sequence)]), reply(5)]);
    expect(hostRoutes()).toEqual([]);
    expect(host.stack.statistics().drops.ICMP_REDIRECT_OFF).toBe(4);
    expect(host.stack.statistics().counters.ICMP_REDIRECTS_ACCEPTED).toBe(0);
    expect(first.statistics().counters.IP_FORW_DATAGRAMS).toBe(5);
  });
});
