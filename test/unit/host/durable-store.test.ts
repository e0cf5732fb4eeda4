import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../../../src/host/level-store.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedDisk } from '../../../src/testing/simulated-disk.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { storeConformance } from './durable-store-conformance.ts';

storeConformance('a store on the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'barrel-store-'));
  const directory = join(folder, 'data', 'store');
  return {
    open: openLevelStore,
    directory,
    settle: (work) => work,
    damage: () => changeByte(directory, 'value 2'),
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

storeConformance('a store on a simulated disk', async () => {
  const time = new VirtualTime();
  const disk = new SimulatedDisk(new SeededRandom(1));
  return {
    open: disk.storeOpener(time),
    directory: '/data/store',
    settle: async (work) => {
      work.catch(() => {});
      await time.advance(200);
      return work;
    },
    damage: async () => disk.flipBits(1),
    close: async () => {},
  };
});

/** In the table that has that value. */
async function changeByte(directory: string, value: string): Promise<void> {
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.ldb'))) {
    const content = await readFile(join(directory, name));
    const at = content.indexOf(value);
    if (at < 0) continue;
    content[at] = (content[at] ?? 0) ^ 1;
    await writeFile(join(directory, name), content);
    return;
  }
  throw new Error(`no table has ${value}`);
}
