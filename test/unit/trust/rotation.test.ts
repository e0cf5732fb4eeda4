import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

const SECRET = 'only for tests: thirty-two characters and more';
const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('a rotation', () => {
  test('is followed by connected peers at once, and no connection ends (weakness W7)', async () => {
    const { sim, nodes } = await cluster(3);
    const [a, ...others] = nodes as [BarrelNode, BarrelNode, BarrelNode];
    const links = ended(nodes);
    const updated: string[] = [];
    for (const node of others) node.on('memberUpdated', (event) => updated.push(event.node));
    const { fingerprint, pending } = await sim.settled(a.identity.rotate());
    expect(pending).toEqual([]);
    expect(fingerprint).toBe(a.identity.fingerprint);
    expect(fingerprint).toBe(fingerprintOf(a.identity.publicKey));
    await sim.advance(1_000);
    for (const node of others) {
      expect(node.trust.lookup(a.name)).toEqual(a.identity.publicKey);
      expect(node.trust.list().find((pin) => pin.node === a.name)?.by).toBe('endorsement');
      expect(node.roster().find((one) => one.node === a.name)?.fingerprint).toBe(fingerprint);
    }
    expect(updated.filter((node) => node === a.name).length).toBeGreaterThanOrEqual(2);
    expect(ended(nodes)).toEqual(links);
  });

  test('is shown in new sessions, which the peers take', async () => {
    const { sim, nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    await sim.settled(a.identity.rotate());
    sim.partition([a.name], [b.name]);
    await sim.until(() => !a.members().includes(b.name) && !b.members().includes(a.name), 60_000);
    sim.heal();
    await sim.until(() => a.members().includes(b.name) && b.members().includes(a.name), 120_000);
    expect(refusals(a)).toEqual([]);
    expect(refusals(b)).toEqual([]);
  });

  test('and five more are followed by a peer that was away, whichever end dials', async () => {
    for (const dialer of ['a', 'b'] as const) {
      const { sim, nodes } = await cluster(2, { kept: true });
      const [a, b] = nodes as [BarrelNode, BarrelNode];
      await sim.settled(b.close());
      for (let count = 0; count < 6; count += 1) await sim.settled(a.identity.rotate());
      await sim.settled(a.close());
      const again = await sim.restart(dialer === 'a' ? b.name : a.name);
      const late = await sim.start({
        ...settings(dialer === 'a' ? a.name : b.name, true),
        contacts: [`${again.name}/${again.address}`],
      });
      await sim.settled(late.ready());
      const [rotated, follower] = dialer === 'a' ? [late, again] : [again, late];
      expect(follower.trust.lookup(a.name)).toEqual(rotated.identity.publicKey);
      expect([refusals(again), refusals(late)]).toEqual([[], []]);
    }
  });

  test('survives a crash of the node right after it, and its name stays (I4)', async () => {
    const sim = simulate(7);
    const a = await sim.start({ name: 'a@sim', secret: SECRET, dataDir: '/data' });
    await sim.settled(a.identity.rotate());
    const { publicKey } = a.identity;
    sim.crash('a@sim');
    const again = await sim.restart('a@sim');
    expect(again.identity.publicKey).toEqual(publicKey);
  });

  test('does not change the name that was made from the first key', async () => {
    const sim = simulate(8);
    const node = await sim.start({ secret: SECRET, dataDir: '/data' });
    await sim.settled(node.identity.rotate());
    sim.crash(node.name);
    expect((await sim.restart(node.name)).name).toBe(node.name);
  });

  test('names the peers that did not answer in time, and they follow later', async () => {
    const { sim, nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    sim.stall(b.name, 1_000);
    const { pending } = await sim.settled(a.identity.rotate({ timeoutMs: 300 }));
    expect(pending).toEqual([b.name]);
    await sim.until(() => keyAt(b, a) === hex(a.identity.publicKey), 10_000);
  });

  test('that is given up has happened all the same, once it was kept', async () => {
    const { sim, nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const before = a.identity.fingerprint;
    const aborted = AbortSignal.abort(new Error('never'));
    await expect(sim.settled(a.identity.rotate({ signal: aborted }))).rejects.toThrow('never');
    expect(a.identity.fingerprint).toBe(before);
    sim.stall(b.name, 1_000);
    const given = new AbortController();
    const rotation = a.identity.rotate({ signal: given.signal });
    await sim.advance(100);
    given.abort(new Error('enough'));
    await expect(sim.settled(rotation)).rejects.toThrow('enough');
    expect(a.identity.fingerprint).not.toBe(before);
  });

  test('several at once happen one after the other, each endorsed by the one before', async () => {
    const { sim, nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const rotations = [a.identity.rotate(), a.identity.rotate(), a.identity.rotate()];
    const beganMs = sim.now;
    const results = await sim.settled(Promise.all(rotations));
    // Who answers to a later one has followed those before it: nobody waits out its time.
    expect(results.map(({ pending }) => pending)).toEqual([[], [], []]);
    expect(sim.now - beganMs).toBeLessThan(1_000);
    expect(new Set(results.map(({ fingerprint }) => fingerprint)).size).toBe(3);
    await sim.until(() => keyAt(b, a) === hex(a.identity.publicKey), 5_000);
    expect(refusals(b)).toEqual([]);
  });

  test('of two nodes at once, while they dial each other, refuses nobody', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const sim = simulate(100 + seed);
      const a = await sim.start({ ...settings('a@sim', false), contacts: ['b@sim'] });
      const b = await sim.start({ ...settings('b@sim', false), contacts: ['a@sim'] });
      await sim.advance(seed * 3);
      const rotations = [a.identity.rotate(), b.identity.rotate()];
      await sim.settled(Promise.all(rotations));
      await sim.until(
        () =>
          keyAt(a, b) === hex(b.identity.publicKey) && keyAt(b, a) === hex(a.identity.publicKey),
        30_000,
      );
      expect([refusals(a), refusals(b)]).toEqual([[], []]);
    }
  });

  test('in strict trust is followed, because the pinned key has said it', async () => {
    const sim = simulate(9);
    const [a, b] = (await Promise.all(
      ['a@sim', 'b@sim'].map((name) => sim.start({ ...settings(name, true), trust: 'strict' })),
    )) as [BarrelNode, BarrelNode];
    await sim.settled(a.trust.pin(b.name, b.identity.publicKey));
    await sim.settled(b.trust.pin(a.name, a.identity.publicKey));
    await sim.settled(b.join(a.address));
    expect((await sim.settled(a.identity.rotate())).pending).toEqual([]);
    expect(keyAt(b, a)).toBe(hex(a.identity.publicKey));
  });

  test('is refused after close', async () => {
    const sim = simulate(10);
    const a = await sim.start(settings('a@sim', true));
    await sim.settled(a.close());
    await expect(a.identity.rotate()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

test('a new certificate changes neither key nor connections', async () => {
  const { sim, nodes } = await cluster(2);
  const [a] = nodes as [BarrelNode];
  const { fingerprint } = a.identity;
  const links = ended(nodes);
  await sim.settled(a.identity.rotateCertificate());
  await sim.advance(2_000);
  expect(a.identity.fingerprint).toBe(fingerprint);
  expect(ended(nodes)).toEqual(links);
});

interface Formed {
  readonly sim: Simulation;
  readonly nodes: readonly BarrelNode[];
}

async function cluster(count: number, { kept = false } = {}): Promise<Formed> {
  const sim = simulate(count);
  const first = await sim.start(settings('a@sim', kept));
  const nodes = [first];
  for (const name of ['b@sim', 'c@sim'].slice(0, count - 1)) {
    const node = await sim.start({ ...settings(name, kept), contacts: [first.address] });
    await sim.settled(node.ready());
    nodes.push(node);
  }
  await sim.until(() => nodes.every((node) => node.activeView().length === count - 1), 60_000);
  return { sim, nodes };
}

function settings(
  name: string,
  kept: boolean,
): { readonly name: string; readonly secret: string; readonly dataDir?: string } {
  return { name, secret: SECRET, ...(kept ? { dataDir: '/data' } : {}) };
}

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}

function hex(key: Uint8Array | undefined): string {
  return Buffer.from(key ?? []).toString('hex');
}

function keyAt(node: BarrelNode, of: BarrelNode): string {
  return hex(node.trust.lookup(of.name));
}

function refusals(node: BarrelNode): readonly string[] {
  return Object.keys(node.metrics.snapshot()).filter((sample) =>
    sample.startsWith('barrel_admission_refused_total'),
  );
}

/** Links that have ended so far, by reason. */
function ended(nodes: readonly BarrelNode[]): readonly (readonly [string, number])[] {
  return nodes.flatMap(({ metrics }) =>
    Object.entries(metrics.snapshot()).filter(([sample]) =>
      sample.startsWith('barrel_links_ended'),
    ),
  );
}
