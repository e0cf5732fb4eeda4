import { mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiscoveryChain } from '../../../src/discovery/chain.ts';
import {
  type Discovery,
  isContact,
  type ParsedContact,
  parseContact,
} from '../../../src/discovery/discovery.ts';
import { fileDiscovery, fileDiscoveryOn } from '../../../src/discovery/file.ts';
import { staticDiscovery } from '../../../src/discovery/static.ts';
import { isTrustedOwner, systemEndpointFiles } from '../../../src/host/system-endpoint-files.ts';
import { systemFiles } from '../../../src/host/system-files.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

describe('contacts', () => {
  test.each<readonly [string, ParsedContact]>([
    ['127.0.0.1:4000', { kind: 'address', address: '127.0.0.1:4000' }],
    ['[::1]:4000', { kind: 'address', address: '[::1]:4000' }],
    ['host:1', { kind: 'address', address: 'host:1' }],
    ['a@host', { kind: 'node', node: 'a@host' }],
    ['a@[::1]', { kind: 'node', node: 'a@[::1]' }],
    ['a@host/h:1', { kind: 'nodeAt', node: 'a@host', address: 'h:1' }],
    ['a@[::1]/[::1]:9', { kind: 'nodeAt', node: 'a@[::1]', address: '[::1]:9' }],
  ])('%s is understood', (text, contact) => {
    expect(parseContact(text)).toEqual(contact);
    expect(isContact(text)).toBe(true);
  });

  test.each(['', '/', 'host', 'host:0', 'host:65536', 'a@host/', '/h:1', 'a@host/h:1/x', 'a@b/h'])(
    '%j is an option error that names it',
    (text) => {
      expect(isContact(text)).toBe(false);
      expect(() => parseContact(text)).toThrow(
        expect.objectContaining({
          code: 'ERR_OPTION',
          message: expect.stringContaining(JSON.stringify(text)),
        }),
      );
    },
  );

  test('any text is understood or an option error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (isContact(text)) expect(parseContact(text)).toBeDefined();
        else expect(() => parseContact(text)).toThrow(/a contact is/);
      }),
    );
  });
});

describe('static discovery', () => {
  test('it finds the given nodes, and all of them are contacts (D7)', async () => {
    const discovery = staticDiscovery({ 'a@h': 'h:1', 'b@h': '[::1]:2' });

    expect(await discovery.resolve('a@h', {})).toEqual(['h:1']);
    expect(await discovery.resolve('c@h', {})).toEqual([]);
    expect(await discovery.resolve('toString', {})).toEqual([]);
    expect(await discovery.contacts?.({})).toEqual(['a@h/h:1', 'b@h/[::1]:2']);
  });

  test('later changes of the table given do not matter', async () => {
    const nodes: Record<string, string> = { 'a@h': 'h:1' };
    const discovery = staticDiscovery(nodes);

    nodes['a@h'] = 'elsewhere:1';

    expect(await discovery.resolve('a@h', {})).toEqual(['h:1']);
  });

  test('all wrong entries are named at once', () => {
    expect(() => staticDiscovery({ nobody: 'h:1', 'a@h': 'h:1', 'b@h': 'h' })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringMatching(/"nobody": "h:1", "b@h": "h"$/),
      }),
    );
  });
});

