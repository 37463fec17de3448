/** The switch ADDR_FOLLOWS_CARRIER takes effect when it is set, not only when the carrier next changes. */
import { expect, it } from "vitest";
import { SimLink, VirtualClock } from "../../src/index.js";
import { boot } from "./harness.js";

it("withdraws and restores the routes of an interface that has no carrier already", async () => {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1 });
  const nic = link.nic();
  const stack = await boot({ clock });
  stack.addInterface(nic, { address: "192.168.1.1/24" });
  nic.unplug();
  expect(stack.routes.get("192.168.1.1").dev).toBe("lo");
  stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
  expect(() => stack.routes.get("192.168.1.1")).toThrow(expect.objectContaining({ code: "EHOSTUNREACH" }));
  stack.switches.set("ADDR_FOLLOWS_CARRIER", 0);
  expect(stack.routes.get("192.168.1.1").dev).toBe("lo");
  expect(() => stack.routes.get("192.168.1.7")).toThrow(expect.objectContaining({ code: "ENETUNREACH" }));
  stack.switches.set("ROUTES_FOLLOW_CARRIER", 0);
  expect(stack.routes.get("192.168.1.7").dev).toBe("eth0");
});

it("withdraws every route by an interface with its carrier, and brings them back, static ones too", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  const nic = new SimLink({ clock, seed: 1 }).nic();
  const other = new SimLink({ clock, seed: 2 }).nic();
  stack.addInterface(nic, { address: "192.168.1.1/24" });
  stack.addInterface(other, { address: "10.0.0.1/8" });
  stack.routes.add({ destination: "default", gateway: "192.168.1.254" });
  stack.routes.add({ destination: "default", gateway: "10.0.0.254", metric: 1 });
  const way = (to: string) => stack.routes.get(to).nextHop;
  expect([way("8.8.8.8"), way("192.168.1.7")]).toEqual(["192.168.1.254", "192.168.1.7"]);
  for (const [gone, back] of [
    [() => nic.unplug(), () => nic.plug()],
    [() => stack.interface("eth0").down(), () => stack.interface("eth0").up()],
  ] as const) {
    gone();
    expect([way("8.8.8.8"), way("192.168.1.7")]).toEqual(["10.0.0.254", "10.0.0.254"]);
    expect(stack.routes.get("192.168.1.1").dev).toBe("lo");
    back();
    expect([way("8.8.8.8"), way("192.168.1.7")]).toEqual(["192.168.1.254", "192.168.1.7"]);
  }
});

it("an own address is reached through lo even under an older host route of the same metric", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  const nif = stack.addInterface(new SimLink({ clock, seed: 1 }).nic(), { address: "192.168.1.1/24" });
  stack.routes.add({ destination: "192.168.1.9", dev: "eth0" });
  expect(stack.routes.get("192.168.1.9").dev).toBe("eth0");
  nif.addAddress("192.168.1.9/24");
  expect(stack.routes.get("192.168.1.9").dev).toBe("lo");
  nif.removeAddress("192.168.1.9");
  expect(stack.routes.get("192.168.1.9").dev).toBe("eth0");
});
