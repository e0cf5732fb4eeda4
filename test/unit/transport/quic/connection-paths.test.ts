/** Where a dialer looks for its peer, with the calls of the native library written down. */
import { expect, test } from 'vitest';
import { endpointText } from '../../../../src/host/endpoint-text.ts';
import type { Endpoint } from '../../../../src/host/udp.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../../src/testing/virtual-time.ts';
import { ConnectionPaths } from '../../../../src/transport/quic/connection-paths.ts';
import type { NativeConnection } from '../../../../src/transport/quic/native.ts';

const HERE = at('10.0.0.1', 1);
const OLD = at('10.0.0.2', 2);
const NEW = at('10.0.0.2', 3);

test('a peer that speaks from the address that was left is looked for there, too', async () => {
  const { paths, move } = await moved();
  expect(await move({ mayFollow: true })).toEqual([NEW]);
  paths.arrive(OLD, HERE);
  expect(await move({ mayFollow: true })).toEqual([OLD, NEW]);
});

test('but not where it says where it is, nor when it was heard long ago', async () => {
  const { paths, move, time } = await moved();
  paths.arrive(OLD, HERE);
  const remotes = [endpointText(NEW)];
  expect(await move({ remotes, mayFollow: true })).toEqual([NEW]);
  await time.advance(6_000);
  expect(await move({ mayFollow: true })).toEqual([NEW]);
});

test('a path that was left is asked again, since the first question may be lost, and not for ever', async () => {
  const { asked, paths, time } = await moved();
  const ofOld = (): number => asked.filter((remote) => remote === OLD).length;
  expect(ofOld()).toBe(1);
  await time.advance(60_000);
  expect(ofOld()).toBe(4);
  paths.close();
});

test('nor when the connection has ended, or the path is in use again', async () => {
  const ended = await moved();
  ended.paths.close();
  const back = await moved();
  back.paths.arrive(OLD, HERE);
  for (const { asked, time } of [ended, back]) {
    await time.advance(60_000);
    expect(asked.filter((remote) => remote === OLD)).toHaveLength(1);
  }
});

/** A dialer that has followed its peer from the old address to the new one. */
async function moved(): Promise<{
  readonly time: VirtualTime;
  readonly paths: ConnectionPaths;
  /** Peers that the library was told to ask. */
  readonly asked: Endpoint[];
  /** Begins a move, gives it up, and answers where the peer was looked for. */
  readonly move: (to: Parameters<ConnectionPaths['migrate']>[0]) => Promise<readonly Endpoint[]>;
}> {
  const time = new VirtualTime();
  const asked: Endpoint[] = [];
  let received = 0;
  const native = {
    stats: () => ({ peerDisableActiveMigration: false }),
    pathStats: () => [{ localHost: HERE, peerHost: NEW, active: true, recv: received }],
    probePath: (_local: Endpoint, remote: Endpoint) => asked.push(remote),
    isPathValidated: () => true,
    migrate: () => 0,
    sendAckEliciting: () => {},
    pathEventNext: () => null,
  } as unknown as NativeConnection;
  const nothing = (): void => {};
  const host = { clock: time, timers: time, random: new SeededRandom(1) };
  const owner = { host, holdSocket: nothing, releaseSocket: nothing, countPath: nothing };
  const start = {
    role: 'dialer' as const,
    local: HERE,
    remote: OLD,
    datagramBytesMax: 1_350,
    ownKey: new Uint8Array(32),
  };
  const paths = new ConnectionPaths(native, start, { owner, wake: nothing });
  paths.open();
  const migrating = paths.migrate({ remotes: [endpointText(NEW)] }, new AbortController().signal);
  received += 1;
  paths.arrive(NEW, HERE);
  paths.look();
  await migrating;
  expect(paths.active.remote).toEqual(NEW);
  const move = async (to: Parameters<ConnectionPaths['migrate']>[0]): Promise<Endpoint[]> => {
    asked.length = 0;
    const abort = new AbortController();
    const trying = paths.migrate(to, abort.signal);
    abort.abort();
    await expect(trying).rejects.toBe(abort.signal.reason);
    return [...asked];
  };
  return { time, paths, asked, move };
}

function at(host: string, port: number): Endpoint {
  return { host, port };
}
