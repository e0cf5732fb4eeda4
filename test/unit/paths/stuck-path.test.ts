/** A link that has moved by itself and of which the library then says that it hardly sends. */
import { expect, test } from 'vitest';
import type { Link } from '../../../src/cluster/link.ts';
import type { LinkPort } from '../../../src/cluster/ports.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import type { LinkMoves } from '../../../src/paths/link-moves.ts';
import type { MoveRequests } from '../../../src/paths/move-requests.ts';
import { PathWatch } from '../../../src/paths/path-watch.ts';
import { STUCK_MOVES_MAX, STUCK_RTT_MS } from '../../../src/paths/path-watch-limits.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

test('a path that is slow only since the link moved to it is left again, three times at most', async () => {
  const { path, state, moves, time } = watched();
  path.rttMs = 10 * STUCK_RTT_MS;
  await time.advance(5_000);
  // Slow from the beginning is how the way is.
  expect(moves).toEqual([]);
  state.unansweredMs = 1_500;
  await time.advance(600);
  state.unansweredMs = 0;
  expect(moves).toHaveLength(1);
  await time.advance(60_000);
  expect(moves).toHaveLength(1 + STUCK_MOVES_MAX);
});

test('a path that is quick again is kept', async () => {
  const { path, state, moves, time } = watched();
  state.unansweredMs = 1_500;
  await time.advance(600);
  state.unansweredMs = 0;
  path.rttMs = STUCK_RTT_MS - 1;
  await time.advance(60_000);
  expect(moves).toHaveLength(1);
});

/** One link that this node has dialled, and what is done with it. */
function watched(): {
  readonly path: { rttMs: number };
  readonly state: { unansweredMs: number };
  readonly moves: string[];
  readonly time: VirtualTime;
} {
  const time = new VirtualTime();
  const path = { rttMs: 1 };
  const moves: string[] = [];
  const state = {
    role: 'dialer',
    localAddress: '10.0.0.1:7',
    canMigrate: true,
    unansweredMs: 0,
    path,
    migrate: async ({ local }: { local: string }) => {
      state.localAddress = local;
      moves.push(local);
    },
  };
  const link = { node: 'a@test', isRelayed: false, connection: state } as unknown as Link;
  const sockets = { address: '10.0.0.1:7', bind: async () => ({ address: '10.0.0.1:8' }) };
  const links = {
    all: () => [link],
    listen: ({ onLinkUp }: { onLinkUp?: (link: Link) => void }) => onLinkUp?.(link),
    sockets,
    readvertise: () => [],
  };
  new PathWatch({
    host: {
      clock: time,
      timers: time,
      meter: new Meter(),
      logger: silentLogger,
      externalAddresses: () => ['10.0.0.1'],
    },
    links: links as unknown as LinkPort,
    moves: { isBusy: () => false } as unknown as LinkMoves,
    requests: {} as MoveRequests,
    listenHost: '10.0.0.1',
  });
  return { path, state, moves, time };
}
