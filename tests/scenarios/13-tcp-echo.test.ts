/** Scenario 13: TCP echo on 127.0.0.1:65432, as examples/tcp-echo.ts has it. */
import { expect, test } from "vitest";
import { echo, echoServer, main } from "../../examples/tcp-echo.js";
import { all, Pair, pattern } from "../stack/tcp-pair.js";

test("scenario 13: the server echoes 1,024 bytes at a time until end of file; the client reads it all back", async () => {
  const pair = await Pair.loopback();
  const server = await echoServer(pair.a);
  expect(server.address).toEqual({ address: "127.0.0.1", port: 65432 });
  for (const size of [0, 1, 1024, 1025, 300_000]) {
    expect(Buffer.from(await pair.within(echo(pair.a, pattern(size)))).equals(pattern(size))).toBe(true);
  }
  await pair.run();
  expect(server.connections).toBe(0);
});

test("scenario 13: many clients at once, and one that goes away in the middle", async () => {
  const pair = await Pair.linked();
  const server = await echoServer(pair.b, pair.address);
  const rude = await pair.within(pair.a.tcp.connect({ address: pair.address, port: 65432 }));
  await rude.write(pattern(5000));
  await pair.run(20_000);
  rude.abort();
  const sizes = [10, 20_000, 300, 40_000];
  const back = await pair.within(Promise.all(sizes.map((size) => echo(pair.a, pattern(size, size), pair.address))));
  for (const [i, size] of sizes.entries())
    expect(Buffer.from(back[i] as Uint8Array).equals(pattern(size, size))).toBe(true);
  await pair.run();
  expect(server.connections).toBe(0);
});

test("scenario 13: as a program, in real time", async () => {
  expect(await main()).toBe("Received Hello, world");
});

test("an echo server of one line, by callback", async () => {
  const pair = await Pair.loopback();
  await pair.listen({ onconnection: (socket) => void socket.readable.pipeTo(socket.writable) });
  const client = await pair.within(pair.a.tcp.connect({ port: 7000 }));
  const [, back] = await pair.within(Promise.all([client.end("around"), all(client)]));
  expect(Buffer.from(back).toString()).toBe("around");
});
