import { describe, expect, test } from 'vitest';
import { ControlIntake } from '../../../src/cluster/control-intake.ts';
import { encodeLiveness } from '../../../src/core/roster/messages.ts';
import { EXCHANGE } from '../../../src/core/store/exchange/exchange-codec.ts';
import { CONTROL_QUEUE_BYTES_MAX } from '../../../src/limits.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { CONTROL } from '../../../src/transport/transport.ts';
import { join, SimulatedClusters } from './simulated-cluster.ts';

const SMALL = 100;

describe('the intake of control frames', () => {
  test('delivers at once what is within the allowance', () => {
    const { intake, delivered, slowed } = newIntake();
    for (let index = 0; index < 19_000; index += 1) intake.take(numbered(index));
    expect(delivered.length).toBe(19_000);
    expect(slowed()).toBe(0);
  });

  test('spreads a burst over time, each frame once and in order', async () => {
    const { time, intake, delivered, slowed } = newIntake();
    for (let index = 0; index < 60_000; index += 1) intake.take(numbered(index));
    expect(delivered.length).toBeLessThan(20_001);
    await time.advance(1_000);
    expect(delivered.length).toBeGreaterThan(35_000);
    expect(delivered.length).toBeLessThan(41_000);
    intake.take(numbered(60_000));
    await time.advance(2_500);
    expect(delivered).toEqual(Array.from({ length: 60_001 }, (_, index) => index));
    expect(slowed()).toBe(1);
  });

  test('takes for ever what comes at the rate of the allowance, and holds little of it', async () => {
    const { time, intake, delivered, flooded } = newIntake();
    for (let turn = 0; turn < 1_000; turn += 1) {
      for (let index = 0; index < 190; index += 1) intake.take(numbered(0));
      await time.advance(10);
    }
    expect(flooded()).toBe(0);
    expect(delivered.length).toBe(190_000);
  });

  test('charges bytes as well, but for those of an exchange, which has a window', () => {
    const large = (kind: number): Uint8Array => new Uint8Array(61_440).fill(kind);
    const plain = newIntake();
    const exchange = newIntake();
    for (let index = 0; index < 5_000; index += 1) {
      plain.intake.take(large(56).subarray(0, 3_000));
      exchange.intake.take(large(EXCHANGE));
    }
    expect([plain.slowed(), exchange.slowed()]).toEqual([0, 0]);
    for (let index = 0; index < 1_100; index += 1) plain.intake.take(large(56));
    expect(plain.slowed()).toBe(1);
  });

  test('holds what an honest peer can have on its way, and ends at more', () => {
    const { intake, flooded, time } = newIntake();
    const frame = new Uint8Array(SMALL);
    const own = CONTROL_QUEUE_BYTES_MAX / SMALL;
    for (let index = 0; index < 19_000 + 2 * own; index += 1) intake.take(frame);
    expect(flooded()).toBe(0);
    for (let index = 0; index < 2_000; index += 1) intake.take(frame);
    expect(flooded()).toBe(1);
    expect(time.monotonicMs()).toBe(0);
  });

  test('drops what waits when it closes', async () => {
    const { time, intake, delivered } = newIntake();
    for (let index = 0; index < 30_000; index += 1) intake.take(numbered(index));
    const before = delivered.length;
    intake.close();
    intake.take(numbered(1));
    await time.advance(5_000);
    expect(delivered.length).toBe(before);
  });

  test('may be closed by what it delivers', async () => {
    const { time, intake, delivered } = newIntake((count) => count === 25_000 && intake.close());
    for (let index = 0; index < 30_000; index += 1) intake.take(numbered(index));
    await time.advance(5_000);
    expect(delivered.length).toBe(25_000);
  });
});

test('a peer that floods control frames loses its link, and nobody else notices', async () => {
  const clusters = new SimulatedClusters(7);
  const a = await clusters.start('a@test');
  const b = await clusters.start('b@test');
  const c = await clusters.start('c@test');
  await join(clusters, c, a);
  const link = await clusters.settled(b.cluster.dialler.toAddress(a.cluster.address));
  await clusters.time.advance(100);
  const frame = encodeLiveness({ kind: 'pong' });
  for (let turn = 0; turn < 400 && a.messages.downs.length === 0; turn += 1) {
    for (let index = 0; index < 2_000; index += 1) link.send(CONTROL, frame);
    await clusters.time.advance(5);
  }
  expect(a.messages.downs).toMatchObject([{ peer: { node: 'b@test' }, reason: 'overloaded' }]);
  expect(c.messages.downs).toEqual([]);
  expect(a.cluster.activeView()).toEqual(['c@test']);
  await clusters.settled(Promise.all([a, b, c].map(({ cluster }) => cluster.close())));
});

interface UnderTest {
  readonly time: VirtualTime;
  readonly intake: ControlIntake;
  readonly delivered: number[];
  readonly slowed: () => number;
  readonly flooded: () => number;
}

function newIntake(onDelivered: (count: number) => unknown = () => {}): UnderTest {
  const time = new VirtualTime();
  const delivered: number[] = [];
  let [slowed, flooded] = [0, 0];
  const intake = new ControlIntake({
    host: { clock: time, timers: time },
    deliver: (frame) => {
      delivered.push(new DataView(frame.buffer, frame.byteOffset).getUint32(4));
      onDelivered(delivered.length);
    },
    onSlowed: () => {
      slowed += 1;
    },
    onFlooded: () => {
      flooded += 1;
    },
  });
  return { time, intake, delivered, slowed: () => slowed, flooded: () => flooded };
}

function numbered(index: number): Uint8Array {
  const frame = new Uint8Array(8);
  new DataView(frame.buffer).setUint32(4, index);
  return frame;
}
