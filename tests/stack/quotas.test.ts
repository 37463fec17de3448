/** Every holder of buffers filled at once, to its quota: what must go on goes on, and all comes back. */
import { expect, test } from "vitest";
import { checkBooks } from "./harness.js";
import { codeOf, Host, OUR_MAC, PEER, PEER_MAC, US } from "./recording-driver.js";
import { data } from "./wire.js";

/** Fills RX, sockets, neighbour queues and TX; eth1 (10.0.0.1/24) is the interface that stands still. */
async function fill(options: Parameters<typeof Host.create>[0] = {}) {
  const host = await Host.create({ ringSlots: 1024, ...options });
  const { stack } = host;
  const stuck = host.join({ mac: "02:00:00:00:03:01", address: "10.0.0.1/24" });
  stack.neighbours.add(stuck.nif, "10.0.0.2", "02:00:00:00:03:02");
  const { quota } = stack.memory().small;
  const held = () => stack.memory().small.held;

  // Sockets: datagrams that nobody reads.
  const readers = await Promise.all(Array.from({ length: 20 }, () => stack.udp.bind({ queue: 1000 })));
  for (let i = 0; held().socket < quota.socket; i++) {
    host.rxUdp({ dstPort: (readers[i % 20] as (typeof readers)[0]).address.port }, [i]);
    if (i > 2 * quota.socket) throw new Error("the sockets' quota is not to be filled");
  }
  // TX: a driver that takes no frames. Neighbours that do not answer: three each.
  stuck.driver.busy = true;
  const sender = await stack.udp.bind();
  for (let i = 0; held().neighbour < quota.neighbour; i++) {
    sender.trySend([i].join(), { address: `192.168.1.${10 + (i >> 1)}`, port: 9 });
    host.run();
    if (i > 2 * quota.neighbour) throw new Error("the neighbours' quota is not to be filled");
  }
  while (sender.trySend("x", { address: "10.0.0.2", port: 9 })) {}
  host.run();
  host.take();
  checkBooks(stack);
  return { host, stack, stuck, sender, readers, quota, held };
}

for (const [name, options] of [
  ["host", {}],
  ["small", { smallBuffers: 64, largeBuffers: 0, interfaces: 3 }],
] as const) {
  test(`${name}: with every holder full, pings and ARP are answered and sockets open`, async () => {
    const { host, stack, sender, readers, quota, held, stuck } = await fill(options);
    expect(held()).toMatchObject({ socket: quota.socket, neighbour: quota.neighbour, tx: quota.tx });
    expect(held().rx).toBeGreaterThan(0);

    // Pings are answered, from the reserve, and requests for our address.
    for (let i = 0; i < 40; i++) {
      expect(host.rxIcmp({ type: 8, rest: i }, data(56)), "posted").toBe(true);
      expect(host.one().ip?.icmp).toMatchObject({ type: 0, rest: i, good: true });
      host.rxArp({});
      expect(host.one().arp).toMatchObject({ op: 2, spa: US, tha: PEER_MAC });
    }
    // A closed port is reported.
    host.rxUdp({ dstPort: 9 }, data(10));
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 3 });
    // What is over a quota is dropped and counted.
    const drops = await host.drops(() => host.rxUdp({ dstPort: readers[0]?.address.port as number }, [1]));
    expect(drops).toEqual({ SOCK_QUOTA: 1 });

    // A socket opens; it has room again as soon as one of the holders lets go.
    const socket = await stack.udp.bind();
    expect(socket.trySend("now", { address: PEER, port: 7 })).toBe(false);
    let sent = false;
    const sending = socket.send("later", { address: PEER, port: 7 }).then(() => (sent = true));
    await host.clock.advance(10);
    expect(sent).toBe(false);
    stuck.driver.free();
    await host.clock.advance(10);
    await sending;
    expect(host.take().filter((f) => f.ip?.dst === PEER)).toMatchObject([{ ip: { udp: { dstPort: 7, good: true } } }]);
    expect(held().tx).toBe(0);
    // A new question is asked, though its packet cannot wait for the answer.
    expect(codeOf(() => sender.trySend("who", { address: "192.168.1.77", port: 9 }))).toBe("ENOBUFS");
    host.run();
    expect(host.one().arp).toMatchObject({ op: 1, tpa: "192.168.1.77" });
    host.rxArp({ op: 2, sha: "02:00:00:00:01:77", spa: "192.168.1.77", tha: OUR_MAC, tpa: US }, OUR_MAC);
    expect(sender.trySend("you", { address: "192.168.1.77", port: 9 })).toBe(true);
    host.run();
    expect(host.one()).toMatchObject({ dst: "02:00:00:00:01:77", ip: { udp: { good: true } } });
    expect(held().neighbour).toBe(quota.neighbour);
    for (const reader of readers) reader.close();
    const answered = socket.receive();
    host.rxUdp({ dstPort: socket.address.port }, data(5));
    await host.clock.advance(0);
    expect((await answered).data).toEqual(data(5));
    host.take();
    // Those that never answer are given up: nothing waits any more, and a new question is asked.
    await host.clock.advance(10_000_000);
    host.take();
    expect(held()).toMatchObject({ stack: 0, tx: 0, socket: 0, neighbour: 0 });
    sender.trySend("who", { address: "192.168.1.78", port: 9 });
    host.run();
    expect(host.one().arp).toMatchObject({ op: 1, tpa: "192.168.1.78" });
    host.rxArp({ op: 2, sha: "02:00:00:00:01:78", spa: "192.168.1.78", tha: OUR_MAC, tpa: US }, OUR_MAC);
    expect(host.one()).toMatchObject({ dst: "02:00:00:00:01:78", ip: { udp: { good: true } } });
  });
}

