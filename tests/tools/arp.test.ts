import { expect, test } from "vitest";
import { arp } from "../../src/tools/arp.js";
import { ping } from "../../src/tools/ping.js";
import { during, pair } from "./hosts.js";

test("arp -n: resolved, permanent and unanswered neighbours", async () => {
  const { clock, a } = await pair();
  expect(arp(a)).toBe("");
  a.neighbours.add(a.interface("eth0"), "192.168.1.77", "02:00:00:00:00:4d");
  for (const target of ["192.168.1.2", "192.168.1.9"])
    await during(
      clock,
      ping(a, target, () => {}, { count: 1 }),
    );
  const [header, ...lines] = arp(a).split("\n");
  expect(header).toBe("Address                  HWtype  HWaddress           Flags Mask            Iface");
  expect(lines.sort()).toEqual([
    "192.168.1.2              ether   02:00:00:00:00:0B   C                     eth0",
    "192.168.1.77             ether   02:00:00:00:00:4D   CM                    eth0",
    "192.168.1.9                      (incomplete)                              eth0",
  ]);
});
