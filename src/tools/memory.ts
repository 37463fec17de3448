/**
 * What a stack's memory holds: bytes fixed at boot, buffers and who has them.
 */
import type { BufferPool, MemoryReport } from "../control/report.js";

/** Buffers that something is being done with: neither free nor posted on a receive ring. */
export function buffersInUse(pool: BufferPool): number {
  const { stack, tx, socket, neighbour, reassembly } = pool.held;
  return stack + tx + socket + neighbour + reassembly;
}

/** Every buffer is free, or posted for what is to come. */
export function isAllReturned({ small, large }: MemoryReport): boolean {
  return [small, large].every((pool) => pool.free + pool.held.rx === pool.total);
}

/** A line for the memory, and a table of the buffers. */
export function memory(report: MemoryReport): string {
  const { bytes, memoryBytes, small, large } = report;
  const rows = [["buffers of", "total", "free", "rx", "tx", "socket", "neighbour", "reassembly", "stack"]];
  for (const { size, total, free, held } of [small, large]) {
    const { rx, tx, socket, neighbour, reassembly, stack } = held;
    rows.push([`${thousands(size)} B`, ...[total, free, rx, tx, socket, neighbour, reassembly, stack].map(thousands)]);
  }
  const lines = rows.map(
    ([first = "", ...rest]) => first.padStart(10) + rest.map((cell) => cell.padStart(11)).join(""),
  );
  return [`${thousands(bytes)} bytes in ${memoryBytes / 65536} pages of 64 KiB`, ...lines].join("\n");
}

/** "4,190,784": thousands apart, whatever the locale. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
