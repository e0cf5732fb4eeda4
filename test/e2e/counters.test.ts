import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interrupted, Workshop } from './fixtures/processes.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/counters/main.mjs', import.meta.url));
const VERIFY = new URL('../../examples/counters/verify.mjs', import.meta.url).href;

type Counts = Readonly<Record<string, number>>;

interface Verify {
  faultsOf(counts: Counts, acknowledged: Counts): readonly string[];
  sumOf(books: readonly { readonly acknowledged: Counts }[]): Counts;
}

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

test('partitions move to and fro while everybody counts, and every increment counts once', async () => {
  const { exitCode, stdout, stderr } = await workshop.script(EXAMPLE, []);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/two processes hold 120 counters in 256 partitions: a \d+, b \d+$/m);
  const grown = /([cd])@counters has joined, (\d+) partitions moved: .*\1 (\d+)$/gm;
  const joins = [...stdout.matchAll(grown)];
  expect(joins.map(([, name]) => name)).toEqual(['c', 'd']);
  // The bound on loads moves some more than the newcomer gets.
  for (const [, , moved, got] of joins) expect(Number(moved)).toBeGreaterThanOrEqual(Number(got));
  expect(stdout).toMatch(/b@counters was closed, \d{2} partitions moved: a \d+, c \d+, d \d+$/m);
  expect(stdout).toMatch(/^\d{3} times a partition moved, \d+ increments were tried again$/m);
  expect(stdout).toMatch(/^longest pause of a key: \d+ ms, of counter-\d+$/m);
  expect(stdout).toMatch(/\nverified: [\d,]+ increments, none lost, none counted twice\.\n$/);
  expect(exitCode).toBe(0);
});

test('where partitions go before they are written increments are lost, and the example says so', async () => {
  const { exitCode, stdout } = await workshop.script(EXAMPLE, ['--careless']);
  expect(stdout).toMatch(/^fault: counter-\d+ is at \d+, acknowledged were \d+: \d+ are lost$/m);
  expect(stdout).toMatch(/\nNOT verified: \d+ of 120 counters are wrong\.\n$/);
  expect(stdout).not.toMatch(/^verified/m);
  expect(exitCode).toBe(1);
});

test('where no increment is known again some count twice, and the example says so', async () => {
  const { exitCode, stdout } = await workshop.script(EXAMPLE, ['--forgetful']);
  expect(stdout).toMatch(/^fault: counter-\d+ is at \d+, .*: \d+ are too many$/m);
  expect(stdout).not.toMatch(/are lost$/m);
  expect(stdout).toMatch(/\nNOT verified: \d+ of 120 counters are wrong\.\n$/);
  expect(exitCode).toBe(1);
});

test('Ctrl-C leaves no process and no file behind', async () => {
  const left = await interrupted(workshop, EXAMPLE, 'c@counters has joined');
  expect(left).toEqual({ exitCode: 130, files: [] });
});

test('a counter that is not what was acknowledged is a fault, also one that nobody asked for', async () => {
  const { faultsOf, sumOf } = (await import(VERIFY)) as Verify;
  const books = [{ acknowledged: { tea: 2 } }, { acknowledged: { tea: 1, milk: 1 } }];
  expect(sumOf(books)).toEqual({ tea: 3, milk: 1 });
  expect(faultsOf({ tea: 3, milk: 1, salt: 0 }, sumOf(books))).toEqual([]);
  expect(faultsOf({ tea: 2, salt: 4 }, sumOf(books))).toEqual([
    'milk is at 0, acknowledged were 1: 1 are lost',
    'salt is at 4, acknowledged were 0: 4 are too many',
    'tea is at 2, acknowledged were 3: 1 are lost',
  ]);
});

test('a wrong option is one line and exit code 2', async () => {
  const { exitCode, stderr } = await workshop.script(EXAMPLE, ['--fast']);
  expect(stderr).toMatch(/^counters: Unknown option '--fast'.*\n$/);
  expect(exitCode).toBe(2);
});
