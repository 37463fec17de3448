// The source address of a connected socket is settled with its path, and no longer good when the address has gone.
import { expect, test } from "vitest";
import { VirtualClock } from "../../src/index.js";
import { boot } from "./harness.js";

test("a connected socket stops using an address that was taken away, though no route went with it", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  const lo = stack.interface("lo");
  lo.addAddress("10.9.9.9/32");
  const server = await stack.udp.bind({ address: "127.0.0.1", port: 7 });
  const client = await stack.udp.connect({ port: 7 }, { address: "10.9.9.9" });
  await client.send("a");
  await clock.advance(1000);
  expect((await server.receive()).address).toBe("10.9.9.9");
  stack.routes.delete({ destination: "10.9.9.9" });
  await client.send("b");
  await clock.advance(1000);
  expect((await server.receive()).address).toBe("10.9.9.9");
  lo.removeAddress("10.9.9.9");
  await client.send("c");
  await clock.advance(1000);
  expect((await server.receive()).address).toBe("127.0.0.1");
  client.close();
  server.close();
});
