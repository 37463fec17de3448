import {
  Ipv4Options,
  ipv4OptionsParse,
  optionEntry,
  optionOpen,
  optionsCopied,
  timestampExhausted,
} from "../../assembly/wire/ipv4-options";
import { optionsReply, returnHop } from "../../assembly/wire/ipv4-return";
import { AT, putHex } from "./frame-list";

const O = changetype<Ipv4Options>(0x10000);
const OUT: usize = 0x10100;

/** A header from 10.0.0.1 with these options; its length. */
function put(options: string): u32 {
  memory.fill(AT - 8, 0xee, 100);
  return putHex(AT, "4f00001400010000401100000a0000010a000002" + options);
}

function parse(options: string): bool {
  memory.fill(changetype<usize>(O), 0xee, offsetof<Ipv4Options>());
  return ipv4OptionsParse(AT, put(options), O);
}

/** Where the fault is, counted from the first option; -1 = none. */
function fault(options: string): i32 {
  return parse(options) ? -1 : <i32>O.fault - 20;
}

function hex(p: usize, len: u32): string {
  let s = "";
  for (let i: u32 = 0; i < len; i++) {
    const v = load<u8>(p + i);
    s += "0123456789abcdef".charAt(v >>> 4) + "0123456789abcdef".charAt(v & 15);
  }
  return s;
}

function copied(options: string): string {
  const len = put(options) - 20;
  memory.fill(OUT, 0xee, 64);
  const n = optionsCopied(OUT, AT + 20, len);
  return hex(OUT, n);
}

function reply(options: string): string {
  if (!parse(options)) return "fault";
  memory.fill(OUT, 0xee, 64);
  const n = optionsReply(OUT, AT, O);
  return hex(OUT, n);
}

function hop(options: string): u32 {
  parse(options);
  return bswap<u32>(returnHop(AT, O));
}

