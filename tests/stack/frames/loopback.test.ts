/** Loopback: RFC 1122 §3.2.1.3 (g); everything sent to 127/8 or to an own address comes back through lo's rings. */
import { describe, expect, test } from "vitest";
import { codeOf, Host, PEER, US } from "../recording-driver.js";
import { data } from "../wire.js";

/** Pings, in the host's virtual time. */
async function ping(host: Host, address: string): Promise<string> {
  const answered = host.stack.ping(address).then(
    (reply) => `answer from ${reply.address}`,
    (error: { code: string }) => error.code,
  );
  await host.clock.advance(5_000_000);
  return answered;
}

describe("loopback", () => {
  test("is up with 127.0.0.1/8 and the MTU of 65,536 from boot on", async () => {
    const host = await Host.create();
    expect(host.lo).toMatchObject({ isUp: true, hasCarrier: true, mtu: 65536, medium: "loopback" });
    expect(host.lo.addresses).toEqual([{ address: "127.0.0.1", prefixLength: 8, netmask: "255.0.0.0" }]);
    host.lo.down();
    expect(host.lo.isUp).toBe(true);
  });

  test("any address of 127/8 answers, and nothing of it is seen on a wire", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    for (const address of ["127.0.0.1", "127.9.9.9", "127.255.255.254", "127.0.0.0", "127.255.255.255"]) {
      expect(await ping(host, address)).toBe(`answer from ${address}`);
    }
    expect(host.take()).toEqual([]);
  });

  test("a datagram to lo passes IP output and IP input, in lo's rings and counters", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const { counters, drops } = await host.changes(() => socket.trySend(data(100), { port: 1000 }));
    expect(counters).toEqual({
      IP_OUT_REQUESTS: 1,
      IP_IN_RECEIVES: 1,
      IP_IN_DELIVERS: 1,
      UDP_OUT_DATAGRAMS: 1,
      UDP_IN_DATAGRAMS: 1,
    });
    expect(drops).toEqual({});
    expect(host.lo.counters).toMatchObject({ rxPackets: 1, txPackets: 1, rxBytes: 128, txBytes: 128 });
    expect(await socket.receive()).toMatchObject({ address: "127.0.0.1", destination: "127.0.0.1", ifindex: 1 });
  });

  test("the largest datagram passes in one piece, one byte more is EMSGSIZE", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    expect(socket.trySend(data(65507), { port: 1000 })).toBe(true);
    expect(codeOf(() => socket.trySend(data(65508), { port: 1000 }))).toBe("EMSGSIZE");
    host.run();
    expect((await socket.receive()).data).toEqual(data(65507));
    expect(host.lo.counters.rxBytes).toBe(65535);
  });

  test("a further address of lo is ours as well", async () => {
    const host = await Host.create();
    host.lo.addAddress("10.255.0.1/32");
    expect(await ping(host, "10.255.0.1")).toBe("answer from 10.255.0.1");
    host.rxIcmp({}, [], { dst: "10.255.0.1" });
    expect(host.one().ip?.src).toBe("10.255.0.1");
  });
});

describe("the own address of a NIC", () => {
  test("is answered through lo: lo's counters move, the NIC's do not", async () => {
    const host = await Host.create();
    const before = host.nif.counters;
    expect(await ping(host, US)).toBe(`answer from ${US}`);
    expect(host.lo.counters).toMatchObject({ txPackets: 2, rxPackets: 2 });
    expect(host.nif.counters).toEqual(before);
    expect(host.take()).toEqual([]);
  });

  test("still answers with the carrier gone, and with the interface down", async () => {
    const host = await Host.create();
    host.driver.port.carrier(false);
    expect(await ping(host, US)).toBe(`answer from ${US}`);
    host.nif.down();
    expect(await ping(host, US)).toBe(`answer from ${US}`);
    expect(await ping(host, "127.0.0.1")).toBe("answer from 127.0.0.1");
  });

  test("with the switch, it is unreachable while the carrier is gone, and 127.x.x.x still answers", async () => {
    const host = await Host.create();
    host.stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
    expect(await ping(host, US)).toBe(`answer from ${US}`);
    host.driver.port.carrier(false);
    expect(await ping(host, US)).toBe("EHOSTUNREACH");
    expect(await ping(host, PEER)).toBe("ENETUNREACH");
    expect(await ping(host, "127.0.0.1")).toBe("answer from 127.0.0.1");
    expect(await ping(host, "127.9.9.9")).toBe("answer from 127.9.9.9");
    host.driver.port.carrier(true);
    expect(await ping(host, US)).toBe(`answer from ${US}`);
    expect(host.stack.routes.list().map((route) => route.destination)).toEqual([
      "127.0.0.0/8",
      "127.0.0.1/32",
      "192.168.1.0/24",
      "192.168.1.1/32",
    ]);
  });

  test("with the switch, reception never stops: input asks the addresses, not the table", async () => {
    const host = await Host.create();
    const other = host.join({ address: "10.0.0.1/8" });
    host.stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
    other.driver.port.carrier(false);
    host.rxIcmp({}, [], { dst: "10.0.0.1" });
    expect(host.one().ip).toMatchObject({ src: "10.0.0.1", dst: PEER });
  });

  test("when it is taken away, it no longer answers", async () => {
    const host = await Host.create();
    host.nif.removeAddress(US);
    expect(await ping(host, US)).toBe("ENETUNREACH");
    expect(host.stack.routes.list().map((route) => route.destination)).toEqual(["127.0.0.0/8", "127.0.0.1/32"]);
  });
});
