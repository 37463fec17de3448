/** IPv4 input: RFC 791 §3.1, RFC 1122 §3.2.1, §3.3.4.2 and §3.3.6. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { BROADCAST_MAC, data, ether, type Ipv4Fields, icmp, ipv4, udp } from "../wire.js";

const ALL_HOSTS_MAC = "01:00:5e:00:00:01";

/** A host that hears port 1000 on all addresses, and what it heard. */
async function listener(options: Parameters<typeof Host.create>[0] = {}) {
  const host = await Host.create(options);
  const socket = await host.stack.udp.bind({ port: 1000 });
  const heard: { from: string; to: string; ifindex: number }[] = [];
  socket.onmessage = (_, info) => heard.push({ from: info.address, to: info.destination, ifindex: info.ifindex });
  return { host, socket, heard };
}

describe("the header's checks, in RFC 1122's order", () => {
  /** Each row is wrong in its own way and in all those after it, so the first check must speak. */
  const WRONG: [string, Ipv4Fields][] = [
    ["IP_VERSION", { version: 6, ihl: 4, checksum: 0x1234, totalLen: 9 }],
    ["IP_HEADER_LENGTH", { ihl: 4, checksum: 0x1234, totalLen: 9 }],
    ["IP_CHECKSUM", { checksum: 0x1234, totalLen: 9, src: "224.0.0.1" }],
    ["IP_TOTAL_LENGTH", { totalLen: 9, src: "224.0.0.1" }],
    ["IP_SOURCE", { src: "224.0.0.1", dst: "127.0.0.1" }],
    ["IP_DEST_LOOPBACK", { dst: "127.0.0.1", options: [1, 1, 1, 1] }],
    ["IP_NOT_FORWARDING", { dst: "192.168.1.9", options: [1, 1, 1, 1] }],
    ["IP_OPTIONS", { options: [7, 2, 1, 1], proto: 99 }],
    ["FRAG_TOO_LONG", { flagsOffset: 0x1fff, proto: 99 }],
    ["IP_PROTOCOL", { proto: 99 }],
  ];

  test.each(WRONG)("%s", async (reason, fields) => {
    const { host, heard } = await listener();
    expect(await host.drops(() => host.rxIp(fields, udp({}, data(64))))).toEqual({ [reason]: 1 });
    expect(heard).toEqual([]);
  });

  test("silently: none of the checks up to the total length says anything to anybody", async () => {
    const { host } = await listener();
    for (const [reason, fields] of WRONG.slice(0, 7)) {
      host.rxIp(fields, udp({}, data(64)));
      expect(host.take(), reason).toEqual([]);
    }
  });

  test("less than 20 bytes, at every length", async () => {
    const { host } = await listener();
    const datagram = ipv4({}, udp({}));
    for (let length = 0; length < 20; length++) {
      expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC }, datagram.slice(0, length))))).toEqual({
        IP_SHORT: 1,
      });
    }
  });

  test("every version but 4", async () => {
    const { host } = await listener();
    for (let version = 0; version < 16; version++) {
      if (version === 4) continue;
      expect(await host.drops(() => host.rxIp({ version }, udp({})))).toEqual({ IP_VERSION: 1 });
    }
  });

  test("a header shorter than 5 words, or longer than what came", async () => {
    const { host } = await listener();
    for (const ihl of [0, 1, 2, 3, 4]) {
      expect(await host.drops(() => host.rxIp({ ihl }, udp({}, data(60))))).toEqual({ IP_HEADER_LENGTH: 1 });
    }
    for (const ihl of [8, 15]) {
      expect(await host.drops(() => host.rxIp({ ihl }, udp({})))).toEqual({ IP_HEADER_LENGTH: 1 });
    }
  });

  test("a checksum that is off by any bit", async () => {
    const { host } = await listener();
    const good = ipv4({}, udp({}));
    for (let bit = 0; bit < 160; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (128 >> (bit & 7));
      const drops = await host.drops(() => host.rx(ether({ dst: OUR_MAC }, bad)));
      expect(Object.values(drops)).toEqual([1]);
      // The first byte also says where the header ends and what it is.
      if (bit >= 8) expect(drops).toEqual({ IP_CHECKSUM: 1 });
    }
  });

  test("a total length below the header's or above what came", async () => {
    const { host } = await listener();
    for (const totalLen of [0, 19, 29, 65535]) {
      expect(await host.drops(() => host.rxIp({ totalLen }, udp({})))).toEqual({ IP_TOTAL_LENGTH: 1 });
    }
    // 20 is a datagram without anything in it: UDP's matter.
    expect(await host.drops(() => host.rxIp({ totalLen: 20 }, udp({})))).toEqual({ UDP_SHORT: 1 });
  });

  test("a TTL of 0 or 1 is no reason to refuse what is for us (RFC 1122 §3.2.1.7)", async () => {
    const { host, heard } = await listener();
    for (const ttl of [0, 1]) host.rxIp({ ttl }, udp({}));
    expect(heard).toHaveLength(2);
  });

  test("DF, the reserved bit and any TOS are accepted", async () => {
    const { host, heard } = await listener();
    host.rxIp({ flagsOffset: 0x4000 }, udp({}));
    host.rxIp({ flagsOffset: 0x8000 }, udp({}));
    host.rxIp({ tos: 0xff }, udp({}));
    expect(heard).toHaveLength(3);
  });

  test("options, fragments and other protocols each have their own reason", async () => {
    const { host } = await listener();
    expect(await host.drops(() => host.rxIp({ options: [1, 1, 7, 2] }, udp({})))).toEqual({
      IP_OPTIONS: 1,
    });
    for (const flagsOffset of [0x2000, 0x2001, 0x1fff, 0x6000]) {
      expect(await host.drops(() => host.rxIp({ flagsOffset }, data(9)))).toEqual({
        [flagsOffset === 0x1fff ? "FRAG_TOO_LONG" : "FRAG_LENGTH"]: 1,
      });
    }
    for (const proto of [0, 3, 58, 255]) {
      expect(await host.drops(() => host.rxIp({ proto }, data(40)))).toEqual({ IP_PROTOCOL: 1 });
    }
  });
});

