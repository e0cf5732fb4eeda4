/** What every transport must do when an end of a connection moves to another address. */
import { describe, expect, test } from 'vitest';
import type { Binding } from '../../../src/transport/transport.ts';
import type { Bench } from './conformance.ts';

const NEVER = new AbortController().signal;
const FRAMES = 300;

export function migrationTests(bench: () => Bench): void {
  describe('when an end moves', () => {
    test('the dialer goes on from another local address, and every frame arrives in order', async () => {
      if (bench().world.isTunnelled) return staysInItsTunnel(bench());
      const { near, far, a } = await pair(bench());
      const old = near.connection.localAddress;
      const bound = await a.transport.bind();
      const moved = near.connection.migrate({ local: bound.address }, NEVER);
      const sent = exchange(near, far);
      await bench().within(moved);
      await bench().world.settle(() => hasAll(near, far));
      expect([near.texts(3), far.texts(3)]).toEqual([sent, sent]);
      await bench().world.settle(() => far.connection.remoteAddress === bound.address);
      expect(near.connection.localAddress).toBe(bound.address);
      expect(bound.address).not.toBe(old);
      expect([near.closures, far.closures]).toEqual([[], []]);
      bound[Symbol.dispose]();
      far.connection.send(2, text('still there'));
      await bench().world.settle(() => near.texts(2).includes('still there'));
    });

    test('the dialer follows its acceptor to another address, in the middle of frames', async () => {
      if (bench().world.isTunnelled) return staysInItsTunnel(bench());
      const { near, far, b } = await pair(bench());
      const bound = await b.transport.bind();
      const moved = near.connection.migrate({ remotes: [bound.address] }, NEVER);
      const sent = exchange(near, far);
      await bench().within(moved);
      await bench().world.settle(() => hasAll(near, far));
      expect([near.texts(3), far.texts(3)]).toEqual([sent, sent]);
      await bench().world.settle(() => far.connection.localAddress === bound.address);
      expect(near.connection.remoteAddress).toBe(bound.address);
      bound[Symbol.dispose]();
      far.connection.send(2, text('still there'));
      await bench().world.settle(() => near.texts(2).includes('still there'));
    });

    test('a move to where nobody answers ends with its signal, and nothing has changed', async () => {
      if (bench().world.isTunnelled) return;
      const { near, far } = await pair(bench());
      const before = [near.connection.localAddress, near.connection.remoteAddress];
      const given = new AbortController();
      const reason = new Error('long enough');
      const moved = near.connection.migrate({ remotes: [bench().world.nobody] }, given.signal);
      moved.catch(() => {});
      await bench().pass(20);
      given.abort(reason);
      await expect(bench().within(moved)).rejects.toBe(reason);
      expect([near.connection.localAddress, near.connection.remoteAddress]).toEqual(before);
      exchange(near, far);
      await bench().world.settle(() => hasAll(near, far));
    });

    test('the acceptor cannot move the connection by itself', async () => {
      const { far } = await pair(bench());
      await expect(bench().within(far.connection.migrate({}, NEVER))).rejects.toMatchObject({
        code: 'ERR_MIGRATION_DISABLED',
      });
    });

    test('a connection moves to and fro as often as one likes', async () => {
      if (bench().world.isTunnelled) return;
      const { near, far, a } = await pair(bench());
      const places = [await a.transport.bind(), await a.transport.bind()];
      for (let turn = 0; turn < 40; turn += 1) {
        const { address } = places[turn % 2] as Binding;
        await bench().within(near.connection.migrate({ local: address }, NEVER));
        expect(near.connection.localAddress).toBe(address);
        near.connection.send(1, text(`turn ${turn}`));
      }
      await bench().world.settle(() => far.texts(1).length === 40);
      expect(far.texts(1)).toEqual(Array.from({ length: 40 }, (_, turn) => `turn ${turn}`));
    });

    test('an acceptor whose address is gone is heard from its new one, and followed there', async () => {
      if (bench().world.isTunnelled) return;
      const { near, far, b } = await pair(bench());
      await b.transport.rehome(bench().world.otherHost);
      expect(b.transport.address.startsWith(bench().world.otherHost)).toBe(true);
      far.connection.send(2, text('I am here now'));
      await bench().world.settle(() => near.texts(2).includes('I am here now'));
      const sent = exchange(near, far);
      const moved = near.connection.migrate({ remotes: [], mayFollow: true }, NEVER);
      await bench().within(moved);
      expect(near.connection.remoteAddress).toBe(b.transport.address);
      await bench().world.settle(() => hasAll(near, far));
      expect([near.texts(3), far.texts(3)]).toEqual([sent, sent]);
    });

    test('a dialer whose address is gone is followed to its new one', async () => {
      if (bench().world.isTunnelled) return;
      const { near, far, a } = await pair(bench());
      await a.transport.rehome(bench().world.otherHost);
      const sent = exchange(near, far);
      await bench().world.settle(() => far.connection.remoteAddress === a.transport.address);
      await bench().world.settle(() => hasAll(near, far));
      expect([near.texts(3), far.texts(3)]).toEqual([sent, sent]);
    });

    test('a bound address is shared, and free again when nobody holds it', async () => {
      const [a] = await bench().openMany(1);
      const first = await a.transport.bind();
      const [host, port] = [hostOf(first.address), portOf(first.address)];
      const second = await a.transport.bind({ host, port });
      expect(second.address).toBe(first.address);
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      const [b] = await bench().openMany(1);
      await expect(b.transport.bind({ host, port })).rejects.toMatchObject({
        code: 'ERR_PATH_NOT_VALIDATED',
      });
      second[Symbol.dispose]();
      await bench().pass(5);
      const third = await b.transport.bind({ host, port });
      expect(third.address).toBe(first.address);
      third[Symbol.dispose]();
    });
  });
}

type Ends = Awaited<ReturnType<Bench['connectPair']>>;
type End = Ends[number];

async function pair(bench: Bench): Promise<{
  readonly near: End;
  readonly far: End;
  readonly a: Awaited<ReturnType<Bench['openMany']>>[0];
  readonly b: Awaited<ReturnType<Bench['openMany']>>[1];
}> {
  const [a, b] = await bench.openMany(2);
  const [near, far] = await bench.connect(a, b);
  near.connection.admit();
  far.connection.admit();
  // A first word each way: ids for further paths have come by then.
  near.connection.send(1, text('from the dialer'));
  far.connection.send(1, text('from the acceptor'));
  await bench.world.settle(() => near.frames.length > 0 && far.frames.length > 0);
  near.frames.length = 0;
  far.frames.length = 0;
  return { near, far, a, b };
}

/** Sends frames both ways at once; answers what must arrive. */
function exchange(near: End, far: End): readonly string[] {
  const sent = Array.from({ length: FRAMES }, (_, index) => `${index} ${'.'.repeat(200)}`);
  for (const frame of sent) {
    near.connection.send(3, text(frame));
    far.connection.send(3, text(frame));
  }
  return sent;
}

function hasAll(near: End, far: End): boolean {
  return near.texts(3).length === FRAMES && far.texts(3).length === FRAMES;
}

async function staysInItsTunnel(bench: Bench): Promise<void> {
  const { near } = await pair(bench);
  expect(near.connection.canMigrate).toBe(false);
  await expect(bench.within(near.connection.migrate({}, NEVER))).rejects.toMatchObject({
    code: 'ERR_MIGRATION_DISABLED',
  });
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
