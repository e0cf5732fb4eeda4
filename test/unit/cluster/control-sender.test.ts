import { expect, test } from 'vitest';
import { ControlSender } from '../../../src/cluster/control-sender.ts';
import type { Link } from '../../../src/cluster/link.ts';
import type { LinkTable } from '../../../src/cluster/link-table.ts';
import { BarrelError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';

const FRAME = Uint8Array.of(1);

test('a peer that takes nothing any more loses its link, and the sender goes on', async () => {
  for (const say of ['send', 'sendOver'] as const) {
    const { control, link, closed, meter, time } = bench();
    expect(say === 'send' ? control.send(link.node, FRAME) : control.sendOver(link, FRAME)).toBe(
      false,
    );
    expect(closed).toEqual([]);
    await time.advance(1);
    expect(closed).toEqual(['overloaded']);
    expect(meter.snapshot()).toMatchObject({ barrel_links_overloaded_total: 1 });
  }
});

test('a fault that is none of the queue is told', () => {
  const { control, link } = bench(new TypeError('a fault of this node'));
  expect(() => control.sendOver(link, FRAME)).toThrow('a fault of this node');
});

/** A link whose `send` throws that. */
function bench(error: Error = new BarrelError('ERR_OVERLOADED', 'send queue is full')): {
  readonly control: ControlSender;
  readonly link: Link;
  readonly closed: string[];
  readonly meter: Meter;
  readonly time: VirtualTime;
} {
  const closed: string[] = [];
  const [meter, time] = [new Meter(), new VirtualTime()];
  const send = (): never => {
    throw error;
  };
  const link = { node: 'b@test', send } as unknown as Link;
  const table = { get: () => link, close: (_: Link, reason: string) => void closed.push(reason) };
  const host = { timers: time, logger: silentLogger, meter };
  return {
    control: new ControlSender(host, table as unknown as LinkTable),
    link,
    closed,
    meter,
    time,
  };
}
