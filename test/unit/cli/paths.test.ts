import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { parsePathQuery } from '../../../src/admin/path-queries.ts';
import { renderPaths } from '../../../src/cli/paths.ts';

test('paths are a table, and none is a sentence', () => {
  const path = {
    node: 'b@host',
    localAddress: '10.0.0.1:7000',
    remoteAddress: '[2001:db8::1]:7000',
    rttMs: 3,
    cwndBytes: 13_500,
    sentBytes: 900,
    receivedBytes: 3 * 1_048_576,
    lostPackets: 2,
    mtuBytes: 1_350,
  };
  expect(stripVTControlCharacters(renderPaths([path]))).toBe(
    'NODE    LOCAL          REMOTE              RTT   CWND      SENT   RECEIVED  LOST  MTU\n' +
      'b@host  10.0.0.1:7000  [2001:db8::1]:7000  3 ms  13.2 KiB  900 B  3.0 MiB   2     1350',
  );
  expect(renderPaths([])).toBe('no connection to another node');
});

test('what is asked of paths is read or refused', () => {
  expect(parsePathQuery({ method: 'paths' })).toEqual({ method: 'paths', node: undefined });
  expect(parsePathQuery({ method: 'migrate', node: 'b@host', localPort: 7 })).toEqual({
    method: 'migrate',
    node: 'b@host',
    localHost: undefined,
    localPort: 7,
  });
  expect(parsePathQuery({ method: 'shards' })).toBe(undefined);
  for (const wrong of [
    { method: 'migrate' },
    { method: 'paths', node: 7 },
    { method: 'migrate', node: 'b@host', localPort: 65_536 },
    { method: 'migrate', node: 'b@host', localHost: '' },
  ]) {
    expect(() => parsePathQuery(wrong)).toThrow(/must be/);
  }
});
