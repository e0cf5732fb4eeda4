import { expect, test } from 'vitest';
import { DatagramBlocks } from '../../../../src/transport/quic/datagram-blocks.ts';

const LARGE = 100_000;

/** Takes so many large datagrams; the memory of each. */
function fill(blocks: DatagramBlocks, count: number): ArrayBufferLike[] {
  return Array.from({ length: count }, () => {
    const { buffer } = blocks.room(LARGE, 16);
    blocks.take(LARGE + 16);
    return buffer;
  });
}

test('datagrams stand behind each other, and the room is the same until it is taken', () => {
  const blocks = new DatagramBlocks(() => true);
  expect(blocks.room(1_350, 16).byteOffset).toBe(0);
  expect(blocks.room(1_350, 16).byteOffset).toBe(0);
  blocks.take(1_366);
  expect(blocks.room(1_350, 16).byteOffset).toBe(1_366);
});

test('blocks are used again when the system has taken what was sent, and not before', () => {
  let isIdle = false;
  const blocks = new DatagramBlocks(() => isIdle);
  const first = new Set(fill(blocks, 6));
  blocks.reclaim();
  const second = fill(blocks, 6);
  expect(second.filter((block) => first.has(block))).toEqual([]);
  isIdle = true;
  blocks.reclaim();
  const known = new Set([...first, ...second]);
  expect(fill(blocks, 8).filter((block) => !known.has(block))).toEqual([]);
});

test('no more than sixteen wait for another use, however much a turn sends', () => {
  const blocks = new DatagramBlocks(() => true);
  const sent = new Set(fill(blocks, 100));
  expect(sent.size).toBe(50);
  blocks.reclaim();
  expect(fill(blocks, 100).filter((block) => sent.has(block)).length).toBeLessThanOrEqual(34);
});
