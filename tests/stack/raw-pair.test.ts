/** A protocol of one's own, and groups, between two stacks. */
import { expect, test } from "vitest";
import { type RawSocket, SimLink, VirtualClock } from "../../src/index.js";
import { boot } from "./harness.js";

const TOY = 253;
const [REQUEST, REPLY] = [1, 2];

async function pair() {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1, medium: "ethernet", delayUs: 500 });
  const a = await boot({ clock, name: "a" });
  const b = await boot({ clock, name: "b" });
  a.addInterface(link.nic(), { address: "10.0.0.1/24" });
  b.addInterface(link.nic(), { address: "10.0.0.2/24" });
  return { clock, a, b };
}

/** The bytes behind the IP header. */
const payloadOf = (datagram: Uint8Array) => datagram.slice(((datagram[0] as number) & 15) * 4);

/** Answers each request with its bytes in reverse. */
function serve(socket: RawSocket): void {
  socket.onmessage = (datagram, { address }) => {
    const [type, ...rest] = payloadOf(datagram);
    if (type === REQUEST) socket.trySend(Uint8Array.of(REPLY, ...rest.reverse()), address);
  };
}

test("a third-party protocol asks and answers, in fragments too", async () => {
  const { clock, a, b } = await pair();
  serve(b.openRaw({ protocol: TOY }));
  const client = a.openRaw({ protocol: TOY });
  client.connect("10.0.0.2");
  const replies: Uint8Array[] = [];
  client.onmessage = (datagram) => replies.push(payloadOf(datagram));
  for (const length of [1, 100, 5000]) {
    const request = Uint8Array.from({ length }, (_, i) => (i === 0 ? REQUEST : i & 255));
    await client.send(request);
    clock.advanceSync(1_000_000);
    expect(replies.pop()).toEqual(Uint8Array.of(REPLY, ...request.slice(1).reverse()));
  }
  expect(b.statistics().counters.IP_REASM_OKS).toBe(1);
});

test("who does not know the protocol says so, and the socket hears it", async () => {
  const { clock, a } = await pair();
  const client = a.openRaw({ protocol: TOY });
  client.trySend(Uint8Array.of(REQUEST), "10.0.0.2");
  clock.advanceSync(1_000_000);
  expect(client.nextError()).toMatchObject({ address: "10.0.0.2", code: "ENOPROTOOPT", reporter: "10.0.0.2" });
});

test("members hear the group across the link, their own datagrams too", async () => {
  const { clock, a, b } = await pair();
  const heard: string[] = [];
  for (const stack of [a, b]) {
    const socket = await stack.udp.bind({ port: 5353 });
    socket.addMembership("224.0.0.251");
    socket.onmessage = (_, { address }) => heard.push(`${stack.name} from ${address}`);
    clock.advanceSync(5_000_000);
    socket.trySend("hello", { address: "224.0.0.251", port: 5353 });
    clock.advanceSync(1_000_000);
  }
  expect(heard.sort()).toEqual(["a from 10.0.0.1", "a from 10.0.0.2", "b from 10.0.0.2"]);
  const { IGMP_OUT_REPORTS } = a.statistics().counters;
  expect(IGMP_OUT_REPORTS).toBe(2);
});
