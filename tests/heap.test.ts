import fc from "fast-check";
import { describe, it } from "vitest";
import { Heap, type HeapItem } from "../src/heap.js";

interface Item extends HeapItem {
  key: number;
}

describe("Heap", () => {
  it("behaves as a sorted list under any pushes, pops, removals and moves", () => {
    const step = fc.tuple(fc.constantFrom("push", "pop", "remove", "move"), fc.nat(30), fc.nat(100));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new Heap<Item>((a, b) => a.key < b.key);
        let model: Item[] = [];
        for (const [kind, index, key] of steps) {
          const item = model[index % Math.max(1, model.length)];
          if (kind === "push") {
            const pushed = { key: key + model.length / 1000, heapIndex: -1 };
            heap.push(pushed);
            model.push(pushed);
          } else if (kind === "pop") {
            const least = model.reduce<Item | undefined>((a, b) => (a && a.key <= b.key ? a : b), undefined);
            if (heap.pop() !== least) return false;
            model = model.filter((other) => other !== least);
          } else if (item !== undefined && kind === "remove") {
            heap.remove(item);
            heap.remove(item);
            model = model.filter((other) => other !== item);
          } else if (item !== undefined) {
            item.key = key + index / 1000;
            heap.moved(item);
          }
          if (heap.size !== model.length || heap.items().some((other, i) => other.heapIndex !== i)) return false;
        }
        const keys = model.map((item) => item.key).sort((a, b) => a - b);
        return keys.every((key) => heap.pop()?.key === key) && heap.pop() === undefined;
      }),
    );
  });
});
