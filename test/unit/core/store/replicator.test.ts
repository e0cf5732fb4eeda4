/** What a node says of its own stores, and what it counts on after an exchange. */
import { describe, expect, test } from 'vitest';
import { ownedKey } from '../../../../src/core/store/contract.ts';
import {
  HOSTS,
  hostsKey,
  REPLICAS,
  replicasKey,
  SERVICES,
} from '../../../../src/core/store/hosts.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';
import { Driven, exchange, metPair, OTHER, SELF } from './driven-replicator.ts';

const HOUR_MS = 3_600_000;

describe('what a node has to say of its stores', () => {
  test('has room in lists that others have filled, and nothing throws', () => {
    const node = new Driven({ entriesMax: 4 });
    node.host('map:m', { isDurable: true });
    const flood = Array.from({ length: 100 }, (_, i) => node.entry(`x\0n${i}@t`, Uint8Array.of(1)));
    node.handle({ kind: 'delta', from: OTHER.node, store: REPLICAS, entries: flood });
    expect(node.core.replica(REPLICAS)?.size).toBe(5);
    // Others take it out; it says again that it is there.
    const own = replicasKey('map:m', SELF.node);
    node.handle({
      kind: 'delta',
      from: OTHER.node,
      store: REPLICAS,
      entries: [node.entry(own, undefined)],
    });
    expect(node.core.replica(REPLICAS)?.get(own)).not.toBe(undefined);
    node.host('map:n', { isDurable: true });
    expect(node.core.replica(REPLICAS)?.get(replicasKey('map:n', SELF.node))).not.toBe(undefined);
    node.unhost('map:m');
    for (let hour = 0; hour < 30; hour += 1) {
      node.advance(HOUR_MS);
      node.handle({ kind: 'tick' });
    }
    expect(node.core.replica(REPLICAS)?.get(own)).toBe(undefined);
  });

  test('is said again when others took its replica for one that is away', () => {
    const node = new Driven();
    node.host('map:m', { isDurable: true });
    const key = replicasKey('map:m', SELF.node);
    const away = new Writer()
      .big(SELF.incarnation)
      .optional(9n, (w, stamp) => w.big(stamp))
      .take();
    node.handle({ kind: 'flush' });
    const effects = node.handle({
      kind: 'delta',
      from: OTHER.node,
      store: REPLICAS,
      entries: [node.entry(key, away)],
    });
    expect(effects.some(({ kind }) => kind === 'flushSoon')).toBe(true);
    expect(node.core.replica(REPLICAS)?.registers.get(key)?.writer).toEqual(SELF);
  });

  test('is not said any more after it has left', () => {
    const node = new Driven();
    node.host('map:m', { isDurable: true });
    node.handle({ kind: 'leave', isForGood: true });
    const key = replicasKey('map:m', SELF.node);
    const word = new Writer()
      .big(SELF.incarnation)
      .optional(9n, (w, stamp) => w.big(stamp))
      .take();
    node.handle({
      kind: 'delta',
      from: OTHER.node,
      store: REPLICAS,
      entries: [node.entry(key, word)],
    });
    expect(node.core.replica(REPLICAS)?.registers.get(key)?.writer).toEqual(OTHER);
  });
});

describe('a store under other rules', () => {
  test('is reported once, whichever of the two nodes comes first', () => {
    const node = new Driven();
    const word = (store: string): void => {
      const value = new Writer().big(7n).bool(true).take();
      const entries = [node.entry(hostsKey(OTHER.node, store), value)];
      node.handle({ kind: 'delta', from: OTHER.node, store: HOSTS, entries });
    };
    node.host('map:m', { rival: 'presence:m' });
    node.host('map:n', { rival: 'presence:n' });
    expect(node.rivals).toEqual([]);
    word('presence:m');
    word('presence:m');
    word('presence:o');
    expect(node.rivals).toEqual([['map:m', OTHER.node]]);
    node.host('map:o', { rival: 'presence:o' });
    expect(node.rivals).toEqual([
      ['map:m', OTHER.node],
      ['map:o', OTHER.node],
    ]);
  });
});

describe('an exchange', () => {
  test('that is whole says when it was', () => {
    const [one, other] = metPair();
    other.write('map:m', 'k');
    const { exchanged } = exchange(one, other);
    expect(exchanged.get('map:m')).toBeGreaterThan(0n);
  });

  test('in which an entry was refused does not count', () => {
    const [one, other] = metPair({ entriesMax: 4 });
    for (let i = 0; i < 20; i += 1) other.write('map:m', `k${i}`);
    const before = one.exchangedAt('map:m');
    const { exchanged } = exchange(one, other);
    expect(one.core.replica('map:m')?.size).toBe(5);
    expect(exchanged.get('map:m')).toBe(before);
  });

  test('in which an entry of a stranger came does not count', () => {
    const [one, other] = metPair();
    const stranger = { node: 'stranger@t', incarnation: 3n };
    other.handle({ kind: 'memberUp', ...stranger });
    const entries = [other.entry(ownedKey(stranger.node, 'k'), Uint8Array.of(1), stranger)];
    other.handle({ kind: 'delta', from: stranger.node, store: SERVICES, entries });
    const before = one.exchangedAt(SERVICES);
    expect(exchange(one, other).exchanged.get(SERVICES)).toBe(before);
    one.handle({ kind: 'memberUp', ...stranger });
    expect(one.core.replica(SERVICES)?.size).toBe(1);
    expect(exchange(one, other).exchanged.get(SERVICES)).toBeGreaterThan(before);
  });

  test('during which a writer died does not count: what it had brought is dropped', () => {
    const [one, other] = metPair();
    const writer = { node: 'writer@t', incarnation: 3n };
    for (const node of [one, other]) {
      node.handle({ kind: 'memberUp', ...writer });
      const entries = [node.entry(ownedKey(writer.node, 'k'), Uint8Array.of(1), writer)];
      node.handle({ kind: 'delta', from: writer.node, store: SERVICES, entries });
    }
    other.write('map:m', 'k');
    const before = one.exchangedAt('map:m');
    const { exchanged } = exchange(one, other, (kind) => {
      if (kind === 'entries') one.handle({ kind: 'memberDown', ...writer });
    });
    expect(one.core.replica(SERVICES)?.size).toBe(0);
    expect(exchanged.get('map:m')).toBe(before);
  });

  test('goes by the symbols of one moment, whatever is written meanwhile', () => {
    const [one, other] = metPair();
    for (let i = 0; i < 2_000; i += 1) {
      one.write('map:m', `both${i}`);
    }
    exchange(one, other);
    expect(other.core.replica('map:m')?.size).toBe(2_000);
    for (let i = 0; i < 150; i += 1) other.write('map:m', `theirs${i}`);
    let late = 0;
    const { kinds, replies } = exchange(one, other, (kind) => {
      if (kind !== 'differ' && kind !== 'more' && kind !== 'symbols') return;
      for (let i = 0; i < 100; i += 1) other.write('map:m', `late${late++}`);
    });
    expect(late).toBeGreaterThanOrEqual(300);
    expect(kinds).toContain('symbols');
    expect(kinds).not.toContain('buckets');
    // It was another store by then: its symbols begin anew, and then go on.
    const froms = replies.flatMap((body) => (body.kind === 'symbols' ? [body.symbols.from] : []));
    expect(froms.length).toBeGreaterThan(1);
    expect(froms.map((from) => from > 0)).toEqual([false, ...froms.slice(1).map(() => true)]);
    for (let i = 0; i < 150; i += 1) {
      expect(one.core.replica('map:m')?.get(`theirs${i}`)).not.toBe(undefined);
    }
  });
});
