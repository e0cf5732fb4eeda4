import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueHeap, type HeapItem } from '../../../../src/core/schedule/due-heap.ts';

interface Item extends HeapItem {
  readonly name: number;
}

const newItem = (name: number): Item => ({ name, atMs: 0, heapAt: -1 });

test('gives what is due in order after items were set, moved and taken out at random', () => {
  const step = fc.tuple(fc.nat(30), fc.option(fc.nat(50), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(50), (steps, untilMs) => {
      const heap = new DueHeap<Item>();
      const items = Array.from({ length: 31 }, (_, name) => newItem(name));
      const model = new Map<number, number>();
      for (const [name, atMs] of steps) {
        const item = items[name] ?? newItem(name);
        if (atMs === undefined) {
          heap.remove(item);
          model.delete(name);
        } else {
          heap.set(item, atMs);
          model.set(name, atMs);
        }
        expect(heap.size).toBe(model.size);
      }
      const taken: number[] = [];
      for (let item = heap.takeDue(untilMs); item; item = heap.takeDue(untilMs)) {
        expect([item.atMs, item.heapAt]).toEqual([model.get(item.name), -1]);
        taken.push(item.atMs);
      }
      const times = [...model.values()].toSorted((a, b) => a - b);
      expect(taken).toEqual(times.filter((atMs) => atMs <= untilMs));
      expect(heap.first?.atMs).toBe(times.find((atMs) => atMs > untilMs));
    }),
  );
});

test('has nothing first when it is empty', () => {
  expect([new DueHeap().first, new DueHeap().takeDue(5)]).toEqual([undefined, undefined]);
});
