import { expect, test } from 'vitest';
import { SpareSocket } from '../../../src/paths/spare-socket.ts';
import type { Binding } from '../../../src/transport/transport.ts';

/** Sockets that open in a later turn, and how many are open. */
class Opening {
  open = 0;
  fails = false;
  #lastPort = 0;

  async bind({ host = '' }: { readonly host?: string } = {}): Promise<Binding> {
    await null;
    if (this.fails) throw new Error('no socket');
    this.open += 1;
    this.#lastPort += 1;
    const close = (): void => {
      this.open -= 1;
    };
    return { address: `${host}:${this.#lastPort}`, [Symbol.dispose]: close };
  }
}

test('all that ask at once share one socket', async () => {
  const sockets = new Opening();
  const spare = new SpareSocket(sockets);
  const asked = Array.from({ length: 20 }, () => spare.on('10.0.0.1'));
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['10.0.0.1:1']));
  expect(await spare.on('10.0.0.1')).toBe('10.0.0.1:1');
  expect(sockets.open).toBe(1);
});

test('one on another host takes its place, and it is closed with its owner', async () => {
  const sockets = new Opening();
  const spare = new SpareSocket(sockets);
  // The first is still being opened when the second is asked for.
  const [, second] = await Promise.all([spare.on('10.0.0.1'), spare.on('10.0.0.2')]);
  expect([second, sockets.open]).toEqual(['10.0.0.2:2', 1]);
  const last = spare.on('10.0.0.3');
  spare.close();
  await last;
  expect(sockets.open).toBe(0);
});

test('one that could not be opened is tried again', async () => {
  const sockets = new Opening();
  const spare = new SpareSocket(sockets);
  sockets.fails = true;
  const failed = await Promise.allSettled([spare.on('10.0.0.1'), spare.on('10.0.0.1')]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  sockets.fails = false;
  expect(await spare.on('10.0.0.1')).toBe('10.0.0.1:1');
  expect(sockets.open).toBe(1);
});
