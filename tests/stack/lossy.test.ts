/** Two stacks over a link that loses, doubles, reorders and corrupts: what arrives is what was sent, or nothing. */
import { describe, expect, test } from "vitest";
import type { LinkConditions } from "../../src/drivers/sim-conditions.js";
import { Prng, SimLink, type Stack, VirtualClock } from "../../src/index.js";
import { boot, checkPools, drain } from "./harness.js";

const ROUGH: Partial<LinkConditions> = {
  delayUs: 900,
  jitterUs: 800,
  bitRate: 100_000_000,
  loss: 0.05,
  duplicate: 0.05,
  reorder: 0.1,
  reorderUs: 2500,
  corrupt: 0.2,
};

async function pair(conditions: Partial<LinkConditions>, seed: number, medium: "ethernet" | "ip" = "ethernet") {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed, medium, ...conditions });
  const a = await boot({ clock, name: "a", seed: [seed, 1, 1, 1] });
  const b = await boot({ clock, name: "b", seed: [seed, 2, 2, 2] });
  a.addInterface(link.nic(), { address: "10.0.0.1/24" });
  b.addInterface(link.nic(), { address: "10.0.0.2/24" });
  return { clock, link, a, b };
}

/** A payload that says of itself what it is: number, length, and bytes that follow from both. */
function payload(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  for (let i = 4; i < length; i++) bytes[i] = (number * 31 + length + i * 7) & 255;
  return bytes;
}

function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return payload(number, bytes.length).every((byte, i) => byte === bytes[i]);
}

describe.each([1, 2, 3])("seed %d", (seed) => {
  for (const medium of ["ethernet", "ip"] as const) {
    test(`${medium}: UDP lets no corrupted datagram through, and everything is accounted for`, async () => {
      const { clock, link, a, b } = await pair(ROUGH, seed, medium);
      const random = new Prng(seed);
      let broken = 0;
      let echoed = 0;
      let returned = 0;
      const server = await b.udp.bind({ port: 7, queue: 256 });
      server.onmessage = (bytes, { address, port }) => {
        if (!isWhole(bytes)) broken++;
        echoed++;
        server.trySend(bytes, { address, port });
      };
      const client = await a.udp.bind({ port: 5000, queue: 256 });
      client.onmessage = (bytes) => {
        if (!isWhole(bytes)) broken++;
        returned++;
      };
      let sent = 0;
      for (let i = 0; i < 3000; i++) {
        const length = 4 + (random.uint32() % 1400);
        if (client.trySend(payload(i, length), { address: "10.0.0.2", port: 7 })) sent++;
        await clock.advance(random.uint32() % 400);
      }
      await clock.advance(10_000_000);
      expect(broken).toBe(0);
      expect(sent).toBeGreaterThan(2500);
      expect(echoed).toBeGreaterThan(1500);
      expect(returned).toBeGreaterThan(1000);
      const corrupted = link.nics.reduce((sum, nic) => sum + nic.counters.corrupted, 0);
      expect(corrupted).toBeGreaterThan(500);
      const bad = [a, b].map((stack) => stack.statistics().drops);
      expect(bad.reduce((sum, drops) => sum + drops.UDP_CHECKSUM + drops.IP_CHECKSUM, 0)).toBeGreaterThan(400);
      for (const stack of [a, b]) {
        account(stack);
        checkPools(stack);
      }
    });
  }

  test("the same seed gives the same run", async () => {
    const run = async () => {
      const { clock, link, a, b } = await pair(ROUGH, seed);
      const log: string[] = [];
      link.onFrame = (frame, { timeUs, end, event }) => void log.push(`${timeUs} ${end} ${event} ${frame.join()}`);
      const server = await b.udp.bind({ port: 7 });
      server.onmessage = (bytes, { address, port }) => void server.trySend(bytes, { address, port });
      const client = await a.udp.bind({ port: 5000 });
      const pings = Array.from({ length: 5 }, (_, i) =>
        a.ping("10.0.0.2", { sequence: i, timeoutUs: 1_000_000 }).catch(() => undefined),
      );
      for (let i = 0; i < 100; i++) {
        client.trySend(payload(i, 100 + i), { address: "10.0.0.2", port: 7 });
        await clock.advance(250);
      }
      // Those that were lost have timed out by then.
      await clock.advance(5_000_000);
      await Promise.all(pings);
      return log;
    };
    const first = await run();
    expect(first.length).toBeGreaterThan(200);
    expect(await run()).toEqual(first);
  });
});

/** Every frame that an interface has received has ended somewhere: dropped under a reason, or delivered. */
function account(stack: Stack): void {
  const { counters, drops } = stack.statistics();
  const received = stack.interfaces.reduce((sum, nif) => sum + nif.counters.rxPackets, 0);
  const dropped = Object.entries(drops)
    .filter(([name]) => /^(RX_IF|ETHER|ARP|IP|ICMP(?!_ERROR_(RATE|FORBIDDEN))|UDP|SOCK)_/.test(name))
    .reduce((sum, [, n]) => sum + n, 0);
  const useful =
    counters.UDP_IN_DATAGRAMS +
    counters.ICMP_OUT_ECHO_REPS +
    counters.ICMP_IN_ERRORS_MATCHED +
    counters.ARP_IN_REQUESTS +
    counters.ARP_IN_REPLIES;
  expect(useful + dropped).toBeGreaterThanOrEqual(received);
}

test("carrier comes and goes, and nothing is held for a link that is not there", async () => {
  const { clock, link, a } = await pair({ delayUs: 100 }, 5);
  const socket = await a.udp.bind();
  const events: boolean[] = [];
  a.onchange = (nif) => void events.push(nif.hasCarrier);
  for (let i = 0; i < 10; i++) {
    link.down();
    await clock.advance(1000);
    try {
      socket.trySend("into the void", { address: "10.0.0.2", port: 9 });
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^E(NETUNREACH|HOSTUNREACH|NOBUFS)$/) });
    }
    await clock.advance(1000);
    link.up();
    await clock.advance(1000);
    const reply = a.ping("10.0.0.2");
    await clock.advance(5000);
    expect((await reply).timeUs).toBeLessThan(1000);
  }
  expect(events).toEqual(Array.from({ length: 20 }, (_, i) => i % 2 === 1));
  drain(a);
  checkPools(a);
});

test("a busy link keeps frames in their order, and loses none that were taken", async () => {
  const { clock, a, b } = await pair({ bitRate: 1_000_000, queueFrames: 4, whenFull: "busy" }, 6);
  const got: number[] = [];
  const server = await b.udp.bind({ port: 7, queue: 1000 });
  server.onmessage = (bytes) => void got.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0));
  const client = await a.udp.connect({ address: "10.0.0.2", port: 7 });
  const first = a.ping("10.0.0.2");
  await clock.advance(100_000);
  await first;
  const sending = (async () => {
    for (let i = 0; i < 600; i++) await client.send(payload(i, 200));
  })();
  await clock.advance(5_000_000);
  await sending;
  expect(got).toEqual(Array.from({ length: 600 }, (_, i) => i));
});
