import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const EXAMPLE = fileURLToPath(
  new URL('../../examples/simulated-cluster/test.mjs', import.meta.url),
);

test('the example of a test on the simulator passes, the same way each time', async () => {
  const run = async (): Promise<string> =>
    (await promisify(execFile)(process.execPath, [EXAMPLE])).stdout;
  const first = await run();
  expect(first).toMatch(/^ok, after \d+\.\d s of virtual time\n$/);
  expect(await run()).toBe(first);
});
