/** Scenario 6: which route is chosen, and the table changed by hand. */
import { expect, test } from "vitest";
import { codeOf, Host, PEER, US } from "../stack/recording-driver.js";
import { data, ipv4, udp } from "../stack/wire.js";
import { World } from "./world.js";

test("scenario 6: the exact host, then the network with the longest mask, then the default", async () => {
  const host = await Host.create();
  const { routes } = host.stack;
  const via = (last: number) => `192.168.1.${last}`;
  routes.add({ destination: "default", gateway: via(10) });
  routes.add({ destination: "10.0.0.0/8", gateway: via(11) });
  routes.add({ destination: "10.1.0.0/16", gateway: via(12) });
  routes.add({ destination: "10.1.2.0/24", gateway: via(13) });
  routes.add({ destination: "10.1.2.3", gateway: via(14) });
  const chosen = () => ["10.1.2.3", "10.1.2.4", "10.1.3.3", "10.2.2.3", "11.1.2.3"].map((to) => routes.get(to).nextHop);
  expect(chosen()).toEqual([via(14), via(13), via(12), via(11), via(10)]);
  // The next best, as each goes.
  routes.delete({ destination: "10.1.2.3" });
  routes.delete({ destination: "10.1.0.0/16" });
  expect(chosen()).toEqual([via(13), via(13), via(11), via(11), via(10)]);
  routes.delete({ destination: "default" });
  expect(codeOf(() => routes.get("11.1.2.3"))).toBe("ENETUNREACH");
});

test("scenario 6: nothing found: a local sender gets network unreachable, or host unreachable where a route says so", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  const send = (address: string) => codeOf(() => socket.trySend("x", { address, port: 9 }));
  expect(send("8.8.8.8")).toBe("ENETUNREACH");
  host.stack.routes.add({ destination: "8.8.8.0/24", type: "unreachable" });
  expect(send("8.8.8.8")).toBe("EHOSTUNREACH");
  host.run();
  expect(host.take()).toEqual([]);
});

test("scenario 6: the commands of the text, and the table at their end", async () => {
  const world = await World.create("06-choosing-a-route");
  expect(
    await world.say(
      [
        "h1 route add -host 192.168.239.145 dev eth0",
        "h1 route del -net 192.168.239.0 netmask 255.255.255.0",
        "h1 route del default",
        "h1 route add default gw 192.168.239.145 dev eth0",
      ].join("\n"),
    ),
  ).toEqual([]);
  const table = await world.say("h1 route");
  expect(table.filter((line) => line.endsWith("eth0"))).toEqual([
    "default         192.168.239.145 0.0.0.0         UG    0      0        0 eth0",
    "192.168.239.145 *               255.255.255.255 UH    0      0        0 eth0",
  ]);
  // It serves: and the router is resolved on eth0, though eth0's network has no route any more.
  const lines = await world.say("h1 ping -c 1 202.10.1.2");
  expect(lines).toContainEqual(expect.stringMatching(/^64 bytes from 202\.10\.1\.2: icmp_seq=1 ttl=63/));
  expect(await world.say("h1 route del default\nh1 ping -c 1 202.10.1.2")).toEqual([
    "ping: connect: Network is unreachable",
  ]);
});

test("scenario 6: the flags U, G, H, D, M and !", async () => {
  const host = await Host.create();
  const { routes } = host.stack;
  routes.add({ destination: "default", gateway: PEER });
  routes.add({ destination: "10.0.0.5", gateway: PEER });
  routes.add({ destination: "10.0.0.6", gateway: PEER });
  routes.add({ destination: "10.9.0.0/16", type: "unreachable" });
  // A host that the table knows is modified by a redirect, another one comes to be.
  for (const dst of ["10.0.0.5", "8.8.8.8"]) {
    host.rxIcmp({ type: 5, code: 1, rest: 0xc0a80109 }, ipv4({ src: US, dst }, udp({}, data(4))));
  }
  const { shown } = await import("../tools/screen.js");
  const { out } = await shown(host.clock, host.stack, "route -n");
  const flags = new Map(out.split("\n").map((line) => [line.split(/ +/)[0], line.slice(48, 54).trim()]));
  expect(flags.get("0.0.0.0")).toBe("UG");
  expect(flags.get("192.168.1.0")).toBe("U");
  expect(flags.get("10.0.0.6")).toBe("UGH");
  expect(flags.get("8.8.8.8")).toBe("UGHD");
  expect(out).toMatch(/^10\.0\.0\.5 +192\.168\.1\.9 +255\.255\.255\.255 UGHM /m);
  expect(flags.get("10.9.0.0")).toBe("!");
});
