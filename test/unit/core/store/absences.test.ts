import { describe, expect, test } from 'vitest';
import { packStamp, wallMsOf } from '../../../../src/core/clock/stamp.ts';
import { Absences } from '../../../../src/core/store/absences.ts';
import type { Replica } from '../../../../src/core/store/entry.ts';
import {
  HOSTS,
  Hosts,
  hostsKey,
  keptWrite,
  REPLICAS,
  replicasKey,
} from '../../../../src/core/store/hosts.ts';
import { Writer } from '../../../../src/core/wire/writer.ts';

const WALL_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const AWAY: Replica = { node: 'away@t', incarnation: 3n };
const KEY = replicasKey('map:m', AWAY.node);

describe('a replica that is hosted nowhere', () => {
  test('is spoken of after half an hour, since when it was seen to be away', () => {
    const counting = new Counting();
    counting.keep(undefined);
    expect(counting.wordsUntil(29 * MINUTE_MS)).toEqual([]);
    expect(counting.wordsUntil(60 * MINUTE_MS)).toEqual(['since 0']);
  });

  test('is taken out a day after that, whoever spoke', () => {
    const counting = new Counting();
    counting.keep(WALL_MS - 20 * HOUR_MS);
    expect(counting.wordsUntil(4 * HOUR_MS - MINUTE_MS)).toEqual([]);
    expect(counting.wordsUntil(5 * HOUR_MS)).toContain('out');
  });

  test('is not taken out by a node that has only just begun, however long it is away', () => {
    const counting = new Counting();
    counting.keep(WALL_MS - 1_000 * HOUR_MS);
    expect(counting.wordsUntil(29 * MINUTE_MS)).toEqual([]);
    expect(counting.wordsUntil(60 * MINUTE_MS)).toContain('out');
  });

  test('that returns is forgotten, and begins anew when it goes', () => {
    const counting = new Counting();
    counting.keep(undefined);
    counting.wordsUntil(25 * MINUTE_MS);
    counting.host(AWAY.incarnation);
    expect(counting.wordsUntil(26 * MINUTE_MS)).toEqual([]);
    counting.host(undefined);
    expect(counting.wordsUntil(55 * MINUTE_MS)).toEqual([]);
    expect(counting.wordsUntil(90 * MINUTE_MS)).toEqual(['since 27']);
  });

  test('is away, too, while its node hosts another replica of the store', () => {
    const counting = new Counting();
    counting.keep(undefined);
    counting.host(AWAY.incarnation + 1n);
    expect(counting.wordsUntil(60 * MINUTE_MS)).toEqual(['since 0']);
  });
});

/** One node that counts, looked at once a minute. */
class Counting {
  readonly #hosts = new Hosts();
  readonly #absences = new Absences({
    random: { float: () => 0.5 },
    clock: { now: () => packStamp(WALL_MS + this.#nowMs, 0), observe: () => true },
  });
  #nowMs = 0;

  /** Since when it is away, in wall milliseconds, as somebody said. */
  keep(awaySinceMs: number | undefined): void {
    const awaySince = awaySinceMs === undefined ? undefined : packStamp(awaySinceMs, 0);
    this.#apply(REPLICAS, keptWrite(KEY, { replica: AWAY, awaySince }));
  }

  /** Its node hosts a replica of that incarnation, or none. */
  host(incarnation: bigint | undefined): void {
    const value =
      incarnation === undefined ? undefined : new Writer().big(incarnation).bool(true).take();
    this.#apply(HOSTS, { key: hostsKey(AWAY.node, 'map:m'), value });
  }

  /** What is said up to that time, applied as it is said; times in minutes. */
  wordsUntil(untilMs: number): readonly string[] {
    const words: string[] = [];
    for (; this.#nowMs <= untilMs; this.#nowMs += MINUTE_MS) {
      const now = { monotonicMs: this.#nowMs, wallMs: WALL_MS + this.#nowMs };
      for (const write of this.#absences.due(this.#hosts, now)) {
        this.#apply(REPLICAS, write);
        const since = this.#hosts.kept('map:m', AWAY.node)?.awaySince;
        words.push(
          since === undefined ? 'out' : `since ${(wallMsOf(since) - WALL_MS) / MINUTE_MS}`,
        );
      }
    }
    return words;
  }

  #apply(
    source: string,
    { key, value }: { readonly key: string; readonly value: Uint8Array | undefined },
  ): void {
    this.#hosts.apply(source, { key, value, previous: undefined, writer: AWAY, cause: 'write' });
  }
}
