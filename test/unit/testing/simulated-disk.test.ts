import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedDisk } from '../../../src/testing/simulated-disk.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const OLD = new Uint8Array([1]);
const NEW = new Uint8Array([2]);

describe('a simulated disk', () => {
  test('what was written survives a crash', async () => {
    const bench = new Bench(1);
    await bench.write(NEW);
    bench.disk.crash();
    expect(await bench.read()).toEqual(NEW);
  });

  test('a write under way at a crash is old or new, and both happen', async () => {
    const seen = await Promise.all(seeds(40).map((seed) => crashedInWriting(seed)));
    expect(new Set(seen.map((content) => content?.[0]))).toEqual(new Set([1, 2]));
  });

  test('a write takes time', async () => {
    const bench = new Bench(1);
    const write = bench.files.write('/file', NEW);
    expect(await bench.files.read('/file')).toBeUndefined();
    await bench.time.advance(10);
    await write;
    expect(await bench.read()).toEqual(NEW);
  });

  test('a failing sync rejects; what it shows may be gone after a crash', async () => {
    const outcomes = await Promise.all(seeds(60).map((seed) => crashedAfterEio(seed)));
    expect(new Set(outcomes)).toEqual(new Set(['1 1', '2 1', '2 2']));
  });

  test('a full disk rejects writes with ENOSPC and changes nothing', async () => {
    const bench = new Bench(1);
    await bench.write(OLD);
    bench.disk.isFull = true;
    await expect(bench.write(NEW)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await bench.read()).toEqual(OLD);
    bench.disk.isFull = false;
    await bench.write(NEW);
    expect(await bench.read()).toEqual(NEW);
  });

  test('as many bits are flipped as asked for', async () => {
    const bench = new Bench(1);
    await bench.write(new Uint8Array(1_000));
    bench.disk.flipBits(3);
    const flipped = [...((await bench.read()) ?? [])].filter((byte) => byte !== 0);
    expect(flipped.length).toBe(3);
  });

  test('flipping bits of an empty disk does nothing, and a wiped one is empty', async () => {
    const bench = new Bench(1);
    bench.disk.flipBits(5);
    await bench.write(NEW);
    bench.disk.wipe();
    expect(await bench.read()).toBeUndefined();
  });
});

class Bench {
  readonly time = new VirtualTime();
  readonly disk: SimulatedDisk;
  readonly files: ReturnType<SimulatedDisk['open']>;

  constructor(seed: number) {
    this.disk = new SimulatedDisk(new SeededRandom(seed));
    this.files = this.disk.open(this.time);
  }

  read(): Promise<Uint8Array | undefined> {
    return this.files.read('/file');
  }

  async write(content: Uint8Array): Promise<void> {
    const write = this.files.write('/file', content);
    write.catch(() => {});
    await this.time.advance(10);
    await write;
  }
}

function seeds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, seed) => seed);
}

async function crashedInWriting(seed: number): Promise<Uint8Array | undefined> {
  const bench = new Bench(seed);
  await bench.write(OLD);
  void bench.files.write('/file', NEW);
  bench.disk.crash();
  return bench.read();
}

/** What is seen before and after the crash. */
async function crashedAfterEio(seed: number): Promise<string> {
  const bench = new Bench(seed);
  await bench.write(OLD);
  bench.disk.failsSync = true;
  await expect(bench.write(NEW)).rejects.toMatchObject({ code: 'EIO' });
  const before = await bench.read();
  bench.disk.crash();
  return `${before?.[0]} ${(await bench.read())?.[0]}`;
}
