import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pidOf } from '../../../src/core/pid.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { REASON_BYTES_MAX, SMALL_VALUE_BYTES_MAX } from '../../../src/limits.ts';
import { Pauses, pauseMs } from '../../../src/services/backoff.ts';
import { Directory } from '../../../src/services/directory.ts';
import { selectEntry } from '../../../src/services/selection.ts';
import { isServiceName, keyOfService, serviceOfKey } from '../../../src/services/service-name.ts';
import { decodeRecord, encodeDown, encodeLive } from '../../../src/services/service-record.ts';
import type { ServiceEntry } from '../../../src/services/services.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

describe('service names', () => {
  test('have 1 to 255 bytes and no control characters', () => {
    for (const name of ['a', 'orders', 'a b', 'größe', '订单', 'x'.repeat(255)]) {
      expect(isServiceName(name)).toBe(true);
    }
    for (const name of [
      '',
      'x'.repeat(256),
      'ö'.repeat(128),
      'a\nb',
      '\u007f',
      '\u0085',
      '\ud800',
    ]) {
      expect(isServiceName(name)).toBe(false);
    }
  });

  test('stand in keys of the table that nothing else uses', () => {
    expect(serviceOfKey(keyOfService('orders'))).toBe('orders');
    expect(serviceOfKey('leader:orders')).toBeUndefined();
    expect(serviceOfKey('service:')).toBeUndefined();
    expect(serviceOfKey('service:a\u0000b')).toBeUndefined();
  });
});

