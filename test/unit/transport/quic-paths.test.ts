/** Parts of paths that need no connection: ways tried in turn, candidates, and sockets. */
import { describe, expect, test } from 'vitest';
import { BarrelError } from '../../../src/errors.ts';
import type { UdpOpener } from '../../../src/host/host.ts';
import type { Endpoint } from '../../../src/host/udp.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { SOCKETS_MAX } from '../../../src/transport/path-limits.ts';
import { firstOf } from '../../../src/transport/quic/first-of.ts';
import { movePairs } from '../../../src/transport/quic/move-pairs.ts';
import { canReach } from '../../../src/transport/quic/path-pair.ts';
import { Sockets } from '../../../src/transport/quic/sockets.ts';

describe('of several ways', () => {
  test('the next is begun a quarter of a second later, and the first success is taken', async () => {
    const { time, begun, run } = race({ slow: 1_000, quick: 100, never: 5_000 });
    const found = run(['slow', 'quick', 'never']);
    await time.advance(2_000);
    expect(await found).toBe('quick');
    expect(begun).toEqual(['slow 0', 'quick 250']);
  });

  test('the next is begun at once when one fails', async () => {
    const { time, begun, run } = race({ broken: -10, quick: 100 });
    const found = run(['broken', 'quick']);
    await time.advance(1_000);
    expect(await found).toBe('quick');
    expect(begun).toEqual(['broken 0', 'quick 10']);
  });

  test('all that fail are one failure: the first', async () => {
    const { time, run } = race({ one: -300, two: -10 });
    const found = run(['one', 'two']);
    found.catch(() => {});
    await time.advance(1_000);
    await expect(found).rejects.toThrow('two failed');
  });

  test('a success that comes too late is undone', async () => {
    const { time, undone, run } = race({ one: 300, two: 50 });
    const found = run(['one', 'two']);
    await time.advance(1_000);
    expect([await found, undone]).toEqual(['one', ['two']]);
  });
});

describe('candidates of a move', () => {
  const active = { local: at('10.0.0.1', 1), remote: at('10.0.0.2', 2) };

  test('are the one in use, unless told else', () => {
    expect(movePairs({}, active, at('10.0.0.9', 9))).toEqual([active]);
    expect(movePairs({ local: '10.0.0.7:7' }, active, undefined)).toEqual([
      { local: at('10.0.0.7', 7), remote: active.remote },
    ]);
  });

  test('are what the peer says, its host the one in use where it says none', () => {
    const remotes = [':5', '[2001:db8::1]:6'];
    expect(movePairs({ remotes }, active, undefined).map(({ remote }) => remote)).toEqual([
      at('10.0.0.2', 5),
      at('2001:db8::1', 6),
    ]);
  });

  test('begin with where the peer was heard from, if that may be', () => {
    const found = movePairs({ mayFollow: true }, active, at('10.0.0.9', 9));
    expect(found.map(({ remote }) => remote)).toEqual([at('10.0.0.9', 9), active.remote]);
  });

  test('of another family than their socket are out of reach', () => {
    const [v4, v6] = [at('10.0.0.2', 2), at('2001:db8::1', 1)];
    expect(canReach({ local: at('0.0.0.0', 1), remote: v4 })).toBe(true);
    expect(canReach({ local: at('0.0.0.0', 1), remote: v6 })).toBe(false);
    expect(canReach({ local: at('::1', 1), remote: v4 })).toBe(false);
    expect(canReach({ local: at('0.0.0.0', 1), remote: at('100::1:1', 1) })).toBe(true);
    for (const remote of [v4, v6]) expect(canReach({ local: at('::', 1), remote })).toBe(true);
  });
});

