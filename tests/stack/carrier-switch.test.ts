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
  expect(stack.routes.get("192.168.1.7").dev).toBe("eth0");
});
