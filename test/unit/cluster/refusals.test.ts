/**
 * Each cell of the matrix of refusals between two tables of links: what the call brings, what each
 * end logs and counts, and that no link stands at either. One end judges as every node does; the
 * other one lets everybody in, so that it is always the judge who refuses.
 */
import { describe, expect, test } from 'vitest';
import type { Gate } from '../../../src/cluster/handshake.ts';
import { LinkTable } from '../../../src/cluster/link-table.ts';
import type { RefusalReason } from '../../../src/errors.ts';
import type { Logger } from '../../../src/host/logger.ts';
import { Meter } from '../../../src/host/meter.ts';
import { judge, type Verdict } from '../../../src/identity/admission.ts';
import { encodeHello, type Hello } from '../../../src/identity/hello.ts';
import { refuse } from '../../../src/identity/pin.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { VirtualTime } from '../../../src/testing/virtual-time.ts';
import { openMemoryTransport } from '../../../src/transport/memory/memory-transport.ts';
import { SimulatedNetwork } from '../../../src/transport/memory/network.ts';
import type { Transport } from '../../../src/transport/transport.ts';
import { keyOf } from '../identity/fixtures.ts';
import {
  type Cell,
  contextOf,
  type Fault,
  helloTo,
  MATRIX,
  type Role,
} from '../identity/refusal-cells.ts';

interface Line {
  readonly message: string;
  readonly fields: object | undefined;
}

interface End {
  readonly links: LinkTable;
  readonly transport: Transport;
  readonly meter: Meter;
  readonly lines: Line[];
}

const CELLS = Object.entries(MATRIX).flatMap(([reason, ends]) =>
  (Object.entries(ends) as [Role, Cell][]).flatMap(([role, cell]) =>
    cell === 'never' ? [] : [{ reason: reason as RefusalReason, role, cell }],
  ),
);

describe('a refusal', () => {
  test.each(CELLS)('with $reason by the $role is seen at both ends', async (cell) => {
    const world = new World();
    const { judging, lenient } = await world.pair(cell);
    const [dialer, acceptor] = cell.role === 'dialer' ? [judging, lenient] : [lenient, judging];
    const call = dialer.links.dial({ address: acceptor.transport.address });
    if (cell.cell === 'pinning' && cell.role === 'acceptor') {
      // The acceptor pins last of all: the dialer's link stands, and ends.
      await world.settled(call);
    } else {
      const refused = { code: 'ERR_REFUSED', reason: cell.reason };
      await expect(world.settled(call)).rejects.toMatchObject(refused);
    }
    await world.time.advance(1_000);
    const [own, other] = [cell.role, cell.role === 'dialer' ? 'acceptor' : 'dialer'];
    expect(refusals(judging)).toEqual([`reason="${cell.reason}",by="local",role="${own}" 1`]);
    expect(refusals(lenient)).toEqual([`reason="${cell.reason}",by="peer",role="${other}" 1`]);
    const [line] = judging.lines;
    expect(judging.lines).toMatchObject([entry(cell.reason, 'local')]);
    expect(lenient.lines).toMatchObject([entry(cell.reason, 'peer')]);
    expect(lenient.lines[0]?.fields).toMatchObject({ detail: detailOf(line) });
    for (const { links } of [judging, lenient]) expect([...links.all()]).toEqual([]);
  });
});

class World {
  readonly time: VirtualTime = new VirtualTime();
  readonly #network = new SimulatedNetwork({
    clock: this.time,
    timers: this.time,
    random: new SeededRandom(1),
    latencyMs: [1, 5],
  });

  /** `b@host`, which judges, and `a@host`, which says what the cell wants and takes anybody. */
  async pair({ role, cell, reason }: (typeof CELLS)[number]): Promise<{
    readonly judging: End;
    readonly lenient: End;
  }> {
    const fault: Fault = typeof cell === 'string' ? {} : cell;
    const pinned = cell === 'pinning' ? refuse(reason, 'no room') : ACCEPTED;
    const judging = await this.#end('b', {
      hello: () => helloTo(role, { name: 'b@host', role }),
      judge: (hello) => judge(hello, contextOf(role, fault.context)),
      pin: pinned,
    });
    const lenient = await this.#end('a', {
      hello: () => helloTo(role, fault.hello),
      judge: () => ACCEPTED,
      pin: ACCEPTED,
    });
    return { judging, lenient };
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.time.runUntil(() => isSettled, 30_000);
    return promise;
  }

  async #end(
    name: string,
    { hello, judge: judged, pin }: Pick<Gate, 'judge'> & { hello: () => Hello; pin: Verdict },
  ): Promise<End> {
    const lines: Line[] = [];
    const meter = new Meter();
    const transport = await openMemoryTransport({
      network: this.#network,
      identity: { publicKey: keyOf(name) },
      onConnection: (connection) => links.accept(connection),
    });
    const links = new LinkTable({
      host: { clock: this.time, timers: this.time, logger: noting(lines), meter },
      name: `${name}@host`,
      gate: {
        hello: () => encodeHello(hello()),
        judge: judged,
        endorsements: () => [],
        isEndorsed: () => false,
        pin: async () => pin,
      },
      pinnedKey: () => undefined,
      dial: (address, signal) => transport.dial(address, { signal }),
      events: {
        onUp: () => {},
        onDown: () => {},
        onFrame: () => {},
        onDrained: () => {},
        onStale: () => {},
      },
    });
    return { links, transport, meter, lines };
  }
}

const ACCEPTED: Verdict = { kind: 'accept' };

/** What was counted, without the name of the metric. */
function refusals({ meter }: End): string[] {
  const metric = 'barrel_admission_refused_total';
  return Object.entries(meter.snapshot()).flatMap(([sample, count]) =>
    sample.startsWith(metric) ? [`${sample.slice(metric.length + 1, -1)} ${count}`] : [],
  );
}

function entry(reason: RefusalReason, by: 'local' | 'peer'): object {
  return { message: 'admission refused', fields: { reason, by, remote: expect.any(String) } };
}

function detailOf(line: Line | undefined): unknown {
  const { detail } = { detail: undefined, ...line?.fields };
  return detail;
}

function noting(lines: Line[]): Logger {
  const none = (): void => {};
  const warn = (message: string, fields?: object): void => void lines.push({ message, fields });
  return { debug: none, info: none, warn, error: none };
}