describe('sockets', () => {
  test('send from the address that a path names, and from nowhere else', async () => {
    const { sockets, sent } = await opened();
    const bound = await sockets.bind(at('10.0.0.1', 0));
    const peer = at('10.0.0.2', 2);
    sockets.send(Uint8Array.of(1), sockets.home, peer);
    sockets.send(Uint8Array.of(2), bound, peer);
    sockets.send(Uint8Array.of(3), at('10.0.0.1', 999), peer);
    expect(sent).toEqual(['1 from 10.0.0.1:1', '2 from 10.0.0.1:2']);
  });

  test('close with their last holder, the home one stays', async () => {
    const { sockets } = await opened();
    const bound = await sockets.bind(at('10.0.0.1', 0));
    expect(sockets.hold(bound)).toBe(true);
    sockets.release(bound);
    expect(sockets.size).toBe(2);
    sockets.release(bound);
    sockets.release(bound);
    expect(sockets.size).toBe(1);
    expect(sockets.hold(bound)).toBe(false);
  });

  test('whose home is gone send from the new one in its name', async () => {
    const { sockets, sent } = await opened();
    const [old, peer] = [sockets.home, at('10.0.0.2', 2)];
    await sockets.rehome(at('10.0.0.5', 1));
    sockets.send(Uint8Array.of(1), old, peer);
    await sockets.rehome(at('10.0.0.6', 1));
    sockets.send(Uint8Array.of(2), old, peer);
    expect(sent).toEqual(['1 from 10.0.0.5:1', '2 from 10.0.0.6:1']);
    await sockets.rehome(old);
    sockets.send(Uint8Array.of(3), old, peer);
    expect(sent[2]).toBe('3 from 10.0.0.1:1');
    expect(sockets.size).toBe(1);
  });

  test('are no more than the bound', async () => {
    const { sockets } = await opened();
    for (let index = 1; index < SOCKETS_MAX; index += 1) await sockets.bind(at('10.0.0.1', 0));
    await expect(sockets.bind(at('10.0.0.1', 0))).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
  });
});

function at(host: string, port: number): Endpoint {
  return { host, port };
}

/** Each way succeeds after so long, or fails after as long as its time is negative. */
function race(ways: Readonly<Record<string, number>>): {
  readonly time: VirtualTime;
  readonly begun: string[];
  readonly undone: string[];
  readonly run: (names: readonly string[]) => Promise<string>;
} {
  const time = new VirtualTime();
  const begun: string[] = [];
  const undone: string[] = [];
  const attempt = (name: string): Promise<string> => {
    begun.push(`${name} ${Math.round(time.monotonicMs())}`);
    const ms = ways[name] ?? 0;
    return new Promise((resolve, reject) => {
      time.after(Math.abs(ms), () => {
        if (ms < 0) reject(new BarrelError('ERR_UNREACHABLE', `${name} failed`));
        else resolve(name);
      });
    });
  };
  const undo = (name: string): void => void undone.push(name);
  const run = (names: readonly string[]): Promise<string> =>
    firstOf({ timers: time, undo }, names, attempt);
  return { time, begun, undone, run };
}

describe('a home address that goes and comes back', () => {
  const [first, second] = [at('10.0.0.1', 7), at('10.0.0.5', 7)];

  test('keeps its socket though a connection of before ends, and sends on it', async () => {
    const { sockets, sent } = await opened(7);
    sockets.hold(first);
    await sockets.rehome(second);
    await sockets.rehome(first);
    sockets.release(first);
    expect(sockets.size).toBe(1);
    sockets.send(Uint8Array.of(1), sockets.home, at('10.0.0.2', 2));
    expect(sent).toEqual(['1 from 10.0.0.1:7']);
  });

  test('closes a spare socket there when the last of its own holders is gone', async () => {
    const { sockets } = await opened(7);
    const bound = await sockets.bind(second);
    await sockets.rehome(second);
    await sockets.rehome(first);
    expect(await sockets.bind(second)).toEqual(bound);
    sockets.release(second);
    expect(sockets.size).toBe(2);
    sockets.release(second);
    expect(sockets.size).toBe(1);
  });
});

test('no more than sixteen sockets are opened, even all at once', async () => {
  const { sockets } = await opened(7);
  const binds = Array.from({ length: 40 }, (_, n) => sockets.bind(at('10.0.0.1', 100 + n)));
  const outcomes = await Promise.allSettled(binds);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
  expect(sockets.size).toBe(16);
});

/** On a system that gives ports in a row. */
async function opened(port = 0): Promise<{ readonly sockets: Sockets; readonly sent: string[] }> {
  const sent: string[] = [];
  let lastPort = 0;
  const openUdp: UdpOpener = async ({ host, port }) => {
    if (port === 0) lastPort += 1;
    const local = at(host, port === 0 ? lastPort : port);
    return {
      local,
      isIdle: true,
      send: (datagram) => sent.push(`${datagram[0]} from ${local.host}:${local.port}`),
      close: async () => {},
    };
  };
  const sockets = new Sockets({
    openUdp,
    openFirst: openUdp,
    onDatagram: () => {},
    onError: () => {},
  });
  await sockets.open(at('10.0.0.1', port));
  return { sockets, sent };
}
