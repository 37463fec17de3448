/**
 * Two senders share a bottleneck with a queue that drops what does not fit, in virtual time: who gets how much.
 *
 * What to expect. Of one kind, both get the same in the long run. CUBIC beside Reno: where round trips are short and the
 * window small, CUBIC is in its Reno-friendly region and no greedier than Reno (RFC 9438 §4.3 and §5.1); where they are
 * long and the window is large, it takes what Reno leaves unused, and more (§5.2).
 */
import { describe, expect, test } from "vitest";
import type { VirtualClock } from "../../src/index.js";
import { Lab } from "../../src/lab/index.js";
import type { TcpCongestion } from "../../src/sockets/tcp-info.js";
import { build } from "./harness.js";
import { holdTable } from "./tcp-page.js";

interface Line {
  readonly rate: string;
  /** One way. */
  readonly delay: string;
  readonly queue: number;
}

/** 16 ms and a queue of 33 ms: 14 full segments are on their way, 28 may wait. */
const SHORT: Line = { rate: "10Mbit", delay: "7ms", queue: 28 };
/** 100 ms and a queue of 60 ms: 167 are on their way, 100 may wait. */
const LONG: Line = { rate: "20Mbit", delay: "49ms", queue: 100 };

const CHUNK = new Uint8Array(65_536);
/** Seconds after which both have settled, and for which is counted what arrives. */
const FROM = 20;
const FOR = 60;

function topology(line: Line): string {
  const boot = { rings1M: 8 };
  const sender = (net: string) => ({
    boot,
    interfaces: { eth0: { link: net, address: `10.${net === "a" ? 1 : 2}.0.2/24` } },
    routes: [`default via 10.${net === "a" ? 1 : 2}.0.1`],
  });
  // Without jitter whose frame finds the queue full is not chance, and one may always be the unlucky one.
  const local = { delay: "1ms", jitter: "1ms", rate: "100Mbit" };
  return JSON.stringify({
    name: "two senders",
    links: { a: local, b: local, line: { type: "ip", ...line } },
    hosts: {
      h1: sender("a"),
      h2: sender("b"),
      h3: {
        boot,
        interfaces: { ppp0: { link: "line", address: "10.3.0.2", peer: "10.3.0.1" } },
        routes: ["default via 10.3.0.1"],
      },
    },
    routers: {
      r1: {
        interfaces: {
          eth0: { link: "a", address: "10.1.0.1/24" },
          eth1: { link: "b", address: "10.2.0.1/24" },
          ppp0: { link: "line", address: "10.3.0.1", peer: "10.3.0.2" },
        },
      },
    },
  });
}

interface Shares {
  /** Of the line's capacity, by sender. */
  readonly shares: readonly [number, number];
  /** Jain's index: 1 = both have the same, 0.5 = one has all. */
  readonly jain: number;
  readonly text: string;
}

/** A transfer without end from host h1 or h2 to h3, which tells how much has arrived. */
async function transfer(lab: Lab, from: string, congestion: TcpCongestion, arrives: (bytes: number) => void) {
  const server = await lab.host("h3").tcp.listen({ port: 0, receiveBuffer: 1 << 20 });
  const { port } = server.address;
  const connecting = lab.host(from).tcp.connect({ address: "10.3.0.2", port, sendBuffer: 1 << 20, congestion });
  const opening = Promise.all([server.accept(), connecting]);
  let isOpen = false;
  void opening.then(() => {
    isOpen = true;
  });
  await (lab.clock as VirtualClock).runUntil(() => isOpen, 10e6);
  const [peer, client] = await opening;
  peer.ondata = (bytes) => arrives(bytes.length);
  client.ondrain = () => {
    while (client.tryWrite(CHUNK) === CHUNK.length) {}
  };
  client.ondrain();
  return client;
}

