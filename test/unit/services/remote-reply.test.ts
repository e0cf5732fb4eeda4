/** What a method of a client gives: a promise that can be iterated over. */
import { expect, test } from 'vitest';
import { RemoteReply } from '../../../src/services/remote-reply.ts';

const FAULT = new Error('no');

test('a reply that fails is noted where nobody has awaited or iterated it by then', async () => {
  const looks: readonly (readonly [look: (reply: RemoteReply) => unknown, isNoted: boolean])[] = [
    [() => {}, true],
    [(reply) => reply[Symbol.asyncIterator](), true],
    [(reply) => reply.then(undefined, () => {}), false],
    [(reply) => reply.catch(() => {}), false],
    [(reply) => Promise.allSettled([reply]), false],
    [(reply) => readOf(reply).catch(() => {}), false],
  ];
  for (const [look, isNoted] of looks) {
    const noted: unknown[] = [];
    let fail = (_: Error): void => {};
    const answer = new Promise((_, reject) => {
      fail = reject;
    });
    const reply = RemoteReply.of(answer, (error) => noted.push(error));
    const looked = look(reply);
    await undefined;
    await undefined;
    fail(FAULT);
    await looked;
    await expect(reply).rejects.toBe(FAULT);
    expect(noted).toEqual(isNoted ? [FAULT] : []);
  }
});

test('what follows from it are plain promises', async () => {
  const reply = RemoteReply.of(Promise.resolve(7), () => {});
  const next = reply.then((value) => value);
  expect([reply instanceof Promise, next instanceof RemoteReply]).toEqual([true, false]);
  expect([await reply, await next]).toEqual([7, 7]);
});

async function readOf(reply: RemoteReply): Promise<void> {
  for await (const _ of reply);
}
