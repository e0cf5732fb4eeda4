import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pidOf } from '../../../../src/core/pid.ts';
import { Reader } from '../../../../src/core/wire/reader.ts';
import { WireError } from '../../../../src/core/wire/wire-error.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { BarrelError } from '../../../../src/errors.ts';
import {
  anyBytes,
  anyPid,
  anyText,
  anyValue,
  damaged,
  fromHex,
  RandomBytes,
  toHex,
} from './arbitraries.ts';

test('fields come back in their order', () => {
  const anyFrame = fc.record({
    kind: fc.nat(20),
    count: fc.maxSafeNat(),
    big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    text: anyText,
    bytes: anyBytes,
    pid: anyPid,
    value: anyValue,
    maybe: fc.option(anyText, { nil: undefined }),
    list: fc.array(fc.nat()),
  });
  const writer = new Writer();
  fc.assert(
    fc.property(anyFrame, (frame) => {
      const r = new Reader(
        writer
          .uint(frame.kind)
          .uint(frame.count)
          .big(frame.big)
          .bool(true)
          .bool(false)
          .string(frame.text)
          .bytes(frame.bytes)
          .pid(frame.pid)
          .value(frame.value)
          .optional(frame.maybe, (w, text) => w.string(text))
          .list(frame.list, (w, n) => w.uint(n).bool(true))
          .take(),
      );
      expect(r.uint(20)).toBe(frame.kind);
      expect(r.uint()).toBe(frame.count);
      expect(r.big()).toBe(frame.big);
      expect([r.bool(), r.bool()]).toEqual([true, false]);
      expect(r.string(2_000)).toBe(frame.text);
      expect(r.bytes(300)).toStrictEqual(frame.bytes);
      expect(r.pid()).toBe(frame.pid);
      expect(r.value()).toStrictEqual(frame.value);
      expect(r.optional((reader) => reader.string(2_000))).toBe(frame.maybe);
      const list = r.list(100, (reader) => {
        const n = reader.uint();
        reader.bool();
        return n;
      });
      expect(list).toEqual(frame.list);
      r.end();
    }),
  );
});

test('fields have known bytes', () => {
  const bytes = new Writer()
    .uint(300)
    .big(5n)
    .bool(true)
    .string('ab')
    .bytes(Uint8Array.of(7))
    .pid(pidOf('a@h', 5n, 300))
    .value(null)
    .optional(undefined, () => {})
    .optional(1, (w, n) => w.uint(n))
    .list(['x', 'y'], (w, text) => w.string(text))
    .take();
  expect(toHex(bytes)).toBe(
    'cd012ccf0000000000000005c3a26162c40107c70d010000000000000005412c614068c0c2c30102a178a179',
  );
});

test('an optional value may be null or undefined itself', () => {
  for (const value of [null, undefined, false]) {
    const bytes = new Writer().optional({ value }, (w, box) => w.value(box.value)).take();
    const reader = new Reader(bytes);
    expect(reader.optional((r) => ({ value: r.value() }))).toStrictEqual({ value });
  }
});

test('frames that were taken stay as they are while others are written', () => {
  const writer = new Writer();
  const texts = Array.from({ length: 500 }, (_, i) => `${i} `.repeat(1 + (i % 90) * (i % 13)));
  const frames = texts.map((text) =>
    writer
      .string(text)
      .value(new Set([text]))
      .take(),
  );
  frames.forEach((frame, i) => {
    const reader = new Reader(frame);
    expect(reader.string(100_000)).toBe(texts[i]);
    expect(reader.value()).toStrictEqual(new Set([texts[i]]));
    reader.end();
  });
  expect(writer.take().length).toBe(0);
});

test('a refused field empties the writer', () => {
  const writer = new Writer();
  for (const refused of [
    () => writer.uint(1).uint(-1),
    () => writer.uint(1).uint(1.5),
    () => writer.uint(1).uint(2 ** 53),
    () => writer.uint(1).uint(Number.NaN),
    () => writer.uint(1).big(-1n),
    () => writer.uint(1).big(2n ** 64n),
  ]) {
    expect(refused).toThrow(RangeError);
    expect(toHex(writer.uint(2).take())).toBe('02');
  }
  expect(() => writer.uint(1).value({ a: [1, Symbol('x')] })).toThrow(BarrelError);
  expect(toHex(writer.uint(2).take())).toBe('02');
  expect(() => writer.uint(1).value('abc', 3)).toThrow('value: more than 3 bytes');
  expect(toHex(writer.value('abc', 4).take())).toBe('a3616263');
});

