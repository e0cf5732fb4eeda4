import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ended, until, Workshop } from './fixtures/processes.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/late-joiner/main.mjs', import.meta.url));

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

test('a process that comes late has all of the map when it is open', async () => {
  const { exitCode, stdout, stderr } = await workshop.script(EXAMPLE, ['--entries', '10000']);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/first@shop has put 10,000 entries in [\d.]+ s/);
  expect(stdout).toMatch(/late@shop has fetched 10,000 entries in [\d.]+ s \([\d.]+ MB\/s\)/);
  expect(stdout).toMatch(/^VERIFIED {2}three equal maps of 10,000 entries\.$/m);
  expect(exitCode).toBe(0);
});

test('Ctrl-C ends it with its processes', async () => {
  const example = workshop.launch(EXAMPLE, []);
  let text = '';
  example.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until(() => text.includes('first@shop'));
  example.kill('SIGINT');
  expect(await ended(example)).toBe(130);
});

test('a wrong option is one line and exit code 2', async () => {
  const { exitCode, stderr } = await workshop.script(EXAMPLE, ['--entries', 'many']);
  expect(stderr).toBe('late-joiner: --entries must be a whole number above 0, received many\n');
  expect(exitCode).toBe(2);
});
