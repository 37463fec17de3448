/** Scenario 1: lo is a link layer under IP. What is for this host itself passes it, and comes back as IP input. */
import { expect, test } from "vitest";
import type { Stack } from "../../src/index.js";
import { Host, PEER, US } from "../stack/recording-driver.js";

/** What an echo request becomes, in virtual time. */
async function ping(host: Host, address: string): Promise<string> {
  const answer = host.stack.ping(address).then(
    (reply) => `answer from ${reply.address}`,
    (error: { code: string }) => error.code,
  );
  await host.clock.advance(5_000_000);
  return answer;
}

const loPackets = (stack: Stack) => stack.interface("lo").counters.rxPackets;

test("scenario 1: everything sent to 127/8, any address of it, becomes IP input here and never appears on a network", async () => {
  const host = await Host.create();
  host.stack.routes.add({ destination: "default", gateway: PEER });
  for (const [i, address] of ["127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost"].entries()) {
    const { IP_IN_RECEIVES: before } = host.stack.statistics().counters;
    expect(await ping(host, address)).toBe(`answer from ${address === "localhost" ? "127.0.0.1" : address}`);
    // Request and reply: each leaves IP by lo, and comes in again.
    expect(host.stack.statistics().counters.IP_IN_RECEIVES - before).toBe(2);
    expect(loPackets(host.stack)).toBe(2 * (i + 1));
  }
  expect(host.take()).toEqual([]);
  // Nor does it come from one.
  expect(await host.drops(() => host.rxUdp({}, [], { dst: "127.0.0.1" }))).toEqual({ IP_DEST_LOOPBACK: 1 });
});

test.each([
  ["broadcast", "255.255.255.255", "ff:ff:ff:ff:ff:ff"],
  ["directed broadcast", "192.168.1.255", "ff:ff:ff:ff:ff:ff"],
  ["multicast to all hosts", "224.0.0.1", "01:00:5e:00:00:01"],
])("scenario 1: a %s is copied to loopback, then sent on the Ethernet", async (_what, address, mac) => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind({ port: 4000, broadcast: true });
  const { counters } = await host.changes(() => socket.trySend("hello", { address, port: 4000 }));
  expect(counters).toMatchObject({ IP_OUT_REQUESTS: 1, IP_LOOP_COPIES: 1, IP_IN_RECEIVES: 1, UDP_IN_DATAGRAMS: 1 });
  expect(host.one()).toMatchObject({ dst: mac, ip: { dst: address, src: US } });
  expect(loPackets(host.stack)).toBe(1);
  // It counts as received where it was sent.
  expect(await socket.receive()).toMatchObject({ address: US, destination: address, ifindex: host.nif.index });
});

test("scenario 1: everything sent to any of the host's own addresses goes through loopback", async () => {
  const host = await Host.create();
  host.join({ address: "10.0.0.1/8" });
  host.nif.addAddress("192.168.1.77/24");
  host.run();
  host.take();
  for (const [i, address] of [US, "10.0.0.1", "192.168.1.77"].entries()) {
    expect(await ping(host, address)).toBe(`answer from ${address}`);
    expect(loPackets(host.stack)).toBe(2 * (i + 1));
  }
  expect(host.take()).toEqual([]);
});

test("scenario 1: lo is always up, needs no address, takes a /32, has no link header, and an MTU of 65,536", async () => {
  const host = await Host.create({ address: null });
  host.lo.down();
  expect(host.lo).toMatchObject({ isUp: true, hasCarrier: true, mtu: 65536, mac: undefined });
  host.lo.addAddress("61.175.201.54/32");
  expect(await ping(host, "61.175.201.54")).toBe("answer from 61.175.201.54");
  host.lo.removeAddress("127.0.0.1");
  host.lo.removeAddress("61.175.201.54");
  expect(host.lo.addresses).toEqual([]);
  expect(host.lo.isUp).toBe(true);
  expect(await ping(host, "61.175.201.54")).toBe("ENETUNREACH");
});
