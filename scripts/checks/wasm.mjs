// Reads a WebAssembly module: sections, and every instruction of every function, as far as the rules here need it.
// WebAssembly core specification 2.0, chapter 5 (binary format).

/**
 * @typedef {object} Module
 * @property {string[]} imports "module.name"
 * @property {string[]} exports names
 * @property {number} mutableGlobals
 * @property {Map<string, number>} opcodes how often each instruction of INTEREST stands in the code
 * @property {Map<string, number>} functions bytes of each body that the name section names
 * @property {number} bytes
 */

const INTEREST = new Map([
  [0x11, "call_indirect"],
  [0x13, "return_call_indirect"],
  [0x40, "memory.grow"],
]);

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Error(`wasm: ends in the middle, at ${this.at - 1}`);
    return value;
  }

  /** LEB128 of up to 64 bits, signed or not: the value matters only where it is a small unsigned one. */
  leb() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  name() {
    const length = this.leb();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  limits() {
    const flags = this.byte();
    this.leb();
    if (flags & 1) this.leb();
  }

  /** @param {(reader: Reader) => void} each */
  vector(each) {
    for (let left = this.leb(); left > 0; left--) each(this);
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {Module}
 * @throws Error where the bytes are no module, or use an instruction that is not known here.
 */
export function readModule(bytes) {
  const reader = new Reader(bytes);
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    throw new Error("wasm: no WebAssembly module");
  }
  reader.at = 8;
  /** @type {number[]} */
  const bodies = [];
  /** @type {Module} */
  const module = {
    imports: [],
    exports: [],
    mutableGlobals: 0,
    opcodes: new Map(),
    functions: new Map(),
    bytes: bytes.length,
  };
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.leb();
    const end = reader.at + length;
    if (id === 2) reader.vector(() => readImport(reader, module));
    if (id === 6) reader.vector(() => readGlobal(reader, module));
    if (id === 7) reader.vector(() => readExport(reader, module));
    if (id === 10) reader.vector(() => bodies.push(readFunction(reader, module)));
    // The modules here import nothing, so functions are numbered as their bodies stand. The names follow the code.
    if (id === 0 && reader.name() === "name") readNames(reader, end, bodies, module);
    if ([2, 6, 7, 10].includes(id) && reader.at !== end) throw new Error(`wasm: section ${id} ends at a wrong place`);
    reader.at = end;
  }
  return module;
}

/**
 * @param {Reader} reader
 * @param {Module} module
 */
function readImport(reader, module) {
  module.imports.push(`${reader.name()}.${reader.name()}`);
  const kind = reader.byte();
  if (kind === 0) reader.leb();
  else if (kind === 2) reader.limits();
  else {
    reader.byte();
    if (kind === 1) reader.limits();
    else if (reader.byte() === 1) module.mutableGlobals++;
  }
}

/**
 * @param {Reader} reader
 * @param {Module} module
 */
function readExport(reader, module) {
  module.exports.push(reader.name());
  reader.byte();
  reader.leb();
}

/**
 * @param {Reader} reader
 * @param {Module} module
 */
function readGlobal(reader, module) {
  reader.byte();
  if (reader.byte() === 1) module.mutableGlobals++;
  while (readInstruction(reader) !== 0x0b);
}

/**
 * The name section's part about functions.
 * @param {Reader} reader
 * @param {number} end
 * @param {readonly number[]} bodies
 * @param {Module} module
 */
function readNames(reader, end, bodies, module) {
  while (reader.at < end) {
    const part = reader.byte();
    const next = reader.leb() + reader.at;
    if (part === 1) {
      reader.vector(() => {
        const index = reader.leb();
        module.functions.set(reader.name(), bodies[index] ?? 0);
      });
    }
    reader.at = next;
  }
}

/**
 * Answers the body's bytes.
 * @param {Reader} reader
 * @param {Module} module
 * @returns {number}
 */
