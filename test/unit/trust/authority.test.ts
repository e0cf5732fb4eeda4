import { afterEach, describe, expect, test } from 'vitest';
import type { BarrelNode } from '../../../src/barrel-node.ts';
import { systemRandom } from '../../../src/host/system-clock.ts';
import { createKeyPair, type KeyPair } from '../../../src/identity/keys.ts';
import { type CertificateFields, issue } from '../../../src/identity/node-certificate.ts';
import { revoke } from '../../../src/identity/revocation.ts';
import { createSimulation, type Simulation } from '../../../src/testing/index.ts';

const DAY_MS = 86_400_000;
const SECRET = 'only for tests: thirty-two characters and more';
const operator = createKeyPair(systemRandom);
const stranger = createKeyPair(systemRandom);
const simulations: Simulation[] = [];

afterEach(async () => {
  for (const sim of simulations.splice(0)) await sim[Symbol.asyncDispose]();
});

describe('nodes with certificates of one operator', () => {
  test('form a cluster without a pin, and a node without one stays out', async () => {
    const { sim, nodes } = await cluster(3);
    for (const node of nodes) expect(node.trust.list()).toEqual([]);
    const guest = await sim.start({ name: 'guest@sim', secret: SECRET });
    const [a] = nodes as [BarrelNode];
    await expect(sim.settled(guest.join(a.address))).rejects.toMatchObject({
      code: 'ERR_REFUSED',
      reason: 'certificate',
    });
    expect(a.members()).not.toContain('guest@sim');
  });

  test('lose the one that is revoked at once, everywhere, and do not take it back', async () => {
    for (const kind of ['serial', 'key'] as const) {
      const { sim, nodes } = await cluster(4);
      const [a, b, c, d] = nodes as [BarrelNode, BarrelNode, BarrelNode, BarrelNode];
      const { publicKey } = d.identity;
      const revoked = kind === 'serial' ? { kind, serial: 4n } : { kind, publicKey };
      await sim.settled(a.trust.revoke(revoke(operator.privateKeyPem, revoked, wallMs(a))));
      await sim.until(() => [a, b, c].every((node) => !node.activeView().includes(d.name)), 1_000);
      await sim.until(() => [a, b, c].every((node) => !node.members().includes(d.name)), 60_000);
      for (const node of [b, c]) expect(node.trust.revocations().length).toBe(1);
      await expect(sim.settled(d.join(b.address))).rejects.toMatchObject({ reason: 'revoked' });
      // Also not by a node that was started anew, with nobody to ask.
      sim.crash(c.name);
      const again = await sim.restart(c.name);
      expect(again.trust.revocations().length).toBe(1);
      await expect(sim.settled(d.join(again.address))).rejects.toMatchObject({ reason: 'revoked' });
      await sim.settled(b.join(again.address));
    }
  });

  test('take no revocation that the operator has not signed', async () => {
    const { nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const revoked = { kind: 'key', publicKey: b.identity.publicKey } as const;
    const forged = revoke(stranger.privateKeyPem, revoked, wallMs(a));
    await expect(a.trust.revoke(forged)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    expect(a.trust.revocations()).toEqual([]);
  });

  test('tell a node that comes later', async () => {
    const { sim, nodes } = await cluster(2);
    const [a] = nodes as [BarrelNode];
    const revoked = { kind: 'serial', serial: 99n } as const;
    await sim.settled(a.trust.revoke(revoke(operator.privateKeyPem, revoked, wallMs(a))));
    const late = await certified(sim, 'late@sim', { serial: 50n, contact: a });
    await sim.until(() => late.trust.revocations().length === 1, 30_000);
    expect(late.trust.revocations()).toMatchObject([{ serial: '99', publicKey: undefined }]);
  });

  test('lose one whose certificate has run out, and take it with another one', async () => {
    const { sim, nodes } = await cluster(2);
    const [a] = nodes as [BarrelNode];
    const short = await certified(sim, 'short@sim', { serial: 50n, contact: a, ms: 300_000 });
    await sim.until(() => a.members().includes(short.name), 30_000);
    await sim.until(() => !a.members().includes(short.name), 400_000);
    expect(() => short.trust.useCertificate(certificateOf(short, stranger))).toThrow(
      /not of this authority/,
    );
    short.trust.useCertificate(certificateOf(short, operator));
    await sim.settled(short.join(a.address));
  });

  test('keep one whose certificate was renewed in time, for one new connection', async () => {
    const { sim, nodes } = await cluster(2);
    const [a] = nodes as [BarrelNode];
    const short = await certified(sim, 'short@sim', { serial: 50n, contact: a, ms: 300_000 });
    await sim.until(() => a.members().includes(short.name), 30_000);
    const told: string[] = [];
    for (const type of ['memberDown', 'peerDown'] as const) {
      a.on(type, ({ node }) => void told.push(`${type} ${node}`));
    }
    await sim.advance(100_000);
    short.trust.useCertificate(certificateOf(short, operator));
    // Peers hold a connection to the certificate that they have seen on it.
    await sim.until(() => told.length > 0, 400_000);
    await sim.until(() => a.activeView().includes(short.name), 10_000);
    await sim.advance(300_000);
    expect(told).toEqual([`peerDown ${short.name}`]);
    expect(a.members()).toContain(short.name);
  });

  test('follow a rotation by the word of the certified key', async () => {
    const { sim, nodes } = await cluster(3);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const { publicKey } = a.identity;
    expect((await sim.settled(a.identity.rotate())).pending).toEqual([]);
    sim.crash(a.name);
    await sim.until(() => !b.members().includes(a.name), 60_000);
    const again = await sim.restart(a.name);
    await sim.settled(again.join(b.address));
    // Who revokes the certified key means those that follow it, too.
    const revoked = { kind: 'key', publicKey } as const;
    await sim.settled(b.trust.revoke(revoke(operator.privateKeyPem, revoked, wallMs(b))));
    await sim.until(() => !b.activeView().includes(a.name), 1_000);
  });

  test('follow sixteen rotations under one certificate, and another sixteen under the next', async () => {
    const { sim, nodes } = await cluster(2);
    const [a, b] = nodes as [BarrelNode, BarrelNode];
    const { publicKey: first } = a.identity;
    for (let count = 0; count < 16; count += 1) await sim.settled(a.identity.rotate());
    const { fingerprint } = a.identity;
    await expect(sim.settled(a.identity.rotate())).rejects.toMatchObject({
      code: 'ERR_IDENTITY',
      message: expect.stringContaining('16 rotations under one certificate'),
    });
    expect([a.identity.fingerprint, b.activeView()]).toEqual([fingerprint, [a.name]]);
    a.trust.useCertificate(certificateOf(a, operator));
    // Who has not seen the new certificate yet ends the link, and sees it in the next handshake.
    await sim.settled(a.identity.rotate());
    await sim.settled(a.join(b.address));
    expect((await sim.settled(a.identity.rotate())).pending).toEqual([]);
    expect(b.activeView()).toEqual([a.name]);
    const revoked = { kind: 'key', publicKey: first } as const;
    await sim.settled(b.trust.revoke(revoke(operator.privateKeyPem, revoked, wallMs(b))));
    await sim.advance(1_000);
    expect(b.activeView()).toEqual([a.name]);
  });
});

describe('the option', () => {
  test('is judged at the start: another key, another name', async () => {
    const sim = simulate(1);
    const node = await sim.start({ name: 'a@sim', secret: SECRET, dataDir: '/data' });
    const wrong = issue(operator.privateKeyPem, fieldsOf('b@sim', node));
    await sim.settled(node.close());
    const authority = { publicKey: operator.publicKey, certificate: wrong };
    const start = sim.start({
      name: 'a@sim',
      secret: SECRET,
      dataDir: '/data',
      trust: 'authority',
      authority,
    });
    await expect(start).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringMatching(/for b@sim, not a@sim/),
    });
  });

  test('lets the mode change while the node runs, and without it there is no such mode', async () => {
    const { sim, nodes } = await cluster(2);
    const [a] = nodes as [BarrelNode];
    const guest = await sim.start({ name: 'guest@sim', secret: SECRET });
    expect(() => guest.trust.setMode('authority')).toThrow(/ERR_OPTION|needs the option/);
    a.trust.setMode('tofu');
    await sim.settled(guest.join(a.address));
    await sim.until(() => a.members().includes(guest.name), 10_000);
    a.trust.setMode('authority');
    expect(a.trust.mode()).toBe('authority');
    expect(a.members()).toContain('guest@sim');
    await sim.settled(guest.leave());
    await expect(sim.settled(guest.join(a.address))).rejects.toMatchObject({
      reason: 'certificate',
    });
  });
});

