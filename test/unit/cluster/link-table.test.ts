import { expect, test } from 'vitest';
import { LinkTable } from '../../../src/cluster/link-table.ts';
import { silentLogger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import type { Connection } from '../../../src/transport/transport.ts';

const KEY = new Uint8Array(32).fill(7);
const TARGET = { address: '[100::1:ab]:1', node: 'c@test' };

test('a node that answers with another key than the one it has told of is refused', async () => {
  const { links, closed, meter } = table(undefined);
  const fingerprint = 'SHA256:of another key';
  await expect(links.dial({ ...TARGET, fingerprint })).rejects.toMatchObject({
    code: 'ERR_REFUSED',
    reason: 'key-mismatch',
  });
  expect(closed).toEqual(['key-mismatch']);
  const sample = 'barrel_admission_refused_total{reason="key-mismatch",by="local",role="dialer"}';
  expect(meter.snapshot()[sample]).toBe(1);
});

test('the key that it has told of is let through, and a pinned one outweighs it', async () => {
  for (const [pinned, fingerprint] of [
    [undefined, fingerprintOf(KEY)],
    [KEY, 'SHA256:of another key'],
  ] as const) {
    const { links, closed, hellos } = table(pinned);
    void links.dial({ ...TARGET, fingerprint }).catch(() => {});
    await Promise.resolve();
    await Promise.resolve();
    expect([closed, hellos.length]).toEqual([[], 1]);
  }
});

/** A table whose dials are answered by the holder of a key, and nobody says anything more. */
function table(pinned: Uint8Array | undefined): {
  readonly links: LinkTable;
  readonly closed: string[];
  readonly hellos: Uint8Array[];
  readonly meter: Meter;
} {
  const closed: string[] = [];
  const hellos: Uint8Array[] = [];
  const meter = new Meter();
  const unused = (): never => {
    throw new Error('nobody has answered');
  };
  const connection: Connection = {
    role: 'dialer',
    peerKey: KEY,
    ownKey: new Uint8Array(32),
    localAddress: '127.0.0.1:1',
    remoteAddress: TARGET.address,
    canMigrate: false,
    path: {
      localAddress: '127.0.0.1:1',
      remoteAddress: TARGET.address,
      rttMs: 1,
      cwndBytes: 0,
      sentBytes: 0,
      receivedBytes: 0,
      lostPackets: 0,
      mtuBytes: 0,
    },
    unansweredMs: 0,
    migrate: () => Promise.reject(new Error('not used')),
    rttMs: 1,
    queuedBytes: 0,
    lastHeardMs: 0,
    streams: { open: unused, listen: () => {} },
    attach: () => {},
    pause: () => {},
    admit: () => {},
    send: (_channel, frame) => hellos.push(frame) > 0,
    close: (reason) => closed.push(reason),
  };
  const time = new VirtualTime();
  const links = new LinkTable({
    host: { clock: time, timers: time, logger: silentLogger, meter },
    name: 'a@test',
    gate: {
      hello: () => Uint8Array.of(1),
      judge: unused,
      endorsements: unused,
      isEndorsed: unused,
      pin: unused,
    },
    pinnedKey: () => pinned,
    dial: async () => connection,
    events: { onUp: unused, onDown: unused, onFrame: unused, onDrained: unused, onStale: unused },
  });
  return { links, closed, hellos, meter };
}