async function share(line: Line, kinds: readonly [TcpCongestion, TcpCongestion], seed: number): Promise<Shares> {
  const lab = await Lab.create(topology(line), { seed });
  const clock = lab.clock as VirtualClock;
  let got = [0, 0];
  for (const [i, kind] of kinds.entries()) {
    await transfer(lab, `h${i + 1}`, kind, (bytes) => {
      got[i] = (got[i] ?? 0) + bytes;
    });
    // The second comes a second later.
    await clock.advance(1e6);
  }
  await clock.advance(FROM * 1e6);
  got = [0, 0];
  await clock.advance(FOR * 1e6);
  lab.close();
  const bits = Number.parseInt(line.rate, 10) * 1e6;
  // A full segment's payload, and the bytes that its packet has on the line.
  const [one = 0, other = 0] = got.map((bytes) => (bytes * (1500 / 1448) * 8) / FOR / bits);
  const jain = (one + other) ** 2 / 2 / (one ** 2 + other ** 2);
  const text = `${kinds.join(" and ")}: ${one.toFixed(3)} and ${other.toFixed(3)}, Jain ${jain.toFixed(3)}`;
  return { shares: [one, other], jain, text };
}

describe.runIf(build === "release")("two senders at a bottleneck", () => {
  /** Line, kinds, the least and the most that the first has of what both have, Jain's index and the line's use at least. */
  const cases: readonly (readonly [string, Line, TcpCongestion, TcpCongestion, number, number, number, number])[] = [
    ["CUBIC and CUBIC, short", SHORT, "cubic", "cubic", 0.45, 0.55, 0.99, 0.97],
    ["Reno and Reno, short", SHORT, "reno", "reno", 0.45, 0.55, 0.99, 0.97],
    ["CUBIC and Reno, short", SHORT, "cubic", "reno", 0.4, 0.65, 0.92, 0.97],
    ["CUBIC and CUBIC, long", LONG, "cubic", "cubic", 0.35, 0.65, 0.92, 0.9],
    ["Reno and Reno, long", LONG, "reno", "reno", 0.35, 0.65, 0.92, 0.9],
    ["CUBIC and Reno, long", LONG, "cubic", "reno", 0.52, 0.8, 0.75, 0.9],
  ];
  const lines: string[][] = [];
  test.each(cases)("%s round trips", async (name, line, first, second, least, most, jain, use) => {
    const found = await share(line, [first, second], 1);
    const percents = found.shares.map((part) => `${(100 * part).toFixed(0)} %`);
    lines.push([name, line.rate, ...percents, found.jain.toFixed(3), `${least} to ${most}`]);
    const all = found.shares[0] + found.shares[1];
    expect(found.shares[0] / all, found.text).toBeGreaterThan(least);
    expect(found.shares[0] / all, found.text).toBeLessThan(most);
    expect(found.jain, found.text).toBeGreaterThan(jain);
    expect(all, found.text).toBeGreaterThan(use);
  });

  test("docs/TCP-LINKS.md shows them", () => {
    const head = ["round trips", "rate", "the first has", "the second", "Jain's index", "the first's part in the test"];
    holdTable("Fairness: two senders at one bottleneck", head, lines);
  });
});

describe("HyStart++", () => {
  // 34 segments are on their way; the queue takes all that the peer's window, of 724, lets go.
  test.each<[TcpCongestion]>([["cubic"], ["reno"]])("ends slow start when the queue grows: %s", async (kind) => {
    const lab = await Lab.create(topology({ rate: "10Mbit", delay: "19ms", queue: 1000 }));
    const client = await transfer(lab, "h1", kind, () => {});
    await (lab.clock as VirtualClock).advance(5e6);
    const { ssthresh, mss } = client.info();
    const { counters } = lab.host("h1").statistics();
    lab.close();
    expect(counters).toMatchObject({ TCP_SLOW_START_EXITS: 1, TCP_RETRANS_SEGS: 0 });
    // The line is full, and five rounds of a quarter more have made three times of what it was.
    expect(ssthresh / mss).toBeGreaterThan(34);
    expect(ssthresh / mss).toBeLessThan(600);
  });
});
