/** The network under two nodes changes while they talk: nothing above may notice. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FleetMember, until, whole } from './fixtures/fleet.ts';
import { advertised, answered, type Calls, Machines, PORT } from './fixtures/machines.ts';

const CALLS_PER_SECOND = 1_000;
const STREAM_BYTES = 200_000_000;
const WAIT_MS = 50_000;

let machines: Machines;

beforeEach(() => {
  machines = new Machines();
});

afterEach(async () => {
  await machines.close();
});

describe.each([
  ['on all of its addresses', '0.0.0.0'],
  ['on one address', undefined],
])('a machine that listens %s', (how, host) => {
  test('gets another address under 200 MB and 1,000 calls a second', async () => {
    const { a, b, cableOfA, cableOfB } = await machines.start(host);
    await b.ask('startCalls', 'desk', CALLS_PER_SECOND, 5_000);
    const poured = b.ask('pour', a.name, STREAM_BYTES);
    await flowed(b, 0.1);
    cableOfB.readdress('10.78.0.2/24', '10.78.0.3/24');
    await flowed(b, 0.5);
    // `b` has dialled the connection, `a` accepted it.
    cableOfA.readdress('10.78.0.1/24', '10.78.0.4/24');
    expect(await a.ask('taken', 0)).toEqual(await poured);
    await expectUnnoticed(a, b, `two changes of address, listening ${how}`);
    await until(async () => (await advertised(a, b.name)).includes(`10.78.0.3:${PORT}`), WAIT_MS);
    await until(async () => (await advertised(b, a.name)).includes(`10.78.0.4:${PORT}`), WAIT_MS);
  });

  test('is unplugged for two seconds under 200 MB and 1,000 calls a second', async () => {
    // By default the last word may be 2.8 s old; a machine that runs tests may be slow to push.
    const { a, b, cableOfB } = await machines.start(host, { liveness: { suspicionMinMs: 6_000 } });
    await b.ask('startCalls', 'desk', CALLS_PER_SECOND, 20_000);
    const poured = b.ask('pour', a.name, STREAM_BYTES);
    await flowed(b, 0.1);
    cableOfB.pull();
    await until(async () => (await b.ask<Calls>('calls')).longestGapMs > 2_000, WAIT_MS);
    cableOfB.push();
    expect(await a.ask('taken', 0)).toEqual(await poured);
    await expectUnnoticed(a, b, `two seconds without a cable, listening ${how}`);
  });

  test('is unplugged for long: both are told, and are one cluster again afterwards', async () => {
    const { a, b, cableOfB } = await machines.start(host);
    cableOfB.pull();
    await until(async () => (await a.view()).members.length === 1, WAIT_MS);
    await until(async () => (await b.view()).members.length === 1, WAIT_MS);
    cableOfB.push();
    await whole([a, b]);
    await until(async () => (await b.view()).services.length === 1, WAIT_MS);
    expect(await b.ask('call', 'desk', 'echo', ['again'], 5_000)).toBe('again');
  });
});

/** Waits until that part of the stream is under way. */
async function flowed(member: FleetMember, part: number): Promise<void> {
  await until(async () => (await member.ask<number>('poured')) > part * STREAM_BYTES, WAIT_MS);
}

/** No call failed, nobody was taken for gone; how long no answer came is printed. */
async function expectUnnoticed(a: FleetMember, b: FleetMember, what: string): Promise<void> {
  await answered(b, 2_000);
  const { done, failed, longestGapMs } = await b.ask<Calls>('calls', true);
  process.stdout.write(
    `${what}: ${done} calls, longest time without an answer ${longestGapMs} ms\n`,
  );
  expect(failed).toEqual([]);
  for (const member of [a, b]) expect(await member.ask('peerDowns')).toEqual([]);
}
