/** Routes as a host makes them: kinds of refusal, lines without addresses, loopback as a gateway, what redirects show. */
import { describe, expect, test } from "vitest";
import * as ROUTE from "../../assembly/abi/route.js";
import { REGION_ROUTE } from "../../assembly/abi/stack.js";
import { Prng, SimLink, type Stack, VirtualClock } from "../../src/index.js";
import { route } from "../../src/tools/route.js";
import { boot } from "./harness.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";

/** A stack with one raw-IP interface, eth-less, with the given address or none. */
async function onLine(address?: string): Promise<Stack> {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, medium: "ip", seed: 1 });
  const stack = await boot({ clock });
  stack.addInterface(link.nic(), { name: "ppp0", ...(address === undefined ? {} : { address }) });
  return stack;
}

describe("refusals", () => {
  test("unreachable, prohibit, blackhole: what a local sender is told, and how they are deleted", async () => {
    const { stack } = await Host.create();
    stack.routes.add({ destination: "default", gateway: PEER });
    const types = { unreachable: "EHOSTUNREACH", prohibit: "EACCES", blackhole: "EINVAL" } as const;
    for (const [type, code] of Object.entries(types) as [keyof typeof types, string][]) {
      stack.routes.add({ destination: "20.0.0.0/8", type });
      expect(
        codeOf(() => stack.routes.get("20.1.2.3")),
        type,
      ).toBe(code);
      const [made] = stack.routes.list().filter(({ destination }) => destination === "20.0.0.0/8");
      expect(made).toMatchObject({ dev: "*", metric: 0 });
      expect(made?.gateway).toBeUndefined();
      for (const other of Object.keys(types) as (keyof typeof types)[]) {
        if (other !== type) {
          expect(codeOf(() => stack.routes.delete({ destination: "20.0.0.0/8", type: other }))).toBe("ESRCH");
        }
      }
      stack.routes.delete({ destination: "20.0.0.0/8", type });
      expect(stack.routes.get("20.1.2.3").nextHop).toBe(PEER);
    }
    stack.routes.add({ destination: "20.0.0.0/8", reject: true, dev: "lo" });
    stack.routes.delete({ destination: "20.0.0.0/8", reject: true, dev: "lo" });
    expect(() => stack.routes.add({ destination: "20.0.0.0/8", type: "throw" as never })).toThrow(TypeError);
    const misspelt = { destination: "20.0.0.0/8", dev: "lo", gatway: "10.0.0.1" };
    expect(() => stack.routes.add(misspelt)).toThrow("gatway: no such option");
    expect(() => stack.routes.add(undefined as never)).toThrow("route: an object is needed");
    const asText = { destination: "20.0.0.0/8", dev: "lo", metric: "5" as never };
    expect(() => stack.routes.add(asText)).toThrow('metric: "5" is not an integer from');
  });

  test("a record cannot pass a route off as a set, nor give it any flag that is the stack's own", async () => {
    const { stack } = await Host.create();
    const { exports, u32 } = stack.core;
    stack.routes.add({ destination: "20.0.0.0/8", gateway: PEER });
    const record = exports.stack_region(REGION_ROUTE);
    exports.route_first(4);
    u32[(record + ROUTE.ROUTE_METRIC) >> 2] = 9;
    u32[(record + ROUTE.ROUTE_FLAGS) >> 2] =
      0xffffffff & ~(ROUTE.RTF_REJECT | ROUTE.RTF_PROHIBIT | ROUTE.RTF_BLACKHOLE);
    expect(exports.route_add()).toBe(0);
    const made = stack.routes.list().filter(({ destination }) => destination === "20.0.0.0/8");
    const flags = ROUTE.RTF_UP | ROUTE.RTF_GATEWAY;
    expect(made).toMatchObject([
      { metric: 0, flags },
      { metric: 9, flags },
    ]);
  });
});

