import { describe, expect, test } from 'vitest';
import { HyParView } from '../../../src/core/membership/hyparview.ts';
import type { OverlayWatcher } from '../../../src/core/overlay/layer-input.ts';
import type { Overlay } from '../../../src/core/overlay/overlay.ts';
import type { RosterEntry } from '../../../src/core/roster/entry.ts';
import { OverlayInvariants } from '../../../src/testing/overlay-invariants.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';

const SELF = { node: 'a@sim', incarnation: 1n, addresses: [], ageMs: 0 };
const RECORD = {
  addresses: ['127.0.0.1:7100'],
  fingerprint: 'SHA256:b',
  version: '1',
  weight: 1,
  meta: new Uint8Array(),
  neighbors: [],
};

describe('the rules inside an overlay', () => {
  test('a suspicion of an older word than the one heard is named', () => {
    const { rules, hear, known } = looking();
    known.entry = suspect(3);
    hear(alive(3));
    expect(rules.broken).toBeUndefined();
    hear(alive(4));
    expect(rules.broken?.rule).toBe('no suspicion outlives a refutation');
  });

  test('a refutation that no honest node has come to ends no suspicion', () => {
    const { rules, hear, known } = looking();
    known.entry = suspect(0);
    hear(alive(Number.MAX_SAFE_INTEGER));
    expect(rules.broken).toBeUndefined();
  });

  test('a suspicion whose time goes on for a node that is not suspect is named', () => {
    const { rules, hear, known } = looking();
    known.entry = alive(4);
    known.hasSuspicion = true;
    hear(alive(4));
    expect(rules.broken?.rule).toBe('suspects have a time to refute, and nobody else has');
  });

  test('a request without a timer is named, and the first broken rule stays', () => {
    const { rules, watcher, hear, known, membership } = looking();
    const peers = [{ node: 'b@sim', incarnation: 2n, addresses: [], ageMs: 0 }];
    const input = { kind: 'candidates', peers } as const;
    const effects = membership.handle(input, 0);
    watcher.onMembership(
      input,
      effects.filter(({ kind }) => kind !== 'schedule'),
    );
    const first = rules.broken;
    expect(first).toMatchObject({
      rule: 'membership keeps its rules',
      detail: 'membership of a@sim: the request to b@sim has no timer',
    });
    known.entry = suspect(3);
    hear(alive(4));
    expect(rules.broken).toBe(first);
  });
});

interface Known {
  entry: RosterEntry | undefined;
  hasSuspicion?: boolean;
}

/** Rules that look at a real membership core and at a roster that says what the test says. */
function looking() {
  const known: Known = { entry: undefined };
  const watchers: OverlayWatcher[] = [];
  const membership = new HyParView(SELF, new SeededRandom(1));
  const isSuspect = (): boolean => known.entry?.status === 'suspect';
  const roster: Pick<Overlay['roster'], 'get' | 'isSuspect' | 'hasSuspicion'> = {
    get: () => known.entry,
    isSuspect,
    hasSuspicion: () => known.hasSuspicion ?? isSuspect(),
  };
  const overlay = {
    membership,
    roster,
    watch: (watcher: OverlayWatcher) => watchers.push(watcher),
  };
  const rules = new OverlayInvariants(overlay as unknown as Overlay);
  const [watcher] = watchers;
  if (watcher === undefined) throw new Error('nobody looks on');
  const hear = (entry: RosterEntry): void =>
    watcher.onRoster({ kind: 'heard', from: 'c@sim', entries: [entry], by: 'broadcast' });
  return { rules, watcher, hear, known, membership };
}

function alive(refutation: number): RosterEntry {
  return { node: 'b@sim', incarnation: 2n, refutation, status: 'alive', record: RECORD };
}

function suspect(refutation: number): RosterEntry {
  return { ...alive(refutation), status: 'suspect', by: ['c@sim'], record: RECORD };
}
