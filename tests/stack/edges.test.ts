/** Where rules meet: sources and routes, bound interfaces and errors, carriers and tables, rates and loopback. */

import { expect, test } from "vitest";
import { IPPROTO_ICMP } from "../../assembly/abi/proto.js";
import { RTF_REJECT, RTF_UP } from "../../assembly/abi/route.js";
import { OPT_BROADCAST, SEND_TO } from "../../assembly/abi/socket.js";
import { REGION_CONFIG } from "../../assembly/abi/stack.js";
import { ipv4 as ipv4Number } from "../../src/address.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";
import { arp, ether, icmp, ipv4 } from "./wire.js";

const SECOND = 1_000_000;
/** Of the second interface that a Host joins. */
const SECOND_MAC = "02:00:00:00:02:01";

test("an interface without an address asks by ARP with a borrowed one, and its neighbours stay known", async () => {
  const host = await Host.create();
  const { driver, nif } = host.join({});
  host.stack.routes.add({ destination: "10.7.7.7", dev: nif.name });
  const socket = await host.stack.udp.bind();
  const sha = "02:00:00:00:07:07";
  const asked = new Set<string | undefined>();
  for (let i = 0; i < 120; i++) {
    socket.trySend("x", { address: "10.7.7.7", port: 9 });
    host.run();
    for (const frame of host.take(driver)) {
      if (frame.arp?.op !== 1) continue;
      asked.add(frame.arp.spa);
      const reply = arp({ op: 2, sha, spa: "10.7.7.7", tha: SECOND_MAC, tpa: frame.arp.spa });
      host.rx(ether({ dst: SECOND_MAC, type: 0x0806, src: sha }, reply), driver);
    }
    host.run(SECOND);
  }
  expect([...asked]).toEqual([US]);
  expect(host.stack.statistics().counters.NEIGH_FAILED).toBe(0);
});

test("our own answer to our own broadcast ping arrives", async () => {
  const host = await Host.create();
  host.stack.switches.set("ICMP_ECHO_BROADCASTS", 1);
  const { exports, u8 } = host.stack.core;
  const handle = exports.sock_open(IPPROTO_ICMP);
  exports.sock_set(handle, OPT_BROADCAST, 1);
  const drops = await host.drops(async () => {
    const at = exports.sock_window(handle, 16);
    u8.fill(0, at, at + 16);
    u8[at] = 8;
    host.stack.core.putPeer(ipv4Number("192.168.1.255"), 0);
    expect(exports.sock_send(handle, 16, SEND_TO)).toBe(0);
    host.stack.work();
    host.run(10);
    host.run(10);
    expect(exports.sock_recv(handle)).toBe(16);
    exports.sock_close(handle);
  });
  expect(drops).toEqual({});
});

test("the rate of ICMP errors is for networks: loopback tells its senders during a flood from outside", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.connect({ address: "127.0.0.1", port: 9 });
  for (let i = 0; i < 60; i++) host.rxUdp({ dstPort: 9 }, [1]);
  socket.trySend("x");
  host.run();
  expect(codeOf(() => socket.trySend("y"))).toBe("ECONNREFUSED");
});

test("a route's source is an own address, or the route is refused; one that is gone is no longer used", async () => {
  const host = await Host.create();
  for (const source of ["8.8.8.8", "192.168.1.255", "224.0.0.1"]) {
    expect(codeOf(() => host.stack.routes.add({ destination: "default", gateway: PEER, source }))).toBe("EINVAL");
  }
  host.nif.addAddress("192.168.1.9/24");
  host.run();
  host.take();
  host.stack.routes.add({ destination: "default", gateway: PEER, source: "192.168.1.9" });
  expect(host.stack.routes.get("9.9.9.9").source).toBe("192.168.1.9");
  host.nif.removeAddress("192.168.1.9");
  const socket = await host.stack.udp.bind();
  socket.trySend("x", { address: "9.9.9.9", port: 9 });
  host.run();
  expect(host.one().ip?.src).toBe(US);
});

test("a gateway is one other host", async () => {
  const host = await Host.create();
  const dev = host.nif.name;
  for (const gateway of ["192.168.1.255", "224.0.0.1", "255.255.255.255", US]) {
    expect(codeOf(() => host.stack.routes.add({ destination: "20.0.0.0/8", gateway, dev }))).not.toBe("none");
  }
});