function readFunction(reader, module) {
  const size = reader.leb();
  const end = reader.at + size;
  reader.vector(() => {
    reader.leb();
    reader.byte();
  });
  while (reader.at < end) {
    const name = INTEREST.get(readInstruction(reader));
    if (name) module.opcodes.set(name, (module.opcodes.get(name) ?? 0) + 1);
  }
  return size;
}

/** Opcodes with one index behind them: branches, calls, locals, globals, tables, ref.func. */
const ONE_INDEX = new Set([0x0c, 0x0d, 0x10, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0xd2]);

/**
 * Reads one instruction with what stands behind it; answers its first byte.
 * @param {Reader} reader
 * @returns {number}
 */
function readInstruction(reader) {
  const op = reader.byte();
  if (op >= 0x02 && op <= 0x04) reader.leb();
  else if (ONE_INDEX.has(op)) reader.leb();
  else if (op === 0x0e) {
    reader.vector(() => reader.leb());
    reader.leb();
  } else if (op === 0x11 || op === 0x13) {
    reader.leb();
    reader.leb();
  } else if (op === 0x1c) reader.vector(() => reader.byte());
  else if (op >= 0x28 && op <= 0x3e) memoryOperand(reader);
  else if (op === 0x41 || op === 0x42) reader.leb();
  else if (op === 0x43) reader.at += 4;
  else if (op === 0x44) reader.at += 8;
  else if (op === 0xd0) reader.byte();
  else if (op === 0xfc) readMisc(reader);
  else if (op === 0xfd) readSimd(reader);
  else if (!isPlain(op)) throw new Error(`wasm: unknown instruction 0x${op.toString(16)} at ${reader.at - 1}`);
  return op;
}

/**
 * Whether nothing stands behind an opcode.
 * @param {number} op
 */
function isPlain(op) {
  const isControl = op <= 0x01 || op === 0x05 || op === 0x0b || op === 0x0f;
  return isControl || op === 0x1a || op === 0x1b || (op >= 0x45 && op <= 0xc4) || op === 0xd1;
}

/** @param {Reader} reader */
function memoryOperand(reader) {
  reader.leb();
  reader.leb();
}

/** @param {Reader} reader */
function readMisc(reader) {
  const op = reader.leb();
  if (op >= 18) throw new Error(`wasm: unknown instruction 0xfc ${op}`);
  // Saturating conversions have no operand; of the rest init and copy have two, drop, fill, grow and size one.
  if (op < 8) return;
  reader.leb();
  if (op === 8 || op === 10 || op === 12 || op === 14) reader.leb();
}

/** @param {Reader} reader */
function readSimd(reader) {
  const op = reader.leb();
  if (op <= 11 || op === 92 || op === 93) memoryOperand(reader);
  else if (op >= 84 && op <= 91) {
    memoryOperand(reader);
    reader.byte();
  } else if (op === 12 || op === 13) reader.at += 16;
  else if (op >= 21 && op <= 34) reader.byte();
}

/**
 * What a built module must not have.
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {string} wat the same module as asc's text, which names what it took from the run-time library
 * @returns {string[]}
 */
export function moduleFaults(name, bytes, wat) {
  const { imports, mutableGlobals, opcodes } = readModule(bytes);
  const faults = imports.map((what) => `imports ${what}`);
  if (mutableGlobals > 0) faults.push(`has ${mutableGlobals} mutable globals${namesIn(wat, /\(global (\S+) \(mut/g)}`);
  for (const [opcode, count] of opcodes) faults.push(`has ${opcode} ${count} times`);
  const runtime = namesIn(wat, /\(func (\$~lib\/(?:rt|array|map|set|string|staticarray)\/?\S*)/g);
  if (runtime !== "") faults.push(`holds parts of the run-time library${runtime}`);
  return faults.map((fault) => `${name}: ${fault}`);
}

/**
 * @param {string} wat
 * @param {RegExp} pattern
 */
function namesIn(wat, pattern) {
  const names = [...wat.matchAll(pattern)].map((match) => match[1]);
  return names.length > 0 ? `: ${names.join(", ")}` : "";
}
