/** Broadcasts and multicasts that we send: RFC 1122 §3.3.6 and §3.3.7, RFC 1112 §6.1. */
import { describe, expect, test } from "vitest";
import { IFF_MULTICAST } from "../../../assembly/abi/netif.js";
import { codeOf, Host, US } from "../recording-driver.js";
import { BROADCAST_MAC } from "../wire.js";

describe("broadcasts that we send", () => {
  async function broadcaster(options: Parameters<typeof Host.create>[0] = {}) {
    const host = await Host.create(options);
    const heard: { from: string; to: string; ifindex: number }[] = [];
    const socket = await host.stack.udp.bind({ port: 1000, broadcast: true });
    socket.onmessage = (_, info) => heard.push({ from: info.address, to: info.destination, ifindex: info.ifindex });
    return { host, socket, heard };
  }

  test("need the permission, in every form", async () => {
    const { host, socket, heard } = await broadcaster();
    expect(host.nif.addresses[0]?.broadcast).toBe("192.168.1.255");
    socket.setBroadcast(false);
    for (const address of ["255.255.255.255", "192.168.1.255", "192.168.1.0"]) {
      expect(codeOf(() => socket.trySend("x", { address, port: 1000 }))).toBe("EACCES");
    }
    host.run();
    expect(host.take()).toEqual([]);
    expect(heard).toEqual([]);
  });

  test("are heard here too: through lo's rings and counters, as received where they left", async () => {
    const { host, socket, heard } = await broadcaster();
    for (const address of ["255.255.255.255", "192.168.1.255"]) {
      const lo = host.lo.counters;
      const { counters, drops } = await host.changes(() => socket.trySend("x", { address, port: 1000 }));
      expect(host.one()).toMatchObject({ dst: BROADCAST_MAC, ip: { src: US, dst: address, good: true } });
      expect(heard.splice(0)).toEqual([{ from: US, to: address, ifindex: host.nif.index }]);
      expect(host.lo.counters.txPackets - lo.txPackets).toBe(1);
      expect(host.lo.counters.rxPackets - lo.rxPackets).toBe(1);
      expect(counters).toMatchObject({ IP_LOOP_COPIES: 1, UDP_IN_DATAGRAMS: 1, IP_OUT_REQUESTS: 1 });
      expect(drops).toEqual({});
    }
    expect(host.nif.counters.rxPackets).toBe(0);
  });

  test("so are multicasts to a group that we are in", async () => {
    const { host, socket, heard } = await broadcaster();
    expect([host.nif.flags & IFF_MULTICAST, host.lo.flags & IFF_MULTICAST]).toEqual([IFF_MULTICAST, 0]);
    socket.trySend("x", { address: "224.0.0.1", port: 1000 });
    host.run();
    expect(heard).toEqual([{ from: US, to: "224.0.0.1", ifindex: 2 }]);
    expect(host.one().dst).toBe("01:00:5e:00:00:01");
    const foreign = await host.changes(() => socket.trySend("x", { address: "224.0.0.5", port: 1000 }));
    expect(foreign).toEqual({ counters: { IP_OUT_REQUESTS: 1, UDP_OUT_DATAGRAMS: 1 }, drops: {} });
  });

  test("with no buffer free the copy is dropped and counted, the wire's goes out", async () => {
    const { host, socket, heard } = await broadcaster();
    // Windows of other sockets use up what may be sent from.
    const { exports } = host.stack.core;
    const { quota } = host.stack.memory().small;
    const handles: number[] = [];
    expect(exports.sock_window(socket.handle, 8)).toBeGreaterThan(0);
    while (host.stack.memory().small.held.tx < quota.tx) {
      const handle = exports.sock_open(17);
      expect(exports.sock_window(handle, 100)).toBeGreaterThan(0);
      handles.push(handle);
    }
    const drops = await host.drops(() => socket.trySend("x", { address: "192.168.1.255", port: 1000 }));
    expect(drops).toEqual({ OUT_LOOP_COPY: 1 });
    expect(host.one().dst).toBe(BROADCAST_MAC);
    expect(heard).toEqual([]);
    for (const handle of handles) exports.sock_close(handle);
  });

  test("the limited broadcast goes by the default route's interface, else by the first that can", async () => {
    const { host, socket } = await broadcaster();
    const next = host.join({ address: "10.0.0.1/8" });
    socket.trySend("x", { address: "255.255.255.255", port: 9 });
    host.run();
    expect(host.one().ip?.src).toBe(US);
    host.stack.routes.add({ destination: "default", gateway: "10.0.0.9" });
    socket.trySend("x", { address: "255.255.255.255", port: 9 });
    host.run();
    expect(host.one(next.driver).ip).toMatchObject({ src: "10.0.0.1", dst: "255.255.255.255" });
    expect(host.take()).toEqual([]);
    socket.bindToInterface(2);
    socket.trySend("x", { address: "255.255.255.255", port: 9 });
    host.run();
    expect(host.one().ip?.src).toBe(US);
  });

  test("on a point-to-point link the limited broadcast goes to the far end, and there is no other", async () => {
    const { host, socket } = await broadcaster();
    const link = host.join({ medium: "ip", address: "10.9.9.9/24" });
    socket.bindToInterface(link.nif.index);
    socket.trySend("x", { address: "255.255.255.255", port: 9 });
    host.run();
    expect(link.driver.sent.map((packet) => [...packet.slice(12, 20)])).toEqual([[10, 9, 9, 9, 255, 255, 255, 255]]);
    expect(host.stack.routes.get("10.9.9.255").nextHop).toBe("10.9.9.255");
  });
});
