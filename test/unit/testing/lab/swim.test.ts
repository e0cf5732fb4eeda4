import { describe, expect, test } from 'vitest';
import { type SwimLab, swimLab } from '../../../../src/testing/lab/baseline/swim-lab.ts';
import { patientSuspicionMs } from '../../../../src/testing/lab/baseline/swim-node.ts';
import { SwimTable } from '../../../../src/testing/lab/baseline/swim-table.ts';
import { disturb } from '../../../../src/testing/lab/disturbance.ts';

describe('what a SWIM node believes', () => {
  test('changes by greater incarnation, then suspect over alive, then dead', () => {
    const table = new SwimTable(['a', 'b']);
    expect(table.take({ node: 'a', state: 'suspect', incarnation: 0 })).toBe(true);
    expect(table.take({ node: 'a', state: 'alive', incarnation: 0 })).toBe(false);
    expect(table.take({ node: 'a', state: 'alive', incarnation: 1 })).toBe(true);
    expect(table.take({ node: 'a', state: 'suspect', incarnation: 0 })).toBe(false);
    expect(table.take({ node: 'a', state: 'dead', incarnation: 1 })).toBe(true);
    expect(table.present).toEqual(['b']);
    expect(table.take({ node: 'stranger', state: 'dead', incarnation: 9 })).toBe(false);
  });

  test('is told a bounded number of times, the newest first', () => {
    const table = new SwimTable(['a', 'b', 'c']);
    table.take({ node: 'a', state: 'suspect', incarnation: 0 });
    expect(table.riders()).toHaveLength(1);
    table.take({ node: 'b', state: 'suspect', incarnation: 0 });
    expect(table.riders().map(({ node }) => node)).toEqual(['b', 'a']);
    for (let told = 0; told < 20; told += 1) table.riders();
    expect(table.riders()).toEqual([]);
  });
});

describe('a SWIM group', () => {
  test('that nothing happens to holds nobody for dead', () => {
    const { network, downs } = group();
    network.run(60_000);
    expect(downs).toEqual([]);
  });

  test('learns everywhere of a crash, after the suspicion', () => {
    const lab = group();
    lab.network.run(10_000);
    lab.network.crash(3);
    lab.network.run(60_000);
    const observers = new Set(lab.downs.map(({ observer }) => observer));
    expect(observers.size).toBe(lab.nodes.length - 1);
    expect(lab.downs.every(({ subject, isFalse }) => subject === 3 && !isFalse)).toBe(true);
    expect(Math.min(...lab.downs.map(({ atMs }) => atMs))).toBeGreaterThan(10_000 + 5_000);
  });

  test('refutes what is said of a member that was only silent for a while', () => {
    const { network, downs } = group();
    network.pause(5, 4_000);
    network.run(60_000);
    expect(downs).toEqual([]);
  });

  test('replays from its seed under disturbance', () => {
    const traceOf = (): string => {
      const { network } = swimLab({ count: 30, suspicionMs: 2_000, seed: 2, loss: 0.05 });
      disturb(network, 20_000);
      network.run(20_000);
      return network.trace.hex;
    };
    expect(traceOf()).toBe(traceOf());
  });
});

function group(): SwimLab {
  return swimLab({ count: 30, suspicionMs: patientSuspicionMs(30), seed: 1 });
}