describe("sources (RFC 1122 §3.2.1.3)", () => {
  test("groups, class E, broadcasts of any form are nobody's address", async () => {
    const { host, heard } = await listener();
    for (const src of ["224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.168.1.255", "192.168.1.0"]) {
      expect(await host.drops(() => host.rxUdp({}, [], { src }))).toEqual({ IP_SOURCE: 1 });
      expect(await host.drops(() => host.rxIcmp({}, [], { src }))).toEqual({ IP_SOURCE: 1 });
    }
    expect(heard).toEqual([]);
    expect(host.take()).toEqual([]);
  });

  test("127/8 never comes from a wire, our own addresses neither", async () => {
    const { host, heard } = await listener();
    for (const src of ["127.0.0.1", "127.255.255.255", "127.0.0.0"]) {
      expect(await host.drops(() => host.rxUdp({}, [], { src }))).toEqual({ IP_SOURCE_LOOPBACK: 1 });
    }
    expect(await host.drops(() => host.rxUdp({}, [], { src: US }))).toEqual({ IP_OWN_SOURCE: 1 });
    expect(heard).toEqual([]);
  });

  test("0.0.0.0 speaks only to 255.255.255.255", async () => {
    const { host, heard } = await listener();
    for (const dst of [US, "192.168.1.255", "0.0.0.0", "224.0.0.1"]) {
      const mac = dst === US ? OUR_MAC : BROADCAST_MAC;
      expect(await host.drops(() => host.rxUdp({}, [], { src: "0.0.0.0", dst }, mac))).toEqual({ IP_SOURCE: 1 });
    }
    host.rxUdp({}, [], { src: "0.0.0.0", dst: "255.255.255.255" }, BROADCAST_MAC);
    expect(heard).toEqual([{ from: "0.0.0.0", to: "255.255.255.255", ifindex: 2 }]);
  });

  test("the rest of 0/8 is a host that does not know its network: never heard", async () => {
    const { host } = await listener();
    for (const dst of [US, "255.255.255.255"]) {
      const mac = dst === US ? OUR_MAC : BROADCAST_MAC;
      expect(await host.drops(() => host.rxUdp({}, [], { src: "0.0.0.9", dst }, mac))).toEqual({ IP_SOURCE: 1 });
    }
  });
});

