import { describe, expect, test } from 'vitest';
import { versionOf } from '../../../../src/core/schedule/reminder-id.ts';
import { DrivenBook, LEAST_ONCE, OTHER, OWNERS, SELF } from './driven-book.ts';

describe('a node that holds nothing', () => {
  test('fires nothing', () => {
    const node = new DrivenBook({ isFresh: true });
    node.do({ kind: 'settled' });
    node.set('k', 0);
    node.run(100_000);
    expect([node.deliveries.length, node.timersSet, node.book.heldCount]).toEqual([0, 0, 0]);
  });

  test('knows the ids of a key all the same', () => {
    const node = new DrivenBook({ isFresh: true });
    const id = node.set('k', 0);
    node.set('kk', 0);
    expect(node.book.idsOf('\xa1k')).toEqual([id]);
    node.hold(0);
    expect(node.book.idsOf('\xa1k')).toEqual([id]);
  });

  test('gave a partition away: fires nothing of it any more', () => {
    const node = new DrivenBook({ partitions: 2 });
    node.set(0, 1_000);
    node.set(1, 1_000);
    node.letGo(0);
    expect(node.released).toEqual([0]);
    node.run(1_000);
    expect([node.deliveries.length, node.store.size]).toEqual([1, 1]);
    node.hold(0);
    expect([node.deliveries.length, node.store.size]).toEqual([2, 0]);
  });
});

describe('the barrier', () => {
  test('fires nothing before it is over', () => {
    const node = new DrivenBook({ isFresh: true });
    node.hold(0);
    node.set('k', 0);
    node.run(60_000);
    expect(node.deliveries).toEqual([]);
    node.do({ kind: 'settled' });
    expect(node.deliveries.length).toBe(1);
  });

  test('does not fire after a restart what was fired elsewhere before', () => {
    const node = new DrivenBook({ isFresh: true });
    node.hold(0);
    const id = node.set('k', -60_000);
    node.run(2_000);
    node.remove(id);
    node.do({ kind: 'settled' });
    node.run(60_000);
    expect([node.deliveries.length, node.writes.length]).toEqual([0, 0]);
  });

  test('comes back after a heal, and stops what is claimed and not delivered', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    node.set('k', 0, LEAST_ONCE);
    node.do({ kind: 'unsettled' });
    node.written();
    node.run(60_000);
    expect(node.deliveries).toEqual([]);
    node.disk = 'works';
    node.do({ kind: 'settled' });
    expect(node.deliveries).toMatchObject([{ attempt: 1 }]);
  });

  test('lets what is being handled go on', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, LEAST_ONCE);
    node.do({ kind: 'unsettled' });
    node.end();
    expect([node.abandoned.length, node.store.has(id)]).toEqual([0, false]);
  });
});

describe('the new holder of a partition', () => {
  test('waits a second for the last writes of the former one', () => {
    const node = new DrivenBook({ isFresh: true, config: { graceMs: 1_000 } });
    node.do({ kind: 'settled' });
    const fired = node.set('fired', 0);
    node.set('due', 0);
    node.run(5_000);
    node.hold(0);
    node.run(999);
    expect(node.deliveries).toEqual([]);
    node.remove(fired);
    node.run(1);
    expect([node.deliveries.length, node.writes.length]).toEqual([1, 1]);
  });

  test('waits until the claim of another start has run out, then makes the next attempt', () => {
    const node = new DrivenBook({ isFresh: true });
    node.do({ kind: 'settled' });
    const id = node.set('k', 0, LEAST_ONCE);
    node.claimByOther(id, 2);
    node.run(4_000);
    node.hold(0);
    node.run(5_999);
    expect(node.deliveries).toEqual([]);
    node.run(1);
    expect(node.deliveries).toMatchObject([{ attempt: 3, fence: versionOf(id) }]);
    expect(node.get(id).state).toMatchObject({ by: SELF });
  });

  test('waits anew with each renewal', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000, LEAST_ONCE);
    node.claimByOther(id);
    for (let i = 0; i < 10; i += 1) {
      node.run(3_000);
      node.claimByOther(id);
    }
    expect(node.deliveries).toEqual([]);
    node.run(10_000);
    expect(node.deliveries.length).toBe(1);
  });

  test('goes on at once when the claim was given back', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000, LEAST_ONCE);
    node.claimByOther(id);
    node.run(3_000);
    node.change(id, { state: { kind: 'scheduled', attempt: 1, notBeforeMs: 0, error: undefined } });
    expect(node.deliveries).toMatchObject([{ attempt: 2 }]);
  });

  test('does not wait for an earlier start of its own node', () => {
    const node = new DrivenBook({ isFresh: true });
    const id = node.set('k', 0, LEAST_ONCE);
    const by = { ...SELF, incarnation: 6n };
    node.change(id, {
      state: { kind: 'claimed', attempt: 1, by, leaseMs: 10_000, error: undefined },
    });
    node.hold(0);
    node.do({ kind: 'settled' });
    expect(node.deliveries).toMatchObject([{ attempt: 2 }]);
  });

  test('calls dead what was claimed for the last time by a node that is gone', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000, { ...LEAST_ONCE, maxAttempts: 2 });
    node.claimByOther(id, 2);
    node.run(10_000);
    expect([node.state(id), node.deliveries.length, node.count('dead')]).toEqual(['dead 2', 0, 1]);
    expect(node.get(id).state.error).toBe('the node that had it is gone');
  });
});

