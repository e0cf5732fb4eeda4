/** Elections through a control socket, and the `barrel leaders` commands on it. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ControlClient } from '../../src/admin/control-client.ts';
import type { ControlQuery } from '../../src/admin/control-protocol.ts';
import { type ControlServer, serveControl } from '../../src/admin/control-server.ts';
import type { LeaderEventReport } from '../../src/admin/leader-queries.ts';
import { answerLeaders } from '../../src/admin/node-leaders.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { BarrelNode } from '../../src/index.ts';
import { createSimulation, type Simulation } from '../../src/testing/index.ts';
import { BARREL, ended, type Outcome, until, Workshop } from './fixtures/processes.ts';

const LEADER_NODE = fileURLToPath(new URL('fixtures/leader-node.mjs', import.meta.url));

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await workshop.close();
});

describe('of a simulated node', () => {
  let sim: Simulation;
  let node: BarrelNode;
  let server: ControlServer;
  let dataDir: string;
  /** Whose clients watch now. */
  let watching: Set<AbortSignal>;

  beforeEach(async () => {
    sim = createSimulation({ seed: 5 });
    node = await sim.start({ name: 'a@sim' });
    dataDir = workshop.path('node');
    watching = new Set();
    server = await serveControl({ dataDir, answer });
  });

  afterEach(async () => {
    await server.close();
    await sim[Symbol.asyncDispose]();
  });

  async function answer(query: ControlQuery, signal: AbortSignal): Promise<unknown> {
    if (query.method !== 'leaders' && query.method !== 'leaderWatch') return [];
    if (query.method === 'leaderWatch') {
      const watchers = watching.add(signal);
      signal.addEventListener('abort', () => watchers.delete(signal));
    }
    return answerLeaders(node.leaders, query, signal);
  }

  test('elections are told of, those of global names as such', async () => {
    const client = await ControlClient.connect(dataDir);
    expect(await client.leaders()).toEqual([]);
    const candidacy = await sim.settled(node.leaders.campaign('nightly'));
    await sim.settled(node.services.register('shop', { open: () => true }));
    const pid = await sim.settled(node.services.globalRegister('shop'));
    const [shop, nightly] = await client.leaders();
    expect(nightly).toEqual({
      name: 'nightly',
      kind: 'election',
      leader: {
        node: 'a@sim',
        pid: node.leaders.leader('nightly')?.pid.toString(),
        fence: candidacy.term?.fence.toString(),
      },
      candidates: 1,
      firstCandidates: ['a@sim'],
      mode: 'lease',
    });
    expect(shop).toMatchObject({
      name: 'barrel:global:shop',
      kind: 'globalName',
      leader: { node: 'a@sim', pid: pid.toString() },
    });
    client.close();
  });

  test('a watch begins with who leads, tells each change, and ends with the node', async () => {
    const client = await ControlClient.connect(dataDir);
    const seen: LeaderEventReport[] = [];
    const watch = collect(client, seen);
    await until(() => seen.length === 1);
    const first = await sim.settled(node.leaders.campaign('nightly'));
    const fence = first.term?.fence.toString();
    await until(() => seen.length === 2);
    await sim.settled(first.resign());
    await until(() => seen.length === 3);
    await sim.settled(node.close());
    await watch;
    expect(seen).toMatchObject([
      { leader: null },
      { leader: { node: 'a@sim', fence } },
      { leader: null },
    ]);
    client.close();
  });

  test('a watch ends at the node when the client goes', async () => {
    const client = await ControlClient.connect(dataDir);
    const watch = client.leaderWatch('nightly');
    await watch.next();
    const next = watch.next();
    expect(watching.size).toBe(1);
    client.close();
    await expect(next).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => watching.size === 0);
  });

  test('the commands work on it and end with the codes that scripts expect', async () => {
    const out = vi.spyOn(console, 'log').mockImplementation(() => {});
    const err = vi.spyOn(console, 'error').mockImplementation(() => {});
    const run = async (...words: string[]): Promise<readonly unknown[]> => {
      out.mockClear();
      err.mockClear();
      const all = ['leaders', ...words, '--data-dir', dataDir];
      const exitCode = await runProgram({ words: all, version: '0' });
      return [exitCode, ...[...out.mock.calls, ...err.mock.calls].flat()];
    };
    expect(await run()).toEqual([0, 'no election is known']);
    expect(await run('--json')).toEqual([0, '[]']);
    await sim.settled(node.leaders.campaign('nightly'));
    const [code, table] = await run('ls');
    expect([code, table]).toEqual([
      0,
      expect.stringMatching(/\nnightly +election +a@sim +\d+ +1: /),
    ]);
    expect(await run('watch')).toMatchObject({ 0: 2 });
    expect(await run('watch', '')).toEqual([
      2,
      expect.stringMatching(/^barrel: ERR_VALUE: .*: `name` must be the name of an election/),
    ]);
    expect(await run('wacth')).toEqual([
      2,
      'barrel: leaders has no command "wacth"; it has ls and watch <name>',
    ]);
    const watch = run('watch', 'nightly');
    await until(() => out.mock.calls.length === 1);
    await sim.settled(node.close());
    const [ending, leads, ...others] = await watch;
    expect([ending, leads]).toEqual([1, expect.stringMatching(/^leader {2}a@sim {2}fence \d+$/)]);
    expect(others.at(-1)).toBe('barrel: ERR_CLOSED: the node has closed');
  });

  async function collect(client: ControlClient, seen: LeaderEventReport[]): Promise<void> {
    for await (const event of client.leaderWatch('nightly')) seen.push(event);
  }
});

