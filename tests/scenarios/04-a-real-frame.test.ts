/** Scenario 4: a TFTP read request of 97 bytes, as it was seen on a real network. */
import { expect, test } from "vitest";
import { IPPROTO_UDP } from "../../assembly/abi/proto.js";
import { decode } from "../../src/tools/decode.js";
import { boot } from "../stack/harness.js";
import { Host, RecordingDriver } from "../stack/recording-driver.js";
import { fromHex, read } from "../stack/wire.js";
import { World } from "./world.js";

const FRAME = fromHex(
  "00055d67d0b1 00055d6158a8 0800 4500 0053 9325 0000 8011 25ec c0a80037 c0a80001 05d4 0045 003f ac40 0001" +
    "633a5c71776572712e71776500 6e6574617363696900 626c6b73697a6500 35313200 74696d656f757400 313000 7473697a6500 3000",
);
const CLIENT = { address: "192.168.0.55", mac: "00:05:5d:61:58:a8" };
const SERVER = { address: "192.168.0.1", mac: "00:05:5d:67:d0:b1" };
const REQUEST = `\0\x01${["c:\\qwerq.qwe", "netascii", "blksize", "512", "timeout", "10", "tsize", "0"].join("\0")}\0`;

/** One of the two stations, which knows where the other is. */
async function station(us: typeof CLIENT, peer: typeof CLIENT): Promise<Host> {
  const stack = await boot();
  const driver = new RecordingDriver({ mac: us.mac });
  const nif = stack.addInterface(driver, { address: `${us.address}/24` });
  stack.neighbours.add(nif, peer.address, peer.mac);
  const host = Host.around(stack, stack.clock as Host["clock"], driver, nif);
  host.run();
  host.take();
  return host;
}

test("scenario 4: the server's port 69 hears the request, byte for byte", async () => {
  const host = await station(SERVER, CLIENT);
  const socket = await host.stack.udp.bind({ port: 69 });
  const { counters, drops } = await host.changes(() => host.rx(FRAME));
  expect(drops).toEqual({});
  expect(counters).toMatchObject({ IP_IN_RECEIVES: 1, IP_IN_DELIVERS: 1, UDP_IN_DATAGRAMS: 1 });
  const datagram = await socket.receive();
  expect(datagram).toMatchObject({
    address: CLIENT.address,
    port: 1492,
    destination: SERVER.address,
    ttl: 128,
    size: 55,
  });
  expect(new TextDecoder().decode(datagram.data)).toBe(REQUEST);
  // Nobody has asked for DF, fragments or options.
  expect(read(FRAME).ip).toMatchObject({ totalLen: 83, id: 0x9325, flagsOffset: 0, ttl: 128, proto: 17, good: true });
});

test("scenario 4: both checksums verify, and any bit that is wrong is found", async () => {
  const host = await station(SERVER, CLIENT);
  const socket = await host.stack.udp.bind({ port: 69 });
  expect(read(FRAME).ip?.udp).toMatchObject({ checksum: 0xac40, good: true });
  for (let bit = 14 * 8; bit < FRAME.length * 8; bit++) {
    const frame = FRAME.slice();
    frame[bit >> 3] = (frame[bit >> 3] as number) ^ (0x80 >> (bit & 7));
    const dropped = Object.entries(await host.drops(() => host.rx(frame)));
    expect(dropped, `bit ${bit}`).toHaveLength(1);
    expect(dropped[0]?.[1], `bit ${bit}`).toBe(1);
    expect(host.take(), `bit ${bit}`).toEqual([]);
  }
  expect(host.stack.statistics().counters.UDP_IN_DATAGRAMS).toBe(0);
  socket.close();
});

test("scenario 4: the client sends the same frame: by UDP but for id and DF, with a header of its own to the bit", async () => {
  const host = await station(CLIENT, SERVER);
  host.stack.switches.set("IP_DEFAULT_TTL", 128);
  const socket = await host.stack.udp.bind({ port: 1492 });
  socket.trySend(REQUEST, { address: SERVER.address, port: 69 });
  host.run();
  const sent = host.one();
  expect(sent.frame.length).toBe(97);
  expect(sent.ip).toMatchObject({
    ttl: 128,
    totalLen: 83,
    good: true,
    udp: { length: 63, checksum: 0xac40, good: true },
  });
  const same = sent.frame.slice();
  same.set(FRAME.subarray(18, 22), 18);
  same.set(FRAME.subarray(24, 26), 24);
  expect(same).toEqual(FRAME);

  using raw = host.stack.openRaw({ protocol: IPPROTO_UDP, headerIncluded: true });
  raw.trySend(FRAME.slice(14), SERVER.address);
  host.run();
  expect(host.one().frame).toEqual(FRAME);
});

test("scenario 4: the tools show it", () => {
  expect(decode(FRAME)).toContain('read request "c:\\qwerq.qwe", mode netascii, blksize 512');
});

test("scenario 4: on the example's network ARP goes before it; nobody serves the port, which is said", async () => {
  const world = await World.create("04-a-real-frame");
  await world.say("wait 1s\nclient nc -u -p 1492 192.168.0.1 69 <<< tftp");
  const [request, reply, datagram, refusal] = world
    .take("lan")
    .filter(({ arp }) => arp === undefined || arp.spa !== arp.tpa);
  expect(request?.arp).toMatchObject({ op: 1, sha: CLIENT.mac, tpa: SERVER.address });
  expect(reply?.arp).toMatchObject({ op: 2, sha: SERVER.mac });
  expect(datagram).toMatchObject({
    src: CLIENT.mac,
    dst: SERVER.mac,
    ip: { ttl: 128, udp: { srcPort: 1492, dstPort: 69 } },
  });
  expect(refusal?.ip?.icmp).toMatchObject({ type: 3, code: 3 });
});
