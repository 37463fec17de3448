/** Proxy ARP (RFC 1027), and for which own addresses an interface answers. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC } from "../recording-driver.js";
import { ARP_REPLY } from "../wire.js";

/** eth0 192.168.1.1/24, eth1 10.0.0.1/8, which leads to 172.16/12, too; it forwards and answers for others on eth0. */
async function proxy() {
  const host = await Host.create({ peer: false });
  const two = host.join({ address: "10.0.0.1/8" });
  host.stack.routes.add({ destination: "172.16.0.0/12", gateway: "10.0.0.254" });
  host.stack.switches.set("IP_FORWARD", 1);
  host.nif.switches.set("PROXY_ARP", 1);
  host.run();
  host.take();
  return { host, two };
}

const answered = (host: Host, tpa: string, spa = PEER) => {
  host.rxArp({ tpa, spa });
  return host.take().some((frame) => frame.arp?.op === ARP_REPLY && frame.arp.spa === tpa && frame.arp.sha === OUR_MAC);
};

describe("proxy ARP (RFC 1027)", () => {
  test("answers for what it forwards to another of its links, and learns who asked", async () => {
    const { host } = await proxy();
    const { counters } = await host.changes(() => host.rxArp({ tpa: "172.16.5.5" }));
    expect(counters).toEqual({ ARP_IN_REQUESTS: 1, ARP_OUT_PROXIES: 1, NEIGH_RESOLVED: 1 });
    expect(host.one()).toMatchObject({
      dst: PEER_MAC,
      arp: { op: ARP_REPLY, sha: OUR_MAC, spa: "172.16.5.5", tpa: PEER },
    });
    expect(answered(host, "10.0.0.77")).toBe(true);
  });

  test("not for the link that asks, for what has no route or a refusal, for groups, for probes", async () => {
    const { host } = await proxy();
    host.stack.routes.add({ destination: "172.17.0.0/16", reject: true });
    for (const tpa of ["192.168.1.77", "8.8.8.8", "172.17.0.1", "127.0.0.1", "224.0.0.5", "10.255.255.255"]) {
      expect([tpa, answered(host, tpa)]).toEqual([tpa, false]);
    }
    expect(answered(host, "10.0.0.77", "0.0.0.0")).toBe(false);
    expect(answered(host, "10.0.0.77", "10.0.0.77")).toBe(false);
  });

  test("not with the switch off, without forwarding, or while the other link is gone", async () => {
    const { host, two } = await proxy();
    const is = (tpa = "10.0.0.77") => answered(host, tpa);
    expect(is()).toBe(true);
    host.nif.switches.set("PROXY_ARP", 0);
    expect(is()).toBe(false);
    host.nif.switches.set("PROXY_ARP", 1);
    host.nif.switches.set("FORWARDING", 0);
    expect(is()).toBe(false);
    host.nif.switches.set("FORWARDING", 1);
    two.driver.port.carrier(false);
    expect(is()).toBe(false);
    two.driver.port.carrier(true);
    host.run();
    host.take();
    expect(is()).toBe(true);
  });
});

test("with ARP_IGNORE an interface answers for its own addresses only", async () => {
  const host = await Host.create({ peer: false });
  host.join({ address: "10.0.0.1/8" });
  expect(answered(host, "10.0.0.1")).toBe(true);
  host.nif.switches.set("ARP_IGNORE", 1);
  expect(answered(host, "10.0.0.1")).toBe(false);
  expect(answered(host, "192.168.1.1")).toBe(true);
  host.stack.interfaceSwitches.set("ARP_IGNORE", 0);
  expect(answered(host, "10.0.0.1")).toBe(true);
});
