import { CLOCK_UNKNOWN } from "../../assembly/abi/config";
import { clockAdvance, clockDayMs, now } from "../../assembly/core/clock";
import { CONFIG } from "../../assembly/core/config";

const DAY_US: u64 = 86400000000;

describe("clock", () => {
  it("goes forward only, and never beyond 2^63", () => {
    clockAdvance(5000);
    clockAdvance(4000);
    expect(now()).toBe(5000);
    clockAdvance((<u64>1) << 63);
    expect(now()).toBe(5000);
  });

  it("says the milliseconds of the UT day, around midnight too (RFC 792)", () => {
    CONFIG.dayMs = 86399998;
    clockAdvance(DAY_US);
    expect(clockDayMs()).toBe(86399998);
    clockAdvance(DAY_US + 3000);
    expect(clockDayMs()).toBe(1);
  });

  it("sets the high-order bit where the time of day is not known", () => {
    CONFIG.dayMs = CLOCK_UNKNOWN;
    expect(clockDayMs() >>> 31).toBe(1);
  });
});
