import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interrupted, Workshop } from './fixtures/processes.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/invoices/main.mjs', import.meta.url));
const LEDGER = new URL('../../examples/invoices/ledger.mjs', import.meta.url).href;
/** Each takes half a minute, on a busy machine up to twice that. */
const EXAMPLE_MS_MAX = 120_000;
const VERIFY = new URL('../../examples/invoices/verify.mjs', import.meta.url).href;

interface Entry {
  readonly key: readonly unknown[];
  readonly fence: string;
  readonly cents: number;
  readonly node: string;
  readonly attempt: number;
}

interface Ledger {
  enter(entry: Omit<Entry, 'fence'> & { readonly fence: bigint }): Promise<boolean>;
  entries(): Promise<readonly Entry[]>;
}

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

test(
  'invoices in the hands of killed processes are done elsewhere, each of them once',
  async () => {
    const { exitCode, stdout, stderr } = await workshop.script(EXAMPLE, []);
    expect(stderr).toBe('');
    const kills = [
      ...stdout.matchAll(/kill -9 \d+: ([bc])@invoices is dead, with the invoices \d+/g),
    ];
    expect(kills.map(([, name]) => name)).toEqual(['b', 'c']);
    expect(stdout).toMatch(/b@invoices is back$/m);
    // Both had one in the ledger that was not acknowledged.
    const [, attempts, known] =
      /(\d+) further attempts, in (\d+) the ledger had/.exec(stdout) ?? [];
    expect(Number(attempts)).toBeGreaterThanOrEqual(4);
    expect(Number(known)).toBeGreaterThanOrEqual(2);
    expect(stdout).toMatch(/\nverified: 90 invoices, each in the ledger exactly once\.\n$/);
    expect(exitCode).toBe(0);
  },
  EXAMPLE_MS_MAX,
);

test.concurrent(
  'a ledger that looks at no fence has some twice, and the example says so',
  async () => {
    const { exitCode, stdout } = await workshop.script(EXAMPLE, ['--blind']);
    expect(stdout).toMatch(
      /^fault: invoice \d+ is there 2 times, under one fence: .* in attempt 2/m,
    );
    expect(stdout).not.toMatch(/is missing$/m);
    expect(stdout).toMatch(/\nNOT verified: \d+ faults in 90 invoices\.\n$/);
    expect(exitCode).toBe(1);
  },
  EXAMPLE_MS_MAX,
);

test.concurrent(
  'delivered at most once some are missing, none is there twice, and the example says so',
  async () => {
    const { exitCode, stdout } = await workshop.script(EXAMPLE, ['--at-most-once']);
    expect(stdout).toMatch(/^fault: invoice \d+ is missing$/m);
    expect(stdout).not.toMatch(/ times, /);
    expect(stdout).toMatch(/0 further attempts, in 0 the ledger had it already$/m);
    expect(stdout).toMatch(/\nNOT verified: \d+ faults in 90 invoices\.\n$/);
    expect(exitCode).toBe(1);
  },
  EXAMPLE_MS_MAX,
);

test('Ctrl-C leaves no process and no file behind', async () => {
  const left = await interrupted(workshop, EXAMPLE, 'is dead');
  expect(left).toEqual({ exitCode: 130, files: [] });
});

test('of many that enter one occurrence at once exactly one does', async () => {
  const { Ledger } = (await import(LEDGER)) as { readonly Ledger: new (folder: string) => Ledger };
  const folder = workshop.path('ledger');
  const entry = { key: ['invoice', 7], cents: 5, node: 'a', attempt: 1 };
  const enter = (fence: bigint): Promise<boolean> => new Ledger(folder).enter({ ...entry, fence });
  const outcomes = await Promise.all(Array.from({ length: 40 }, (_, at) => enter(BigInt(at % 2))));
  expect(outcomes.filter((isNew) => isNew)).toHaveLength(2);
  expect(await enter(1n)).toBe(false);
  expect(await new Ledger(folder).enter({ ...entry, key: ['invoice', 8], fence: 1n })).toBe(true);
  const entries = await new Ledger(folder).entries();
  expect(entries.map(({ key, fence }) => `${key[1]} ${fence}`).sort()).toEqual([
    '7 0',
    '7 1',
    '8 1',
  ]);
  // No draft is left.
  expect(readdirSync(folder)).toHaveLength(3);
});

test('an invoice that is missing, twice there, wrong or unknown is a fault', async () => {
  const { faultsOf } = (await import(VERIFY)) as {
    faultsOf(invoices: readonly object[], entries: readonly Entry[]): readonly string[];
  };
  const invoices = [1, 2, 3].map((number) => ({ number, cents: 10 * number }));
  const entry = (number: number, more: Partial<Entry> = {}): Entry => {
    const rest = { fence: '1', cents: 10 * number, node: 'a', attempt: 1 };
    return { key: ['invoice', number], ...rest, ...more };
  };
  const all = [entry(3), entry(1), entry(2)];
  expect(faultsOf(invoices, all)).toEqual([]);
  expect(faultsOf(invoices, [entry(1), entry(4), entry(2, { cents: 7 })])).toEqual([
    'invoice 2 is over 7, not 20',
    'invoice 3 is missing',
    'invoice 4 was never set',
  ]);
  expect(faultsOf(invoices, [...all, entry(2, { node: 'b', attempt: 2 })])).toEqual([
    'invoice 2 is there 2 times, under one fence: a in attempt 1, b in attempt 2',
  ]);
  expect(faultsOf(invoices, [...all, entry(2, { fence: '2' })])).toEqual([
    'invoice 2 is there 2 times, under 2 fences: a in attempt 1, a in attempt 1',
  ]);
});

test('a wrong option is one line and exit code 2', async () => {
  const { exitCode, stderr } = await workshop.script(EXAMPLE, ['--fast']);
  expect(stderr).toMatch(/^invoices: Unknown option '--fast'.*\n$/);
  expect(exitCode).toBe(2);
});
