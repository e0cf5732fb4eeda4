import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePreamble, PreambleReader } from '../../../src/streams/preamble.ts';
import { checkTag } from '../../../src/streams/tag.ts';

const anyTag = fc.string({ minLength: 1, maxLength: 32, unit: 'grapheme' });

describe('a preamble', () => {
  test('is the length of the tag and the tag, and nothing else (I43)', () => {
    expect([...encodePreamble('chat')]).toEqual([4, ...Buffer.from('chat')]);
    expect(encodePreamble('x'.repeat(255))).toHaveLength(256);
  });

  test('in pieces is whole with its last byte, and not before (I45)', () => {
    const reader = new PreambleReader();
    const bytes = Buffer.from([...encodePreamble('split'), 1, 2]);
    for (let at = 0; at < 5; at += 1)
      expect(reader.push(bytes.subarray(at, at + 1))).toBe(undefined);
    expect(reader.push(bytes.subarray(5))).toEqual({ tag: 'split', rest: Buffer.of(1, 2) });
  });

  test('of any tag and any bytes behind it, in any pieces, is read once and exactly (I49)', () => {
    const payload = fc.uint8Array({ maxLength: 200 });
    const cuts = fc.array(fc.nat(300), { minLength: 0, maxLength: 5 });
    fc.assert(
      fc.property(anyTag, payload, cuts, (tag, bytes, ends) => {
        const all = Buffer.concat([encodePreamble(tag), bytes]);
        const reader = new PreambleReader();
        const edges = [0, ...ends.map((end) => Math.min(end, all.length)), all.length];
        edges.sort((a, b) => a - b);
        const behind: Uint8Array[] = [];
        let found: string | undefined;
        for (const [index, edge] of edges.slice(1).entries()) {
          const piece = all.subarray(edges[index], edge);
          if (found !== undefined) behind.push(piece);
          else {
            const preamble = reader.push(piece);
            found = preamble?.tag;
            if (preamble !== undefined) behind.push(preamble.rest);
          }
        }
        expect(found).toBe(tag);
        expect(Buffer.concat(behind)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test('without a tag, or with one that is no text, breaks the rules', () => {
    expect(() => new PreambleReader().push(Uint8Array.of(0))).toThrow('without a tag');
    expect(() => new PreambleReader().push(Uint8Array.of(2, 0xff, 0xfe))).toThrow('no text');
  });
});

describe('a tag', () => {
  test.each([
    ['', 'received 0'],
    ['x'.repeat(256), 'received 256'],
    ['ü'.repeat(128), 'received 256'],
    ['barrel:files', 'reserved'],
    ['\ud800', 'surrogate'],
  ])('of %j is refused', (tag, why) => {
    const error = expect.objectContaining({
      code: 'ERR_OPTION',
      message: expect.stringContaining(why),
    });
    expect(() => checkTag(tag)).toThrowError(error);
  });

  test('of up to 255 bytes is taken', () => {
    for (const tag of ['a', 'x'.repeat(255), 'barrel', 'über uns']) checkTag(tag);
  });
});
