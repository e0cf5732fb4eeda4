/** What a node answers to others about reminders, whatever they send. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { encodeRecord } from '../../../src/core/schedule/record-codec.ts';
import { keyTextOf } from '../../../src/core/schedule/reminder-id.ts';
import { bytesOfText } from '../../../src/core/store/binary-text.ts';
import { BarrelError } from '../../../src/errors.ts';
import type { Delivery } from '../../../src/reminders/own-handlers.ts';
import { peerAnswers } from '../../../src/reminders/peer-answers.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import {
  claimOf,
  idOf,
  type PlayedReminderStore,
  playedReminderStore,
  recordOf,
} from './played-reminder-store.ts';

const METHODS = ['has', 'knows', 'handles', 'abandon', 'deliver'] as const;

let played: PlayedReminderStore;
let time: VirtualTime;
let ran: [name: string, delivery: Delivery][];
let abandoned: string[];
let ask: (method: (typeof METHODS)[number], ...args: readonly unknown[]) => Promise<unknown>;

beforeEach(async () => {
  played = await playedReminderStore();
  time = new VirtualTime();
  ran = [];
  abandoned = [];
  const { questions, firings } = peerAnswers({
    store: played.store,
    timers: time,
    handlers: {
      canHandle: (keyText) => keyText === keyTextOf('mine'),
      abandon: (name) => abandoned.push(name),
      run: async (name, delivery) => {
        ran.push([name, delivery]);
        return { kind: 'rejected', error: 'no' };
      },
    },
  });
  ask = async (method, ...args) =>
    Reflect.apply(Reflect.get({ ...questions, ...firings }, method), undefined, args);
});

/** Settles while time passes. */
async function after(ms: number, answer: Promise<unknown>): Promise<unknown> {
  await time.advance(ms);
  return answer;
}

describe('who asks for reminders', () => {
  test('hears which of them are here', async () => {
    played.memory.arrive(idOf('a'), encodeRecord(recordOf()));
    const answer = ask('has', [bytesOfText(idOf('a')), bytesOfText(idOf('b'))]);
    expect(await after(1_000, answer)).toEqual([true, false]);
  });

  test('is answered as soon as what it asks for has come', async () => {
    const answer = ask('has', [bytesOfText(idOf('a'))]);
    await time.advance(400);
    played.memory.arrive(idOf('a'), encodeRecord(recordOf()));
    expect(await answer).toEqual([true]);
  });

  test('is told no when it is not on this disk', async () => {
    played.memory.arrive(idOf('a'), encodeRecord(recordOf()));
    played.memory.durable = Promise.reject(new BarrelError('ERR_STORE', 'full'));
    expect(await ask('has', [bytesOfText(idOf('a'))])).toEqual([false]);
  });
});

describe('who asks for a claim', () => {
  const claim = encodeRecord(claimOf('a@test'));

  test('is told yes for that claim and for a renewal of it', async () => {
    const answer = ask('knows', bytesOfText(idOf('a')), claim);
    played.memory.arrive(idOf('a'), encodeRecord(recordOf()));
    await time.advance(100);
    played.memory.arrive(idOf('a'), encodeRecord(claimOf('a@test', { step: 3 })));
    expect(await answer).toBe(true);
  });

  test('is told no for a claim of another node, after a second', async () => {
    played.memory.arrive(idOf('a'), encodeRecord(claimOf('b@test')));
    expect(await after(1_000, ask('knows', bytesOfText(idOf('a')), claim))).toBe(false);
  });
});

describe('who delivers', () => {
  test('hears how the handler ended, and can tell it to give up', async () => {
    const payload = new Uint8Array([1]);
    const args = ['n', bytesOfText(idOf('mine')), 2, 9n, 7, payload];
    expect(await ask('deliver', ...args)).toEqual(['rejected', 'no']);
    expect(ran).toEqual([['n', { id: idOf('mine'), attempt: 2, fence: 9n, dueAtMs: 7, payload }]]);
    await ask('abandon', 'n');
    expect(abandoned).toEqual(['n']);
  });

  test('hears before whether there is a handler', async () => {
    expect(await ask('handles', bytesOfText(keyTextOf('mine')))).toBe(true);
    expect(await ask('handles', bytesOfText(keyTextOf('other')))).toBe(false);
  });
});

describe('anything else that a peer sends', () => {
  test('is refused, and runs no handler', async () => {
    const id = bytesOfText(idOf('mine'));
    const bad: readonly (readonly unknown[])[] = [
      ['n', id, 2, 9n, 7, 'payload'],
      ['n', id, 2, 9, 7, id],
      ['n', id, 2.5, 9n, 7, id],
      ['n', new Uint8Array([1, 2, 3]), 2, 9n, 7, id],
      [1, id, 2, 9n, 7, id],
      [],
    ];
    for (const args of bad) await expect(ask('deliver', ...args)).rejects.toThrow();
    await expect(ask('has', 'x')).rejects.toThrow('no ids');
    await expect(ask('has', new Array(257).fill(id))).rejects.toThrow('no ids');
    await expect(ask('knows', id, new Uint8Array(3))).rejects.toThrow();
    expect(ran).toEqual([]);
  });

  test('only fails the call', async () => {
    const any = fc.array(fc.oneof(fc.anything(), fc.uint8Array()), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...METHODS), any, async (method, args) => {
        const answer = ask(method, ...args).catch((error: unknown) => error);
        await after(1_000, answer);
      }),
      { numRuns: 200 },
    );
    expect(ran).toEqual([]);
  });
});

describe('entries of the store that make no sense', () => {
  test('are counted and passed over, and good ones beside them are not (T8)', async () => {
    const { store, memory, invalid } = played;
    const told: unknown[] = [];
    store.onChange((change) => told.push(change));
    const bytes = encodeRecord(recordOf());
    for (const id of ['', 'x', '\0', `${idOf('a')}\x02`, `\xc1${idOf('a').slice(1)}`]) {
      memory.arrive(id, bytes);
    }
    memory.arrive(idOf('cut'), bytes.subarray(0, 20));
    memory.arrive(idOf('good'), bytes);
    expect(invalid.value).toBe(5);
    expect(store.read(idOf('cut'))).toBe(undefined);
    expect(invalid.value).toBe(6);
    expect(told).toEqual([
      { kind: 'stored', id: idOf('cut'), isClaimed: false },
      { kind: 'stored', id: idOf('good'), isClaimed: false },
    ]);
    expect(store.read(idOf('good'))).toEqual(recordOf());
  });
});