describe('of nodes of other processes', () => {
  const children: ChildProcess[] = [];

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.splice(0).map(ended));
  });

  async function start(name: string, contacts: readonly string[]): Promise<Started> {
    const dataDir = workshop.path(name);
    const settings = {
      name,
      dataDir,
      contacts,
      globalName: contacts.length === 0 ? 'shop' : undefined,
    };
    const child = fork(LEADER_NODE, [JSON.stringify(settings)]);
    children.push(child);
    const { address } = await new Promise<{ readonly address: string }>((done, fail) => {
      child.once('message', (message) => done(message as { readonly address: string }));
      child.once('exit', (code) => fail(new Error(`${name} ended with ${code}`)));
    });
    return { child, address, dataDir };
  }

  test('a watch of another process sees the next leader when the first one is killed', async () => {
    const first = await start('first@test', []);
    const second = await start('second@test', [`first@test/${first.address}`]);
    const run = (...words: string[]): Promise<Outcome> =>
      workshop.barrel(['leaders', ...words, '--data-dir', second.dataDir]);
    const listed = JSON.parse((await run('--json')).stdout);
    expect(listed).toMatchObject([
      { name: 'barrel:global:shop', kind: 'globalName', leader: { node: 'first@test' } },
      { name: 'nightly', leader: { node: 'first@test' }, candidates: 2 },
    ]);
    const words = ['leaders', 'watch', 'nightly', '--data-dir', second.dataDir];
    const watch = workshop.launch(BARREL, words);
    let seen = '';
    watch.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await until(() => seen.includes('leader  first@test'));
    first.child.kill('SIGKILL');
    await until(() => seen.includes('leader  second@test'));
    const fences = [...seen.matchAll(/fence (\d+)/g)].map(([, fence = '0']) => BigInt(fence));
    expect(fences).toHaveLength(2);
    expect(fences[1]).toBeGreaterThan(fences[0] ?? 0n);
    second.child.send('stop');
    expect(await ended(watch)).toBe(1);
    await ended(second.child);
    expect(await run()).toMatchObject({ exitCode: 3 });
  });
});

interface Started {
  readonly child: ChildProcess;
  readonly address: string;
  readonly dataDir: string;
}
