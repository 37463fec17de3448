/**
 * What a stack's memory holds: bytes fixed at boot, buffers and who has them.
 */
import type { BufferPool, MemoryReport } from "../control/report.js";

/** Buffers that something is being done with: neither free nor posted on a receive ring. */
export function buffersInUse(pool: BufferPool): number {
  const { stack, tx, socket, neighbour, reassembly } = pool.held;
  return stack + tx + socket + neighbour + reassembly;
}

/** Every buffer is free, or posted for what is to come, and every byte ring is free. */
export function isAllReturned({ small, large, byteRings }: MemoryReport): boolean {
  const isReturned = [small, large].every((pool) => pool.free + pool.held.rx === pool.total);
  return isReturned && byteRings.every(({ free, total }) => free === total);
}

/** A line for the memory, and tables of the buffers and of TCP's byte rings. */
export function memory(report: MemoryReport): string {
  const { bytes, memoryBytes, small, large, byteRings } = report;
  const rows = [["buffers of", "total", "free", "rx", "tx", "socket", "neighbour", "reassembly", "stack"]];
  for (const { size, total, free, held } of [small, large]) {
    const { rx, tx, socket, neighbour, reassembly, stack } = held;
    rows.push([`${thousands(size)} B`, ...[total, free, rx, tx, socket, neighbour, reassembly, stack].map(thousands)]);
  }
  rows.push(["rings of", "total", "free"]);
  for (const { size, total, free } of byteRings) rows.push([`${thousands(size)} B`, thousands(total), thousands(free)]);
  const lines = rows.map(
    ([first = "", ...rest]) => first.padStart(11) + rest.map((cell) => cell.padStart(11)).join(""),
  );
  return [`${thousands(bytes)} bytes in ${memoryBytes / 65536} pages of 64 KiB`, ...lines].join("\n");
}

/** "4,190,784": thousands apart, whatever the locale. */
export function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
