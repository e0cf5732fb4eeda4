/** Names that live by the word of the roster, at a node that has not met who has them. */
import { expect, test } from 'vitest';
import { type AdmissionContext, judge, type Verdict } from '../../../src/identity/admission.ts';
import { endorse } from '../../../src/identity/endorsement.ts';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import type { Hello } from '../../../src/identity/hello.ts';
import { createKeyPair } from '../../../src/identity/keys.ts';
import { proofOf } from '../../../src/identity/secret.ts';
import { keyOf, testHost } from './fixtures.ts';
import { contextOf, helloTo, pinOf } from './refusal-cells.ts';

const { random } = testHost('living names');
const [first, second] = [createKeyPair(random), createKeyPair(random)];
const living = { fingerprint: fingerprintOf(first.publicKey) };
const accepted = { kind: 'accept' };
const mismatch = { reason: 'key-mismatch' };

test('the key that the others know is accepted, another one is refused', () => {
  expect(verdict({}, { living, peerKey: first.publicKey })).toEqual(accepted);
  expect(verdict({}, { living })).toMatchObject(mismatch);
  expect(verdict({ incarnation: 99n, ephemeral: true }, { living })).toMatchObject(mismatch);
});

test('a key to which that one has led is accepted', () => {
  const words = { oldKey: first.publicKey, newKey: second.publicKey, seq: 1 };
  const owner = { cluster: 'default', name: 'a@host' };
  const endorsements = [endorse(first.privateKeyPem, words, owner)];
  const there = { living, peerKey: second.publicKey };
  expect(verdict({ endorsements }, there)).toEqual(accepted);
  expect(verdict({}, there)).toMatchObject(mismatch);
});

test('a pin outweighs what others say, and so do certificates where they count', () => {
  expect(verdict({}, { living, pin: pinOf('a') })).toEqual(accepted);
  expect(verdict({}, { living, mode: 'authority' })).toMatchObject({ reason: 'certificate' });
});

test('an ephemeral key follows another one with a proven secret and a later start only', () => {
  const secretKey = keyOf('secret');
  const parts = { ownKey: keyOf('a'), peerKey: keyOf('b'), cluster: 'default', name: 'a@host' };
  const proof = proofOf({ key: secretKey, role: 'dialer', ...parts });
  const there = { secretKey, living: { ...living, ephemeral: true }, seenIncarnation: 9n };
  const claimed = { ephemeral: true, incarnation: 10n, proof };
  expect(verdict(claimed, there)).toEqual(accepted);
  expect(verdict({ ...claimed, ephemeral: false }, there)).toMatchObject(mismatch);
  expect(verdict(claimed, { ...there, living })).toMatchObject(mismatch);
  expect(verdict(claimed, { ...there, seenIncarnation: 10n })).toMatchObject(mismatch);
  const early = verdict(claimed, { ...there, seenIncarnation: 11n });
  expect(early).toMatchObject({ reason: 'stale-incarnation' });
  const { proof: _, ...unproven } = claimed;
  expect(verdict(unproven, { ...there, secretKey: undefined })).toMatchObject(mismatch);
});

/** Of an acceptor, on `a@host` with the key `a` or that of the context. */
function verdict(hello: Partial<Hello>, context: Partial<AdmissionContext>): Verdict {
  return judge(helloTo('acceptor', hello), contextOf('acceptor', context));
}
