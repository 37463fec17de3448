/** Connections whose application is gone: bounded in time, whatever the peer and the network do. */
import { expect, test } from "vitest";
import { Pair } from "./tcp-pair.js";

const orphans = (pair: Pair) => pair.a.sockets().filter(({ orphan }) => orphan).length;

test("without a way to its peer any more it is given up after R2, its FIN unsent (RFC 9293 §3.8.3)", async () => {
  const pair = await Pair.linked();
  const { client } = await pair.connect();
  pair.a.interfaces[1]?.down();
  client.close();
  await pair.run(200e6);
  expect(orphans(pair)).toBe(1);
  await pair.run(200e6);
  expect(orphans(pair)).toBe(0);
  expect(pair.a.statistics().counters.TCP_GIVEN_UP).toBe(1);
});

test("the same with what it has written last, which a closed window and then the lost way hold back", async () => {
  const pair = await Pair.linked();
  const { client } = await pair.connect({}, { receiveBuffer: 2048 });
  await client.write(new Uint8Array(10_000));
  await pair.run(5e6);
  client.close();
  await pair.run(5e6);
  pair.a.interfaces[1]?.down();
  await pair.run(400e6);
  expect(orphans(pair)).toBe(0);
});

test("a peer that keeps its window closed does not keep it longer than R2 either", async () => {
  const pair = await Pair.linked();
  const { client } = await pair.connect({}, { receiveBuffer: 2048 });
  await client.write(new Uint8Array(10_000));
  await pair.run(5e6);
  client.close();
  await pair.run(400e6);
  expect(orphans(pair)).toBe(0);
});
