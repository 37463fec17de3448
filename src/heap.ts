/**
 * A binary min-heap whose items know their place in it, so that any item can be moved or taken out in O(log n).
 * The order is a strict total order given by the user, so what comes out does not depend on how it went in.
 */

/** What a heap keeps: `heapIndex` is the heap's own note of where the item is; -1 while it is in none. */
export interface HeapItem {
  heapIndex: number;
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** @param before  true when `a` must come out earlier than `b`; never true for both orders of a pair */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item that comes out next; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#up(item, this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes an item out; one that is not in the heap is left alone. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    this.#place(last, index);
    this.moved(last);
  }

  /** Puts an item right whose key has changed. */
  moved(item: T): void {
    this.#up(item, item.heapIndex);
    this.#down(item, item.heapIndex);
  }

  /** Every item, in no order that means anything. */
  items(): readonly T[] {
    return this.#items;
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }

  #up(item: T, from: number): void {
    let index = from;
    while (index > 0) {
      const parent = this.#items[(index - 1) >> 1] as T;
      if (!this.#before(item, parent)) break;
      this.#place(parent, index);
      index = (index - 1) >> 1;
    }
    this.#place(item, index);
  }

  #down(item: T, from: number): void {
    const size = this.#items.length;
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(this.#items[child + 1] as T, this.#items[child] as T)) child++;
      if (!this.#before(this.#items[child] as T, item)) break;
      this.#place(this.#items[child] as T, index);
      index = child;
    }
    this.#place(item, index);
  }
}
