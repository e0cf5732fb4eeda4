import { describe, expect, test } from 'vitest';
import type { DetectorMessage } from '../../../../src/core/roster/messages.ts';
import { DrivenDetector } from './driven-detector.ts';
import { entry } from './driven-roster.ts';

const ROUTE = ['m@t', 'n@t', 'o@t', 'z@t'];

describe('an audit', () => {
  test('looks at one member each period that is no neighbour, along a route', () => {
    const node = chain();
    node.run(16_000);
    const audits = node.take().filter(({ kind }) => kind === 'send');
    expect(audits).toEqual([
      { kind: 'send', to: 'n@t', message: { kind: 'audit', nonce: 1, route: ROUTE, position: 1 } },
    ]);
  });

  test('is content with an answer', () => {
    const { node, nonce } = audited();
    node.receive('n', { kind: 'audited', nonce, route: ROUTE, position: 0 });
    node.run(5_000);
    expect(node.sent()).toEqual([]);
  });

  test('dials without an answer, and suspects whom it cannot reach', () => {
    const { node } = audited();
    node.run(2_100);
    expect(node.sent()).toEqual(['reach z']);
    node.do({ kind: 'reached', node: 'z@t', isReached: false });
    expect(node.take()).toEqual([{ kind: 'suspect', node: 'z@t', incarnation: 1n }]);
  });

  test('goes along the route once more when the dial succeeds, then it is a stray', () => {
    const { node, nonce } = audited();
    node.run(2_100);
    node.do({ kind: 'reached', node: 'z@t', isReached: true });
    expect(node.sent()).toEqual(['reach z', 'audit n']);
    node.receive('n', { kind: 'audited', nonce, route: ROUTE, position: 0 });
    node.run(2_100);
    expect(node.take()).toMatchObject([{ kind: 'stray', peer: { node: 'z@t', incarnation: 1n } }]);
  });

  test('dials at once one that no way leads to: if it lives it is on another island', () => {
    const node = chain();
    node.member('o', 'n');
    node.member('z', 'y');
    node.run(16_000);
    expect(node.sent().slice(0, 1)).toEqual(['reach z']);
    node.do({ kind: 'reached', node: 'z@t', isReached: true });
    expect(node.sent()).toEqual(['stray z']);
  });

  test('does not call one a stray that told of no neighbour yet', () => {
    const node = chain();
    node.member('z');
    node.member('o', 'n');
    node.do({ kind: 'doubt', node: 'z@t', incarnation: 1n });
    node.do({ kind: 'reached', node: 'z@t', isReached: true });
    expect(node.sent()).toEqual(['reach z']);
  });

  test('waits longer where this node is slow', () => {
    const { node } = audited(() => (slow) => slow.do({ kind: 'refuted' }));
    node.run(3_500);
    expect(node.sent()).toEqual([]);
    node.run(600);
    expect(node.sent()).toEqual(['reach z']);
  });

  test('ends without a word of the driver', () => {
    const { node } = audited();
    node.run(40_000);
    node.sent();
    node.do({ kind: 'reached', node: 'z@t', isReached: false });
    expect(node.sent()).toEqual([]);
  });
});

describe('a doubt', () => {
  test('dials at once; whom a way leads to is fine', () => {
    const node = chain();
    node.do({ kind: 'doubt', node: 'z@t', incarnation: 1n });
    expect(node.sent()).toEqual(['reach z']);
    node.do({ kind: 'reached', node: 'z@t', isReached: true });
    expect(node.sent()).toEqual([]);
  });

  test('is none about neighbours, other starts, and those that are gone', () => {
    const node = chain();
    node.roster.set('l@t', entry('l', 'left'));
    for (const [name, incarnation] of [
      ['n', 1n],
      ['z', 2n],
      ['l', 1n],
      ['u', 1n],
    ] as const) {
      node.do({ kind: 'doubt', node: `${name}@t`, incarnation });
    }
    expect(node.sent()).toEqual([]);
  });

  test('waits while 8 others are looked at; above 64 that wait it is dropped', () => {
    const node = chain();
    for (let i = 0; i < 100; i += 1) {
      node.member(`d${i}`);
      node.do({ kind: 'doubt', node: `d${i}@t`, incarnation: 1n });
    }
    expect(node.sent()).toHaveLength(8);
    let dials = 8;
    for (let i = 0; i < 100; i += 1) {
      node.do({ kind: 'reached', node: `d${i}@t`, isReached: true });
      dials += node.sent().length;
    }
    expect(dials).toBe(72);
  });
});

describe('on its way an audit', () => {
  test('is passed on to the next of its route, and answered by the last', () => {
    const node = new DrivenDetector('o');
    node.neighbor('n');
    node.neighbor('z');
    node.receive('n', { kind: 'audit', nonce: 3, route: ROUTE, position: 2 });
    node.receive('z', { kind: 'audited', nonce: 3, route: ROUTE, position: 2 });
    expect(node.take()).toEqual([
      { kind: 'send', to: 'z@t', message: { kind: 'audit', nonce: 3, route: ROUTE, position: 3 } },
      {
        kind: 'send',
        to: 'n@t',
        message: { kind: 'audited', nonce: 3, route: ROUTE, position: 1 },
      },
    ]);
    const last = new DrivenDetector('z');
    last.neighbor('o');
    last.receive('o', { kind: 'audit', nonce: 3, route: ROUTE, position: 3 });
    expect(last.take()).toEqual([
      {
        kind: 'send',
        to: 'o@t',
        message: { kind: 'audited', nonce: 3, route: ROUTE, position: 2 },
      },
    ]);
  });

  test('ends where the next has no link, and where it does not belong', () => {
    const node = new DrivenDetector('o');
    node.neighbor('n');
    const strange: DetectorMessage[] = [
      { kind: 'audit', nonce: 3, route: ROUTE, position: 2 },
      { kind: 'audit', nonce: 3, route: ROUTE, position: 1 },
      { kind: 'audit', nonce: 3, route: ROUTE, position: 9 },
      { kind: 'audit', nonce: 3, route: ['o@t'], position: 0 },
      { kind: 'audited', nonce: 3, route: ROUTE, position: 2 },
      { kind: 'audited', nonce: 3, route: ['o@t', 'n@t'], position: 0 },
      { kind: 'audited', nonce: 3, route: [], position: 0 },
    ];
    for (const message of strange) node.receive('n', message);
    expect(node.sent()).toEqual([]);
  });

  test('is passed on at a bounded rate', () => {
    const node = new DrivenDetector('o');
    node.neighbor('n');
    node.neighbor('z');
    for (let i = 0; i < 500; i += 1) {
      node.receive('n', { kind: 'audit', nonce: i, route: ROUTE, position: 2 });
    }
    expect(node.sent()).toHaveLength(64);
  });
});

/** This node `m`, its neighbour `n`, then `o`, then `z`, the only ones that are no neighbours. */
function chain(): DrivenDetector {
  const node = new DrivenDetector('m', { auditPeriodMs: 16_000, heartbeatMs: 1e9 });
  node.neighbor('n', 'm', 'o');
  node.member('z', 'o');
  node.member('o', 'n', 'z');
  return node;
}

/** Under way to `z`. */
function audited(prepare?: () => (node: DrivenDetector) => void): {
  readonly node: DrivenDetector;
  readonly nonce: number;
} {
  const node = chain();
  prepare?.()(node);
  for (;;) {
    node.run(10);
    for (const effect of node.take()) {
      if (effect.kind !== 'send' || effect.message.kind !== 'audit') continue;
      return { node, nonce: effect.message.nonce };
    }
  }
}
