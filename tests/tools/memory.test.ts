import { describe, expect, test } from "vitest";
import { buffersInUse, isAllReturned, memory, thousands } from "../../src/tools/memory.js";
import { during, pair } from "./hosts.js";

describe("memory", () => {
  test("buffers in use while datagrams wait unread, and returned with the socket", async () => {
    const { clock, a } = await pair();
    expect(isAllReturned(a.memory())).toBe(true);
    const socket = await a.udp.bind({ port: 7 });
    for (let i = 0; i < 5; i++) await during(clock, socket.send("unread", { port: 7 }));
    await clock.advance(1000);
    const held = a.memory();
    expect(buffersInUse(held.small)).toBe(5);
    expect(isAllReturned(held)).toBe(false);
    socket.close();
    expect(isAllReturned(a.memory())).toBe(true);
  });

  test("as a table", () => {
    const held = { stack: 1, rx: 36, tx: 2, socket: 5, neighbour: 3, reassembly: 4 };
    const quota = { rx: 1, tx: 1, socket: 1, neighbour: 1, reassembly: 1 };
    const pool = { size: 2048, total: 1024, free: 973, held, quota };
    const byteRings = [
      { size: 2048, total: 128, free: 126 },
      { size: 1048576, total: 2, free: 0 },
    ];
    const text = memory({
      bytes: 4190784,
      memoryBytes: 4194304,
      small: pool,
      large: { ...pool, size: 65664 },
      byteRings,
    });
    expect(text).toBe(
      [
        "4,190,784 bytes in 64 pages of 64 KiB",
        " buffers of      total       free         rx         tx     socket  neighbour reassembly      stack",
        "    2,048 B      1,024        973         36          2          5          3          4          1",
        "   65,664 B      1,024        973         36          2          5          3          4          1",
        "   rings of      total       free",
        "    2,048 B        128        126",
        "1,048,576 B          2          0",
      ].join("\n"),
    );
  });

  test("thousands", () => {
    expect([0, 999, 1000, 1234567].map(thousands)).toEqual(["0", "999", "1,000", "1,234,567"]);
  });
});
