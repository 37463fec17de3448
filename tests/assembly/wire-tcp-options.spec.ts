import {
  TCPOPTS_MALFORMED,
  TCPOPTS_MSS,
  TCPOPTS_SACK,
  TCPOPTS_SACK_PERMITTED,
  TCPOPTS_TIMESTAMP,
  TCPOPTS_WSCALE,
  TcpOptions,
  tcpOptionsParse,
  tcpSackLeft,
  tcpSackRight,
} from "../../assembly/wire/tcp-options";
import { AT, putHex } from "./frame-list";

const O = changetype<TcpOptions>(0x10000);

function parse(hex: string): u32 {
  memory.fill(changetype<usize>(O), 0xee, offsetof<TcpOptions>());
  const seen = tcpOptionsParse(AT, putHex(AT, hex), O);
  return O.seen == seen ? seen : 0xffffffff;
}

describe("TCP options", () => {
  it("none, padding only, end at once", () => {
    expect(parse("")).toBe(0);
    expect(parse("01010101")).toBe(0);
    expect(parse("00")).toBe(0);
  });

  it("nothing counts after the end", () => {
    expect(parse("00020405b4")).toBe(0);
    expect(parse("020405b400030307")).toBe(TCPOPTS_MSS);
  });

  it("the four of a SYN, in any order", () => {
    expect(parse("020405b40402080a112233445566778801030307")).toBe(
      TCPOPTS_MSS | TCPOPTS_SACK_PERMITTED | TCPOPTS_TIMESTAMP | TCPOPTS_WSCALE,
    );
    expect(O.seen).toBe((1 << 2) | (1 << 3) | (1 << 4) | (1 << 8));
    expect(O.mss).toBe(1460);
    expect(O.wscale).toBe(7);
    expect(O.tsVal).toBe(0x11223344);
    expect(O.tsEcr).toBe(0x55667788);
  });

  it("timestamps alone, aligned by NOPs or not", () => {
    expect(parse("0101080affffffff00000001")).toBe(TCPOPTS_TIMESTAMP);
    expect(O.tsVal).toBe(0xffffffff);
    expect(O.tsEcr).toBe(1);
    expect(parse("0101080affffffff0000000102")).toBe(TCPOPTS_TIMESTAMP | TCPOPTS_MALFORMED);
    expect(parse("080a01020304050607080000")).toBe(TCPOPTS_TIMESTAMP);
    expect(O.tsVal).toBe(0x01020304);
    expect(O.tsEcr).toBe(0x05060708);
  });

  it("a shift above 14 is used as 14 (RFC 7323 2.3)", () => {
    expect(parse("03030e")).toBe(TCPOPTS_WSCALE);
    expect(O.wscale).toBe(14);
    expect(parse("0303ff")).toBe(TCPOPTS_WSCALE);
    expect(O.wscale).toBe(14);
  });

  it("SACK of one to four blocks; other lengths are skipped", () => {
    expect(parse("050a0000000100000002")).toBe(TCPOPTS_SACK);
    expect(O.sackCount).toBe(1);
    expect(tcpSackLeft(O, 0)).toBe(1);
    expect(tcpSackRight(O, 0)).toBe(2);
    expect(parse("052200000001000000020000000300000004000000050000000600000007fffffff8")).toBe(TCPOPTS_SACK);
    expect(O.sackCount).toBe(4);
    expect(tcpSackLeft(O, 3)).toBe(7);
    expect(tcpSackRight(O, 3)).toBe(0xfffffff8);
    expect(parse("0502020405b4")).toBe(TCPOPTS_MSS);
    expect(parse("0509ffffffffffffff020405b4")).toBe(TCPOPTS_MSS);
  });

  it("unknown options, and known ones of another length, are skipped (RFC 9293 MUST-6)", () => {
    expect(parse("fe06deadbeef020405b4")).toBe(TCPOPTS_MSS);
    expect(parse("020305030307")).toBe(TCPOPTS_WSCALE);
    expect(parse("0303030402")).toBe(TCPOPTS_WSCALE | TCPOPTS_SACK_PERMITTED);
    expect(parse("0403ff020405b4")).toBe(TCPOPTS_MSS);
    expect(parse("0302020405b4")).toBe(TCPOPTS_MSS);
    expect(parse("0809ffffffffffffff020405b4")).toBe(TCPOPTS_MSS);
  });

  it("an illegal length ends the list; what stood before counts (RFC 9293 MUST-7)", () => {
    expect(parse("02")).toBe(TCPOPTS_MALFORMED);
    expect(parse("0200")).toBe(TCPOPTS_MALFORMED);
    expect(parse("0201")).toBe(TCPOPTS_MALFORMED);
    expect(parse("020405")).toBe(TCPOPTS_MALFORMED);
    expect(parse("020405b4030403")).toBe(TCPOPTS_MSS | TCPOPTS_MALFORMED);
    expect(parse("fe00020405b4")).toBe(TCPOPTS_MALFORMED);
    expect(parse("0101080affffffff000000")).toBe(TCPOPTS_MALFORMED);
    expect(parse("01010101010101010101010101010101010101010101010101010101010101010101010101010108")).toBe(
      TCPOPTS_MALFORMED,
    );
  });
});