interface Wanted {
  readonly serial: bigint;
  readonly contact?: BarrelNode;
  readonly ms?: number;
}

async function cluster(count: number): Promise<{ sim: Simulation; nodes: readonly BarrelNode[] }> {
  const sim = simulate(count);
  const nodes: BarrelNode[] = [];
  for (const [index, name] of ['a@sim', 'b@sim', 'c@sim', 'd@sim'].slice(0, count).entries()) {
    const [contact] = nodes;
    const serial = BigInt(index + 1);
    nodes.push(
      await certified(sim, name, contact === undefined ? { serial } : { serial, contact }),
    );
  }
  await sim.until(() => nodes.every((node) => node.activeView().length === count - 1), 60_000);
  return { sim, nodes };
}

/** A start in `tofu` makes the key; what the operator signs for it comes with the next one. */
async function certified(sim: Simulation, name: string, wanted: Wanted): Promise<BarrelNode> {
  const { serial, contact, ms = DAY_MS } = wanted;
  const settings = { name, secret: SECRET, dataDir: '/data' };
  const first = await sim.start(settings);
  const fields = fieldsOf(name, first);
  await sim.settled(first.close());
  const notAfterMs = fields.notBeforeMs + ms;
  const certificate = issue(operator.privateKeyPem, { ...fields, serial, notAfterMs });
  const node = await sim.start({
    ...settings,
    trust: 'authority',
    authority: { publicKey: operator.publicKey, certificate },
    contacts: contact === undefined ? [] : [contact.address],
  });
  await sim.settled(node.ready());
  return node;
}

function certificateOf(node: BarrelNode, signer: KeyPair): Uint8Array {
  return issue(signer.privateKeyPem, fieldsOf(node.name, node));
}

function fieldsOf(pattern: string, node: BarrelNode): CertificateFields {
  const notBeforeMs = wallMs(node);
  return {
    pattern,
    publicKey: node.identity.publicKey,
    serial: 1_000n,
    notBeforeMs,
    notAfterMs: notBeforeMs + DAY_MS,
    mayIssue: false,
  };
}

function wallMs(node: BarrelNode): number {
  return node.clock.wallTime(node.clock.now()).getTime();
}

function simulate(seed: number): Simulation {
  const sim = createSimulation({ seed });
  simulations.push(sim);
  return sim;
}
