/**
 * Somebody off the path who knows the addresses and ports of a connection and guesses at the rest: RFC 5961. What its ends
 * say to each other arrives unchanged, and hardly later.
 */
import { describe, expect, test } from "vitest";
import { Prng } from "../../src/index.js";
import { Battle, CLIENT_NUMBER, Forgery, SERVED } from "./tcp-attack.js";
import { ACK, FIN, RST, SYN } from "./tcp-wire.js";

const BYTES = 1_500_000;
/** Less than the window: of all places so far apart one hits it. */
const STRIDE = 60_000;
const A_MS = 300;

/** A transfer both ways, which `attack` may trouble: how long it takes, us. */
async function transfer(attack?: (battle: Battle, clientPort: number) => () => void, timestamps = false) {
  const battle = await Battle.create();
  battle.victim.switches.set("TCP_TIMESTAMPS", timestamps ? 1 : 0);
  const listener = battle.serve(BYTES);
  const client = battle.connect(BYTES);
  battle.run(20e3);
  const clientPort = battle.records().find((t) => t.get("state") === 5)?.remotePort as number;
  const act = attack?.(battle, clientPort);
  const start = battle.clock.now();
  const ended = battle.run(60e6, act, () => client.ended && listener.ends[0]?.ended === true);
  const tookUs = battle.clock.now() - start;
  expect([ended, client.read, listener.ends[0]?.read]).toEqual([true, BYTES, BYTES]);
  expect([client.failed, listener.ends[0]?.failed]).toEqual([0, 0]);
  for (const end of [client, ...listener.ends]) end.close();
  listener.close();
  return { battle, tookUs };
}

/** Guesses on both sides of the window and in it, where a sweep over all of the sequence space passes each time. */
function sweep(forged: Forgery, count: { sent: number }) {
  return (battle: Battle, clientPort: number) => {
    const prng = new Prng(9);
    return () => {
      const t = battle.records().find(({ remotePort }) => remotePort === clientPort);
      if (t === undefined || t.get("state") !== 5) return;
      const next = t.get("rcvNxt") + 1 + prng.below(1000);
      for (let i = 0; i < A_MS; i++, count.sent++) {
        const seq = (next + (i - A_MS / 2) * STRIDE) >>> 0;
        battle.inject(forged.say(CLIENT_NUMBER, clientPort, SERVED, seq, prng.uint32()));
      }
    };
  };
}

describe("guesses that meet the window", () => {
  test.each([
    ["resets (RFC 5961 §3)", RST, 0],
    ["SYNs (RFC 5961 §4)", SYN, 0],
    ["text (RFC 5961 §5)", ACK, 100],
    ["ends of the stream (RFC 5961 §5)", FIN | ACK, 0],
    ["acknowledgements (RFC 5961 §5)", ACK, 0],
  ])("%s neither end a connection nor change its bytes, and cost it little", async (_what, flags, length) => {
    const quiet = await transfer();
    const count = { sent: 0 };
    const forged = new Forgery({ flags }, new Uint8Array(length).fill(0x55));
    const { battle, tookUs } = await transfer(sweep(forged, count));
    expect(tookUs).toBeLessThan(2 * quiet.tookUs);
    const { counters, drops } = battle.victim.statistics();
    const inside = drops.TCP_RST_SEQUENCE + drops.TCP_SYN + drops.TCP_ACK;
    expect(inside, "guesses inside the window").toBeGreaterThan(0);
    // Each of them, and a few of the client's own, which answer challenges too late.
    expect(drops.TCP_SEQUENCE + inside).toBeGreaterThanOrEqual(count.sent);
    expect(drops.TCP_SEQUENCE + inside).toBeLessThan(count.sent + 100);
    const seconds = Math.ceil(tookUs / 1e6) + 1;
    expect(counters.TCP_CHALLENGE_ACKS).toBeLessThanOrEqual(seconds * battle.victim.switches.get("TCP_CHALLENGES"));
  });
});

test("a timestamp of the future, in the right place but with a guessed ACK, does not make the peer's old (RFC 7323 §5.3)", async () => {
  const { battle } = await transfer((battle, clientPort) => {
    const prng = new Prng(9);
    return () => {
      const t = battle.records().find(({ remotePort }) => remotePort === clientPort);
      if (t === undefined || t.get("state") !== 5) return;
      const future = (t.get("tsRecent") + 0x40000000) >>> 0;
      const forged = new Forgery({ flags: ACK, options: [{ kind: "TS", val: future, ecr: 0 }] }, [1]);
      battle.inject(forged.say(CLIENT_NUMBER, clientPort, SERVED, t.get("rcvNxt"), prng.uint32()));
    };
  }, true);
  expect(battle.drops.TCP_ACK).toBeGreaterThan(20);
  expect(battle.drops.TCP_PAWS).toBe(0);
});
