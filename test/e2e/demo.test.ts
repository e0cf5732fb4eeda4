import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ended, until, Workshop } from './fixtures/processes.ts';

const DEMO = fileURLToPath(new URL('../../examples/demo/main.mjs', import.meta.url));
const ORDERS = fileURLToPath(new URL('../../examples/demo/orders.csv', import.meta.url));
const FAST = ['--rate', '1000'];

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

test('the demo verifies: no order is lost or counted twice when a process is killed', async () => {
  const { exitCode, stdout, stderr } = await workshop.script(DEMO, FAST);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/five processes joined through one seed .* all mutual/);
  expect(stdout).toMatch(/every node lists every service after/);
  expect(stdout).toMatch(/kill -9 \d+: pricing-b@demo is dead after/);
  expect(stdout).toMatch(/no survivor lists it among its members any more/);
  expect(stdout).toMatch(/no survivor lists it among its services any more/);
  expect(stdout).toMatch(/^VERIFIED {2}2,000 orders: none lost, none counted twice\.$/m);
  expect(stdout.match(/ equal$/gm)).toHaveLength(5);
  expect(exitCode).toBe(0);
});

test('an expectation that differs in one order fails and names it', async () => {
  const rows = readFileSync(ORDERS, 'utf8').split('\n');
  const sabotaged = workshop.path('sabotaged.csv');
  const [id] = rows[1000]?.split(',') ?? [];
  writeFileSync(sabotaged, rows.map((row, at) => (at === 1000 ? double(row) : row)).join('\n'));
  const { exitCode, stdout } = await workshop.script(DEMO, [...FAST, '--expect', sabotaged]);
  expect(stdout).toContain(`FAULT  1 written with another quantity or price: ${id}`);
  expect(stdout).toMatch(/^NOT VERIFIED/m);
  expect(stdout).toMatch(/ DIFFERENT$/m);
  expect(stdout).not.toMatch(/^VERIFIED/m);
  expect(exitCode).toBe(1);
});

test('what is kept can be asked, and Ctrl-C leaves no process and no file behind', async () => {
  const folder = workshop.path('kept');
  mkdirSync(folder);
  const demo = workshop.launch(DEMO, [...FAST, '--keep'], { TMPDIR: folder });
  let text = '';
  demo.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until(() => text.includes('npx barrel call'));
  const [, ...words] = /^ {2}npx barrel (call .*)$/m.exec(text)?.[1]?.split(' ') ?? [];
  const entries = await workshop.barrel(['call', ...words]);
  expect(JSON.parse(entries.stdout)).toHaveLength(2);
  const [dataDir] = words.slice(-1);
  const status = await workshop.barrel(['status', '--json', '--data-dir', String(dataDir)]);
  const { processId } = JSON.parse(status.stdout) as { readonly processId: number };

  demo.kill('SIGINT');
  expect(await ended(demo)).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
  expect(() => process.kill(processId, 0)).toThrow(/ESRCH/);
});

test('a wrong option is one line and exit code 2', async () => {
  const { exitCode, stderr } = await workshop.script(DEMO, ['--rate', 'fast']);
  expect(stderr).toBe('demo: --rate must be above 0, received fast\n');
  expect(exitCode).toBe(2);
});

/** The same row with twice the unit price. */
function double(row: string): string {
  return row.replace(/,(\d+),([A-Z]{3})$/, (_, cents: string, currency: string) =>
    [``, Number(cents) * 2, currency].join(','),
  );
}