describe('file discovery', () => {
  let directory: string;

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'barrel-discovery-')), 'nodes');
  });

  afterEach(async () => {
    await rm(join(directory, '..'), { recursive: true, force: true });
  });

  test('nodes find each other by their files, and themselves not (D1, D2, D4)', async () => {
    const [a, b] = [fileDiscovery(directory), fileDiscovery(directory)];
    expect(await a.contacts?.({})).toEqual([]);

    await a.announce?.('a@h', ['127.0.0.1:1', '[::1]:1'], {});
    await b.announce?.('B@h', ['127.0.0.1:2'], {});

    expect(await a.contacts?.({})).toEqual(['B@h/127.0.0.1:2']);
    expect(await b.contacts?.({})).toEqual(['a@h/127.0.0.1:1']);
    expect(await b.resolve('a@h', {})).toEqual(['127.0.0.1:1', '[::1]:1']);
    expect(await b.resolve('b@h', {})).toEqual([]);
    expect(JSON.parse(await readFile(join(directory, 'a@h.json'), 'utf8'))).toEqual({
      node: 'a@h',
      addresses: ['127.0.0.1:1', '[::1]:1'],
    });
  });

  test('a withdrawn node is not found any more, and withdrawing again does nothing (D3)', async () => {
    const discovery = fileDiscovery(directory);
    const handle = await discovery.announce?.('a@h', ['h:1'], {});

    await handle?.[Symbol.asyncDispose]();
    await handle?.[Symbol.asyncDispose]();

    expect(await readdir(directory)).toEqual([]);
    expect(await discovery.resolve('a@h', {})).toEqual([]);
  });

  test('the file of a later start outlives the withdrawal of the former one', async () => {
    const former = await fileDiscovery(directory).announce?.('a@h', ['h:1'], {});
    await fileDiscovery(directory).announce?.('a@h', ['h:2'], {});

    await former?.[Symbol.asyncDispose]();

    expect(await fileDiscovery(directory).resolve('a@h', {})).toEqual(['h:2']);
  });

  test('hostile names and contents are passed over (D5)', async () => {
    const discovery = fileDiscovery(directory);
    await discovery.announce?.('self@h', ['h:9'], {});
    const contents: Readonly<Record<string, string>> = {
      'good@h.json': '{"node":"good@h","addresses":["h:1"]}',
      'mixed@h.json': '{"node":"mixed@h","addresses":[7,"no","h:2",null]}',
      'README.md': 'x',
      '..@h.json': '{"node":"..@h","addresses":["h:1"]}',
      'other@h.json': '{"node":"good@h","addresses":["h:3"]}',
      'none@h.json': '{"node":"none@h","addresses":[]}',
      'list@h.json': '[]',
      'null@h.json': 'null',
      'cut@h.json': '{"node":"cut@h","addr',
      'empty@h.json': '',
      'huge@h.json': `{"node":"huge@h","addresses":["h:1"]}${' '.repeat(10_000)}`,
      'many@h.json': JSON.stringify({
        node: 'many@h',
        addresses: Array.from({ length: 50 }, (_, i) => `h:${i + 1}`),
      }),
    };
    for (const [name, content] of Object.entries(contents)) {
      await writeFile(join(directory, name), content);
    }
    await systemFiles.makeDirectory(join(directory, 'folder@h.json'));

    expect(await discovery.contacts?.({})).toEqual(['good@h/h:1', 'many@h/h:1', 'mixed@h/h:2']);
    expect(await discovery.resolve('mixed@h', {})).toEqual(['h:2']);
    expect(await discovery.resolve('many@h', {})).toHaveLength(8);
    for (const node of ['other@h', 'cut@h', 'huge@h', 'folder@h']) {
      expect(await discovery.resolve(node, {})).toEqual([]);
    }
  });

  test('links are not followed, wherever they lead (D5)', async () => {
    await systemFiles.makeDirectory(directory);
    const outside = join(directory, '..', 'outside.json');
    await writeFile(outside, '{"node":"out@h","addresses":["h:1"]}');
    await writeFile(join(directory, 'in@h.json'), '{"node":"in@h","addresses":["h:2"]}');
    await symlink(outside, join(directory, 'out@h.json'));
    await symlink('in@h.json', join(directory, 'out2@h.json'));
    await symlink('/dev/zero', join(directory, 'zero@h.json'));
    await symlink('loop@h.json', join(directory, 'loop@h.json'));
    const discovery = fileDiscovery(directory);

    expect(await discovery.contacts?.({})).toEqual(['in@h/h:2']);
    expect(await discovery.resolve('out@h', {})).toEqual([]);
  });

  test('no name leads out of the directory or to another file (D5)', async () => {
    await systemFiles.makeDirectory(directory);
    await writeFile(join(directory, '..', 'x@h.json'), '{"node":"x@h","addresses":["h:1"]}');
    const names = ['../x@h', '..@h', 'x@h\0', 'x@h\n', 'a@../x@h', `${'x'.repeat(300)}@h`, '/x@h'];
    const discovery = fileDiscovery(directory);

    for (const node of names) expect(await discovery.resolve(node, {})).toEqual([]);
    for (const name of ['x y@h.json', '.x@h.json', '-x@h.json', 'x@h\n.json', 'x@@h.json']) {
      await writeFile(join(directory, name), '{"node":"x@h","addresses":["h:1"]}');
    }
    expect(await discovery.contacts?.({})).toEqual([]);
  });

  test.each([
    [1_000, 1_000, true],
    [0, 1_000, true],
    [1_001, 1_000, false],
    [1_001, 0, false],
    [1_001, undefined, true],
  ])('a file of user %s is believed by user %s: %s', (owner, user, isTrusted) => {
    expect(isTrustedOwner(owner, user)).toBe(isTrusted);
  });

  test('a node keeps its file young, and writes it again when somebody removed it', async () => {
    const { discovery, time } = onVirtualTime();
    const path = join(directory, 'a@h.json');
    const handle = await discovery.announce?.('a@h', ['h:1'], {});
    await makeOld(path, 50_000);

    await time.advance(15_001);
    await until(async () => Date.now() - (await stat(path)).mtimeMs < 10_000);

    await rm(path);
    await time.advance(15_001);
    await until(async () => (await readdir(directory)).includes('a@h.json'));

    await handle?.[Symbol.asyncDispose]();
    await time.advance(60_000);
    expect(await readdir(directory)).toEqual([]);
  });

  test('the file of a process that ended without a word is passed over after a minute', async () => {
    const own = fileDiscovery(directory);
    await own.announce?.('own@h', ['h:9'], {});
    const observer = fileDiscovery(directory);
    await writeFile(join(directory, 'a@h.json'), '{"node":"a@h","addresses":["h:1"]}');

    await makeOld(join(directory, 'a@h.json'), 50_000);
    expect(await own.contacts?.({})).toEqual(['a@h/h:1']);
    expect(await observer.resolve('a@h', {})).toEqual(['h:1']);

    await makeOld(join(directory, 'a@h.json'), 61_000);
    expect(await own.contacts?.({})).toEqual([]);
    expect(await own.resolve('a@h', {})).toEqual([]);
    expect(await observer.contacts?.({})).toEqual(['own@h/h:9']);
    expect(await readdir(directory)).toContain('a@h.json');
  });

  test('age is told by the clock of the file system, not by that of the machine', async () => {
    const { discovery, time } = onVirtualTime();
    await discovery.announce?.('own@h', ['h:9'], {});
    await writeFile(join(directory, 'a@h.json'), '{"node":"a@h","addresses":["h:1"]}');

    expect(Math.abs(time.wallMs() - Date.now())).toBeGreaterThan(3_600_000);
    expect(await discovery.contacts?.({})).toEqual(['a@h/h:1']);
  });

  test('one that is an hour old is removed by whoever finds it', async () => {
    const discovery = fileDiscovery(directory);
    await discovery.announce?.('own@h', ['h:9'], {});
    await writeFile(join(directory, 'a@h.json'), '{"node":"a@h","addresses":["h:1"]}');
    await makeOld(join(directory, 'a@h.json'), 3_700_000);

    expect(await discovery.contacts?.({})).toEqual([]);
    expect(await readdir(directory)).toEqual(['own@h.json']);
  });

  test('clusters that share a directory are told apart', async () => {
    const [a, b] = [fileDiscovery(directory), fileDiscovery(directory)];
    await a.announce?.('a@h', ['h:1'], { cluster: 'blue' });
    await b.announce?.('b@h', ['h:2'], { cluster: 'green' });

    expect(await a.contacts?.({ cluster: 'blue' })).toEqual([]);
    expect(await a.contacts?.({ cluster: 'green' })).toEqual(['b@h/h:2']);
    expect(await a.contacts?.({})).toEqual(['b@h/h:2']);
  });

  function onVirtualTime(): { readonly discovery: Discovery; readonly time: VirtualTime } {
    const time = new VirtualTime();
    const world = {
      files: systemEndpointFiles,
      clock: time,
      timers: time,
      random: new SeededRandom(1),
    };
    return { discovery: fileDiscoveryOn(world, directory), time };
  }

  async function makeOld(path: string, ageMs: number): Promise<void> {
    const then = new Date(Date.now() - ageMs);
    await utimes(path, then, then);
  }

  /** The disk is real, and so is the time it takes. */
  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition().catch(() => false))) await new Promise(setImmediate);
  }

  test('of a flooded directory a bounded part is read', async () => {
    await systemFiles.makeDirectory(directory);
    for (let i = 0; i < 1_030; i++) {
      const content = JSON.stringify({ node: `n${i}@h`, addresses: ['h:1'] });
      await writeFile(join(directory, `n${i}@h.json`), content);
    }

    expect(await fileDiscovery(directory).contacts?.({})).toHaveLength(1_024);
  });

  test('an aborted call rejects with the reason', async () => {
    const discovery = fileDiscovery(directory);
    const signal = AbortSignal.abort('enough');

    await expect(discovery.resolve('a@h', { signal })).rejects.toBe('enough');
    await expect(discovery.contacts?.({ signal })).rejects.toBe('enough');
    await expect(discovery.announce?.('a@h', ['h:1'], { signal })).rejects.toBe('enough');
  });
});

