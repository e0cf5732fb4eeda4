/**
 * What strangers make a node do, by counts: floods of handshakes, and how much the node answers to
 * an address that nobody has shown to be the sender's.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deriveSecretKey } from '../../src/identity/secret.ts';
import { HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX } from '../../src/limits.ts';
import { Fleet, type FleetMember, SECRET, until } from './fixtures/fleet.ts';
import { HalfClient } from './fixtures/half-client.ts';

const WAIT_MS = 45_000;
/** So many first datagrams wait in any socket. */
const BURST = 50;
const FLOOD = 1_000;
const GROWTH_BYTES_MAX = 50 * 1024 * 1024;

let fleet: Fleet;
let clients: HalfClient[];

beforeEach(() => {
  fleet = new Fleet();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.end();
  await fleet.close();
});

describe('a flood of handshakes that are never finished', () => {
  test('from one address holds a bounded number open, and others are served', async () => {
    const { victim, friend } = await served(undefined);
    const before = await victim.ask<number>('memory');
    const flooder = await clientOf(victim, '127.0.1.1');
    expect(await flooded(friend, () => flooder.begin())).toBe(FLOOD / BURST);
    expect(await count(victim, 'barrel_transport_half_open')).toBeLessThanOrEqual(
      HALF_OPEN_PER_ADDRESS_MAX,
    );
    expect(await count(victim, 'barrel_transport_retries_total')).toBeGreaterThan(0);
    expect(flooder.heardBytes).toBeLessThan(3 * flooder.sentBytes);
    expect((await victim.ask<number>('memory')) - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test('from many addresses leaves room for a newcomer, who shows where it is', async () => {
    const { victim, friend } = await served(undefined);
    const flooders = await Promise.all(
      Array.from({ length: 100 }, (_, index) => clientOf(victim, `127.0.1.${index + 1}`)),
    );
    let next = 0;
    const begin = (): void => {
      flooders[next % flooders.length]?.begin();
      next += 1;
    };
    expect(await flooded(friend, begin)).toBe(FLOOD / BURST);
    const halfOpen = await count(victim, 'barrel_transport_half_open');
    expect(halfOpen).toBeLessThanOrEqual(HALF_OPEN_MAX / 4);
    const retries = await count(victim, 'barrel_transport_retries_total');
    const newcomer = await fleet.start({ name: 'newcomer@test', secret: undefined });
    await newcomer.ask('join', victim.address);
    expect(await count(victim, 'barrel_transport_retries_total')).toBeGreaterThan(retries);
    expect((await victim.view()).members).toContain('newcomer@test');
  });

  test('without the tag of the join secret opens nothing', async () => {
    const { victim, friend } = await served(SECRET);
    const flooder = await clientOf(victim, '127.0.1.1');
    expect(await flooded(friend, () => flooder.begin())).toBe(FLOOD / BURST);
    expect(await count(victim, 'barrel_transport_half_open')).toBe(0);
    const dropped = 'barrel_transport_datagrams_dropped_total{reason="tag"}';
    expect(await count(victim, dropped)).toBe(FLOOD);
    expect(flooder.heardBytes).toBeLessThan(flooder.sentBytes / 20);
  });
});

describe('to an address that did not answer', () => {
  test.each([
    ['without a join secret', undefined],
    ['with the tag of one', SECRET],
  ])('a node %s says at most three times what it heard', async (_, secret) => {
    const { victim } = await served(secret);
    const client = await clientOf(victim, '127.0.1.1');
    const key = secret === undefined ? undefined : await deriveSecretKey(secret, 'default');
    client.begin(key);
    await until(async () => (await count(victim, 'barrel_transport_half_open')) === 1, WAIT_MS);
    await until(async () => (await count(victim, 'barrel_transport_half_open')) === 0, WAIT_MS);
    expect(client.heardBytes).toBeGreaterThan(0);
    expect(client.heardBytes).toBeLessThanOrEqual(3 * client.sentBytes);
  });
});

/** A node with a service, and an admitted one that calls it. */
async function served(secret: string | undefined): Promise<{
  readonly victim: FleetMember;
  readonly friend: FleetMember;
}> {
  const victim = await fleet.start({ name: 'victim@test', secret });
  await victim.ask('register', 'echo');
  const friend = await fleet.start({ name: 'friend@test', secret, contacts: [victim.address] });
  await until(async () => (await friend.view()).services.length === 1, WAIT_MS);
  return { victim, friend };
}

/** Begins so many handshakes; answers how many calls behind each burst were answered. */
async function flooded(friend: FleetMember, begin: () => void): Promise<number> {
  let answered = 0;
  for (let left = FLOOD; left > 0; left -= BURST) {
    for (let index = 0; index < BURST; index += 1) begin();
    if ((await friend.ask('call', 'echo', 'echo', [left], WAIT_MS)) === left) answered += 1;
  }
  return answered;
}

async function clientOf({ address }: FleetMember, host: string): Promise<HalfClient> {
  const client = await HalfClient.open(address, host);
  clients.push(client);
  return client;
}

async function count(member: FleetMember, sample: string): Promise<number> {
  const samples = await member.ask<Record<string, number>>('metrics');
  return samples[sample] ?? 0;
}
