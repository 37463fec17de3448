/** A forger who sets stacks against each other, or has them answer: what goes out is bounded by the second, or by what came. */
import { expect, test } from "vitest";
import { timeWaits } from "./harness.js";
import { Battle, CLIENT_NUMBER, Forgery, listenBare, SERVED, VICTIM } from "./tcp-attack.js";
import { TcpEnd } from "./tcp-end.js";
import { ACK, FIN, SYN } from "./tcp-wire.js";
import { ip4 } from "./wire.js";

/** A client that is served while something happens, to the byte. */
async function served(battle: Battle, act: (ms: number) => void, us = 5e6): Promise<void> {
  const listener = battle.serve(200_000);
  const client = battle.connect(200_000);
  battle.run(us, act);
  expect([client.ended, client.read, listener.ends[0]?.read]).toEqual([true, 200_000, 200_000]);
  for (const end of [client, ...listener.ends]) end.close();
  listener.close();
}

test("two ends that a forger has brought out of step say no more than their challenges a second (RFC 5961 §7)", async () => {
  const battle = await Battle.create();
  const listener = listenBare(battle.victim, 8);
  const idle = { writes: { key: 2, bytes: 0 }, reads: { key: 1 } };
  const client = TcpEnd.connect(battle.client, VICTIM, SERVED, { ...idle });
  battle.run(100e3);
  const t = battle.records().find((one) => one.get("state") > 4 && one.remotePort !== 0);
  if (t === undefined) throw new Error("no connection");
  // Text that the client has never sent: each side will refuse what the other says.
  const text = new Forgery({ flags: ACK, options: [{ kind: "TS", val: t.get("tsRecent"), ecr: 0 }] }, [0, 0, 0, 0]);
  battle.inject(text.say(CLIENT_NUMBER, t.remotePort, SERVED, t.get("rcvNxt"), t.get("sndMax")));
  const before = battle.counters.TCP_OUT_SEGS;
  const kick = new Forgery({ flags: ACK });
  battle.run(10e6, (ms) => {
    if (ms % 100 === 0) battle.inject(kick.say(CLIENT_NUMBER, t.remotePort, SERVED, t.get("rcvNxt") + 1e6, 0));
  });
  expect(battle.counters.TCP_OUT_SEGS - before).toBeLessThanOrEqual(10 * 11 + 5);
  for (const stack of [battle.victim, battle.client])
    expect(stack.statistics().counters.TCP_CHALLENGE_ACKS).toBeLessThanOrEqual(110);
  client.close();
  battle.victim.core.exports.sock_close(listener);
});

test("connections in TIME-WAIT answer no more either", async () => {
  const battle = await Battle.create();
  const listener = battle.serve(10);
  const plan = { writes: { key: 2, bytes: 10 }, reads: { key: 1 } };
  const client = TcpEnd.connect(battle.client, VICTIM, SERVED, plan);
  battle.run(100e3);
  const port = battle.records().find((t) => t.remotePort !== 0)?.remotePort ?? 0;
  for (const end of [client, ...listener.ends]) end.close();
  battle.run(200e3);
  expect(timeWaits(battle.victim)).toBe(1);
  const before = battle.counters.TCP_OUT_SEGS;
  const forged = new Forgery({ flags: ACK }, [1]);
  battle.run(3e6, () => {
    for (let i = 0; i < 5; i++) battle.inject(forged.say(CLIENT_NUMBER, port, SERVED, i * 1e9, i * 1e8));
  });
  expect(battle.counters.TCP_OUT_SEGS - before).toBeLessThanOrEqual(4 * 10);
  expect(battle.drops.TCP_TIME_WAIT).toBeGreaterThanOrEqual(15_000);
  listener.close();
});

test("a SYN from the victim to itself (land) goes nowhere, and its clients notice nothing", async () => {
  const battle = await Battle.create();
  const land = new Forgery({ flags: SYN });
  let sent = 0;
  await served(battle, () => {
    for (let i = 0; i < 5; i++, sent++) battle.inject(land.say(ip4(VICTIM), SERVED, SERVED, sent * 7919));
  });
  expect(battle.wire.taken).toBe(0);
  expect(battle.drops.IP_OWN_SOURCE).toBe(sent);
});

test("a scan of all ports, and FINs for none, have one reset each, of 40 bytes; a listener's are not answered", async () => {
  const battle = await Battle.create();
  const [syn, fin] = [new Forgery({ flags: SYN }), new Forgery({ flags: FIN })];
  let port = 0;
  await served(battle, () => {
    for (let i = 0; i < 14 && port < 65_535; i++) {
      if (++port === SERVED) continue;
      battle.inject(syn.say(0x14000001, 5000, port, 1));
    }
    battle.inject(fin.say(0x14000001, 5000, SERVED, 1));
  });
  expect(port).toBe(65_535);
  expect([battle.wire.taken, battle.wire.bytes]).toEqual([65_534, 65_534 * 40]);
  expect([battle.drops.TCP_NO_PORT, battle.drops.TCP_NO_ACK]).toEqual([65_534, 5000]);
});
