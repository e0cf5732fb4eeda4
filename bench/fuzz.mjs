/**
 * Hostile bytes in the long form: mutated frames for every decoder and for a node of a simulated
 * cluster, mutated datagrams for a live QUIC transport. The short form is a part of the tests.
 *
 *     npm run fuzz -- [--count 1000000] [--seed 1] [--part frames|datagrams]
 *
 * A failure prints seed and bytes.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const PARTS = {
  frames: ['--project', 'unit', 'test/unit/fuzz'],
  datagrams: ['--project', 'e2e', 'test/e2e/hostile-datagrams.test.ts'],
};

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    part: { type: 'string' },
  },
});
const parts = values.part === undefined ? Object.keys(PARTS) : [values.part];
for (const part of parts) {
  if (PARTS[part] === undefined) throw new Error(`no part ${part}: frames or datagrams`);
}
const env = { ...process.env, BARREL_FUZZ_COUNT: values.count, BARREL_FUZZ_SEED: values.seed };
for (const part of parts) {
  console.log(`${part}: ${values.count} of seed ${values.seed}`);
  const args = ['vitest', 'run', ...PARTS[part], '--reporter=verbose'];
  const { status } = spawnSync('npx', args, { env, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
