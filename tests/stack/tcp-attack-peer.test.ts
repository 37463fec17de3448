/**
 * A peer that opens a connection by the rules, and breaks them then: what it can make the victim send, keep or compute is
 * bounded, and the victim's other clients are served.
 */
import { describe, expect, test } from "vitest";
import { TCP_ESTABLISHED, TCP_LISTEN } from "../../assembly/abi/tcp.js";
import { Prng } from "../../src/index.js";
import { Battle, listenBare, Puppet, RANGES } from "./tcp-attack.js";
import { ACK, type TcpOption } from "./tcp-wire.js";

const MUCH = 300_000;
const OFFERS: readonly TcpOption[] = [{ kind: "mss", mss: 1000 }];
const SACK_OFFERS: readonly TcpOption[] = [...OFFERS, { kind: "sackOK" }];

/** A victim that has much to say to whoever connects, and a peer to whom it has said its first flight. */
async function talkative(options: readonly TcpOption[] = OFFERS, win = 65535) {
  const battle = await Battle.create();
  const listener = battle.serve(MUCH);
  const puppet = new Puppet(battle).open(options, win);
  battle.run(1e3);
  const end = () => {
    // The peer is gone, and somebody else is served.
    puppet.send({ flags: 4, ack: 0, seq: puppet.seq });
    const client = battle.connect(MUCH);
    battle.run(20e6, undefined, () => client.ended && client.written === MUCH && listener.ends[1]?.ended === true);
    expect([client.read, listener.ends[1]?.read, client.failed]).toEqual([MUCH, MUCH, 0]);
    for (const one of [client, ...listener.ends]) one.close();
    listener.close();
  };
  return { battle, puppet, end };
}

test("acknowledgements of what was not sent are refused, and move nothing (RFC 5961 §5)", async () => {
  const { battle, puppet, end } = await talkative();
  const { record } = puppet;
  const before = ["sndUna", "sndMax", "cwnd"].map((name) => record.get(name));
  for (let i = 0; i < 1000; i++) puppet.send({ ack: (puppet.sentTo + 1 + i * 500) >>> 0 });
  expect(["sndUna", "sndMax", "cwnd"].map((name) => record.get(name))).toEqual(before);
  expect(battle.drops.TCP_ACK).toBe(1000);
  expect(battle.counters.TCP_CHALLENGE_ACKS).toBeLessThanOrEqual(20);
  end();
});

test("who acknowledges what has not arrived is sent no more than its window at a time", async () => {
  const { puppet, end } = await talkative(OFFERS, 5000);
  let most = 0;
  for (let i = 0; i < 200; i++) {
    const { record } = puppet;
    most = Math.max(most, (record.get("sndMax") - record.get("sndUna")) >>> 0);
    puppet.send({ ack: puppet.sentTo, win: 5000 });
  }
  expect(most).toBeLessThanOrEqual(5000);
  end();
});

test("an acknowledgement for each byte opens the window no further than one for all (RFC 5681 §3.1, RFC 3465)", async () => {
  const { puppet, end } = await talkative();
  const { record } = puppet;
  const [cwnd, first] = [record.get("cwnd"), puppet.ack];
  for (let byte = 1; byte <= 2000; byte++) puppet.send({ ack: (first + byte) >>> 0 });
  expect(record.get("cwnd") - cwnd).toBeLessThanOrEqual(2000);
  end();
});

test("duplicates of an acknowledgement that no segment has caused bring about no more than was outstanding (RFC 5681 §3.2)", async () => {
  const { puppet, end } = await talkative();
  const { record } = puppet;
  const flight = (record.get("sndMax") - record.get("sndUna")) >>> 0;
  puppet.heard.length = 0;
  for (let i = 0; i < 2000; i++) puppet.send({});
  const sent = puppet.heard.reduce((sum, { data }) => sum + data.length, 0);
  expect(record.get("cwnd")).toBeLessThanOrEqual(2 * flight + 4000);
  expect(sent).toBeLessThanOrEqual(2 * flight);
  end();
});

describe("selective acknowledgements", () => {
  const random = (prng: Prng, una: number, flight: number): TcpOption => ({
    kind: "sack",
    blocks: Array.from({ length: 4 }, () => {
      const left = (una + prng.below(flight)) >>> 0;
      return [left, (left + 1 + prng.below(prng.chance(0.5) ? 3 : flight)) >>> 0];
    }),
  });

  test("of every sort, without end, keep no more ranges than there are, and cost little more time than none", async () => {
    const { battle, puppet, end } = await talkative(SACK_OFFERS);
    const { record } = puppet;
    const flight = (record.get("sndMax") - record.get("sndUna")) >>> 0;
    const prng = new Prng(2);
    const time = (datagrams: readonly Uint8Array[]) => {
      const start = performance.now();
      for (let i = 0; i < 20; i++) for (const datagram of datagrams) battle.inject(datagram);
      battle.run(0);
      return performance.now() - start;
    };
    const plain = Array.from({ length: 500 }, (_, i) => puppet.datagram({ win: 60000 + (i & 1) }));
    const sacks = Array.from({ length: 500 }, () =>
      puppet.datagram({ win: 60000, options: [random(prng, puppet.ack, flight)] }),
    );
    const quiet = time(plain);
    const flood = time(sacks);
    expect(record.sacked.length).toBeLessThanOrEqual(2 * RANGES + 8);
    const out = (record.get("sndMax") - record.get("sndUna")) >>> 0;
    expect(record.get("sackedBytes")).toBeLessThanOrEqual(out);
    expect(out).toBeLessThanOrEqual(65_535);
    expect(record.get("sndUna")).toBe(puppet.ack);
    expect(flood, `${quiet} ms without`).toBeLessThan(20 * quiet + 500);
    end();
  });

  test("that are taken back (RFC 2018 §8) lose no bytes: what was told is sent again after the timeout", async () => {
    const { battle, puppet, end } = await talkative(SACK_OFFERS);
    const first = puppet.ack;
    const edge = puppet.sentTo;
    for (let i = 0; i < 4; i++) puppet.send({ options: [{ kind: "sack", blocks: [[(first + 1000) >>> 0, edge]] }] });
    puppet.heard.length = 0;
    battle.run(30e6, () => {
      // It knows nothing of it any more, and takes what comes in order.
      for (const { seq, data } of puppet.heard.splice(0)) {
        if (seq === puppet.ack) puppet.ack = (seq + data.length) >>> 0;
        puppet.send({});
      }
    });
    expect((puppet.ack - first) >>> 0).toBeGreaterThanOrEqual(MUCH);
    end();
  });
});