describe("IPv4 options", () => {
  it("none, padding, the end of the list", () => {
    expect(fault("")).toBe(-1);
    expect(fault("01010100")).toBe(-1);
    expect(fault("00ffffff")).toBe(-1);
    expect(O.sourceRoute | O.recordRoute | O.timestamp | O.routerAlert).toBe(0);
  });

  it("what is there, and where", () => {
    expect(parse("0183070a0a00000507070400000000" + "440c050100000000000000009404000000")).toBe(true);
    expect(O.sourceRoute).toBe(21);
    expect(O.recordRoute).toBe(28);
    expect(O.timestamp).toBe(35);
    expect(O.routerAlert).toBe(47);
    expect(parse("890704" + "0a00000500")).toBe(true);
    expect(O.sourceRoute).toBe(20);
    expect(optionOpen(AT + 20)).toBe(true);
    expect(optionEntry(AT + 20)).toBe(AT + 23);
    expect(parse("890708" + "0a00000500")).toBe(true);
    expect(optionOpen(AT + 20)).toBe(false);
  });

  it("unknown options are passed over, security and stream identifier with them (RFC 1122 3.2.1.8)", () => {
    expect(fault("5e06deadbeef0707040000000000")).toBe(-1);
    expect(O.recordRoute).toBe(26);
    expect(fault("820b000000000000000000008804beef00")).toBe(-1);
    expect(fault("9e02")).toBe(-1);
  });

  it("a length that cannot be is a fault at the option", () => {
    expect(fault("01010107")).toBe(3);
    expect(fault("01070007")).toBe(1);
    expect(fault("5e010000")).toBe(0);
    expect(fault("5e050000")).toBe(0);
    expect(fault("5eff0000")).toBe(0);
    expect(fault("0101015e")).toBe(3);
  });

  it("a length too short for the option is a fault at its length", () => {
    expect(fault("07020000")).toBe(1);
    expect(fault("44030500")).toBe(1);
    expect(fault("8302000000000000")).toBe(1);
    expect(fault("8306040000000000")).toBe(1);
    expect(fault("8908040000000000")).toBe(1);
    expect(fault("94030000")).toBe(1);
    expect(fault("9405000000000000")).toBe(1);
  });

  it("pointers: the least, at an address, with room for it (RFC 791)", () => {
    expect(fault("0707030000000000")).toBe(2);
    expect(fault("0707000000000000")).toBe(2);
    expect(fault("0707050000000000")).toBe(2);
    expect(fault("0707040000000000")).toBe(-1);
    expect(fault("0707080000000000")).toBe(-1);
    expect(fault("07070a0000000000")).toBe(-1);
    expect(fault("0709080000000000" + "00000000")).toBe(2);
    expect(fault("8307030000000000")).toBe(2);
    expect(fault("8907060000000000")).toBe(2);
    expect(fault("4408040000000000")).toBe(2);
    expect(fault("4408060000000000")).toBe(2);
    expect(fault("4408050000000000")).toBe(-1);
    expect(fault("4408050100000000")).toBe(2);
    expect(fault("440c050100000000" + "00000000")).toBe(-1);
    expect(fault("440c090100000000" + "00000000")).toBe(2);
    expect(fault("440a090000000000" + "00000000")).toBe(2);
  });

  it("timestamps: flags 0, 1 and 3; a full overflow count is for the next station to refuse", () => {
    expect(fault("4408050200000000")).toBe(3);
    expect(fault("4408050f00000000")).toBe(3);
    expect(fault("440c050300000000" + "00000000")).toBe(-1);
    expect(fault("440809e000000000")).toBe(-1);
    expect(timestampExhausted(AT + 20)).toBe(false);
    expect(fault("440809f000000000")).toBe(-1);
    expect(timestampExhausted(AT + 20)).toBe(true);
    expect(fault("440805f000000000")).toBe(-1);
    expect(timestampExhausted(AT + 20)).toBe(false);
    expect(fault("440c0df300000000" + "00000000")).toBe(-1);
    expect(timestampExhausted(AT + 20)).toBe(false);
  });

  it("each but once; a loose and a strict source route are two (RFC 1812 5.2.4.1)", () => {
    expect(fault("07030407030400")).toBe(3);
    expect(fault("440405004404050000")).toBe(4);
    expect(fault("83030489030400")).toBe(3);
    expect(fault("83030483030400")).toBe(3);
  });

  it("what goes into every fragment", () => {
    expect(copied("")).toBe("");
    expect(copied("01010100")).toBe("");
    expect(copied("070704000000000001")).toBe("");
    expect(copied("07070400000000" + "8307040a00000501")).toBe("8307040a00000500");
    expect(copied("9404000001" + "8307040a000005")).toBe("940400008307040a00000500");
    expect(copied("00" + "94040000")).toBe("");
    expect(copied("94040000" + "94ff")).toBe("94040000");
  });

  it("the answer's record route and timestamp are as they came", () => {
    expect(reply("")).toBe("");
    expect(reply("0107070800000000")).toBe("0707080000000000");
    expect(reply("4408090000000001" + "07070400000000")).toBe("070704000000004408090000000001" + "00");
    expect(reply("94040000")).toBe("");
    expect(hop("07070400000000")).toBe(0x0a000001);
  });

  it("a completed source route is turned round, its source last (RFC 1122 3.2.1.8 c)", () => {
    // 10.0.0.1 by way of 1, 2 and 3.
    expect(reply("830f10" + "010101010202020203030303" + "00")).toBe("830f04" + "02020202010101010a000001" + "00");
    expect(hop("830f10" + "010101010202020203030303" + "00")).toBe(0x03030303);
    expect(reply("890708" + "01010101" + "00")).toBe("890704" + "0a000001" + "00");
    expect(hop("890708" + "01010101" + "00")).toBe(0x01010101);
    expect(reply("830304" + "00")).toBe("");
    expect(hop("830304" + "00")).toBe(0x0a000001);
  });

  it("case (B): the source in its own route is not named twice", () => {
    expect(reply("830f10" + "0a0000010202020203030303" + "00")).toBe("830b04" + "020202020a000001" + "00");
    expect(reply("830708" + "0a000001" + "00")).toBe("");
    expect(hop("830708" + "0a000001" + "00")).toBe(0x0a000001);
  });

  it("on the way, only what was visited is turned round (RFC 1812 4.3.2.6)", () => {
    expect(reply("830f08" + "010101010202020203030303" + "00")).toBe("830704" + "0a000001" + "00");
    expect(hop("830f08" + "010101010202020203030303" + "00")).toBe(0x01010101);
    expect(reply("830f04" + "010101010202020203030303" + "00")).toBe("");
    expect(hop("830f04" + "010101010202020203030303" + "00")).toBe(0x0a000001);
  });

  it("any bytes: the walk ends, in its bounds; what it accepts has an answer no longer, which parses", () => {
    let seed: u32 = 7;
    let bad = 0;
    let good = 0;
    for (let round = 0; round < 60000; round++) {
      const len: u32 = 20 + ((<u32>round % 11) << 2);
      memory.fill(AT - 8, 0xee, 100);
      for (let i: u32 = 0; i < len; i++) {
        seed ^= seed << 13;
        seed ^= seed >>> 17;
        seed ^= seed << 5;
        // Small numbers often, which are lengths and pointers, and known types.
        let v = seed >>> 8;
        if ((seed & 3) == 0) v = 1 + (v & 15);
        if ((seed & 31) == 1) v = 131;
        if ((seed & 31) == 2) v = 7;
        if ((seed & 31) == 3) v = 68;
        store<u8>(AT + i, <u8>v);
      }
      const ok = ipv4OptionsParse(AT, len, O);
      if (!ok && (O.fault < 20 || O.fault >= len)) bad++;
      memory.fill(OUT, 0xee, 64);
      const n = optionsCopied(OUT, AT + 20, len - 20);
      if (n > len - 20 || (n & 3) != 0 || load<u8>(OUT + n) != 0xee) bad++;
      if (!ok) continue;
      good++;
      memory.fill(OUT - 20, 0xee, 84);
      const m = optionsReply(OUT, AT, O);
      if (m > len - 20 || (m & 3) != 0 || load<u8>(OUT + m) != 0xee || load<u8>(OUT - 1) != 0xee) bad++;
      returnHop(AT, O);
      if (!ipv4OptionsParse(OUT - 20, 20 + m, O)) bad++;
    }
    expect(bad).toBe(0);
    expect(good).toBeGreaterThan(5000);
  });
});
