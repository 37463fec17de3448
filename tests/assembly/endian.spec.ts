import { load16, load32, store16, store32 } from "../../assembly/memory/endian";

/** Scratch below memoryBase, free for the layout under test. */
const AT: usize = 65536;

describe("big-endian access", () => {
  it("stores network order at any alignment", () => {
    let bad = 0;
    for (let i: usize = 0; i < 8; i++) {
      store32(AT + i, 0x01020304);
      if (load<u8>(AT + i) != 1 || load<u8>(AT + i + 3) != 4) bad++;
      if (load32(AT + i) != 0x01020304) bad++;
      store16(AT + i, 0xfffea1b2);
      if (load<u8>(AT + i) != 0xa1 || load16(AT + i) != 0xa1b2) bad++;
    }
    expect(bad).toBe(0);
  });
});