describe('a service record', () => {
  test('keeps serial and meta, or serial and reason', () => {
    const meta = { version: 2, tags: ['a', 'b'], weight: 1.5 };
    expect(decodeRecord(encodeLive(7, meta))).toEqual({ kind: 'live', serial: 7, meta });
    const reason = { name: 'Error', message: 'broken' };
    expect(decodeRecord(encodeDown(7, reason))).toEqual({ kind: 'down', serial: 7, reason });
  });

  test('refuses meta that is too long, no plain object, or cannot be sent', () => {
    const refused = [{ text: 'x'.repeat(SMALL_VALUE_BYTES_MAX) }, [1], new Map(), { f: () => 1 }];
    for (const meta of refused) {
      expect(() => encodeLive(1, meta as Record<string, unknown>)).toThrowError(
        expect.objectContaining({ code: 'ERR_VALUE' }),
      );
    }
  });

  test('cuts a reason that is too long to what people need', () => {
    const stack = 'x'.repeat(REASON_BYTES_MAX);
    const long = encodeDown(1, { name: 'TypeError', message: 'm', code: 'ERR_X', stack });
    const reason = { name: 'TypeError', message: 'm', code: 'ERR_X' };
    expect(decodeRecord(long)).toMatchObject({ reason });
    expect(decodeRecord(encodeDown(1, 'y'.repeat(2_000)))).toMatchObject({
      reason: 'y'.repeat(120),
    });
    expect(decodeRecord(encodeDown(1, new Array(2_000).fill(1)))).toMatchObject({
      reason: 'error',
    });
  });

  test('hostile bytes are a wire error and nothing else', () => {
    const whole = encodeLive(300, { a: [1, 'two', null] });
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeRecord(whole.slice(0, length))).toThrowError(WireError);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeRecord(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

describe('the directory', () => {
  test('lists local entries first, then by node name, those of live nodes only', () => {
    const dead = new Set<string>();
    const directory = new Directory(
      { node: 'm@h', incarnation: 1n },
      { isAlive: (node) => !dead.has(node) },
    );
    for (const node of ['z@h', 'a@h', 'm@h']) directory.set('s', pidOf(node, 1n, 1), {});
    expect(directory.lookup('s').map(({ node }) => node)).toEqual(['m@h', 'a@h', 'z@h']);
    dead.add('a@h');
    expect(directory.lookup('s').map(({ node }) => node)).toEqual(['m@h', 'z@h']);
    expect(directory.has('s', pidOf('a@h', 1n, 1))).toBe(false);
    directory.delete('s', 'z@h');
    directory.delete('s', 'm@h');
    expect([directory.lookup('s'), directory.names()]).toEqual([[], []]);
    directory.delete('s', 'a@h');
    expect(directory.size).toBe(0);
  });

  test('sorts names by code point', () => {
    const directory = new Directory({ node: 'm@h', incarnation: 1n }, { isAlive: () => true });
    const names = ['b', 'a', 'ab', '\u{1f600}', '\uffee', '\u{1f601}', 'B'];
    for (const name of names) directory.set(name, pidOf('m@h', 1n, 1), {});
    const expected = ['B', 'a', 'ab', 'b', '\uffee', '\u{1f600}', '\u{1f601}'];
    expect(directory.names()).toEqual(expected);
  });
});

describe('selection', () => {
  const near = entryOf('near@h');
  const far = entryOf('far@h');
  const unknown = entryOf('unknown@h');
  const local = entryOf('self@h');
  const rtts = new Map([
    ['near@h', 5],
    ['far@h', 50],
  ]);
  const context = {
    self: 'self@h',
    random: new SeededRandom(1),
    rttMs: (node: string) => rtts.get(node),
    isSuspect: (node: string) => suspects.has(node),
  };
  const suspects = new Set<string>();

  test('passes over nodes that are suspect while there are others', () => {
    suspects.add('near@h');
    for (const select of ['local', 'nearest', 'random'] as const) {
      expect(selectEntry([near, far], select, context)).toBe(far);
      expect(selectEntry([near], select, context)).toBe(near);
    }
    suspects.clear();
  });

  test('takes the local entry first unless chance or a function decides', () => {
    const entries = [local, near, far];
    expect(selectEntry(entries, 'local', context)).toBe(local);
    expect(selectEntry(entries, 'nearest', context)).toBe(local);
    expect(selectEntry(entries, ([, second]) => second, context)).toBe(near);
    expect(selectEntry(entries, () => undefined, context)).toBeUndefined();
    expect(selectEntry([], () => local, context)).toBeUndefined();
  });

  test('takes the smallest measured round trip, and chance among equals', () => {
    expect(selectEntry([far, near, unknown], 'nearest', context)).toBe(near);
    const others = [unknown, entryOf('other@h')];
    const taken = new Set(draws(() => selectEntry(others, 'nearest', context)));
    expect(taken.size).toBe(2);
  });

  test('spreads over all without a local entry, and over all by chance', () => {
    const remote = [near, far, unknown];
    expect(new Set(draws(() => selectEntry(remote, 'local', context))).size).toBe(3);
    const all = [local, near, far];
    expect(new Set(draws(() => selectEntry(all, 'random', context))).size).toBe(3);
  });
});

describe('pauses between attempts', () => {
  test('double from 100 ms to 2 s, with up to half as much again', () => {
    const random = new SeededRandom(2);
    const bases = [100, 200, 400, 800, 1_600, 2_000, 2_000];
    for (const [retry, base] of bases.entries()) {
      for (let draw = 0; draw < 100; draw += 1) {
        const ms = pauseMs(retry, random);
        expect(ms).toBeGreaterThan(base);
        expect(ms).toBeLessThanOrEqual(base * 1.5);
      }
    }
  });

  test('end with the signal, or all together', async () => {
    const time = new VirtualTime();
    const pauses = new Pauses(time);
    const controller = new AbortController();
    const reason = new Error('no');
    const aborted = pauses.wait(1_000, controller.signal);
    const closed = pauses.wait(1_000, undefined);
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const end = new Error('closed');
    pauses.close(end);
    await expect(closed).rejects.toBe(end);
    await expect(pauses.wait(1, undefined)).rejects.toBe(end);
  });
});

function entryOf(node: string): ServiceEntry {
  return { name: 's', node, pid: pidOf(node, 1n, 1), meta: {} };
}

function draws<T>(draw: () => T): readonly T[] {
  return Array.from({ length: 60 }, draw);
}
