import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { StatusReport } from '../../../src/admin/control-protocol.ts';
import { parseArgument, requireDataDir } from '../../../src/cli/ask.ts';
import { collect } from '../../../src/cli/discover-settings.ts';
import { CommandError, EXIT, exitCodeOf, lineOf } from '../../../src/cli/exit-code.ts';
import { integer, nodeOptions, startOptions } from '../../../src/cli/node-settings.ts';
import { duration, renderServices, renderStatus } from '../../../src/cli/reports.ts';
import { columns } from '../../../src/cli/table.ts';
import { BarrelError } from '../../../src/errors.ts';

describe('columns', () => {
  test('stand under each other, and a line has no blanks at its end', () => {
    expect(columns([['a', 'bb', 'c'], ['aaa', 'b', ''], ['ä']])).toBe('a    bb  c\naaa  b\nä');
  });

  test('colours do not count as width', () => {
    expect(
      columns([
        ['\u001b[1ma\u001b[22m', 'x'],
        ['bb', 'y'],
      ]),
    ).toBe('\u001b[1ma\u001b[22m   x\nbb  y');
  });
});

describe('reports', () => {
  test.each([
    [0, '0 s'],
    [999, '0 s'],
    [45_000, '45 s'],
    [192_000, '3 m 12 s'],
    [7_500_000, '2 h 5 m'],
    [86_400_000, '1 d'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('a status shows the node, its neighbours and every member', () => {
    const text = plain(renderStatus(report()));
    expect(text).toMatch(/^a@host is starting \(no contact answered\), up 3 m 12 s$/m);
    expect(text).toMatch(/^neighbours {3}b@host$/m);
    expect(text).toMatch(/^spares {7}-$/m);
    expect(text).toMatch(/^b@host +alive +neighbour +0\.1\.0 +east +127\.0\.0\.1:7102$/m);
  });

  test('services are a table, and none is a sentence', () => {
    const entry = { name: 'orders', node: 'a@host', pid: 'a@host/7.1', meta: { zone: 'east' } };
    expect(plain(renderServices([entry]))).toBe(
      'SERVICE  NODE    PID         META\norders   a@host  a@host/7.1  {"zone":"east"}',
    );
    expect(renderServices([])).toBe('no service is registered');
  });
});

describe('errors', () => {
  test('are one line with the code first', () => {
    const error = new BarrelError('ERR_REFUSED', 'b@host refused:\n  secret', { reason: 'secret' });
    expect(lineOf(error)).toBe('ERR_REFUSED: b@host refused: secret');
    expect(lineOf(new Error('plain'))).toBe('plain');
    expect(lineOf('thrown')).toBe('thrown');
  });

  test('choose the exit code', () => {
    expect(exitCodeOf(new BarrelError('ERR_OPTION', ''))).toBe(2);
    expect(exitCodeOf(new CommandError(EXIT.notRunning, ''))).toBe(3);
    expect(exitCodeOf(new BarrelError('ERR_REFUSED', ''))).toBe(4);
    expect(exitCodeOf(new BarrelError('ERR_NOT_FOUND', ''))).toBe(5);
    expect(exitCodeOf(new BarrelError('ERR_TIMEOUT', ''))).toBe(6);
    expect(exitCodeOf(new BarrelError('ERR_REMOTE', ''))).toBe(7);
    expect(exitCodeOf(new Error('anything else'))).toBe(1);
  });
});

describe('words of the command line', () => {
  test('a call argument is JSON with the tags of values', () => {
    expect(parseArgument('{"id":{"$bigint":"7"}}', 0)).toEqual({ id: 7n });
    expect(() => parseArgument('bare', 1)).toThrow(/argument 2 is not JSON: bare .*needs quotes/);
    expect(() => parseArgument('{"$bigint":"x"}', 0)).toThrow(/"\$bigint" cannot hold "x"/);
  });

  test('a node is chosen by its data directory', () => {
    expect(requireDataDir({ dataDir: 'x' })).toBe('x');
    expect(() => requireDataDir({})).toThrow(/--data-dir <directory> or BARREL_DATA_DIR/);
  });

  test('repeated options add up, and commas separate', () => {
    expect(collect('c:3', collect('a:1, b:2'))).toEqual(['a:1', 'b:2', 'c:3']);
  });

  test('numbers are whole', () => {
    expect(integer('7100')).toBe(7100);
    for (const text of ['', '-1', '1.5', '0x10', 'many']) expect(() => integer(text)).toThrow();
  });

  test('settings become options, and what is left out stays out', async () => {
    const given = { name: 'a@b', port: 7100, contact: ['c:1'], map: ['m'], logLevel: 'info' };
    const options = await nodeOptions(given, { BARREL_SECRET: 's', BARREL_INSECURE: 'true' });
    expect(options).toEqual({
      name: 'a@b',
      listen: { port: 7100 },
      contacts: ['c:1'],
      maps: { m: {} },
      secret: 's',
      insecure: true,
      shards: { weight: 0 },
      liveness: {},
    });
  });

  test('no option has the secret as its value, which a list of processes would show', () => {
    const flags = startOptions().map((option) => option.flags);
    expect(flags.filter((flag) => flag.includes('secret'))).toEqual(['--secret-file <file>']);
  });

  test('a variable that is neither true nor false, and two secrets, are refused', async () => {
    const given = { logLevel: 'info' };
    await expect(nodeOptions(given, { BARREL_INSECURE: 'yes' })).rejects.toThrow(/BARREL_INSECURE/);
    const both = nodeOptions({ ...given, secretFile: 'x' }, { BARREL_SECRET: 's' });
    await expect(both).rejects.toThrow(/not both/);
  });
});

function report(): StatusReport {
  const member = { incarnation: '7', status: 'alive', version: '0.1.0', meta: {} } as const;
  return {
    name: 'a@host',
    incarnation: '7',
    address: '127.0.0.1:7101',
    fingerprint: 'SHA256:x',
    processId: 4711,
    state: 'starting',
    reasons: ['no contact answered'],
    uptimeMs: 192_400,
    activeView: ['b@host'],
    passiveView: [],
    members: [
      { ...member, node: 'a@host', addresses: ['127.0.0.1:7101'], fingerprint: 'x', zone: null },
      { ...member, node: 'b@host', addresses: ['127.0.0.1:7102'], fingerprint: 'y', zone: 'east' },
    ],
    metrics: {},
  };
}

/** Colours depend on where the tests run. */
function plain(text: string): string {
  return stripVTControlCharacters(text);
}
