/** Scenario 13, UDP's half: an echo server on 127.0.0.1:65432. */
import { expect, test } from "vitest";
import { Host } from "../stack/recording-driver.js";
import { data, join } from "../stack/wire.js";
import { World } from "./world.js";

const SERVER = { address: "127.0.0.1", port: 65432 };

test("scenario 13: a server on 127.0.0.1:65432 echoes what a client sends, 1,024 bytes at a time, until the end", async () => {
  const host = await Host.create();
  const { udp } = host.stack;
  const server = await udp.bind(SERVER);
  const served = (async () => {
    let count = 0;
    for await (const { data: bytes, address, port } of server) {
      // An empty datagram is the end.
      if (bytes.length === 0) break;
      await server.send(bytes, { address, port });
      count++;
    }
    return count;
  })();
  const client = await udp.connect(SERVER);
  const message = data(10_000);
  const back: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += 1024) {
    await client.send(message.subarray(at, at + 1024));
    const answer = client.receive();
    await host.clock.advance(1000);
    const { data: bytes, address, port } = await answer;
    expect({ address, port }).toEqual(SERVER);
    back.push(bytes);
  }
  await client.send(new Uint8Array(0));
  await host.clock.advance(1000);
  expect(await served).toBe(10);
  expect(back.map(({ length }) => length)).toEqual([...new Array(9).fill(1024), 784]);
  expect(join(...back)).toEqual(message);
  // None of it on a network.
  expect(host.take()).toEqual([]);
  server.close();
  client.close();
});

test("scenario 13: the same with commands: udp-echo and nc, here and across a switch", async () => {
  const world = await World.create("13-udp-echo");
  expect(
    await world.say(
      'h1 udp-echo 65432 &\nh1 nc -u -w 1 127.0.0.1 65432 <<< "hello, loopback"\nh2 nc -u -w 1 h1 65432 <<< "hello, h1"',
    ),
  ).toEqual(["hello, loopback", "hello, h1"]);
  expect(world.stack("h1").interface("lo").counters).toMatchObject({ rxPackets: 2, txPackets: 2 });
  const datagrams = world.take("h2-eth0").filter(({ ip }) => ip?.udp !== undefined);
  expect(datagrams.map(({ ip }) => `${ip?.src} ${ip?.udp?.data.length}`)).toEqual(["10.0.0.2 10", "10.0.0.1 10"]);
});

test("scenario 13: a server on 127.0.0.1 is nobody's on the network; without one the client is refused", async () => {
  const host = await Host.create();
  const server = await host.stack.udp.bind(SERVER);
  expect(await host.drops(() => host.rxUdp({ dstPort: 65432 }, data(3)))).toEqual({ UDP_NO_PORT: 1 });
  expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 3 });
  server.close();
  const client = await host.stack.udp.connect(SERVER);
  await client.send("anybody?");
  const answer = expect(client.receive()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await host.clock.advance(1000);
  await answer;
  client.close();
});
