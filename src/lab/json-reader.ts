/**
 * Reads a JSON value part by part and gathers what is wrong with it, each fault under the path of its part:
 * `links.lan.loss: a number from 0 to 1, or "1%", not "x"`. Total: any value is read to its end, nothing is thrown.
 */
import { nearest } from "./nearest.js";

/** Beyond these nobody reads on. */
const MAX_FAULTS = 50;

export class JsonReader {
  readonly path: string;
  readonly value: unknown;
  readonly #faults: string[];

  constructor(value: unknown, path = "", faults: string[] = []) {
    this.value = value;
    this.path = path;
    this.#faults = faults;
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Notes what is wrong with this part. */
  fault(text: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(this.path === "" ? text : `${this.path}: ${text}`);
  }

  /** Notes that something else is needed here. */
  wrong(form: string): void {
    this.fault(`${form}, not ${shown(this.value)}`);
  }

  get isPresent(): boolean {
    return this.value !== undefined;
  }

  /** A part of this object; not present where there is none. */
  part(name: string): JsonReader {
    const has = isObject(this.value) && Object.hasOwn(this.value, name);
    const path = this.path === "" ? name : `${this.path}.${name}`;
    return new JsonReader(has ? (this.value as Record<string, unknown>)[name] : undefined, path, this.#faults);
  }

  /** Demands an object with no other parts than these. False where it is none. */
  object(known: readonly string[]): boolean {
    if (!isObject(this.value)) {
      this.wrong("an object");
      return false;
    }
    for (const name of Object.keys(this.value)) {
      if (known.includes(name)) continue;
      const guess = nearest(name, known);
      const hint = guess === undefined ? `there are ${known.join(", ")}` : `did you mean ${JSON.stringify(guess)}?`;
      this.fault(`no such part as ${JSON.stringify(name)}; ${hint}`);
    }
    return true;
  }

  /** The parts of an object whose names are the user's own; none where it is absent. */
  entries(): [string, JsonReader][] {
    if (!this.isPresent) return [];
    if (isObject(this.value)) return Object.keys(this.value).map((name) => [name, this.part(name)]);
    this.wrong("an object");
    return [];
  }

  /** The items of a list; none where it is absent. */
  list(): JsonReader[] {
    if (!this.isPresent) return [];
    if (Array.isArray(this.value)) return this.value.map((item, i) => this.#item(item, i));
    this.wrong("a list");
    return [];
  }

  /** The items of a list, or what stands in place of one. */
  listOrOne(): JsonReader[] {
    return !this.isPresent || Array.isArray(this.value) ? this.list() : [this];
  }

  /** What `read` makes of the value; absent or wrong: undefined, and a wrong one is noted. */
  read<T>(read: (value: unknown) => T | undefined, form: string): T | undefined {
    if (!this.isPresent) return undefined;
    const result = read(this.value);
    if (result === undefined) this.wrong(form);
    return result;
  }

  text(): string | undefined {
    return this.read((value) => (typeof value === "string" ? value : undefined), "a text");
  }

  flag(): boolean | undefined {
    return this.read((value) => (typeof value === "boolean" ? value : undefined), "true or false");
  }

  integer(least: number, most: number): number | undefined {
    const isOne = (value: unknown) =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
    return this.read(
      (value) => (isOne(value) ? (value as number) : undefined),
      `a whole number from ${least} to ${most}`,
    );
  }

  oneOf<T extends string>(names: readonly T[]): T | undefined {
    const form = names.map((name) => JSON.stringify(name)).join(" or ");
    return this.read((value) => names.find((name) => name === value), form);
  }

  #item(item: unknown, index: number): JsonReader {
    return new JsonReader(item, `${this.path}[${index}]`, this.#faults);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as a message shows it: short. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}
