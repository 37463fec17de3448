/**
 * A hundred thousand SYNs from all over the Internet, while real clients connect: RFC 4987. They are served, by cookies
 * that keep what they have offered, and the pools stay theirs.
 */
import { expect, test } from "vitest";
import { TCB_F_SACK, TCB_F_TIMESTAMPS, TCB_F_WSCALE } from "../../assembly/abi/tcp.js";
import { Prng } from "../../src/index.js";
import { build } from "./harness.js";
import { Battle, Forgery, SERVED } from "./tcp-attack.js";
import { ACK, SYN } from "./tcp-wire.js";

/** The debug module checks every step that it takes. */
const FLOOD = build === "debug" ? 20_000 : 100_000;
const A_MS = FLOOD / 10_000;
const CLIENTS = 40;
/** A round trip takes 10 ms; that and a flight or two more. */
const BYTES = 20_000;
const OFFERS = [{ kind: "mss", mss: 1460 }, { kind: "sackOK" }, { kind: "wscale", shift: 7 }] as const;

/** SYNs from any address that is no network of ours. */
function flooder(battle: Battle, seed = 1): () => void {
  const prng = new Prng(seed);
  const syn = new Forgery({ flags: SYN, options: [...OFFERS, { kind: "TS", val: 1, ecr: 0 }] });
  return () => {
    const src = 0x14000000 + prng.below(0x40000000);
    battle.inject(syn.say(src, 1024 + prng.below(60000), SERVED, prng.uint32()));
  };
}

test("real clients connect and are served while SYNs come from everywhere; SACK, shifts and MSS are kept (RFC 4987 §3.6)", async () => {
  const battle = await Battle.create();
  const { victim } = battle;
  const listener = battle.serve(BYTES);
  const flood = flooder(battle);
  const clients: ReturnType<Battle["connect"]>[] = [];
  const [blocks, rings] = [256, 226];
  let halfOpen = 0;
  let sent = 0;
  let shown = 0;
  const done = () => sent >= FLOOD && clients.every(({ ended }) => ended);
  const finished = battle.run(
    60e6,
    (ms) => {
      for (let i = 0; i < A_MS && sent < FLOOD; i++, sent++) flood();
      if (ms % 200 === 150 && clients.length < CLIENTS) clients.push(battle.connect(BYTES));
      if (ms % 50 !== 0) return;
      const open = battle.records().filter((t) => t.get("state") === 4).length;
      halfOpen = Math.max(halfOpen, open);
      for (const t of battle.records()) {
        if (t.get("state") !== 5 || shown >= 10) continue;
        shown++;
        expect(t.has(TCB_F_SACK) && t.has(TCB_F_TIMESTAMPS) && t.has(TCB_F_WSCALE), "what the SYN had offered").toBe(
          true,
        );
        expect([t.get("sndShift"), t.get("peerMss")]).toEqual([4, 1460]);
      }
    },
    done,
  );
  expect(finished, `${clients.filter(({ ended }) => ended).length} of ${clients.length} are served`).toBe(true);
  expect(clients).toHaveLength(CLIENTS);
  for (const { read, failed } of [...clients, ...listener.ends]) expect([read, failed]).toEqual([BYTES, 0]);
  expect(halfOpen).toBeLessThanOrEqual(Math.min(blocks, rings / 2) / 4);
  const { counters, drops } = victim.statistics();
  expect(shown).toBe(10);
  expect(counters.TCP_OUT_COOKIES).toBeGreaterThan(0.8 * FLOOD);
  expect(counters.TCP_IN_COOKIES).toBeGreaterThan(CLIENTS / 2);
  expect(counters.TCP_PASSIVE_OPENS).toBe(CLIENTS);
  // One SYN, one SYN-ACK, but for the few half-open ones, which go once more.
  expect(battle.wire.taken).toBeLessThan(1.05 * FLOOD);
  expect(drops.TCP_BACKLOG + counters.TCP_OUT_COOKIES + counters.TCP_ATTEMPT_FAILS).toBeGreaterThan(0.99 * FLOOD);
  for (const end of [...clients, ...listener.ends]) end.close();
  listener.close();
});

test("without cookies the pools are as safe, and clients get in when the flood is over", async () => {
  const battle = await Battle.create();
  battle.victim.switches.set("TCP_SYN_COOKIES", 0);
  const listener = battle.serve(1000);
  const flood = flooder(battle);
  let client: ReturnType<Battle["connect"]> | undefined;
  battle.run(5e6, (ms) => {
    for (let i = 0; i < 4; i++) flood();
    if (ms === 1000) client = battle.connect(1000);
  });
  const free = battle.victim.memory().byteRings.reduce((sum, { free }) => sum + free, 0);
  expect(free).toBeGreaterThanOrEqual(226 * 0.75 - 1);
  expect(battle.counters.TCP_OUT_COOKIES).toBe(0);
  expect(battle.run(10e6, undefined, () => client?.ended === true)).toBe(true);
  client?.close();
  for (const end of listener.ends) end.close();
  listener.close();
});

test("what a cookie has kept is put to use: over a link that loses, SACK mends", async () => {
  const battle = await Battle.create({ loss: 0.02 });
  battle.victim.switches.set("TCP_SYN_COOKIES", 2);
  const listener = battle.serve(400_000);
  const client = battle.connect(400_000);
  const over = () => client.ended && listener.ends[0]?.read === 400_000;
  expect(battle.run(120e6, undefined, over)).toBe(true);
  expect([client.read, listener.ends[0]?.read]).toEqual([400_000, 400_000]);
  expect(battle.counters.TCP_IN_COOKIES).toBe(1);
  expect(battle.counters.TCP_SACK_RECOVERIES).toBeGreaterThan(0);
  for (const end of [client, ...listener.ends]) end.close();
  listener.close();
});

test("ACKs that guess at cookies find none, and hold up nobody", async () => {
  const battle = await Battle.create();
  battle.victim.switches.set("TCP_SYN_COOKIES", 2);
  const listener = battle.serve(BYTES);
  const prng = new Prng(4);
  const [bare, text] = [new Forgery({ flags: ACK }), new Forgery({ flags: ACK }, [1, 2, 3, 4])];
  const client = battle.connect(BYTES);
  // From its SYN on cookies are out.
  battle.run(10e3);
  battle.run(2e6, () => {
    for (let i = 0; i < FLOOD / 5000; i++) {
      const forged = i % 2 === 0 ? bare : text;
      const [src, port] = [0x14000000 + prng.below(0x40000000), 1024 + prng.below(60000)];
      battle.inject(forged.say(src, port, SERVED, prng.uint32(), prng.uint32()));
    }
  });
  expect([client.ended, client.read]).toEqual([true, BYTES]);
  expect(battle.counters.TCP_IN_COOKIES).toBe(1);
  // Half of them are mere ACKs, and reset; none is answered by more than one of 40 bytes.
  const told = (FLOOD / 5000 / 2) * 2000;
  expect([battle.drops.TCP_NO_PORT, battle.drops.TCP_COOKIE]).toEqual([told, told]);
  expect([battle.wire.taken, battle.wire.bytes]).toEqual([told, 40 * told]);
  for (const end of [client, ...listener.ends]) end.close();
  listener.close();
});