describe('a holder that lets go', () => {
  function running(): { readonly node: DrivenBook; readonly id: string } {
    const node = new DrivenBook();
    const id = node.set('k', 0, LEAST_ONCE);
    node.letGo(0);
    return { node, id };
  }

  test('tells its handlers to give up, and has not released before they ended', () => {
    const { node } = running();
    expect([node.abandoned.length, node.released.length]).toEqual([1, 0]);
    node.end();
    expect([node.released, node.store.size]).toEqual([[0], 0]);
  });

  test('gives back what was given up, at once and without a pause', () => {
    const { node, id } = running();
    node.reject('aborted');
    expect(node.get(id).state).toEqual({
      kind: 'scheduled',
      attempt: 1,
      notBeforeMs: 0,
      error: undefined,
    });
    expect(node.released).toEqual([0]);
  });

  test('gives back what was given up in its last attempt: that is no failure', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, { ...LEAST_ONCE, maxAttempts: 1 });
    node.letGo(0);
    node.reject('aborted');
    expect(node.state(id)).toBe('scheduled 0');
    node.hold(0);
    node.run(20_000);
    expect(node.deliveries.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  test('renews its claim while a handler does not give up', () => {
    const { node, id } = running();
    const { step } = node.get(id);
    node.run(9_000);
    expect(node.get(id).step).toBe(step + 3);
  });

  test('gives back what it claimed and has not delivered', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    const id = node.set('k', 0, LEAST_ONCE);
    node.letGo(0);
    expect(node.released).toEqual([]);
    node.disk = 'works';
    node.written();
    expect([node.state(id), node.deliveries.length]).toEqual(['scheduled 0', 0]);
    expect(node.released).toEqual([0]);
  });

  test('gives back a claim that its disk failed for', () => {
    const node = new DrivenBook();
    node.disk = 'loses';
    const id = node.set('k', 0, LEAST_ONCE);
    node.disk = 'works';
    node.letGo(0);
    expect([node.state(id), node.released]).toEqual(['scheduled 0', [0]]);
  });

  test('delivers what it has removed already', () => {
    const node = new DrivenBook();
    node.disk = 'waits';
    node.set('k', 0);
    node.letGo(0);
    expect(node.released).toEqual([]);
    node.written();
    expect([node.deliveries.length, node.released]).toEqual([1, [0]]);
    expect(node.abandoned).toEqual([]);
  });

  test('that holds again begins nothing beside what still runs', () => {
    const { node, id } = running();
    node.hold(0);
    node.run(60_000);
    expect([node.deliveries.length, node.released.length]).toEqual([1, 0]);
    node.reject();
    expect([node.deliveries.length, node.state(id)]).toEqual([2, 'claimed 2']);
  });
});

describe('hold', () => {
  const HOLD = { ...LEAST_ONCE, onPartition: 'hold' } as const;

  test('delivers when a majority of owners has the claim', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, HOLD);
    expect([node.state(id), node.asked.length, node.deliveries.length]).toEqual([
      'claimed 1',
      1,
      0,
    ]);
    node.acknowledge();
    expect(node.deliveries).toMatchObject([{ attempt: 1 }]);
  });

  test('asks all three owners, but those that left the cluster', () => {
    const node = new DrivenBook();
    node.set('k', 0, HOLD);
    expect(node.askedOf).toEqual(OWNERS);
    node.leavers = OWNERS.slice(1);
    node.acknowledge(false);
    node.run(2_000);
    expect(node.askedOf).toEqual(OWNERS.slice(0, 1));
  });

  test('asks nobody when all owners have left', () => {
    const node = new DrivenBook();
    node.leavers = OWNERS;
    node.set('k', 0, HOLD);
    expect([node.asked.length, node.deliveries.length]).toEqual([0, 1]);
  });

  test('claims and asks again every 2 s without one, and the attempts do not count', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, HOLD);
    for (let i = 0; i < 20; i += 1) {
      node.acknowledge(false);
      node.run(1_999);
      expect(node.asked.length).toBe(i + 1);
      node.run(1);
    }
    expect([node.deliveries.length, node.state(id)]).toEqual([0, 'claimed 1']);
    node.acknowledge();
    expect(node.deliveries).toMatchObject([{ attempt: 1, lateMs: 40_000 }]);
  });

  test('gives back what it asks for when the partition goes', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, HOLD);
    node.letGo(0);
    expect(node.released).toEqual([]);
    node.acknowledge();
    expect([node.state(id), node.deliveries.length, node.released]).toEqual([
      'scheduled 0',
      0,
      [0],
    ]);
  });

  test('gives back what waits to be asked for again when the partition goes', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, HOLD);
    node.acknowledge(false);
    node.letGo(0);
    expect([node.state(id), node.released]).toEqual(['scheduled 0', [0]]);
  });

  test('does not deliver what another node has claimed while it asked', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, HOLD);
    node.claimByOther(id);
    node.acknowledge();
    expect([node.deliveries.length, node.get(id).state]).toMatchObject([0, { by: OTHER }]);
  });

  test('at most once: is removed after the majority has the claim, then delivered', () => {
    const node = new DrivenBook();
    const id = node.set('k', 0, { onPartition: 'hold' });
    expect([node.state(id), node.deliveries.length]).toEqual(['claimed 1', 0]);
    node.acknowledge(false);
    node.run(2_000);
    node.acknowledge();
    expect([node.store.has(id), node.deliveries.length]).toEqual([false, 1]);
    node.run(100_000);
    expect(node.deliveries.length).toBe(1);
  });

  test('at most once: a claim whose node is gone was not delivered, and is never dead', () => {
    const node = new DrivenBook();
    const id = node.set('k', 1_000, { onPartition: 'hold', maxAttempts: 1 });
    node.claimByOther(id, 1);
    node.run(10_000);
    node.acknowledge();
    expect(node.deliveries.length).toBe(1);
  });
});
