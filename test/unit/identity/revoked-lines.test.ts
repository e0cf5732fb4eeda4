/** Revocations where pins decide: of keys that came before, and of certificates that were shown. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judge, type Verdict } from '../../../src/identity/admission.ts';
import { Authority } from '../../../src/identity/authority.ts';
import { countersign, endorse } from '../../../src/identity/endorsement.ts';
import { createKeyPair, type KeyPair } from '../../../src/identity/keys.ts';
import { issue } from '../../../src/identity/node-certificate.ts';
import { type Revoked, readRevocation, revoke } from '../../../src/identity/revocation.ts';
import { openTrustTable, type TrustTable } from '../../../src/identity/trust.ts';
import { claim, START_MS, temporaryDirectory, testHost } from './fixtures.ts';
import { contextOf, helloTo } from './refusal-cells.ts';

const NODE = 'a@host';
const OWNER = { cluster: 'default', name: NODE };
const host = testHost('revoked lines');
const operator = createKeyPair(host.random);
const keys: readonly KeyPair[] = Array.from({ length: 20 }, () => createKeyPair(host.random));
let authority: Authority;
let dataDir: string;

beforeEach(async () => {
  authority = new Authority({ publicKey: operator.publicKey, certificate: new Uint8Array(0) });
  dataDir = await temporaryDirectory();
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

describe('a key that the operator has revoked', () => {
  test('counts against those that followed it, whatever they show, after a restart too', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0) }));
    for (const at of [0, 1, 2]) await follow(table, at);
    revokeNow({ kind: 'key', publicKey: key(0) });
    for (const each of [table, await open()]) {
      expect(each.isRevoked(NODE, key(3))).toBe(true);
      expect(admission(each, { at: 3 })).toMatchObject({ reason: 'revoked' });
      const next = { at: 4, endorsements: [statement(3)] };
      expect(admission(each, next)).toMatchObject({ reason: 'revoked' });
    }
  });

  test('counts against the one of a node that has shown its statements once', async () => {
    const table = await open();
    const endorsements = [0, 1].map(statement);
    await table.admit(NODE, claim('', { publicKey: key(2), endorsements }));
    revokeNow({ kind: 'key', publicKey: key(0) });
    expect(table.isRevoked(NODE, key(2))).toBe(true);
    expect(admission(await open(), { at: 2 })).toMatchObject({ reason: 'revoked' });
  });

  test('is not pushed out by statements that are made up', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0) }));
    await follow(table, 0);
    const others = Array.from({ length: 15 }, (_, at) => sign(at + 3, at + 4, at + 1));
    const endorsements = [...others, sign(18, 1, 16)];
    await table.admit(NODE, claim('', { publicKey: key(1), endorsements }));
    revokeNow({ kind: 'key', publicKey: key(0) });
    expect(table.isRevoked(NODE, key(1))).toBe(true);
  });

  test('does not count against another key that was pinned for the name since', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0) }));
    await follow(table, 0);
    await table.unpin(NODE);
    await table.pin(NODE, key(9));
    revokeNow({ kind: 'key', publicKey: key(0) });
    expect(table.isRevoked(NODE, key(9))).toBe(false);
    expect(admission(table, { at: 9 })).toEqual({ kind: 'accept' });
  });
});

describe('a certificate that the operator has revoked', () => {
  test('counts against the node that shows it, and that has shown it last', async () => {
    const table = await open();
    const shown = { publicKey: key(0), certificate: certificate(7n) };
    await table.admit(NODE, claim('', shown));
    expect(table.isRevoked(NODE, key(0))).toBe(false);
    revokeNow({ kind: 'serial', serial: 7n });
    for (const each of [table, await open()]) {
      expect(each.isRevoked(NODE, key(0))).toBe(true);
      expect(admission(each, { at: 0 })).toMatchObject({ reason: 'revoked' });
    }
    await table.unpin(NODE);
    const again = { at: 0, certificate: certificate(7n) };
    expect(admission(table, again)).toMatchObject({ reason: 'revoked' });
  });

  test('does not count any more when the node has another one', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0), certificate: certificate(7n) }));
    await table.admit(NODE, claim('', { publicKey: key(0), certificate: certificate(8n) }));
    revokeNow({ kind: 'serial', serial: 7n });
    for (const each of [table, await open()]) expect(each.isRevoked(NODE, key(0))).toBe(false);
  });

  test('is not forgotten for one that the operator has not signed', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0), certificate: certificate(7n) }));
    const forged = certificate(8n, keys[5]);
    await table.admit(NODE, claim('', { publicKey: key(0), certificate: forged }));
    revokeNow({ kind: 'serial', serial: 7n });
    expect(table.isRevoked(NODE, key(0))).toBe(true);
    const hidden = { at: 0, certificate: forged };
    expect(admission(table, hidden)).toMatchObject({ reason: 'revoked' });
  });
});

describe('the file of a pin', () => {
  test('of before has the last key only, and that one counts', async () => {
    await writePin({ rotation: { seq: 1, previousKey: base64(0), origin: 'tofu' } });
    revokeNow({ kind: 'key', publicKey: key(0) });
    expect((await open()).isRevoked(NODE, key(1))).toBe(true);
  });

  test.each([
    { formerKeys: 'text' },
    { formerKeys: [base64(0), 'AAAA'] },
    { certified: null },
    { certified: { serials: ['-1'], keys: [] } },
    { certified: { serials: ['1'] } },
    { rotation: null },
  ])('with %j is damaged', async (fields) => {
    await writePin(fields);
    await expect(open()).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  test('with as many keys and certificates as there can be stays below its bound', async () => {
    const table = await open();
    await table.admit(NODE, claim('', { publicKey: key(0), certificate: certificate(2n ** 63n) }));
    for (let at = 0; at < 18; at += 1) await follow(table, at);
    expect((await readFile(pinFile())).length).toBeLessThan(3_000);
    expect((await open()).lookup(NODE)).toEqual(key(18));
  });
});

function open(): Promise<TrustTable> {
  return openTrustTable({ host, dataDir, mode: 'tofu', authority, onRemoved: () => {} });
}

function key(at: number): Uint8Array {
  return pair(at).publicKey;
}

function pair(at: number): KeyPair {
  const found = keys[at];
  if (found === undefined) throw new Error(`no key ${at}`);
  return found;
}

/** By which each key names the next one. */
function statement(at: number): Uint8Array {
  return sign(at, at + 1, at + 1);
}

