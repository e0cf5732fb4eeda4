import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Trace } from '../../../src/testing/trace.ts';

describe('the trace of a simulation', () => {
  test('is the same on every machine', () => {
    const trace = new Trace();
    trace.time(1_234.567_8);
    trace.text('crash');
    trace.word(-1);
    trace.bytes(new Uint8Array([1, 2, 3, 4, 5, 6, 7]));
    expect(trace.toString()).toBe(KNOWN);
  });

  test('differs where one bit of what happened differs, and where the order does', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.nat(), (content, place) => {
        const changed = content.slice();
        const bit = place % (content.length * 8);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(traceOf(content)).toBe(traceOf(content));
        expect(traceOf(changed)).not.toBe(traceOf(content));
        expect(traceOf(content, changed)).not.toBe(traceOf(changed, content));
      }),
    );
  });

  test('tells a short frame from a longer one that begins alike', () => {
    expect(traceOf(new Uint8Array(3))).not.toBe(traceOf(new Uint8Array(4)));
    expect(traceOf(new Uint8Array(0))).not.toBe(traceOf());
  });
});

const KNOWN = '0e145703ab6e61e4';

function traceOf(...frames: readonly Uint8Array[]): string {
  const trace = new Trace();
  for (const frame of frames) trace.bytes(frame);
  return trace.toString();
}
