import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interrupted, Workshop } from './fixtures/processes.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/nightly/main.mjs', import.meta.url));

const VERIFY = new URL('../../examples/nightly/verify.mjs', import.meta.url).href;
const FENCED_FILE = new URL('../../examples/nightly/fenced-file.mjs', import.meta.url).href;

interface FencedFile {
  append(fence: bigint, text: string): Promise<number | undefined>;
  lines(): Promise<readonly { readonly fence: bigint; readonly text: string }[]>;
}

let workshop: Workshop;

beforeAll(() => {
  workshop = new Workshop();
});

afterAll(() => workshop.close());

test('a job goes on when its leader is killed, and a leader that stood still writes nothing', async () => {
  const { exitCode, stdout, stderr } = await workshop.script(EXAMPLE, []);
  expect(stderr).toBe('');
  expect(stdout.match(/kill -9 \d+: [abc]@nightly is dead/g)).toHaveLength(2);
  expect(stdout).toMatch(/SIGSTOP: ([abc]@nightly) stands still(?:.*\n)*?.*SIGCONT: \1 goes on/);
  expect(stdout).toMatch(/[abc]@nightly tried to write under fence \d+: refused$/m);
  const fences = fencesOf(stdout);
  expect(fences).toHaveLength(4);
  expect(fences).toEqual([...fences].sort());
  expect(new Set(fences).size).toBe(4);
  expect(stdout).toMatch(
    /\nverified: \d+ lines of \d+ terms, .*; [1-9]\d* late writes? refused\.\n$/,
  );
  expect(exitCode).toBe(0);
});

test('without the guard the late write is in the file, and the example says so and fails', async () => {
  const { exitCode, stdout } = await workshop.script(EXAMPLE, ['--unguarded']);
  expect(stdout).toMatch(/tried to write under fence \d+: NOT REFUSED$/m);
  expect(stdout).toMatch(/^fault: line \d+ .* has the fence \d+, the line before it \d+$/m);
  expect(stdout).toMatch(/\nNOT verified: \d+ faults in \d+ lines\.\n$/);
  expect(stdout).not.toMatch(/^verified/m);
  expect(exitCode).toBe(1);
});

test('Ctrl-C leaves no process and no file behind', async () => {
  const left = await interrupted(workshop, EXAMPLE, 'is dead');
  expect(left).toEqual({ exitCode: 130, files: [] });
});

test('of many that write at once each accepted line is there once, in the order of the fences', async () => {
  const { FencedFile } = (await import(FENCED_FILE)) as {
    readonly FencedFile: new (folder: string) => FencedFile;
  };
  const folder = workshop.path('report');
  const writes = Array.from({ length: 60 }, (_, at) => ({
    fence: BigInt(1 + Math.floor(at / 20)),
    text: `write ${at}`,
    file: new FencedFile(folder),
  }));
  const numbers = await Promise.all(
    writes.map(({ file, fence, text }) => file.append(fence, text)),
  );
  const lines = await new FencedFile(folder).lines();
  const fences = lines.map(({ fence }) => fence);
  expect(fences).toEqual([...fences].sort((a, b) => Number(a - b)));
  const accepted = writes.filter((_, at) => numbers[at] !== undefined);
  expect(lines).toHaveLength(accepted.length);
  for (const [at, { text }] of writes.entries()) {
    const number = numbers[at];
    if (number !== undefined) expect(lines[number - 1]?.text).toBe(text);
  }
  // Nobody had a higher one.
  expect(accepted.filter(({ fence }) => fence === 3n)).toHaveLength(20);
  expect(await new FencedFile(folder).append(2n, 'late')).toBeUndefined();
  expect(readdirSync(folder)).toHaveLength(lines.length);
});

test('a line that is lost, a late one, a shared term and a refused one that is there are faults', async () => {
  const { faultsOf } = (await import(VERIFY)) as {
    faultsOf(lines: readonly object[], told: readonly object[]): readonly string[];
  };
  const line = (fence: bigint, text: string): object => ({ fence, text });
  const lines = [line(1n, 'a, step 1'), line(2n, 'b, step 1'), line(2n, 'b, step 2')];
  const told = [
    { type: 'wrote', line: 1, fence: 1n, text: 'a, step 1' },
    // The same words in another term are another line.
    { type: 'refused', fence: 1n, text: 'b, step 1' },
  ];
  expect(faultsOf(lines, told)).toEqual([]);
  expect(faultsOf(lines.slice(1), told)).toEqual([expect.stringMatching(/^line 1 is lost/)]);
  expect(faultsOf([...lines, line(1n, 'a, step 2')], told)).toEqual([
    'line 4 (a, step 2) has the fence 1, the line before it 2',
  ]);
  expect(faultsOf([...lines, line(2n, 'c, step 1')], told)).toEqual([
    'the fence 2 is of b and of c',
  ]);
  const refused = { type: 'refused', fence: 2n, text: 'b, step 2' };
  expect(faultsOf(lines, [refused])).toEqual([expect.stringMatching(/^was refused, and is there/)]);
});

test('a wrong option is one line and exit code 2', async () => {
  const { exitCode, stderr } = await workshop.script(EXAMPLE, ['--fast']);
  expect(stderr).toMatch(/^nightly: Unknown option '--fast'.*\n$/);
  expect(exitCode).toBe(2);
});

/** Of the terms, as they are told of: all have 18 digits, so that texts sort as numbers do. */
function fencesOf(stdout: string): readonly string[] {
  return [...stdout.matchAll(/(?:elected, and writes|took over) under fence (\d{18}),?/g)].map(
    ([, fence = '']) => fence,
  );
}
