/**
 * Numbers in a command's arguments, refused in iputils' words.
 */
import { CommandFailure } from "./context.js";

/** A whole number from `least` to `most`; decimal, or 0x… */
export function integerOf(tool: string, text: string, least: number, most: number, shown = String(most)): number {
  if (!/^[+-]?(\d{1,15}|0x[0-9a-f]{1,12})$/i.test(text))
    throw new CommandFailure(`${tool}: invalid argument: '${text}'`);
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new CommandFailure(`${tool}: invalid argument: '${text}': out of range: ${least} <= value <= ${shown}`);
}

/** Seconds, with a fraction perhaps, as µs. */
export function secondsOf(tool: string, text: string): number {
  if (!/^\d{1,9}(\.\d*)?$|^\.\d+$/.test(text))
    throw new CommandFailure(`${tool}: option argument contains garbage: ${text}`, 2);
  return Math.round(Number(text) * 1e6);
}
