import { describe, expect, test } from 'vitest';
import { GroupCommit } from '../../../src/host/group-commit.ts';
import { STORE_GROUP_BYTES_MAX, STORE_WAITING_BYTES_MAX } from '../../../src/limits.ts';
import { put } from './durable-store-conformance.ts';

describe('a group commit', () => {
  test('batches of one tick are one write, and later ones gather behind it', async () => {
    const bench = new Bench();
    void bench.submit([1]);
    void bench.submit([2]);
    await bench.tick();
    void bench.submit([3]);
    void bench.submit([4]);
    await bench.tick();
    expect(bench.writes).toEqual([[1, 2]]);
    bench.finish();
    await bench.tick();
    expect(bench.writes).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('who writes again when a write is done joins the next one', async () => {
    const bench = new Bench();
    const first = bench.submit([1]).then(() => bench.submit([3]));
    await bench.tick();
    void bench.submit([2]);
    bench.finish();
    await bench.tick();
    expect(bench.writes).toEqual([[1], [2, 3]]);
    bench.finish();
    await first;
  });

  test('a failed write is told to its own batches, and the next ones are written', async () => {
    const bench = new Bench();
    const failing = [bench.submit([1]), bench.submit([2])];
    await bench.tick();
    const next = bench.submit([3]);
    bench.fail(new Error('full'));
    const outcomes = await Promise.allSettled(failing);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await bench.tick();
    bench.finish();
    await next;
    expect(bench.writes).toEqual([[1, 2], [3]]);
  });

  test('a group ends where it gets too large; a larger batch goes alone', async () => {
    const bench = new Bench();
    const half = new Uint8Array(STORE_GROUP_BYTES_MAX / 2);
    for (const value of [half, half, new Uint8Array(STORE_GROUP_BYTES_MAX), half]) {
      void bench.commits.submit([{ key: Uint8Array.of(bench.next()), value }]);
    }
    for (let write = 0; write < 4; write += 1) {
      await bench.tick();
      bench.finish();
    }
    expect(bench.writes).toEqual([[1], [2], [3], [4]]);
  });

  test('more than may wait is refused, also while it is being written', async () => {
    const bench = new Bench();
    const value = new Uint8Array(STORE_WAITING_BYTES_MAX / 2 - 100);
    const first = bench.commits.submit([{ key: Uint8Array.of(1), value }]);
    await bench.tick();
    void bench.commits.submit([{ key: Uint8Array.of(2), value }]);
    const refused = bench.commits.submit([{ key: Uint8Array.of(3), value }]);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
    bench.finish();
    await first;
    void bench.commits.submit([{ key: Uint8Array.of(4), value }]);
    await bench.tick();
    bench.finish();
    await bench.tick();
    expect(bench.writes).toEqual([[1], [2], [4]]);
  });

  test('closing waits for the last write', async () => {
    const bench = new Bench();
    void bench.submit([1]);
    let isClosed = false;
    const closed = bench.commits.close().then(() => {
      isClosed = true;
    });
    await expect(bench.submit([2])).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await bench.tick();
    expect(isClosed).toBe(false);
    bench.finish();
    await closed;
  });
});

/** A disk that is done when it is told to. */
class Bench {
  /** First byte of each key, by write. */
  readonly writes: number[][] = [];
  readonly commits: GroupCommit;
  finish: () => void = () => {};
  fail: (reason: Error) => void = () => {};
  #soon: (() => void)[] = [];
  #last = 0;

  constructor() {
    this.commits = new GroupCommit({
      write: (group) => {
        const operations = group.flatMap((batch) => batch.operations);
        this.writes.push(operations.map(({ key }) => key[0] ?? -1));
        return new Promise((resolve, reject) => {
          this.finish = resolve;
          this.fail = reject;
        });
      },
      soon: (callback) => void this.#soon.push(callback),
    });
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }

  submit(key: readonly number[]): Promise<void> {
    return this.commits.submit([put(key, 'v')]);
  }

  /** Follows all promises, then what wanted to run soon. */
  async tick(): Promise<void> {
    await new Promise((done) => setImmediate(done));
    for (const callback of this.#soon.splice(0)) callback();
    await new Promise((done) => setImmediate(done));
  }
}
