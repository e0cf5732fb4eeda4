import { type ChildProcess, execFileSync } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DurableStore } from '../../src/host/durable-store.ts';
import { openLevelStore } from '../../src/host/level-store.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { compileModule } from './fixtures/compiled-module.ts';
import { numberedWrite } from './fixtures/numbered-write.ts';
import { until, Workshop } from './fixtures/processes.ts';

const KILLS = Number(process.env['BARREL_KILLS'] ?? 20);
const SEED = Number(process.env['BARREL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Few enough that old values are overwritten, many enough that tables are merged. */
const SLOTS = 2_048;
const LINES_MAX = 1_500;
const IN_FLIGHT = 64;

let workshop: Workshop;
let program: string;
let directory: string;

beforeEach(() => {
  workshop = new Workshop();
  program = compileModule('test/e2e/fixtures/store-writer.ts', workshop.folder);
  directory = workshop.path('store');
});

afterEach(() => workshop.close());

test(
  `nothing acknowledged is lost when the process is killed, ${KILLS} times`,
  async () => {
    process.stdout.write(`kills: BARREL_SEED=${SEED}\n`);
    const random = new SeededRandom(SEED);
    const expected = new Map<string, string>();
    let next = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const writer = new Writer({ from: next, slots: SLOTS });
      await writer.killedAt(1 + Math.floor(random.float() * LINES_MAX));
      const present = await contentOf(directory);
      const last = Number(present.get('last') ?? -1);
      for (; next <= last; next += 1) apply(expected, next);
      const context = `kill ${kill} of seed ${SEED}`;
      expect(last, context).toBeGreaterThanOrEqual(Math.max(...writer.numbers('ok')));
      // Exactly the batches up to one: each whole, none left out.
      expect(present, context).toEqual(expected);
    }
  },
  60_000 + KILLS * 3_000,
);

test('a second process is refused, and the first one goes on', async () => {
  const writer = new Writer({ from: 0, slots: SLOTS });
  await writer.printed(10);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(openLevelStore(directory)).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: `cannot open the store in ${directory}: another process has it open`,
    });
  }
  await writer.printed(writer.lines.length + 1_000);
  await writer.kill();
  const last = Number((await contentOf(directory)).get('last'));
  expect(last).toBeGreaterThanOrEqual(Math.max(...writer.numbers('ok')));
});

// A process that may not make files longer stands for a full disk. Other systems cannot change
// that limit for a process that runs.
if (process.platform === 'linux') {
  test('a store on a full disk says so, loses nothing, and goes on when there is room', async () => {
    const slots = 1_000_000;
    const writer = new Writer({ from: 0, slots });
    for (let round = 0; round < 5; round += 1) {
      await writer.seen('ok', 300);
      writer.limitFiles('0');
      await writer.seen('ERR_STORE', 200);
      writer.limitFiles('unlimited');
    }
    await writer.seen('ok', 300);
    await writer.kill();
    expect(new Set(writer.lines.map((line) => line.split(' ')[1]))).toEqual(
      new Set(['ok', 'ERR_STORE']),
    );
    const present = await contentOf(directory);
    const expected = new Map<string, string>();
    for (const number of writer.numbers('ok')) apply(expected, number, slots);
    // One that failed may be the last that is there.
    expected.delete('last');
    expect(Object.fromEntries(present)).toMatchObject(Object.fromEntries(expected));
  });
}

class Writer {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #closed: Promise<unknown>;
  #log = '';

  constructor({ from, slots }: { readonly from: number; readonly slots: number }) {
    const words = [directory, `${from}`, `${slots}`, `${IN_FLIGHT}`];
    this.#child = workshop.launch(program, words);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    this.#closed = new Promise((done) => this.#child.once('close', done));
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no stdout');
    this.#lines = createInterface({ input: stdout });
    this.#lines.on('line', (line) => void this.lines.push(line));
  }

  numbers(outcome: string): readonly number[] {
    const chosen = this.lines.filter((line) => line.endsWith(` ${outcome}`));
    return chosen.map((line) => Number.parseInt(line, 10));
  }

  /** Resolves at that many lines. */
  async printed(count: number): Promise<void> {
    await this.#until(() => this.lines.length >= count);
  }

  /** Resolves at so many more lines of that outcome. */
  async seen(outcome: string, count: number): Promise<void> {
    const before = this.numbers(outcome).length;
    await this.#until(() => this.numbers(outcome).length >= before + count);
  }

  /** How long its files may get: for a write it is as on a full disk. */
  limitFiles(bytes: string): void {
    execFileSync('prlimit', ['--pid', `${this.#child.pid}`, `--fsize=${bytes}:unlimited`]);
  }

  /** Killed with that line, while more is under way. */
  async killedAt(count: number): Promise<void> {
    this.#lines.on('line', () => {
      if (this.lines.length === count) this.#child.kill('SIGKILL');
    });
    await this.#closed;
    if (this.lines.length < count) throw new Error(`the writer ended: ${this.#log}`);
  }

  /** All that it printed has been read then. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  async #until(condition: () => boolean): Promise<void> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(`the writer ended: ${this.#log}`);
      return condition();
    });
  }
}

async function contentOf(path: string): Promise<Map<string, string>> {
  const store: DurableStore = await openLevelStore(path);
  const content = new Map<string, string>();
  for await (const item of store.range(new Uint8Array())) {
    const value = item.kind === 'value' ? textOf(item.value) : 'damaged';
    content.set(textOf(item.key), value);
  }
  await store.close();
  expect(store.wasRepaired).toBe(false);
  return content;
}

function apply(content: Map<string, string>, number: number, slots: number = SLOTS): void {
  for (const { key, value } of numberedWrite(number, slots)) {
    if (value === undefined) content.delete(textOf(key));
    else content.set(textOf(key), textOf(value));
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
