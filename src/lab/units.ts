/**
 * Quantities as people write them: "10ms", "2Mbit", "1%". Each reader answers undefined for what is none; what a reader
 * takes stands in its `..._FORM`, for messages.
 */

export const DURATION_FORM = 'a time such as "250us", "10ms" or "1.5s"';
export const RATE_FORM = 'bits per second such as "64kbit", "10Mbit" or "1Gbit"';
export const PROBABILITY_FORM = 'a number from 0 to 1, or "1%"';

const US_PER_UNIT: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1e6, min: 60e6, h: 3600e6 };
const BITS_PER_UNIT: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

/** Whole microseconds of "10ms"; "0" needs no unit. */
export function duration(value: unknown): number | undefined {
  return value === 0 || value === "0" ? 0 : quantity(value, US_PER_UNIT);
}

/** Bits per second of "10Mbit"; Infinity of "unlimited". */
export function rate(value: unknown): number | undefined {
  if (value === "unlimited") return Infinity;
  const bits = quantity(value, BITS_PER_UNIT);
  return bits === 0 ? undefined : bits;
}

/** 0 to 1, of a number or of "1%". */
export function probability(value: unknown): number | undefined {
  const percent = typeof value === "string" ? /^(\d{1,3}(?:\.\d+)?)%$/.exec(value) : null;
  const share = percent !== null ? Number(percent[1]) / 100 : typeof value === "string" ? decimal(value) : value;
  return typeof share === "number" && share >= 0 && share <= 1 ? share : undefined;
}

/** "1.5ms" of microseconds, as duration() reads it. */
export function durationText(us: number): string {
  if (us === 0) return "0";
  if (us % 1000 !== 0) return `${us}us`;
  return us % 1e6 === 0 ? `${us / 1e6}s` : `${us / 1000}ms`;
}

function decimal(text: string): number | undefined {
  return /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined;
}

/** A whole number of the smallest unit, rounded; units are read in any case. */
function quantity(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  const match = typeof value === "string" ? /^(\d{1,12}(?:\.\d{1,9})?) ?([A-Za-z]{1,5})$/.exec(value) : null;
  if (match === null) return undefined;
  const unit = (match[2] as string).toLowerCase();
  return Object.hasOwn(units, unit) ? Math.round(Number(match[1]) * (units[unit] as number)) : undefined;
}
