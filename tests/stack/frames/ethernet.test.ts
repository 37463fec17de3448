/** Ethernet: RFC 894, RFC 1122 §2.3.3 and §2.4. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC, RecordingDriver } from "../recording-driver.js";
import { ARP_REPLY, arp, BROADCAST_MAC, data, ether, fromHex, icmp, ipv4, join, udp } from "../wire.js";

const ALL_HOSTS = "01:00:5e:00:00:01";
const echo = (length = 32) => ipv4({ proto: 1 }, icmp({}, data(length)));

describe("Ethernet input", () => {
  test("a frame to our address is taken, RFC 894 encapsulation both ways", async () => {
    const host = await Host.create();
    host.rx(ether({ dst: OUR_MAC }, echo()));
    const reply = host.one();
    expect([reply.dst, reply.src, reply.type]).toEqual([PEER_MAC, OUR_MAC, 0x0800]);
    expect(reply.ip?.icmp).toMatchObject({ type: 0, good: true, data: data(32) });
    expect(host.nif.counters).toMatchObject({ rxPackets: 1, rxBytes: 74, txPackets: 2, rxDropped: 0, multicast: 0 });
  });

  test("frames to another station or to a group that nobody joined are dropped", async () => {
    const host = await Host.create();
    for (const dst of ["02:00:00:00:01:03", "02:00:00:00:02:01", "01:00:5e:00:00:02", "33:33:00:00:00:01"]) {
      expect(await host.drops(() => host.rx(ether({ dst }, echo())))).toEqual({ ETHER_NOT_FOR_US: 1 });
    }
    expect(host.take()).toEqual([]);
    expect(host.nif.counters.rxDropped).toBe(4);
  });

  test("broadcast and all-hosts frames are taken, counted as multicast, and told to IP", async () => {
    const host = await Host.create();
    for (const dst of [BROADCAST_MAC, ALL_HOSTS]) {
      // The sign that IP was told: a unicast datagram is refused when it came to all.
      expect(await host.drops(() => host.rx(ether({ dst }, echo())))).toEqual({ IP_LINK_BROADCAST: 1 });
    }
    expect(host.nif.counters.multicast).toBe(2);
  });

  test("a group as the source is dropped", async () => {
    const host = await Host.create();
    for (const src of [BROADCAST_MAC, ALL_HOSTS, "03:00:00:00:00:01"]) {
      expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC, src }, echo())))).toEqual({ ETHER_SOURCE_GROUP: 1 });
    }
  });

  test("a frame shorter than its header is dropped, at every length", async () => {
    const host = await Host.create();
    const frame = ether({ dst: OUR_MAC }, echo());
    for (let length = 1; length < 14; length++) {
      expect(await host.drops(() => host.rx(frame.slice(0, length)))).toEqual({ ETHER_SHORT: 1 });
    }
    const tagged = ether({ dst: OUR_MAC, tag: 0 }, echo());
    for (let length = 14; length < 18; length++) {
      expect(await host.drops(() => host.rx(tagged.slice(0, length)))).toEqual({ ETHER_SHORT: 1 });
    }
  });

  test("a tag with VID 0 is accepted whatever its priority; the answer goes untagged", async () => {
    const host = await Host.create();
    for (const tag of [0x0000, 0xa000, 0xf000]) {
      host.rx(ether({ dst: OUR_MAC, tag }, echo()));
      expect(host.one()).toMatchObject({ type: 0x0800, dst: PEER_MAC });
      host.rx(ether({ dst: OUR_MAC, tag, type: 0x0806 }, arp({})));
      expect(host.one()).toMatchObject({ type: 0x0806, arp: { op: ARP_REPLY } });
    }
  });

  test("other tags, a second tag, and lengths for types are dropped", async () => {
    const host = await Host.create();
    for (const tag of [0x0001, 0x0fff, 0xa007]) {
      expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC, tag }, echo())))).toEqual({ ETHER_VLAN: 1 });
    }
    const twice = ether({ dst: OUR_MAC, tag: 0, type: 0x8100 }, join([0, 0, 8, 0], echo()));
    expect(await host.drops(() => host.rx(twice))).toEqual({ ETHER_VLAN: 1 });
    for (const type of [0, 46, 0x05dc, 0x05ff]) {
      expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC, type }, echo())))).toEqual({ ETHER_8023_LENGTH: 1 });
      const tagged = ether({ dst: OUR_MAC, type, tag: 0 }, echo());
      expect(await host.drops(() => host.rx(tagged))).toEqual({ ETHER_8023_LENGTH: 1 });
    }
  });

  test("types that nobody serves are dropped: IPv6, RFC 893 trailers, the first type", async () => {
    const host = await Host.create();
    for (const type of [0x86dd, 0x1000, 0x1001, 0x100f, 0x0600, 0xffff, 0x88cc]) {
      expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC, type }, echo())))).toEqual({ ETHER_TYPE: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  test("an RFC 1042 frame (LLC/SNAP) is dropped under the reason of 802.3 lengths", async () => {
    const host = await Host.create();
    const snap = join(fromHex("aaaa030000000800"), echo());
    expect(await host.drops(() => host.rx(ether({ dst: OUR_MAC, type: snap.length }, snap)))).toEqual({
      ETHER_8023_LENGTH: 1,
    });
  });

  test("input is trimmed to IP's total length: padding is no payload", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const got: number[][] = [];
    socket.onmessage = (bytes) => got.push([...bytes]);
    for (const padding of [1, 17, 400]) {
      host.rx(join(ether({ dst: OUR_MAC }, ipv4({}, udp({}, [1, 2, 3]))), new Uint8Array(padding).fill(0xaa)));
    }
    expect(got).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    host.rx(join(ether({ dst: OUR_MAC }, echo(4)), new Uint8Array(99).fill(0xaa)));
    expect(host.one().ip?.icmp?.data).toEqual(data(4));
    socket.close();
  });

  test("a frame of the MTU with a tag is taken, one byte more is not", async () => {
    const host = await Host.create();
    expect(host.rx(ether({ dst: OUR_MAC, tag: 0 }, echo(1472)))).toBe(true);
    expect(host.one().ip?.totalLen).toBe(1500);
    expect(host.rx(ether({ dst: OUR_MAC, tag: 0 }, join(echo(1472), [0])))).toBe(false);
    expect(host.rx(new Uint8Array(0))).toBe(false);
    expect(host.nif.counters.rxFrame).toBe(2);
  });

  test("on a raw IP link the datagram stands bare", async () => {
    const host = await Host.create();
    const { driver, nif } = host.join({ medium: "ip", address: "10.0.0.1/24" });
    host.rx(ipv4({ proto: 1, src: "10.0.0.2", dst: "10.0.0.1" }, icmp({}, data(3))), driver);
    expect(driver.sent).toHaveLength(1);
    expect((driver.sent[0] as Uint8Array).length).toBe(31);
    expect(nif.counters).toMatchObject({ rxPackets: 1, txPackets: 1, rxBytes: 31, txBytes: 31 });
    expect(await host.drops(() => host.rx(fromHex("60"), driver))).toEqual({ IP_SHORT: 1 });
  });
});

describe("Ethernet output", () => {
  test("frames are padded to 60 bytes with zeros, whatever the buffer held before", async () => {
    const host = await Host.create();
    for (const length of [0, 1, 17, 18, 19, 200]) {
      host.rx(join(ether({ dst: OUR_MAC }, echo(length)), new Uint8Array(60).fill(0xee)));
      const reply = host.one();
      expect(reply.frame.length).toBe(Math.max(60, 42 + length));
      expect(reply.frame.slice(42 + length).every((byte) => byte === 0)).toBe(true);
      host.rxArp({});
      const answer = host.one();
      expect(answer.frame.length).toBe(60);
      expect(answer.frame.slice(42).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("IP broadcasts and multicasts go in link-layer ones (RFC 1112 §6.4)", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ broadcast: true });
    const to = (address: string) => {
      socket.trySend("x", { address, port: 9 });
      host.run();
      return host.one().dst;
    };
    expect(to("255.255.255.255")).toBe(BROADCAST_MAC);
    expect(to("192.168.1.255")).toBe(BROADCAST_MAC);
    expect(to("224.0.0.1")).toBe(ALL_HOSTS);
    expect(to("224.129.2.3")).toBe("01:00:5e:01:02:03");
    expect(to("239.255.255.250")).toBe("01:00:5e:7f:ff:fa");
    expect(to(PEER)).toBe(PEER_MAC);
    socket.close();
  });

  test("802.3 encapsulations are never sent, nor trailers", async () => {
    const host = await Host.create({ peer: false });
    const socket = await host.stack.udp.bind();
    socket.trySend(data(1472), { address: PEER, port: 9 });
    host.run();
    host.rxArp({ op: ARP_REPLY }, OUR_MAC);
    host.rx(ether({ dst: OUR_MAC }, echo()));
    for (const frame of host.take()) expect([0x0800, 0x0806]).toContain(frame.type);
    socket.close();
  });

  test("a busy driver loses nothing that it has been offered", async () => {
    const host = await Host.create();
    host.driver.busy = true;
    for (let i = 0; i < 5; i++) host.rx(ether({ dst: OUR_MAC }, echo(i)));
    expect(host.take()).toEqual([]);
    host.driver.free();
    host.run();
    expect(host.take().map((reply) => reply.ip?.icmp?.data.length)).toEqual([0, 1, 2, 3, 4]);
  });

  test("a group, or nothing, is no station's address", async () => {
    const host = await Host.create();
    for (const mac of ["01:00:00:00:00:01", BROADCAST_MAC, "00:00:00:00:00:00"]) {
      expect(() => host.stack.addInterface(new RecordingDriver({ mac }))).toThrow(
        expect.objectContaining({ code: "EINVAL" }),
      );
    }
  });
});