test("replies that cannot leave do not take the buffers of others", async () => {
  // One interface stands still; what it is asked is answered into its TX ring until quota and reserve are used up.
  const host = await Host.create({ smallBuffers: 64, largeBuffers: 0, interfaces: 3, ringSlots: 64 });
  const other = host.join({ address: "10.0.0.1/24" });
  host.driver.busy = true;
  for (let i = 0; i < 200; i++) host.rxIcmp({ type: 8, rest: i }, data(20));
  for (let i = 0; i < 200; i++) host.rxUdp({ dstPort: 9 }, data(20));
  const { held, quota, total } = host.stack.memory().small;
  expect(held.tx).toBe(quota.tx + total / 8);
  expect(held.rx).toBe(quota.rx - (quota.rx % 2));
  const reader = await host.stack.udp.bind({ port: 1000 });
  host.rxUdp({ dstPort: 1000 }, data(20));
  expect(host.stack.memory().small.held.socket).toBe(1);
  reader.close();
  // The other one receives all the same.
  expect(other.driver.port.receive(new Uint8Array(60))).toBe(true);
  host.driver.free();
  host.run();
  expect(host.stack.memory().small.held).toMatchObject({ tx: 0, stack: 0 });
});

test("errors to neighbours that do not answer do not fill the pool", async () => {
  const host = await Host.create({ smallBuffers: 64, largeBuffers: 0, interfaces: 2 });
  for (let i = 0; i < 120; i++) {
    const src = `192.168.1.${100 + i}`;
    host.rxUdp({ dstPort: 9 }, data(20), { src });
    host.run(20_000);
  }
  const { held, quota } = host.stack.memory().small;
  expect(held.neighbour).toBeLessThanOrEqual(quota.neighbour);
  expect(held.rx).toBe(quota.rx);
});

test("sockets whose sends fail hold nothing", async () => {
  const host = await Host.create({ smallBuffers: 64, largeBuffers: 0, interfaces: 2, sockets: 200 });
  for (let i = 0; i < 100; i++) {
    const socket = await host.stack.udp.bind();
    expect(codeOf(() => socket.trySend("x", { address: "8.8.8.8", port: 1 }))).toBe("ENETUNREACH");
    expect(codeOf(() => socket.trySend("x"))).toBe("EDESTADDRREQ");
    expect(codeOf(() => socket.trySend("x", { address: "255.255.255.255", port: 1 }))).toBe("EACCES");
    socket.setDontFragment(true);
    expect(codeOf(() => socket.trySend(data(1600), { address: PEER, port: 1 }))).toBe("EMSGSIZE");
  }
  expect(host.stack.memory().small.held).toMatchObject({ tx: 0, stack: 0 });
});

test("sockets that have received once and wait hold nothing", async () => {
  const host = await Host.create({ smallBuffers: 64, largeBuffers: 0, interfaces: 2, sockets: 200 });
  for (let i = 0; i < 100; i++) {
    const socket = await host.stack.udp.bind();
    const received = socket.receive();
    host.rxUdp({ dstPort: socket.address.port }, [i]);
    expect((await received).data).toEqual(Uint8Array.of(i));
    host.rxUdp({ dstPort: socket.address.port }, [i + 1]);
    expect((await socket.receive()).data).toEqual(Uint8Array.of(i + 1));
  }
  expect(host.stack.memory().small.held.socket).toBe(0);
  expect(host.stack.statistics().drops.SOCK_QUOTA).toBe(0);
});

test.each([16, 256])(
  "waiting for room on an interface that stands still is no busy loop (%d slots)",
  async (ringSlots) => {
    const host = await Host.create({ ringSlots });
    const other = host.join({ address: "10.0.0.1/24" });
    host.stack.neighbours.add(other.nif, "10.0.0.2", "02:00:00:00:03:02");
    host.driver.busy = true;
    const socket = await host.stack.udp.bind();
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < 400; i++) {
        await socket.send("x", { address: PEER, port: 9 });
        sent++;
      }
    })();
    await host.clock.advance(100);
    const polls = host.stack.statistics().counters.POLLS;
    await host.clock.advance(1_000_000);
    expect(sent).toBeLessThan(400);
    expect(host.stack.statistics().counters.POLLS - polls).toBeLessThan(10);
    if (ringSlots === 16) {
      // A slot is wanted, not a buffer: others go on.
      expect((await host.stack.udp.bind()).trySend("x", { address: "10.0.0.2", port: 9 })).toBe(true);
      host.run();
      expect(other.driver.sent).toHaveLength(1);
    }
    host.driver.free();
    await host.clock.advance(100);
    await sending;
    expect(host.take()).toHaveLength(400);
  },
);
