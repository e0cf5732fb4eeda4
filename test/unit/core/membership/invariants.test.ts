import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  MembershipEffect,
  MembershipInput,
  MembershipTimer,
} from '../../../../src/core/membership/contract.ts';
import { HyParView } from '../../../../src/core/membership/hyparview.ts';
import { MembershipInvariants } from '../../../../src/core/membership/invariants.ts';
import type { PeerDescriptor } from '../../../../src/core/membership/peer.ts';
import { seeded } from '../overlay-network.ts';
import { anyMembershipMessage } from './any-message.ts';

const NAMES = ['self', 'a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}@t`);

const name = fc.constantFrom(...NAMES);
const peer: fc.Arbitrary<PeerDescriptor> = fc.record({
  node: name,
  incarnation: fc.bigInt({ min: 0n, max: 3n }),
  addresses: fc.constant(['10.0.0.1:1']),
  ageMs: fc.nat(4_000_000),
});
const peers = fc.array(peer, { maxLength: 8 });
// Small numbers, so that replies often meet requests that are under way.
const serial = fc.nat(30);
const hopsLeft = fc.integer({ min: -1, max: 20 });
const message = anyMembershipMessage({ peer, peers, serial, hopsLeft });

/** An input, or the n-th of the timers that were scheduled, fired early, late or twice. */
type Step = { readonly input: MembershipInput } | { readonly timer: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: received() },
  { weight: 4, arbitrary: asStep(fc.record({ kind: fc.constant('connected' as const), peer })) },
  { weight: 2, arbitrary: fc.record({ timer: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: asStep(
      fc.oneof(
        fc.record({ kind: fc.constant('join' as const), peer, requestId: serial }),
        fc.record({ kind: fc.constant('leave' as const), requestId: serial }),
        fc.record({ kind: fc.constant('connectFailed' as const), node: name }),
        fc.record({
          kind: fc.constant('disconnected' as const),
          node: name,
          reason: fc.constantFrom('lost', 'closed', 'leaving', 'idle'),
        }),
        fc.record({ kind: fc.constant('candidates' as const), peers }),
        fc.record({ kind: fc.constant('invite' as const), peer }),
        fc.record({ kind: fc.constant('block' as const), nodes: fc.subarray(NAMES) }),
        fc.record({
          kind: fc.constant('gone' as const),
          node: name,
          incarnation: fc.bigInt({ min: 0n, max: 3n }),
        }),
      ),
    ),
  },
);

const run = fc.record({
  steps: fc.array(fc.tuple(step, fc.nat(3_000)), { maxLength: 120 }),
  seed: fc.nat(),
  activeSize: fc.integer({ min: 1, max: 4 }),
  passiveSize: fc.integer({ min: 0, max: 4 }),
  attemptsMax: fc.integer({ min: 1, max: 5 }),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

describe('HyParView, whatever it is told', () => {
  test('keeps its invariants', () => {
    fc.assert(
      fc.property(run, (drawn) => {
        play(drawn);
      }),
      { numRuns: 400 },
    );
  });

  test('does the same again with the same seed', () => {
    fc.assert(
      fc.property(run, (drawn) => {
        expect(play(drawn)).toEqual(play(drawn));
      }),
      { numRuns: 50 },
    );
  });

  test('sends only over links that stand', () => {
    fc.assert(
      fc.property(run, (drawn) => {
        const linked = new Set<string>();
        play(drawn, (input, effects) => {
          if (input.kind === 'connected') linked.add(input.peer.node);
          if (input.kind === 'disconnected') linked.delete(input.node);
          for (const effect of effects) {
            if (effect.kind === 'send') expect(linked).toContain(effect.to);
          }
        });
      }),
    );
  });

  test('answers each join and each leave once, at the latest when its timers have fired', () => {
    fc.assert(
      fc.property(run, (drawn) => {
        let asked = 0;
        let answered = 0;
        const { core, timers } = play(drawn, (input, effects) => {
          if (input.kind === 'join' || input.kind === 'leave') asked += 1;
          answered += effects.filter(({ kind }) => kind === 'reply').length;
        });
        for (const timer of timers) {
          const effects = core.handle({ kind: 'timerFired', timer }, 1e9);
          answered += effects.filter(({ kind }) => kind === 'reply').length;
        }
        expect(answered).toBe(asked);
      }),
    );
  });
});

function received(): fc.Arbitrary<Step> {
  return asStep(fc.record({ kind: fc.constant('messageReceived' as const), from: name, message }));
}

function asStep(input: fc.Arbitrary<MembershipInput>): fc.Arbitrary<Step> {
  return input.map((drawn) => ({ input: drawn }));
}

interface Played {
  readonly core: HyParView;
  readonly timers: readonly MembershipTimer[];
  readonly trace: readonly (readonly MembershipEffect[])[];
}

function play(
  { steps, seed, ...config }: Run,
  look: (input: MembershipInput, effects: readonly MembershipEffect[]) => void = () => undefined,
): Played {
  const self = { node: 'self@t', incarnation: 1n, addresses: [], ageMs: 0 };
  const core = new HyParView(self, seeded(seed), { ...config, shuffleActive: 1 });
  const invariants = new MembershipInvariants(core);
  const timers: MembershipTimer[] = [];
  const trace: (readonly MembershipEffect[])[] = [];
  let nowMs = 0;
  for (const [drawn, waitMs] of steps) {
    nowMs += waitMs;
    const input = inputOf(drawn, timers);
    if (input === undefined) continue;
    const effects = core.handle(input, nowMs);
    invariants.check(effects, input);
    look(input, effects);
    trace.push(effects);
    for (const effect of effects) if (effect.kind === 'schedule') timers.push(effect.timer);
  }
  return { core, timers, trace };
}

function inputOf(drawn: Step, timers: readonly MembershipTimer[]): MembershipInput | undefined {
  if ('input' in drawn) return drawn.input;
  const timer = timers[drawn.timer % Math.max(timers.length, 1)];
  return timer === undefined ? undefined : { kind: 'timerFired', timer };
}