function sign(from: number, to: number, seq: number): Uint8Array {
  const words = { oldKey: key(from), newKey: key(to), seq };
  return endorse(pair(from).privateKeyPem, words, OWNER);
}

async function follow(table: TrustTable, at: number): Promise<void> {
  const last = statement(at);
  const countersignature = countersign(pair(at + 1).privateKeyPem, last, OWNER);
  const words = { endorsements: [last], countersignature, cluster: 'default' };
  const verdict = await table.follow(NODE, { linkKey: key(at), ...words });
  expect(verdict).toMatchObject({ kind: 'followed' });
}

function certificate(serial: bigint, signer: KeyPair = operator): Uint8Array {
  const times = { notBeforeMs: START_MS, notAfterMs: START_MS + 1_000_000 };
  const fields = { pattern: NODE, publicKey: key(0), serial, ...times, mayIssue: false };
  return issue(signer.privateKeyPem, fields);
}

function revokeNow(revoked: Revoked): void {
  const bytes = revoke(operator.privateKeyPem, revoked, START_MS);
  const revocation = readRevocation(bytes, operator.publicKey);
  if (revocation !== undefined) authority.revocations.add(revocation, bytes);
}

interface Shown {
  /** Number of the key. */
  readonly at: number;
  readonly endorsements?: readonly Uint8Array[];
  readonly certificate?: Uint8Array;
}

function admission(table: TrustTable, { at, ...shown }: Shown): Verdict {
  const there = { peerKey: key(at), pin: table.pinOf(NODE), authority };
  return judge(helloTo('acceptor', shown), contextOf('acceptor', there));
}

function pinFile(): string {
  return join(dataDir, 'identity', 'trusted', `${NODE}.json`);
}

function base64(at: number): string {
  return Buffer.from(key(at)).toString('base64');
}

/** In place of one that is there. */
async function writePin(fields: object): Promise<void> {
  await (await open()).pin(NODE, key(1));
  const pin = JSON.parse(await readFile(pinFile(), 'utf8'));
  await writeFile(pinFile(), JSON.stringify({ ...pin, ...fields }));
}
