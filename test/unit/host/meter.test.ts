import { expect, test } from 'vitest';
import { Meter } from '../../../src/host/meter.ts';

test('counts whether anybody reads or not, and reading changes nothing (I54)', () => {
  const meter = new Meter();
  const counter = meter.counter('barrel_x_total', { reason: 'idle' });
  counter.value += 1;
  meter.counter('barrel_x_total', { reason: 'idle' }).value += 1;
  meter.counter('barrel_x_total').value += 5;
  let depth = 7;
  meter.gauge('barrel_depth', () => depth);
  const read = meter.snapshot();
  expect(Object.entries(read)).toEqual([
    ['barrel_depth', 7],
    ['barrel_x_total', 5],
    ['barrel_x_total{reason="idle"}', 2],
  ]);
  depth = 8;
  counter.value += 1;
  expect(read).toMatchObject({ barrel_depth: 7, 'barrel_x_total{reason="idle"}': 2 });
  expect(meter.snapshot()).toMatchObject({ barrel_depth: 8, 'barrel_x_total{reason="idle"}': 3 });
});

test('a gauge that is registered again is read at its new place', () => {
  const meter = new Meter();
  meter.gauge('barrel_depth', () => 1);
  meter.gauge('barrel_depth', () => 2);
  expect(meter.snapshot()).toEqual({ barrel_depth: 2 });
});
