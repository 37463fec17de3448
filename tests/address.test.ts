import { describe, expect, test } from "vitest";
import { formatIpv4, parseIpv4 } from "../src/address.js";

describe("IPv4 addresses as text", () => {
  test("four decimal parts, and what is written is read again", () => {
    for (const value of [0, 1, 0x7f000001, 0x0a0a0a0a, 0xc0a80a01, 0x80000000, 0xfffffffe, 0xffffffff]) {
      expect(parseIpv4(formatIpv4(value))).toBe(value);
    }
  });

  test("every part from 0 to 255 in every place, and no other number", () => {
    let wrong = 0;
    for (let part = 0; part <= 1300; part++) {
      for (let place = 0; place < 4; place++) {
        const parts = [1, 2, 3, 4];
        parts[place] = part;
        const value = parts.reduce((sum, one) => sum * 256 + one, 0);
        if (parseIpv4(parts.join(".")) !== (part < 256 ? value : undefined)) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  test.each([
    ..."|.|...|1.2.3|1.2.3.|.1.2.3|1..2.3|1.2.3.4.|1.2.3.4.5|01.2.3.4|1.2.3.00|1.2.3.-4|1.2.3.+4".split("|"),
    ..." 1.2.3.4|1.2.3.4 |1.2.3.4\n|1.2.3.a|1.2.3.4/8|0x1.2.3.4|1.2.3.1e2|16909060|::1|1,2,3,4|1.2.3.٤".split("|"),
  ])("%j is none", (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });
});
