/** Placement through a control socket, and `barrel place` and `barrel shards` on it. */
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ControlClient } from '../../src/admin/control-client.ts';
import type { ControlQuery } from '../../src/admin/control-protocol.ts';
import { type ControlServer, serveControl } from '../../src/admin/control-server.ts';
import { answerShards } from '../../src/admin/node-shards.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { BarrelNode } from '../../src/index.ts';
import { createSimulation, type Simulation } from '../../src/testing/index.ts';
import { Workshop } from './fixtures/processes.ts';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await workshop.close();
});

describe('of two simulated nodes', () => {
  let sim: Simulation;
  let nodes: readonly BarrelNode[];
  let server: ControlServer;
  let dataDir: string;

  beforeEach(async () => {
    sim = createSimulation({ seed: 7 });
    const shards = { ringSize: 64 };
    const a = await sim.start({ name: 'a@sim', zone: 'north', shards });
    const more = { contacts: ['a@sim'], zone: 'south', shards: { ...shards, weight: 3 } };
    const b = await sim.start({ name: 'b@sim', ...more });
    nodes = [a, b];
    await sim.until(() => b.shards.epoch === a.shards.epoch && nodes.every(hasAll), 20_000);
    dataDir = workshop.path('node');
    const { name, metrics, shards: shardView } = a;
    server = await serveControl({
      dataDir,
      answer: async (query: ControlQuery) =>
        query.method === 'place' || query.method === 'shards'
          ? answerShards({ name, metrics, shardView }, query)
          : [],
    });
  });

  afterEach(async () => {
    await server.close();
    await sim[Symbol.asyncDispose]();
  });

  test('a key is placed as the node places it, and as the other node does', async () => {
    const client = await ControlClient.connect(dataDir);
    for (const key of ['tea', 7, ['room', 7n], new Uint8Array([1])]) {
      for (const { shards } of nodes) {
        expect(await client.place(key)).toMatchObject({
          partition: shards.partition(key),
          owner: shards.place(key),
          epoch: shards.epoch,
        });
        expect((await client.place(key, 5)).owners).toEqual(shards.owners(key, 5));
      }
    }
    expect((await client.place('tea')).owners).toBeUndefined();
    client.close();
  });

  test('shares add up to the ring, in proportion to weights', async () => {
    const client = await ControlClient.connect(dataDir);
    const report = await client.shards();
    expect(report).toMatchObject({ node: 'a@sim', ringSize: 64, waiting: 0 });
    expect(report.members).toMatchObject([
      { node: 'a@sim', zone: 'north', weight: 1, partitions: nodes[0]?.shards.owned().length },
      { node: 'b@sim', zone: 'south', weight: 3, partitions: nodes[1]?.shards.owned().length },
    ]);
    expect(sum(report.members.map(({ partitions }) => partitions))).toBe(64);
    expect(report.held).toBe(report.members[0]?.partitions);
    client.close();
  });

  test('the commands work on it and end with the codes that scripts expect', async () => {
    const [a, b] = nodes;
    const run = runner(dataDir);
    const owner = a?.shards.place(['room', 7]);
    const partition = a?.shards.partition(['room', 7]);
    const epoch = a?.shards.epoch;
    expect(await run('place', '["room",7]')).toEqual([
      0,
      `owner      ${owner}\npartition  ${partition}\nepoch      ${epoch}`,
    ]);
    const [code, json] = await run('place', '["room",7]', '--count', '9', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(String(json))).toEqual({
      key: ['room', 7],
      partition,
      owner,
      epoch,
      owners: b?.shards.owners(['room', 7], 9),
    });
    const [, table] = await run('shards');
    expect(stripVTControlCharacters(String(table))).toMatch(
      /^MEMBER .*\nb@sim +south +3 .*\na@sim +north +1 .*\n\nring of 64, epoch .*, 2 members;/,
    );
    const [, report] = await run('shards', '--json');
    expect(JSON.parse(String(report))).toMatchObject({ ringSize: 64, epoch });
  });

  test('what is wrong is named, with exit code 2', async () => {
    const run = runner(dataDir);
    expect(await run('place')).toMatchObject({ 0: 2 });
    expect(await run('place', 'tea', '--count', 'two')).toMatchObject({ 0: 2 });
    expect(await run('place', 'tea', '--count', '0')).toEqual([
      2,
      expect.stringMatching(/^barrel: ERR_VALUE: .*`count` must be an integer from 1 to 16384/),
    ]);
    expect(await run('place', '9007199254740993')).toEqual([
      2,
      expect.stringMatching(/^barrel: ERR_VALUE: the number 9007199254740993 would not stay/),
    ]);
    expect(await run('place', 'x'.repeat(1_025))).toEqual([
      2,
      expect.stringMatching(/^barrel: ERR_VALUE: .*key/),
    ]);
    expect(await run('shards', 'all')).toMatchObject({ 0: 2 });
  });
});

test('whoever asks a node for its shards does not make it take them in use', async () => {
  const dataDir = workshop.path('quiet');
  const node = workshop.start(['--name', 'quiet@test', '--data-dir', dataDir]);
  await node.ready;
  const ask = async (...words: string[]): Promise<unknown> => {
    const all = [...words, '--json', '--data-dir', dataDir];
    return JSON.parse((await workshop.barrel(all)).stdout);
  };
  expect(await ask('place', 'tea')).toMatchObject({ partition: 3996, owner: 'quiet@test' });
  expect(await ask('shards')).toMatchObject({
    node: 'quiet@test',
    ringSize: 4096,
    held: 0,
    members: [{ node: 'quiet@test', zone: null, weight: 0, partitions: 4096 }],
  });
  // One that takes them in use holds all of them from that moment on.
  expect(await ask('shards')).toMatchObject({ held: 0 });
  const missing = await workshop.barrel(['shards', '--data-dir', workshop.path('nobody')]);
  expect(missing.exitCode).toBe(3);
  expect(missing.stderr).toMatch(/^barrel: no node is running with data directory .*nobody\n$/);
});

/** Runs a command in this process: exit code, then what it printed. */
function runner(dataDir: string): (...words: string[]) => Promise<readonly unknown[]> {
  const out = vi.spyOn(console, 'log').mockImplementation(() => {});
  const err = vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  return async (...words) => {
    out.mockClear();
    err.mockClear();
    const exitCode = await runProgram({ words: [...words, '--data-dir', dataDir], version: '0' });
    return [exitCode, ...[...out.mock.calls, ...err.mock.calls].flat()];
  };
}

/** It holds what it owns. */
function hasAll({ name, shards }: BarrelNode): boolean {
  const share = shards.shares().find(({ node }) => node === name);
  return shards.owned().length === share?.partitions;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