describe("destinations", () => {
  test("all broadcast forms: limited and directed, of ones and of zeros (RFC 1122 §3.3.6)", async () => {
    const { host, heard } = await listener();
    host.nif.addAddress("140.252.13.33/27");
    const forms = ["255.255.255.255", "0.0.0.0", "192.168.1.255", "192.168.1.0", "140.252.13.63", "140.252.13.32"];
    for (const dst of forms) {
      expect(await host.drops(() => host.rxUdp({}, [], { dst }, BROADCAST_MAC))).toEqual({});
    }
    expect(heard.map((entry) => entry.to)).toEqual(forms);
    // Outside the subnet's own mask nothing is a broadcast of ours.
    expect(await host.drops(() => host.rxUdp({}, [], { dst: "140.252.13.255" }))).toEqual({ IP_NOT_FORWARDING: 1 });
  });

  test("a broadcast in a unicast frame is a broadcast all the same", async () => {
    const { host, heard } = await listener();
    host.rxUdp({}, [], { dst: "192.168.1.255" }, OUR_MAC);
    expect(heard).toHaveLength(1);
    expect(await host.drops(() => host.rxUdp({ dstPort: 7 }, [], { dst: "192.168.1.255" }, OUR_MAC))).toEqual({
      UDP_GROUP_NO_PORT: 1,
    });
  });

  test("/31 and /32 networks have no broadcast", async () => {
    const { host } = await listener();
    host.nif.addAddress("10.0.0.2/31");
    host.nif.addAddress("10.1.0.1/32");
    for (const dst of ["10.0.0.3", "10.1.0.0", "10.1.0.255"]) {
      expect(await host.drops(() => host.rxUdp({}, [], { dst }))).toEqual({ IP_NOT_FORWARDING: 1 });
    }
  });

  test("a unicast datagram in a link-layer broadcast is dropped, whoever it is for", async () => {
    const { host, heard } = await listener();
    for (const dst of [US, "192.168.1.9", "8.8.8.8"]) {
      for (const mac of [BROADCAST_MAC, ALL_HOSTS_MAC]) {
        expect(await host.drops(() => host.rxUdp({}, [], { dst }, mac))).toEqual({ IP_LINK_BROADCAST: 1 });
      }
    }
    expect(heard).toEqual([]);
  });

  test("not for us: counted, not forwarded, nobody told", async () => {
    const { host } = await listener();
    host.join({ address: "10.0.0.1/8" });
    for (const dst of ["192.168.1.9", "10.0.0.9", "8.8.8.8"]) {
      expect(await host.drops(() => host.rxUdp({}, [], { dst }))).toEqual({ IP_NOT_FORWARDING: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  test("class E and groups that we are not in", async () => {
    const { host, heard } = await listener();
    expect(await host.drops(() => host.rxUdp({}, [], { dst: "240.0.0.1" }))).toEqual({ IP_DEST: 1 });
    expect(await host.drops(() => host.rxUdp({}, [], { dst: "224.0.0.2" }, ALL_HOSTS_MAC))).toEqual({ IP_GROUP: 1 });
    expect(heard).toEqual([]);
    // All hosts we are (RFC 1112 §7.2), from the start.
    host.rxUdp({}, [], { dst: "224.0.0.1" }, ALL_HOSTS_MAC);
    expect(heard).toHaveLength(1);
  });

  test("127/8 is never for us when it comes from a wire", async () => {
    const { host, heard } = await listener();
    for (const dst of ["127.0.0.1", "127.255.255.255", "127.0.0.0"]) {
      expect(await host.drops(() => host.rxUdp({}, [], { dst }))).toEqual({ IP_DEST_LOOPBACK: 1 });
    }
    expect(heard).toEqual([]);
  });

  test("weak host model: the address of another interface is ours on this one", async () => {
    const { host, heard } = await listener();
    const other = host.join({ address: "10.0.0.1/8" });
    host.rxUdp({}, [], { dst: "10.0.0.1" });
    host.rx(ether({ dst: "02:00:00:00:02:01" }, ipv4({ src: "10.0.0.2" }, udp({ src: "10.0.0.2" }))), other.driver);
    expect(heard).toEqual([
      { from: PEER, to: "10.0.0.1", ifindex: 2 },
      { from: "10.0.0.2", to: US, ifindex: 3 },
    ]);
    // Reception does not ask the table: the address counts with its interface down, too.
    other.nif.down();
    host.rxUdp({}, [], { dst: "10.0.0.1" });
    expect(heard).toHaveLength(3);
  });

  test("without any address only the limited broadcast reaches us", async () => {
    const host = await Host.create({ address: null });
    const socket = await host.stack.udp.bind({ port: 1000 });
    let heard = 0;
    socket.onmessage = () => heard++;
    host.rxUdp({}, [], { src: "192.168.1.5", dst: "255.255.255.255" }, BROADCAST_MAC);
    expect(heard).toBe(1);
    expect(await host.drops(() => host.rxUdp({}))).toEqual({ IP_NOT_FORWARDING: 1 });
  });

  test("an interface that is down takes nothing", async () => {
    const { host, heard } = await listener();
    host.nif.down();
    expect(await host.drops(() => host.rxUdp({}))).toEqual({ RX_IF_DOWN: 1 });
    expect(heard).toEqual([]);
    expect(host.nif.counters.rxDropped).toBe(1);
    host.nif.up();
    host.rxUdp({});
    expect(heard).toHaveLength(1);
  });

  test("what was received is described to the application: addresses, interface, TTL, TOS, time", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    let info: unknown;
    socket.onmessage = (_, received) => {
      info = received;
    };
    host.run(1234);
    host.rxUdp({ srcPort: 4321 }, data(5), { ttl: 17, tos: 0xb8 });
    const from = { address: PEER, port: 4321, family: "IPv4", size: 5 };
    expect(info).toEqual({ ...from, destination: US, ifindex: 2, ttl: 17, tos: 0xb8, timeUs: 1234 });
  });

  test("the options that a datagram came with go to the application, as they stand in its header (RFC 1122 §4.1.3.2)", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const route = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    host.rxUdp({}, data(3), { options: route });
    const { data: bytes, options } = await socket.receive();
    expect([...bytes]).toEqual([...data(3)]);
    // We stand in it ourselves.
    expect([...(options ?? [])]).toEqual([7, 11, 8, 192, 168, 1, 1, 0, 0, 0, 0, 0]);
    host.rxUdp({}, data(3));
    expect(await socket.receive()).not.toHaveProperty("options");
    // Of fragments: those of the first.
    const whole = udp({}, data(24));
    host.rxIp({ id: 5, flagsOffset: 2 }, whole.slice(16));
    host.rxIp({ id: 5, flagsOffset: 0x2000, options: [148, 4, 0, 0] }, whole.slice(0, 16));
    expect([...((await socket.receive()).options ?? [])]).toEqual([148, 4, 0, 0]);
  });

  test("the answer to a datagram comes from the address that was asked, also of another interface", async () => {
    const { host } = await listener();
    host.join({ address: "10.0.0.1/8" });
    host.rx(ether({ dst: OUR_MAC }, ipv4({ proto: 1, dst: "10.0.0.1" }, icmp({}))));
    expect(host.one()).toMatchObject({ dst: PEER_MAC, ip: { src: "10.0.0.1", dst: PEER } });
  });
});