describe("gateways", () => {
  test("a line takes any gateway, or none, with or without an address (RFC 1812 §2.2.7)", async () => {
    for (const address of [undefined, "10.0.0.1/32", "10.0.0.1/30"]) {
      const stack = await onLine(address);
      stack.routes.add({ destination: "20.0.0.0/8", gateway: "172.16.9.9", dev: "ppp0" });
      stack.routes.add({ destination: "30.0.0.0/8", dev: "ppp0" });
      expect(codeOf(() => stack.routes.add({ destination: "40.0.0.0/8", gateway: "224.0.0.1", dev: "ppp0" }))).toBe(
        "EINVAL",
      );
      if (address !== undefined) expect(stack.routes.get("20.0.0.1")).toMatchObject({ dev: "ppp0" });
    }
  });

  test("127.0.0.1 as a gateway keeps what goes there inside", async () => {
    const stack = await onLine("61.175.201.54/32");
    stack.routes.delete({ destination: "61.175.201.54/32" });
    stack.routes.add({ destination: "61.175.201.54/32", gateway: "127.0.0.1" });
    expect(stack.routes.get("61.175.201.54")).toMatchObject({ dev: "lo", source: "61.175.201.54" });
    expect(route(stack, { numeric: true }).split("\n").slice(2)).toEqual([
      "61.175.201.54   127.0.0.1       255.255.255.255 UGH   0      0        0 lo",
      "127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo",
    ]);
    expect(codeOf(() => stack.routes.add({ destination: "9.0.0.0/8", gateway: "127.0.0.1", dev: "ppp0" }))).toBe(
      "EINVAL",
    );
    stack.routes.delete({ destination: "61.175.201.54/32", gateway: "127.0.0.1" });
  });

  test("a gateway must be on the link of the interface it is said to be on", async () => {
    const host = await Host.create();
    const two = host.join({ address: "10.0.0.1/24" });
    const add = (gateway: string, dev: string) =>
      codeOf(() => host.stack.routes.add({ destination: "20.0.0.0/8", gateway, dev }));
    expect(add("10.0.0.9", host.nif.name)).toBe("ENETUNREACH");
    expect(add("10.0.0.9", two.nif.name)).toBe("none");
    // one network by two interfaces: the gateway is on either's link, whichever the table prefers
    two.nif.addAddress("192.168.1.200/24");
    expect(add(PEER, two.nif.name)).toBe("none");
    host.stack.routes.add({ destination: "30.0.0.0/8", gateway: PEER });
    expect(add("30.0.0.1", host.nif.name)).toBe("ENETUNREACH");
  });
});

test("equal routes share destinations, each of which keeps its way; a deletion gives all to the other", async () => {
  const host = await Host.create();
  host.join({ address: "10.0.0.1/24" });
  host.stack.routes.add({ destination: "default", gateway: PEER });
  host.stack.routes.add({ destination: "default", gateway: "10.0.0.9" });
  const random = new Prng(5);
  const targets = Array.from({ length: 200 }, () => `20.${random.below(256)}.${random.below(256)}.1`);
  const ways = targets.map((address) => host.stack.routes.get(address).nextHop);
  expect(targets.map((address) => host.stack.routes.get(address).nextHop)).toEqual(ways);
  const share = ways.filter((way) => way === PEER).length;
  expect(share).toBeGreaterThan(60);
  expect(share).toBeLessThan(140);
  host.stack.routes.delete({ destination: "default", gateway: PEER });
  expect(new Set(targets.map((address) => host.stack.routes.get(address).nextHop))).toEqual(new Set(["10.0.0.9"]));
});

test("an own address wins over an older route to it", async () => {
  const host = await Host.create();
  host.stack.routes.add({ destination: "192.168.1.77", gateway: PEER });
  host.nif.addAddress("192.168.1.77/24");
  expect(host.stack.routes.get("192.168.1.77").dev).toBe("lo");
  expect(host.stack.routes.get(US).dev).toBe("lo");
  host.run();
});

describe("redirects in the listing", () => {
  test("a redirect is a host route with D, or M in the one that it modifies, until its time", async () => {
    const host = await Host.create();
    const { stack } = host;
    stack.routes.add({ destination: "default", gateway: PEER });
    stack.routes.add({ destination: "20.0.0.7", gateway: PEER });
    const until = stack.clock.now() + 5e6;
    stack.switches.set("REDIRECT_MS", 5000);
    const socket = await stack.udp.bind();
    for (const address of ["20.0.0.7", "8.8.8.8"]) {
      socket.trySend("x", { address, port: 9 });
      host.run();
      const sent = host.one().frame.slice(14);
      host.rxIcmp({ type: 5, code: 1, rest: 0xc0a80109 }, sent);
    }
    expect(route(stack, { numeric: true }).split("\n").slice(2)).toEqual([
      "0.0.0.0         192.168.1.2     0.0.0.0         UG    0      0        0 eth0",
      "8.8.8.8         192.168.1.9     255.255.255.255 UGHD  0      0        0 eth0",
      "20.0.0.7        192.168.1.9     255.255.255.255 UGHM  0      0        0 eth0",
      "127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo",
      "192.168.1.0     0.0.0.0         255.255.255.0   U     0      0        0 eth0",
    ]);
    expect(stack.routes.list().find(({ destination }) => destination === "8.8.8.8/32")?.expiresUs).toBe(until);
    expect(stack.routes.destinations()).toEqual([
      expect.objectContaining({ address: "20.0.0.7", gateway: "192.168.1.9", router: PEER, dev: "eth0" }),
      expect.objectContaining({ address: "8.8.8.8", redirectExpiresUs: until }),
    ]);
    // another way to the destination: the redirect is not about that
    stack.routes.add({ destination: "8.0.0.0/8", gateway: "192.168.1.3" });
    expect(stack.routes.list().some(({ destination }) => destination === "8.8.8.8/32")).toBe(false);
    stack.routes.delete({ destination: "8.0.0.0/8" });
    expect(stack.routes.list().some(({ destination }) => destination === "8.8.8.8/32")).toBe(true);
    host.run(6e6);
    expect(stack.routes.destinations()).toEqual([]);
    expect(stack.routes.list().every(({ expiresUs }) => expiresUs === undefined)).toBe(true);
  });
});
