/**
 * Hostile datagrams for a node in a process of its own: those of a live pair, from the handshake
 * on, changed, cut, spliced and said again, from strangers and in the place of the peer. The short
 * form of `npm run fuzz -- --part datagrams`; a failure names its seed.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { splitAddress } from '../../src/core/names.ts';
import { fuzzCount, fuzzSeed } from '../unit/fuzz/fuzz-run.ts';
import { Mutations } from '../unit/fuzz/mutations.ts';
import { boundSocket, DatagramTap } from './fixtures/datagram-tap.ts';
import { Fleet, type FleetMember, SECRET, until } from './fixtures/fleet.ts';

const COUNT = fuzzCount(6_000);
const SEED = fuzzSeed();
/** Fewer bytes than any socket holds: a call behind them says that all have been read. */
const BURST = 24;
const BURST_BYTES = 120_000;
const GROWTH_BYTES_MAX = 20 * 1024 * 1024;
const TIMEOUT_MS = 120_000 + COUNT;
const WAIT_MS = 20_000;

let fleet: Fleet | undefined;

afterEach(() => fleet?.close());

describe(`${COUNT} hostile datagrams of seed ${SEED}`, () => {
  test.each([
    ['with a join secret', SECRET],
    ['without one', undefined],
  ])('do nothing to a node %s', { timeout: TIMEOUT_MS }, async (_, secret) => {
    fleet = new Fleet();
    const { victim, friend, guest, tap } = await recordedPair(fleet, secret);
    const stranger = await boundSocket();
    const { port } = splitAddress(victim.address);
    const mutations = new Mutations(SEED);
    let [left, bytes, startBytes] = [COUNT, 0, 0];
    while (left > 0) {
      bytes = 0;
      for (let index = 0; index < BURST && bytes < BURST_BYTES && left > 0; index += 1) {
        const datagram = mutations.next(tap.recorded);
        bytes += datagram.length;
        left -= 1;
        if (index % 2 === 0) tap.say(datagram);
        else stranger.send(datagram, port, '127.0.0.1');
      }
      expect(await echoed(friend, left)).toBe(left);
      // What a process has to learn of hostile bytes, it has learnt by then.
      if (startBytes === 0 && left < COUNT * 0.8) startBytes = await victim.ask('memory');
    }
    expect((await victim.ask<number>('memory')) - startBytes).toBeLessThan(GROWTH_BYTES_MAX);
    expect(await echoed(guest, 7)).toBe(7);
    const { members } = await victim.view();
    expect(members).toEqual(['friend@test', 'guest@test', 'victim@test']);
    expect(await linksEnded(victim)).toEqual({});
    stranger.close();
    tap.close();
  });
});

/** A victim with a peer that it shall go on serving, and one whose datagrams are recorded. */
async function recordedPair(
  all: Fleet,
  secret: string | undefined,
): Promise<{
  readonly victim: FleetMember;
  readonly friend: FleetMember;
  readonly guest: FleetMember;
  readonly tap: DatagramTap;
}> {
  const victim = await all.start({ name: 'victim@test', secret });
  await victim.ask('register', 'echo');
  const friend = await all.start({ name: 'friend@test', secret, contacts: [victim.address] });
  const guest = await all.start({ name: 'guest@test', secret });
  const tap = await DatagramTap.open(victim.address);
  await guest.ask('join', tap.address);
  for (const member of [friend, guest]) {
    await until(async () => (await member.view()).services.length === 1, WAIT_MS);
  }
  for (let index = 0; index < 20; index += 1) await echoed(guest, index);
  return { victim, friend, guest, tap };
}

function echoed(from: FleetMember, value: number): Promise<number> {
  return from.ask('call', 'echo', 'echo', [value], WAIT_MS);
}

/** Counts of links that the node ended or lost, by reason. */
async function linksEnded(member: FleetMember): Promise<Record<string, number>> {
  const samples = await member.ask<Record<string, number>>('metrics');
  const ends = Object.entries(samples).filter(([name]) => name.startsWith('barrel_links_ended'));
  return Object.fromEntries(ends);
}