test("an MSS of one byte and a window of one byte make no flood of small segments (RFC 9293 §3.8.6.2)", async () => {
  const { battle, puppet, end } = await talkative([{ kind: "mss", mss: 1 }], 1);
  puppet.heard.length = 0;
  battle.run(10e6, () => {
    for (const { seq, data } of puppet.heard.splice(0)) {
      if (data.length === 0) continue;
      puppet.ack = (seq + data.length) >>> 0;
      puppet.send({ win: 1 });
    }
  });
  expect(puppet.record.get("sndMss")).toBeGreaterThanOrEqual(36);
  // One that does not fill half of the window waits for 200 ms.
  expect(puppet.record.get("segsOut")).toBeLessThan(10e3);
  end();
});

test("text in ever new holes is refused beyond the ranges there are, and what fills them is taken", async () => {
  const { battle, puppet, end } = await talkative(SACK_OFFERS);
  const { record } = puppet;
  // From the far end, so that nothing joins: bytes two apart.
  for (let i = 4000; i > 0; i--) puppet.send({ seq: (puppet.seq + 2 * i) >>> 0 }, [0]);
  expect(record.get("rangeCount")).toBe(RANGES);
  expect(battle.drops.TCP_HOLES).toBe(4000 - RANGES);
  expect(battle.counters.TCP_IN_OUT_OF_ORDER).toBe(4000);
  end();
});

test("many peers whose window stays closed hold what was given to them and no more, and nothing for long once the application is gone (RFC 9293 §3.8.3)", async () => {
  const battle = await Battle.create();
  const { victim } = battle;
  const { exports } = victim.core;
  const listener = listenBare(victim, 128);
  const puppets = Array.from({ length: 80 }, (_, i) => new Puppet(battle, 4000 + i).open(OFFERS, 0));
  const handles = puppets.map(() => exports.sock_accept(listener));
  for (const handle of handles) {
    expect(handle).toBeGreaterThan(0);
    const room = exports.tcp_send_window(handle);
    expect(exports.tcp_send(handle, Math.min(room, 1000), 0)).toBe(0);
  }
  victim.work();
  // They answer each probe, for ten minutes.
  const patient = (us: number) => {
    for (let at = 0; at < us; at += 1e6) {
      battle.clock.advanceSync(1e6);
      for (const puppet of puppets) if (puppet.heard.splice(0).length > 0) puppet.send({ win: 0 });
    }
  };
  const established = () => battle.records().filter((t) => t.get("state") === TCP_ESTABLISHED).length;
  patient(600e6);
  expect(established(), "the application has them (RFC 9293 MUST-37)").toBe(80);
  for (const handle of handles) exports.sock_close(handle);
  victim.work();
  const orphans = battle.records().filter((t) => t.get("state") !== TCP_LISTEN).length;
  expect(orphans).toBe(victim.switches.get("TCP_ORPHANS"));
  expect(battle.counters.TCP_ORPHANS_RESET).toBe(80 - orphans);
  patient(400e6);
  expect(battle.records().filter((t) => t.get("state") !== TCP_LISTEN)).toEqual([]);
  exports.sock_close(listener);
});

test("peers that say a byte now and then, and read nothing, cost their blocks and rings, and nobody else's time", async () => {
  const battle = await Battle.create();
  const listener = battle.serve(MUCH, {}, 128);
  const puppets = Array.from({ length: 24 }, (_, i) => new Puppet(battle, 4000 + i).open(OFFERS, 0));
  const client = battle.connect(MUCH);
  const start = battle.clock.now();
  const done = () => client.ended && listener.ends.some(({ read }) => read === MUCH);
  const finished = battle.run(
    20e6,
    (ms) => {
      const puppet = puppets[ms % 24] as Puppet;
      puppet.send({ win: 0, flags: ACK });
      puppet.heard.length = 0;
    },
    done,
  );
  expect(finished).toBe(true);
  expect(battle.clock.now() - start).toBeLessThan(3e6);
  for (const end of listener.ends) battle.victim.core.exports.sock_abort(end.handle);
  for (const end of listener.ends) battle.victim.unregister(end);
  client.close();
  listener.close();
});
