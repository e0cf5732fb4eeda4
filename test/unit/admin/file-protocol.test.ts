import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAnswer, parseHeader, StreamReader } from '../../../src/admin/file-protocol.ts';
import { parseFileQuery } from '../../../src/admin/file-queries.ts';
import { targetParts } from '../../../src/admin/file-target.ts';
import { parseDestination } from '../../../src/cli/copy.ts';
import { BarrelError } from '../../../src/errors.ts';

describe('the target of a file', () => {
  test.each([
    '../secret',
    'a/../../b',
    '/etc/passwd',
    'a//b',
    '.',
    'a/.',
    '',
    'a/',
    'a\\b',
    'a\u0000b',
    'line\nbreak',
    '.barrel-0011',
    `${'x'.repeat(256)}`,
    'a/'.repeat(32).concat('b'),
  ])('%j is refused', (target) => {
    const error = expect.objectContaining({ code: 'ERR_UNAUTHORIZED' });
    expect(() => targetParts(target)).toThrowError(error);
  });

  test('that is plain keeps its parts', () => {
    expect(targetParts('backups/2026/ä b.iso')).toEqual(['backups', '2026', 'ä b.iso']);
    expect(targetParts('..notes')).toEqual(['..notes']);
  });

  test('has no part that leads out, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', '\0') }), (text) => {
        try {
          for (const part of targetParts(text)) expect(part).toMatch(/^(?!\.{1,2}$)[^/\\\0]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(BarrelError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the destination of a copy', () => {
  test.each([
    ['b@host:big.iso', { node: 'b@host', target: 'big.iso' }],
    ['b@host:backups/', { node: 'b@host', target: 'backups/file.txt' }],
    ['b@host:', { node: 'b@host', target: 'file.txt' }],
    ['b@[::1]:a:b', { node: 'b@[::1]', target: 'a:b' }],
  ])('%s', (text, destination) => {
    expect(parseDestination(text, '/srv/file.txt')).toEqual(destination);
  });

  test.each(['big.iso', 'b@host', ':x', 'host:big.iso'])('%s is none', (text) => {
    expect(() => parseDestination(text, 'f')).toThrow('name@host:path');
  });
});

describe('what travels', () => {
  test('is read in lines and in blocks, however it comes', async () => {
    const text = Buffer.from('{"a":1}\nrest of it');
    const stream = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    for (const byte of text) stream.push(Buffer.of(byte));
    stream.push(null);
    const reader = new StreamReader(stream);
    expect(await reader.line()).toBe('{"a":1}');
    let rest = '';
    for (let block = await reader.block(4); block !== undefined; block = await reader.block(4)) {
      rest += block.toString();
    }
    expect(rest).toBe('rest of it');
    await expect(reader.line()).rejects.toMatchObject({ code: 'ERR_VALUE' });
  });

  test('of a receiver is an answer, or the error that it tells of', () => {
    expect(parseAnswer('{"ready":true}')).toEqual({ ready: true });
    const error = { code: 'ERR_CONFLICT', message: 'x is there already' };
    const conflict = (): unknown => parseAnswer(JSON.stringify({ error }));
    expect(conflict).toThrowError(expect.objectContaining(error));
    const odd = (): unknown => parseAnswer('{"error":{"code":"ERR_SELF","message":"no"}}');
    expect(odd).toThrowError(expect.not.objectContaining({ code: 'ERR_SELF' }));
    for (const line of ['', '1', 'null', '{}', '{"copied":{}}']) {
      expect(() => parseAnswer(line)).toThrow();
    }
  });

  test('as a header says all that it must', () => {
    const header = { target: 'a', size: 3, force: false };
    expect(parseHeader(JSON.stringify(header))).toEqual(header);
    for (const part of [{ size: -1 }, { size: 1.5 }, { target: 1 }, { force: 'yes' }]) {
      expect(() => parseHeader(JSON.stringify({ ...header, ...part }))).toThrow('no file');
    }
  });

  test('over a control socket is checked', () => {
    const query = { method: 'fileSend', file: '/a', node: 'b@host', target: 'a' };
    expect(parseFileQuery(query)).toEqual({ ...query, force: false });
    for (const part of [{ file: '' }, { node: 1 }, { target: 'x'.repeat(2_000) }, { force: 1 }]) {
      expect(() => parseFileQuery({ ...query, ...part })).toThrow('must be');
    }
    expect(parseFileQuery({ method: 'status' })).toBe(undefined);
  });
});
