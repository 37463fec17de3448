/**
 * Where the fields of an @unmanaged class lie, read from its own source: so the checker sees a record whole, and a field
 * that is new to it is an error and not a part of the state that it overlooks.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Layout {
  readonly fields: readonly Field[];
  readonly bytes: number;
}

const SIZES: Record<string, number> = { bool: 1, u8: 1, i8: 1, u16: 2, i16: 2, u64: 8, i64: 8, f64: 8 };

/** @param path  from assembly/ on */
export function layoutOf(path: string, name: string): Layout {
  const source = readFileSync(fileURLToPath(new URL(`../../assembly/${path}`, import.meta.url)), "utf8");
  const body = new RegExp(`class ${name} \\{([^}]*)\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`${path} has no class ${name}`);
  const fields: Field[] = [];
  let at = 0;
  for (const [, field, type] of body.matchAll(/^\s*(\w+): ([\w| ]+);$/gm)) {
    // What is neither a small nor a long number is a word: u32, usize, or a reference.
    const bytes = SIZES[type] ?? 4;
    at = Math.ceil(at / bytes) * bytes;
    fields.push({ name: field, offset: at, bytes });
    at += bytes;
  }
  return { fields, bytes: at };
}
