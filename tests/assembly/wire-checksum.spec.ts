import {
  checksumAdjust16,
  checksumAdjust32,
  checksumFinish,
  checksumFinishUdp,
  checksumFold,
  checksumJoin,
  checksumSwap,
  ipv4HeaderSum,
  pseudoSum4,
  pseudoSum4Hdr,
  pseudoSum6,
  sum,
} from "../../assembly/wire/checksum";
import { AT, frameNamed, putHex } from "./frame-list";

describe("Internet checksum", () => {
  it("RFC 1071's example: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2", () => {
    putHex(AT, "0001f203f4f5f6f7");
    expect(checksumSwap(sum(AT, 8))).toBe(0xddf2);
    expect(checksumFinish(checksumSwap(sum(AT, 8)))).toBe(0x220d);
    expect(checksumFold(sum(AT, 4) + sum(AT + 4, 4))).toBe(sum(AT, 8));
    expect(checksumJoin(sum(AT, 3), 3, sum(AT + 3, 5))).toBe(sum(AT, 8));
    expect(checksumJoin(sum(AT, 2), 2, sum(AT + 2, 6))).toBe(sum(AT, 8));
  });

  it("an odd last byte is the high half of its word", () => {
    putHex(AT, "0001f2ff");
    expect(checksumSwap(sum(AT, 3))).toBe(0xf201);
    expect(checksumSwap(sum(AT, 1))).toBe(0);
    expect(checksumSwap(sum(AT + 2, 1))).toBe(0xf200);
    expect(sum(AT, 0)).toBe(0);
  });

  it("RFC 1624's example: dd2f with 5555 made 3285 is 0000, not ffff", () => {
    expect(checksumAdjust16(0xdd2f, 0x5555, 0x3285)).toBe(0);
    expect(checksumAdjust32(0xdd2f, 0x12345555, 0x12343285)).toBe(0);
    expect(checksumAdjust32(0xdd2f, 0x55551234, 0x32851234)).toBe(0);
  });

  it("a header of 20 bytes, and its checksum after a change of TTL", () => {
    const f = frameNamed("TFTP read request", AT);
    expect(ipv4HeaderSum(f.net)).toBe(0xffff);
    expect(sum(f.net, 20)).toBe(0xffff);
    const old = <u32>load<u16>(f.net + 8);
    store<u8>(f.net + 8, 127);
    const checksum = checksumAdjust16(load<u16>(f.net + 10), old, load<u16>(f.net + 8));
    store<u16>(f.net + 10, <u16>checksum);
    expect(ipv4HeaderSum(f.net)).toBe(0xffff);
    expect(checksumSwap(checksum)).toBe(0x26ec);
  });

  it("pseudo-headers: of IPv4 by value and by pointer, of IPv6", () => {
    const f = frameNamed("TFTP read request", AT);
    // c0a8 + 0037 + c0a8 + 0001 + 0011 + 003f, with its carry
    expect(checksumSwap(pseudoSum4(0xc0a80037, 0xc0a80001, 17, 63))).toBe(0x81d9);
    expect(pseudoSum4Hdr(f.net, 17, 63)).toBe(pseudoSum4(0xc0a80037, 0xc0a80001, 17, 63));
    expect(pseudoSum4Hdr(f.net, 17, 0xffff)).toBe(pseudoSum4(0xc0a80037, 0xc0a80001, 17, 0xffff));
    putHex(AT, "20010db8000000000000000000000001fe8000000000000000000000000200030000002100000011");
    expect(pseudoSum6(AT, AT + 16, 17, 33)).toBe(sum(AT, 40));
    putHex(AT + 32, "0001000000000006");
    expect(pseudoSum6(AT, AT + 16, 6, 65536)).toBe(sum(AT, 40));
  });

  it("UDP sends a computed 0 as ffff", () => {
    expect(checksumFinish(0xffff)).toBe(0);
    expect(checksumFinishUdp(0xffff)).toBe(0xffff);
    expect(checksumFinishUdp(0x1234)).toBe(checksumFinish(0x1234));
    expect(checksumFinishUdp(0)).toBe(0xffff);
  });
});
