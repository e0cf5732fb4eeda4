import { expect, test } from 'vitest';
import { EarlyConnections } from '../../../src/cluster/early-connections.ts';
import { WireError } from '../../../src/core/wire/wire-error.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import { SimulatedNetwork } from '../../../src/transport/memory/network.ts';
import {
  type Closure,
  CONTROL,
  type Connection,
  type ConnectionEvents,
} from '../../../src/transport/transport.ts';

const HELLO = Uint8Array.of(1, 2, 3);

test('one that came before waits with what it said, a later one is accepted as it comes', async () => {
  const { dial, early, accepted } = await world();
  const first = await dial();
  first.connection.send(CONTROL, HELLO);
  await first.advance(100);
  expect(accepted).toEqual([]);
  early.letIn();
  expect(accepted).toMatchObject([{ frames: [HELLO] }]);
  first.connection.send(CONTROL, HELLO);
  await first.advance(100);
  expect(accepted).toMatchObject([{ frames: [HELLO, HELLO] }]);
  await dial();
  expect(accepted).toHaveLength(2);
});

test('one that has ended meanwhile is not accepted', async () => {
  const { dial, early, accepted } = await world();
  const { connection, advance } = await dial();
  connection.close('closed');
  await advance(100);
  early.letIn();
  expect(accepted).toEqual([]);
});

test('one that breaks the protocol loses its connection then, and no other', async () => {
  const { dial, early, accepted } = await world((frame) => {
    if (frame[0] === 9) throw new WireError('no such kind');
  });
  const [bad, good] = [await dial(), await dial()];
  bad.connection.send(CONTROL, Uint8Array.of(9));
  good.connection.send(CONTROL, HELLO);
  await good.advance(100);
  early.letIn();
  await good.advance(100);
  expect(bad.closures).toMatchObject([{ reason: 'protocol', detail: 'no such kind' }]);
  expect(good.closures).toEqual([]);
  expect(accepted).toMatchObject([{}, { frames: [HELLO] }]);
});

interface Dialled {
  readonly connection: Connection;
  readonly closures: Closure[];
  readonly advance: (ms: number) => Promise<void>;
}

/** A node that is being put together, and dials to it. */
async function world(check: (frame: Uint8Array) => void = () => {}): Promise<{
  readonly early: EarlyConnections;
  readonly dial: () => Promise<Dialled>;
  readonly accepted: { readonly frames: Uint8Array[] }[];
}> {
  const time = new VirtualTime();
  const random = new SeededRandom(1);
  const network = new SimulatedNetwork({ clock: time, timers: time, random, latencyMs: [1, 1] });
  const accepted: { frames: Uint8Array[] }[] = [];
  const early = new EarlyConnections((connection) => {
    const frames: Uint8Array[] = [];
    accepted.push({ frames });
    const events = listener((frame) => {
      check(frame);
      frames.push(frame.slice());
    });
    connection.attach(events);
    return events;
  });
  const open = (key: number, onConnection: (connection: Connection) => void) =>
    openMemoryTransport({
      network,
      identity: { publicKey: new Uint8Array(32).fill(key) },
      onConnection,
    });
  const node = await open(1, early.take);
  const peer = await open(2, () => {});
  const advance = (ms: number): Promise<void> => time.advance(ms);
  const dial = async (): Promise<Dialled> => {
    const dialling = peer.dial(node.address);
    await advance(100);
    const connection = await dialling;
    const closures: Closure[] = [];
    connection.attach(listener(() => {}, closures));
    await advance(10);
    return { connection, closures, advance };
  };
  return { early, dial, accepted };
}

function listener(
  onFrame: (frame: Uint8Array) => void,
  closures: Closure[] = [],
): ConnectionEvents {
  return {
    onFrame: (_channel, frame) => onFrame(frame),
    onDrained: () => {},
    onClosed: (closure) => void closures.push(closure),
  };
}
