/** The page that maps the reference to this package: all of it is there, and all that it names. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as testing from '../../src/testing/index.ts';

/** As the reference counts its exports. */
const FUNCTIONS = 60;
const ROW = /^\| `(?<reference>[a-z_]+\/\d)` \| `(?<here>[\w.]+)` \| (?<note>.*?) ?\|$/gm;

interface Row {
  readonly reference: string;
  readonly here: string;
  readonly isToCome: boolean;
}

const page = await readFile(new URL('../../docs/reference/api-map.md', import.meta.url), 'utf8');
const rows: readonly Row[] = [...page.matchAll(ROW)].map(({ groups = {} }) => ({
  reference: groups['reference'] ?? '',
  here: groups['here'] ?? '',
  isToCome: groups['note'] === 'to come',
}));

let sim: testing.Simulation;
let roots: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  sim = testing.createSimulation({ seed: 1 });
  const node = await sim.start();
  const map = await sim.settled(node.maps.open('any'));
  const candidacy = await sim.settled(node.leaders.campaign('any'));
  roots = { node, map, candidacy, testing };
});

afterAll(() => sim[Symbol.asyncDispose]());

/** What stands at the end of a path of names; undefined when it breaks off. */
function valueAt(path: string): unknown {
  let value: unknown = roots;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}

test('every function of the reference has one row', () => {
  const functions = rows.map(({ reference }) => reference);
  expect(functions).toHaveLength(FUNCTIONS);
  expect(new Set(functions).size).toBe(FUNCTIONS);
});

describe('what stands for it here', () => {
  test.each(rows.filter(({ isToCome }) => !isToCome))('$here is there', ({ here }) => {
    expect(valueAt(here)).toBeTypeOf('function');
  });

  test.each(rows.filter(({ isToCome }) => isToCome))('$here is still to come', ({ here }) => {
    expect(valueAt(here)).toBe(undefined);
  });
});