test("a socket bound to an interface hears ICMP errors by whichever interface they come", async () => {
  const host = await Host.create();
  const two = host.join({ address: "10.0.0.1/24" });
  const socket = await host.stack.udp.bind();
  socket.bindToInterface(host.nif.index);
  socket.trySend("x", { address: PEER, port: 9 });
  host.run();
  const sent = host.one();
  const quote = sent.frame.subarray(14, 14 + (sent.ip?.totalLen as number));
  const error = ipv4({ proto: 1, src: "10.0.0.9", dst: US }, icmp({ type: 3, code: 1, rest: 0 }, quote));
  expect(await host.drops(() => host.rx(ether({ dst: SECOND_MAC }, error), two.driver))).toEqual({});
  expect(socket.nextError()?.code).toBe("EHOSTUNREACH");
  socket.trySend("x", { address: "192.168.1.77", port: 9 });
  host.run(5 * SECOND);
  expect(socket.nextError()?.code).toBe("EHOSTUNREACH");
});

test("what goes by an interface that is down fails at once, however full its ring is", async () => {
  const host = await Host.create({ ringSlots: 64 });
  const socket = await host.stack.udp.connect({ address: PEER, port: 9 });
  socket.bindToInterface(host.nif.index);
  host.driver.busy = true;
  while (socket.trySend("x")) {}
  host.nif.down();
  expect(codeOf(() => socket.trySend("x"))).toBe("ENETDOWN");
  host.driver.free();
  host.run();
});

test("with ADDR_FOLLOWS_CARRIER no address makes a route while there is no carrier", async () => {
  const host = await Host.create();
  host.stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
  host.stack.core.exports.netif_carrier(host.nif.index, 0);
  // The addresses themselves are unreachable then, whatever else would lead there: no route but a refusal.
  const routes = () =>
    host.stack.routes
      .list()
      .filter(({ destination, flags }) => !destination.startsWith("127") && !(flags & RTF_REJECT) && flags & RTF_UP);
  expect(routes()).toEqual([]);
  host.nif.addAddress("10.1.0.1/16");
  expect(routes()).toEqual([]);
  host.nif.removeAddress("10.1.0.1");
  host.nif.down();
  host.nif.up();
  expect(routes()).toEqual([]);
  host.stack.core.exports.netif_carrier(host.nif.index, 1);
  expect(routes().map((route) => route.destination)).toEqual(["192.168.1.0/24", `${US}/32`]);
});

test("without the switch the carrier brings back no route that was deleted", async () => {
  const host = await Host.create();
  host.stack.routes.delete({ destination: "192.168.1.0/24" });
  host.stack.core.exports.netif_carrier(host.nif.index, 0);
  host.stack.core.exports.netif_carrier(host.nif.index, 1);
  expect(host.stack.routes.list().some((route) => route.destination === "192.168.1.0/24")).toBe(false);
});

test("another address brings back no route that was deleted", async () => {
  const host = await Host.create();
  host.stack.routes.delete({ destination: "192.168.1.0/24" });
  host.nif.addAddress("10.1.0.1/16");
  expect(host.stack.routes.list().some((route) => route.destination === "192.168.1.0/24")).toBe(false);
});

test("the network of an interface that is down keeps its room in the table", async () => {
  const host = await Host.create({ profile: "tiny" });
  host.nif.down();
  for (let i = 0; i < 20; i++) codeOf(() => host.stack.routes.add({ destination: `50.0.0.${i}`, reject: true }));
  expect(codeOf(() => host.stack.routes.add({ destination: "51.0.0.1", reject: true }))).toBe("ENOSPC");
  expect(codeOf(() => host.stack.routes.get(PEER))).toBe("ENETUNREACH");
  host.nif.up();
  expect(host.stack.routes.get(PEER).dev).toBe("eth0");
});

test("a directed broadcast of a network behind a gateway is the gateway's to make", async () => {
  const host = await Host.create();
  const two = host.join({ address: "10.0.0.1/24" });
  host.stack.neighbours.add(two.nif, "10.0.0.254", "02:00:00:00:09:09");
  host.stack.routes.add({ destination: "default", gateway: "10.0.0.254" });
  host.nif.down();
  host.run();
  host.take();
  const socket = await host.stack.udp.bind({ broadcast: true });
  socket.trySend("x", { address: "192.168.1.255", port: 9 });
  host.run();
  expect(host.take(two.driver).map((frame) => frame.dst)).toEqual(["02:00:00:00:09:09"]);
});

test("the boot record is the stack's own once it has booted", async () => {
  const host = await Host.create();
  const { exports, u32 } = host.stack.core;
  const at = exports.stack_region(REGION_CONFIG) >> 2;
  const before = u32.slice(at, at + 12);
  expect(exports.stack_defaults(1)).toBe(-22);
  expect(u32.slice(at, at + 12)).toEqual(before);
});

test("an address of 0/8 is nobody's", async () => {
  const host = await Host.create();
  expect(codeOf(() => host.nif.addAddress("0.1.2.3/24"))).toBe("EINVAL");
});
