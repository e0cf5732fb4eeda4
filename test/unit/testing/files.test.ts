import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemFiles } from '../../../src/host/system-files.ts';
import { MemoryFiles } from '../../../src/testing/memory-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { SimulatedDisk } from '../../../src/testing/simulated-disk.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { filesConformance } from './files-conformance.ts';

filesConformance('files of the machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'barrel-files-'));
  return {
    files: systemFiles,
    folder,
    settle: (work) => work,
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

filesConformance('files in memory', async () => {
  const files = new MemoryFiles();
  await files.makeDirectory('/folder');
  return { files, folder: '/folder', settle: (work) => work, close: async () => {} };
});

filesConformance('files on a simulated disk', async () => {
  const time = new VirtualTime();
  const files = new SimulatedDisk(new SeededRandom(1)).open(time);
  await files.makeDirectory('/folder');
  return {
    files,
    folder: '/folder',
    settle: async (work) => {
      work.catch(() => {});
      await time.advance(10);
      return work;
    },
    close: async () => {},
  };
});
