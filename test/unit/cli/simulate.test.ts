import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { seedsOf } from '../../../src/cli/simulate.ts';
import { renderCharts } from '../../../src/cli/simulate-chart.ts';
import { panelsOf } from '../../../src/cli/simulate-panels.ts';
import { Progress } from '../../../src/cli/simulate-progress.ts';
import {
  renderSimulated,
  type Simulated,
  simulatedJson,
} from '../../../src/cli/simulate-report.ts';
import type { RunResult, Scenario } from '../../../src/testing/lab/index.ts';

describe('seeds', () => {
  test('are one, some in a row, or a range', () => {
    expect(seedsOf({})).toEqual([1]);
    expect(seedsOf({ seed: 5, runs: 3 })).toEqual([5, 6, 7]);
    expect(seedsOf({ seeds: '9..11' })).toEqual([9, 10, 11]);
  });

  test.each([
    [{ seeds: '1-3' }, /--seeds takes a range as 1..200, not 1-3/],
    [{ seeds: '3..1' }, /runs can be had, not -1/],
    [{ runs: 0 }, /1 to 20000 runs can be had, not 0/],
    [{ seeds: '1..99999' }, /not 99999/],
  ])('%j is refused', (settings, message) => {
    expect(() => seedsOf(settings)).toThrow(message);
  });
});

describe('the report', () => {
  test('shows ours beside the published figure, and whether every run met the goal', () => {
    const text = stripVTControlCharacters(renderSimulated(simulated([1.5, 2.5])));
    expect(text).toContain('trial: 20 nodes, seeds 3 to 4');
    expect(text).toMatch(/^length +2\.00 hops +1\.50 to 2\.50 +6\.39 +E1: <= 2 +no$/m);
    expect(text).toContain('Published: somewhere');
    expect(stripVTControlCharacters(renderSimulated(simulated([1.5])))).toMatch(/E1: <= 2 +yes$/m);
  });

  test('as JSON has every value', () => {
    const json = JSON.parse(JSON.stringify(simulatedJson(simulated([1.5, 2.5]))));
    expect(json).toMatchObject({ scenario: 'trial', nodes: 20, seeds: [3, 4] });
    expect(json.figures).toMatchObject([
      { key: 'length', mean: 2, values: [1.5, 2.5], met: false },
    ]);
    expect(json.runs[1]).toMatchObject({ seed: 4, trace: 'abc' });
  });
});

describe('the picture', () => {
  test('has title, axes with units, legend, and a line for each series', () => {
    const panels = panelsOf(simulated([1, 3]));
    const svg = renderCharts({ title: 'A <trial>', note: '20 nodes', panels });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 760 \d+"/);
    expect(svg).toContain('A &lt;trial&gt;');
    for (const label of ['time, ms', 'share', 'barrel-p2p', 'paper']) expect(svg).toContain(label);
    expect(svg.match(/<path /g)).toHaveLength(2);
    expect(svg).toContain('stroke-dasharray');
    expect(svg).not.toContain('NaN');
  });

  test('averages the runs: values at equal shares, counts over all runs', () => {
    const [lines, bars] = panelsOf(simulated([1, 3]));
    expect(lines?.series[0]?.points).toEqual([
      [2, 0],
      [20, 1],
    ]);
    expect(bars?.series[0]?.points).toEqual([
      [1, 0.5],
      [3, 0.5],
    ]);
  });

  test('of nothing is an empty frame', () => {
    const nothing = { ...simulated([1]), runs: [{ figures: {}, curves: {}, trace: '-' }] };
    const svg = renderCharts({ title: 'x', note: '', panels: panelsOf(nothing) });
    expect(svg).not.toContain('NaN');
    expect(svg).not.toContain('Infinity');
  });
});

describe('progress', () => {
  test('is a bar on a terminal that goes when the work is done', () => {
    const { stream, written } = recorder(true);
    const bar = new Progress(stream, 'trial');
    bar.tell(0);
    bar.tell(0.5);
    bar.tell(0.5001);
    bar.end();
    expect(written).toHaveLength(3);
    expect(written[1]).toBe(`\rtrial [${'#'.repeat(15)}${'.'.repeat(15)}] 50 % `);
    expect(written[2]).toBe('\r\u001b[K');
  });

  test('is a line for each tenth elsewhere', () => {
    const { stream, written } = recorder(false);
    const log = new Progress(stream, 'trial');
    for (let at = 0; at <= 100; at += 1) log.tell(at / 100);
    log.end();
    expect(written).toHaveLength(11);
    expect(written[5]).toBe('trial: 50 %\n');
  });
});

function recorder(isTTY: boolean): {
  readonly stream: { readonly isTTY: boolean; write(text: string): void };
  readonly written: string[];
} {
  const written: string[] = [];
  return { stream: { isTTY, write: (text) => void written.push(text) }, written };
}

const TRIAL: Scenario = {
  name: 'trial',
  summary: 'A trial',
  nodes: 20,
  nodesMin: 2,
  sources: ['Published: somewhere'],
  rows: [
    {
      key: 'length',
      what: 'length',
      digits: 2,
      unit: 'hops',
      published: '6.39',
      goal: { name: 'E1', atMost: 2 },
    },
    { key: 'absent', what: 'absent', digits: 0 },
  ],
  charts: [
    {
      title: 'Lines',
      form: 'lines',
      x: { label: 'time, ms' },
      y: { label: 'share', isPercent: true },
      series: [
        { label: 'barrel-p2p', role: 'ours', points: 'reached' },
        { label: 'paper', role: 'published', points: [[0, 1]] },
      ],
    },
    {
      title: 'Bars',
      form: 'bars',
      x: { label: 'hops' },
      y: { label: 'count' },
      series: [{ label: 'barrel-p2p', role: 'ours', points: 'hops' }],
    },
  ],
  run: () => resultOf(1),
};

function resultOf(length: number): RunResult {
  return {
    figures: { length },
    curves: {
      reached: [
        [length, 0],
        [10 * length, 1],
      ],
      hops: [[length, 1]],
    },
    trace: 'abc',
  };
}

function simulated(lengths: readonly number[]): Simulated {
  const seeds = lengths.map((_, at) => 3 + at);
  return { scenario: TRIAL, nodes: 20, seeds, runs: lengths.map(resultOf) };
}