describe('chain', () => {
  test('one that says nothing is passed over after ten seconds, whatever it was asked', async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const silent = { name: 'silent', resolve: never, contacts: never, announce: never };
    const { chain, warnings, time } = chainOf(silent, staticDiscovery({ 'a@h': 'h:1' }));
    const answers = [chain.resolve('a@h', {}), chain.find({}), chain.announce('b@h', ['h:2'], {})];
    await time.advance(9_999);
    expect(warnings).toEqual([]);
    await time.advance(1);
    const [resolved, found, handle] = await Promise.all(answers);
    expect(resolved).toEqual(['h:1']);
    expect(found).toMatchObject({ failures: ['silent: silent took more than 10000 ms'] });
    expect(handle).toBeDefined();
    expect(warnings).toEqual(['silent', 'silent', 'silent']);
  });

  test('what is announced too late is withdrawn at once', async () => {
    const log: string[] = [];
    const slow: Discovery = {
      name: 'slow',
      resolve: async () => [],
      announce: async () => {
        await new Promise<void>((done) => time.after(15_000, done));
        log.push('announced');
        return { [Symbol.asyncDispose]: async () => void log.push('withdrawn') };
      },
    };
    const { chain, time } = chainOf(slow);
    void chain.announce('b@h', ['h:2'], {});
    await time.advance(20_000);
    expect(log).toEqual(['announced', 'withdrawn']);
  });

  test('the first that knows an address answers, in the order given (D8, D9)', async () => {
    const { chain } = chainOf(
      staticDiscovery({ 'a@h': 'h:1' }),
      staticDiscovery({ 'a@h': 'h:2', 'b@h': 'h:3' }),
    );

    expect(await chain.resolve('a@h', {})).toEqual(['h:1']);
    expect(await chain.resolve('b@h', {})).toEqual(['h:3']);
    expect(await chain.resolve('c@h', {})).toEqual([]);
    expect(await chainOf().chain.resolve('a@h', {})).toEqual([]);
  });

  test('contacts are those of all, each once, and only real ones (D10)', async () => {
    const { chain } = chainOf(
      { name: 'user', resolve: async () => [], contacts: async () => ['a@h', 'junk', 'h:1'] },
      { name: 'none', resolve: async () => [] },
      staticDiscovery({ 'b@h': 'h:2' }),
      { name: 'again', resolve: async () => [], contacts: async () => ['h:1', 'b@h/h:2'] },
    );

    expect(await chain.contacts({})).toEqual(['a@h', 'h:1', 'b@h/h:2']);
  });

  test('one that throws or answers nonsense is logged and the next is asked', async () => {
    const nonsense: unknown = { name: 'nonsense', resolve: async () => 7, contacts: () => [7] };
    const { chain, warnings } = chainOf(
      failing('broken'),
      nonsense as Discovery,
      { name: 'junk', resolve: async () => ['no address'] },
      staticDiscovery({ 'a@h': 'h:1' }),
    );

    expect(await chain.resolve('a@h', {})).toEqual(['h:1']);
    expect(await chain.contacts({})).toEqual(['a@h/h:1']);
    expect(warnings).toEqual(['broken', 'nonsense', 'broken', 'nonsense']);
  });

  test('an announcement goes to all that take one, and is withdrawn from all (D10)', async () => {
    const calls: string[] = [];
    const { chain, warnings } = chainOf(
      announcing('one', calls),
      failing('broken'),
      staticDiscovery({}),
      announcing('two', calls),
    );

    const handle = await chain.announce('a@h', ['h:1'], {});
    await handle[Symbol.asyncDispose]();
    await handle[Symbol.asyncDispose]();

    expect(calls).toEqual(['one +a@h h:1', 'two +a@h h:1', 'one -a@h', 'two -a@h']);
    expect(warnings).toEqual(['broken']);
  });

  test('an abort rejects with its reason, asks no further and withdraws', async () => {
    const calls: string[] = [];
    const controller = new AbortController();
    const aborting: Discovery = {
      name: 'aborting',
      resolve: async () => {
        controller.abort('enough');
        return [];
      },
      announce: async () => {
        controller.abort('enough');
        throw new Error('interrupted');
      },
    };
    const { signal } = controller;
    const { chain, warnings } = chainOf(announcing('one', calls), aborting, failing('never'));

    await expect(chain.announce('a@h', ['h:1'], { signal })).rejects.toBe('enough');
    await expect(chain.resolve('a@h', { signal })).rejects.toBe('enough');

    expect(calls).toEqual(['one +a@h h:1', 'one -a@h']);
    expect(warnings).toEqual([]);
  });
});

function chainOf(...discoveries: Discovery[]): {
  readonly chain: DiscoveryChain;
  readonly warnings: string[];
  readonly time: VirtualTime;
} {
  const warnings: string[] = [];
  const ignore = (): void => {};
  const warn = (_: string, fields?: object): void => {
    const { discovery }: { discovery?: string } = fields ?? {};
    warnings.push(discovery ?? '');
  };
  const logger = { debug: ignore, info: ignore, error: ignore, warn };
  const time = new VirtualTime();
  return { chain: new DiscoveryChain(discoveries, { logger, timers: time }), warnings, time };
}

function failing(name: string): Discovery {
  const fail = async (): Promise<never> => {
    throw new Error(`${name} is broken`);
  };
  return { name, resolve: fail, contacts: fail, announce: fail };
}

function announcing(name: string, calls: string[]): Discovery {
  return {
    name,
    resolve: async () => [],
    announce: async (node, addresses) => {
      calls.push(`${name} +${node} ${addresses.join(' ')}`);
      return { [Symbol.asyncDispose]: async () => void calls.push(`${name} -${node}`) };
    },
  };
}
