import { describe, expect, test } from 'vitest';
import { type HeartbeatEffect, HeartbeatMonitor } from '../../../../src/core/roster/heartbeat.ts';

describe('heartbeats', () => {
  test('ping a neighbour that was silent since the last tick, and no other', () => {
    const monitor = watching('a', 'b');
    const effects = tick(monitor, 500, { a: 400, b: 0 });
    expect(effects).toEqual([{ kind: 'send', to: 'b', message: { kind: 'ping' } }]);
  });

  test('are answered', () => {
    const monitor = watching('a');
    expect(monitor.handle({ kind: 'pinged', from: 'a' }, 10)).toEqual([
      { kind: 'send', to: 'a', message: { kind: 'pong' } },
    ]);
  });

  test('find a neighbour dead after five silent ticks, and say so once', () => {
    const monitor = watching('a');
    for (let i = 1; i <= 4; i += 1)
      expect(kinds(tick(monitor, i * 500, { a: 0 }))).toEqual(['send']);
    expect(tick(monitor, 2_500, { a: 0 })).toEqual([{ kind: 'silent', node: 'a' }]);
    expect(tick(monitor, 3_000, { a: 0 })).toEqual([]);
  });

  test('begin to count anew with anything that was heard', () => {
    const monitor = watching('a');
    for (let i = 1; i <= 4; i += 1) tick(monitor, i * 500, { a: 0 });
    expect(tick(monitor, 2_500, { a: 2_400 })).toEqual([]);
    for (let i = 1; i <= 4; i += 1) {
      expect(kinds(tick(monitor, 2_500 + i * 500, { a: 2_400 }))).toEqual(['send']);
    }
    expect(kinds(tick(monitor, 5_000, { a: 2_400 }))).toEqual(['silent']);
  });

  test('count a stall of this node once, however long it was', () => {
    const monitor = watching('a');
    expect(kinds(tick(monitor, 600_000, { a: 0 }))).toEqual(['send']);
    expect(tick(monitor, 600_500, { a: 600_010 })).toEqual([]);
  });

  test('do not hold the time before it was a neighbour against it', () => {
    const monitor = new HeartbeatMonitor({ missedMax: 1 });
    monitor.handle({ kind: 'neighborUp', node: 'a' }, 10_000);
    expect(tick(monitor, 10_500, { a: 10_200 })).toEqual([]);
  });

  test('count a neighbour without a connection as silent', () => {
    const monitor = watching('a');
    for (let i = 1; i <= 4; i += 1) tick(monitor, i * 500, {});
    expect(kinds(tick(monitor, 2_500, {}))).toEqual(['silent']);
  });

  test('leave former neighbours alone', () => {
    const monitor = watching('a');
    monitor.handle({ kind: 'neighborDown', node: 'a' }, 100);
    expect(tick(monitor, 500, {})).toEqual([]);
  });
});

function watching(...nodes: string[]): HeartbeatMonitor {
  const monitor = new HeartbeatMonitor();
  for (const node of nodes) monitor.handle({ kind: 'neighborUp', node }, 0);
  return monitor;
}

function tick(
  monitor: HeartbeatMonitor,
  nowMs: number,
  heard: Readonly<Record<string, number>>,
): readonly HeartbeatEffect[] {
  return monitor.handle({ kind: 'tick', lastHeardMs: new Map(Object.entries(heard)) }, nowMs);
}

function kinds(effects: readonly HeartbeatEffect[]): string[] {
  return effects.map(({ kind }) => kind);
}