test('a text cut within a character is written with a replacement', () => {
  for (const length of [1, 100]) {
    const text = `${'x'.repeat(length)}😀`.slice(0, -1);
    const reader = new Reader(new Writer().string(text).take());
    expect(reader.string(200)).toBe(`${'x'.repeat(length)}\uFFFD`);
  }
});

test('fields above their bounds are refused', () => {
  expect(() => new Reader(fromHex('05')).uint(4)).toThrow('above its bound');
  expect(() => new Reader(fromHex('a3616263')).string(2)).toThrow('above its bound');
  expect(() => new Reader(fromHex('c403616263')).bytes(2)).toThrow('above their bound');
  expect(() => new Reader(fromHex('a3616263')).value(3)).toThrow('above its bound');
  expect(() => new Reader(fromHex('03010101')).list(2, (r) => r.uint())).toThrow('above its bound');
  expect(() => new Reader(fromHex('0301')).list(9, (r) => r.uint())).toThrow('cut short');
  const count = new Reader(fromHex('ceffffffff'));
  expect(() => count.list(2 ** 32, (r) => r.uint())).toThrow('cut short');
  expect(() => new Reader(fromHex('00')).end()).toThrow('bytes after the end');
});

test('a field of another kind is refused by every method', () => {
  const written = {
    uint: new Writer().uint(70_000).take(),
    big: new Writer().big(70_000n).take(),
    bool: new Writer().bool(true).take(),
    string: new Writer().string('abc').take(),
    bytes: new Writer().bytes(Uint8Array.of(1)).take(),
    pid: new Writer().pid(pidOf('a@h', 1n, 1)).take(),
    float: new Writer().value(1.5).take(),
    negative: new Writer().value(-1).take(),
    map: new Writer().value(new Map()).take(),
    bigint: new Writer().value(5n).take(),
  };
  for (const [method, read] of Object.entries(METHODS)) {
    for (const [kind, bytes] of Object.entries(written)) {
      // A small number in 64 bits has a longer form than needed: no integer but for `big`.
      if (kind === method || (method === 'value' && kind !== 'big')) continue;
      expect(() => finish(read, bytes), `${method} of ${kind}`).toThrow(WireError);
    }
  }
});

test('bytes that are cut, changed or random give fields or a WireError', () => {
  const frame = new Writer()
    .uint(9)
    .string('name')
    .pid(pidOf('a@h', 1n, 1))
    .value([1, 'x'])
    .take();
  for (const bytes of damaged(frame)) {
    attempt((r) => [r.uint(), r.string(9), r.pid(), r.value()], bytes);
  }
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new RandomBytes(seed);
      for (let i = 0; i < 100; i++) {
        const bytes = random.bytes(24);
        for (const read of Object.values(METHODS)) attempt(read, bytes);
      }
    }),
  );
});

test('a view of bytes is in the frame, also when the frame is within a Buffer', () => {
  const frame = Buffer.concat([Buffer.from('before'), new Writer().bytes(fromHex('0102')).take()]);
  const view = new Reader(frame.subarray(6)).bytes(2);
  expect(view).toStrictEqual(Uint8Array.of(1, 2));
  expect(view.buffer).toBe(frame.buffer);
});

test('a pid is the same object each time, and no other pid for other bytes', () => {
  const pids = Array.from({ length: 3_000 }, (_, i) => pidOf(`n${i % 7}@h`, BigInt(i % 5), i));
  const frames = pids.map((pid) => new Writer().pid(pid).take());
  for (let round = 0; round < 2; round++) {
    frames.forEach((frame, i) => {
      if (new Reader(frame).pid() !== pids[i]) throw new Error(`another pid for ${pids[i]}`);
    });
  }
});

const METHODS: Readonly<Record<string, (r: Reader) => unknown>> = {
  uint: (r) => r.uint(),
  big: (r) => r.big(),
  bool: (r) => r.bool(),
  string: (r) => r.string(100),
  bytes: (r) => r.bytes(100),
  pid: (r) => r.pid(),
  value: (r) => r.value(),
  list: (r) => r.list(10, (item) => item.value()),
  optional: (r) => r.optional((item) => item.string(10)),
};

function finish(read: (r: Reader) => unknown, bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const field = read(reader);
  reader.end();
  return field;
}

function attempt(read: (r: Reader) => unknown, bytes: Uint8Array): void {
  try {
    finish(read, bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}
