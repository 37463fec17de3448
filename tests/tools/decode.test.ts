import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, decodeFrame } from "../../src/tools/decode.js";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const TFTP = bytesOf(`
  00055d67d0b1 00055d6158a8 0800 4500 0053 9325 0000 8011 25ec c0a80037 c0a80001
  05d4 0045 003f ac40 0001 633a5c71776572712e71776500 6e6574617363696900
  626c6b73697a6500 35313200 74696d656f757400 313000 7473697a6500 3000`);

function changed(frame: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = frame.slice();
  copy.set(values, at);
  return copy;
}

describe("decode", () => {
  test("a TFTP request with options, both checksums correct", () => {
    expect(decode(TFTP)).toBe(
      [
        "Ethernet  00:05:5d:61:58:a8 -> 00:05:5d:67:d0:b1, type 0x0800 (IPv4), 97 bytes",
        "IPv4      192.168.0.55 -> 192.168.0.1, length 83, id 0x9325, TTL 128, UDP, checksum 0x25ec (correct)",
        "UDP       1492 -> 69, length 63, checksum 0xac40 (correct)",
        'TFTP      read request "c:\\qwerq.qwe", mode netascii, blksize 512, timeout 10, tsize 0',
      ].join("\n"),
    );
  });

  test("a wrong bit is found by the checksum that covers it", () => {
    const verdicts = (frame: Uint8Array) => decodeFrame(frame).flatMap(({ checksum }) => checksum?.correct ?? []);
    expect(verdicts(TFTP)).toEqual([true, true]);
    expect(verdicts(changed(TFTP, 22, 127))).toEqual([false, true]);
    expect(verdicts(changed(TFTP, 50, 0x71))).toEqual([true, false]);
    // The addresses are in UDP's pseudo-header too.
    expect(verdicts(changed(TFTP, 30, 1))).toEqual([false, false]);
  });

  test("an odd length, padding, no checksum", () => {
    const datagram = "0001 0002 000b 0000 616263";
    const header = "4500 001f 0000 4000 4011 7acc 7f000001 7f000001";
    const frame = bytesOf(`ffffffffffff 020000000001 0800 ${header} ${datagram} ${"00".repeat(15)}`);
    expect(decode(frame).split("\n").slice(1)).toEqual([
      "IPv4      127.0.0.1 -> 127.0.0.1, length 31, id 0x0000, DF, TTL 64, UDP, checksum 0x7acc (wrong)",
      "UDP       1 -> 2, length 11, no checksum",
      "data      3 bytes",
    ]);
  });

  test("ARP", () => {
    const arp = (op: string, spa: string, tpa: string) =>
      decode(bytesOf(`ffffffffffff 02000000000a 0806 0001 0800 0604 ${op} 02000000000a ${spa} 000000000000 ${tpa}`));
    const [one, two] = ["c0a80101", "c0a80102"];
    expect(arp("0001", one, two).split("\n")[1]).toBe("ARP       who has 192.168.1.2? tell 192.168.1.1");
    expect(arp("0002", two, one).split("\n")[1]).toBe("ARP       reply, 192.168.1.2 is at 02:00:00:00:00:0a");
    expect(arp("0001", one, one).split("\n")[1]).toBe("ARP       announcement, 192.168.1.1 is at 02:00:00:00:00:0a");
    expect(arp("0009", one, two).split("\n")[1]).toBe("ARP       operation 9");
  });

  test("ICMP over raw IP", () => {
    const request = bytesOf("4500 001c 0001 0000 4001 7cde 7f000001 7f000001 0800 f5fd 0001 0201");
    expect(decode(request, "ip")).toBe(
      [
        "IPv4      127.0.0.1 -> 127.0.0.1, length 28, id 0x0001, TTL 64, ICMP, checksum 0x7cde (correct)",
        "ICMP      echo request, id 0x0001, seq 513, 8 bytes, checksum 0xf5fd (correct)",
      ].join("\n"),
    );
    const unreachable = changed(request, 20, 3, 3);
    expect(decode(unreachable, "ip")).toContain("destination unreachable (port), 8 bytes");
  });

  test("a VLAN tag, an 802.3 length, an unknown type", () => {
    const to = "ffffffffffff 020000000001";
    expect(decode(bytesOf(`${to} 8100 0064 86dd 60`))).toContain(
      "VLAN 100, type 0x86dd (IPv6), 19 bytes\ndata      1 byte",
    );
    expect(decode(bytesOf(`${to} 0003 aaaa03`))).toContain("802.3 length 3");
    expect(decode(bytesOf(`${to} 88b5`))).toMatch(/type 0x88b5, 14 bytes$/);
  });

  test("a fragment's data is not taken for a header", () => {
    const later = changed(TFTP, 20, 0x00, 0x01);
    expect(decodeFrame(later).map(({ name }) => name)).toEqual(["Ethernet", "IPv4", "data"]);
    const first = changed(TFTP, 20, 0x20, 0x00);
    expect(decodeFrame(first)[2]).toMatchObject({ name: "UDP", checksum: { correct: false } });
  });

  test("a stranger's bytes do not reach the terminal as they are", () => {
    const hostile = changed(TFTP, 44, 0x1b, 0x5b, 0x32, 0x4a, 0x9b, 0x0a);
    expect(decode(hostile)).toContain('"\\x1b[2J\\x9b\\x0arq.qwe"');
  });

  test("every cut of a frame has its words", () => {
    for (let length = 0; length < TFTP.length; length++) {
      const layers = decodeFrame(TFTP.subarray(0, length));
      expect(layers.length > 0, `${length} bytes`).toBe(length > 0);
      for (const { name, checksum } of layers) if (name === "UDP") expect(checksum?.correct).not.toBe(true);
    }
    expect(decode(TFTP.subarray(0, 13))).toBe("Ethernet  cut short: 13 bytes");
    expect(decode(TFTP.subarray(0, 33)).split("\n")[1]).toBe("IPv4      cut short: 19 bytes");
    expect(decode(TFTP.subarray(0, 41)).split("\n")[2]).toBe("UDP       cut short: 7 bytes");
  });

  test("no bytes at all make it fail", () => {
    const media = fc.constantFrom("ethernet" as const, "ip" as const);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(96), media, (noise, at, medium) => {
        const spliced = TFTP.slice();
        spliced.set(noise.subarray(0, spliced.length - at), at);
        for (const frame of [noise, spliced]) {
          expect(decode(frame, medium)).toMatch(/^[\x20-\x7e\n]*$/);
        }
      }),
    );
  });
});
