import { createPublicKey, generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createCertificate,
  loadCertificate,
  publicKeyOfCertificate,
} from '../../../src/identity/certificate.ts';
import { fingerprintOf } from '../../../src/identity/fingerprint.ts';
import { incarnationAfter, nextIncarnation } from '../../../src/identity/incarnation.ts';
import { createKeyPair, type KeyPair, loadKeyPair } from '../../../src/identity/keys.ts';
import {
  checkSecret,
  deriveSecretKey,
  generateSecret,
  isProof,
  proofOf,
} from '../../../src/identity/secret.ts';
import { keyOf, START_MS, temporaryDirectory, testHost } from './fixtures.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await temporaryDirectory();
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

describe('key pair', () => {
  test('two new pairs have 32-byte keys and share nothing (I1)', () => {
    const { random } = testHost();
    const [a, b] = [createKeyPair(random), createKeyPair(random)];

    expect(a.publicKey).toHaveLength(32);
    expect(a.publicKey).not.toEqual(b.publicKey);
    expect(a.privateKeyPem).not.toBe(b.privateKeyPem);
  });

  test('the private key signs for the public one', () => {
    const pair = createKeyPair(testHost().random);
    const message = Buffer.from('message');

    const signature = sign(null, message, pair.privateKeyPem);

    expect(verify(null, message, createPublicKey(pair.privateKeyPem), signature)).toBe(true);
  });

  test('without a data directory nothing is written and each start has another key', async () => {
    const first = await load(undefined, 'one');

    expect((await load(undefined, 'two')).publicKey).not.toEqual(first.publicKey);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('a pair on disk is loaded again, private in a private directory (I2)', async () => {
    const first = await load(dataDir, 'one');

    expect(await load(dataDir, 'two')).toEqual(first);
    expect(await modeOf('identity')).toBe(0o700);
    expect(await modeOf('identity', 'node.key')).toBe(0o600);
    expect(await readdir(join(dataDir, 'identity'))).toEqual(['node.key', 'node.pub']);
  });

  test('each node has a pair of its own in its own directory (I5)', async () => {
    const nodes = ['a', 'b', 'c'];
    const pairs = await Promise.all(nodes.map((node) => load(join(dataDir, node), node)));

    expect(new Set(pairs.map(({ publicKey }) => fingerprintOf(publicKey))).size).toBe(3);
  });

  test.each([0o640, 0o604, 0o620, 0o660, 0o644])(
    'a key file of mode %o is refused',
    async (mode) => {
      await load(dataDir);
      await chmod(join(dataDir, 'identity', 'node.key'), mode);

      await expect(load(dataDir)).rejects.toMatchObject({
        code: 'ERR_IDENTITY',
        message: expect.stringMatching(
          new RegExp(`identity/node.key .*0${mode.toString(8)}.*chmod 600 .*identity/node.key`),
        ),
      });
    },
  );

  test.each([0o750, 0o705, 0o755])('an identity directory of mode %o is refused', async (mode) => {
    await load(dataDir);
    await chmod(join(dataDir, 'identity'), mode);

    await expect(load(dataDir)).rejects.toMatchObject({
      code: 'ERR_IDENTITY',
      message: expect.stringMatching(/identity is open to other users .*chmod 700 /),
    });
  });

  test('a public key of another pair is refused and nothing is replaced (I3)', async () => {
    const pair = await load(dataDir, 'one');
    const { publicKey } = generateKeyPairSync('ed25519');
    const other = publicKey.export({ format: 'pem', type: 'spki' });
    await writeFile(join(dataDir, 'identity', 'node.pub'), other);

    await refused('are not a pair');
    const kept = await readFile(join(dataDir, 'identity', 'node.key'), 'utf8');
    expect(kept).toBe(pair.privateKeyPem);
  });

  test('a public key without the private one is refused', async () => {
    await load(dataDir);
    await rm(join(dataDir, 'identity', 'node.key'));

    await refused('node.key is missing');
    expect(await readdir(join(dataDir, 'identity'))).toHaveLength(1);
  });

  test('a first start that ended between the two files is completed by the next one', async () => {
    const { files, random } = testHost();
    const powerLost = async (path: string, content: Uint8Array): Promise<void> => {
      if (path.endsWith('node.pub')) throw new Error('power lost');
      await files.write(path, content);
    };
    const first = loadKeyPair({ files: { ...files, write: powerLost }, random, dataDir });
    await expect(first).rejects.toMatchObject({ code: 'ERR_IDENTITY' });
    const kept = await readFile(join(dataDir, 'identity', 'node.key'), 'utf8');

    const pair = await load(dataDir, 'another');
    expect(pair.privateKeyPem).toBe(kept);
    expect(await load(dataDir)).toEqual(pair);
    expect((await readdir(join(dataDir, 'identity'))).sort()).toEqual(['node.key', 'node.pub']);
  });

  test.each(['node.key', 'node.pub'])('%s with anything else in it is refused', async (file) => {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const foreign =
      file === 'node.key'
        ? privateKey.export({ format: 'pem', type: 'pkcs8' })
        : publicKey.export({ format: 'pem', type: 'spki' });
    for (const content of ['', 'junk', Buffer.alloc(32, 1), 'x'.repeat(100_000), foreign]) {
      await rm(join(dataDir, 'identity'), { recursive: true, force: true });
      await load(dataDir);
      await writeFile(join(dataDir, 'identity', file), content);

      await refused(file);
    }
  });

  test('an unreadable key file is refused with the error of the system as cause', async () => {
    await load(dataDir);
    await rm(join(dataDir, 'identity', 'node.key'));
    await mkdir(join(dataDir, 'identity', 'node.key'), { mode: 0o700 });

    await refused('node.key');
  });

  test('a data directory that cannot be made is refused', async () => {
    await writeFile(join(dataDir, 'file'), '');

    await expect(load(join(dataDir, 'file'))).rejects.toMatchObject({ code: 'ERR_IDENTITY' });
  });
});

describe('certificate', () => {
  test('it is self-signed version 3 with the identity key, for both ends of TLS (I7)', async () => {
    const keyPair = createKeyPair(testHost().random);

    const certificate = new X509Certificate(await certify(keyPair));

    expect(publicKeyOfCertificate(certificate.raw)).toEqual(keyPair.publicKey);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=a@host');
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.raw.length).toBeLessThan(400);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(START_MS);
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(START_MS + 99 * 365 * 86_400_000);
  });

  test('serial numbers are positive, of 127 bits and differ', async () => {
    const host = testHost();
    const keyPair = createKeyPair(host.random);
    const serials: bigint[] = [];
    for (let i = 0; i < 20; i++) {
      const pem = await createCertificate({ host, keyPair, name: 'a@host' });
      serials.push(BigInt(`0x${new X509Certificate(pem).serialNumber}`));
    }

    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => serial >= 2n ** 126n && serial < 2n ** 127n)).toBe(true);
  });

  test('the longest and the strangest names fit', async () => {
    const keyPair = createKeyPair(testHost().random);
    for (const name of ['a@[fe80::1]', `${'x'.repeat(200)}@${'y'.repeat(54)}`, 'a+b,c="d"@h']) {
      const certificate = new X509Certificate(await certify(keyPair, name));
      expect(publicKeyOfCertificate(certificate.raw)).toEqual(keyPair.publicKey);
    }
  });

  test('with a data directory the first one is kept', async () => {
    const first = await keep('one');

    expect(await keep('two')).toBe(first);
    expect(await modeOf('identity', 'node.crt')).toBe(0o600);
  });

  test('one that is damaged or of another key is made anew', async () => {
    await keep('one');
    const path = join(dataDir, 'identity', 'node.crt');
    const other = await certify(createKeyPair(testHost('other').random));
    for (const content of ['', 'junk', 'x'.repeat(100_000), other]) {
      await writeFile(path, content);

      const pem = await keep('two');

      expect(pem).not.toBe(content);
      expect(await readFile(path, 'utf8')).toBe(pem);
      expect(await keep('three')).toBe(pem);
    }
  });

  test('keys of other types and hostile bytes have no identity key', async () => {
    const der = new X509Certificate(await certify(createKeyPair(testHost().random))).raw;

    const ec = new X509Certificate(Buffer.from(EC_CERTIFICATE, 'base64'));
    expect(ec.publicKey.asymmetricKeyType).toBe('ec');
    expect(publicKeyOfCertificate(ec.raw)).toBeUndefined();
    expect(publicKeyOfCertificate(Buffer.concat([der, Buffer.from([0])]))).toBeUndefined();
    expect(
      publicKeyOfCertificate(Buffer.from(new X509Certificate(der).toString())),
    ).toBeUndefined();
    for (let length = 0; length < der.length; length++) {
      expect(publicKeyOfCertificate(der.subarray(0, length))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(der);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const key = publicKeyOfCertificate(damaged);
        expect(key === undefined || key.length === 32).toBe(true);
      }),
    );
  });
});

describe('fingerprint', () => {
  test('it is what ssh prints: the digest in base64 without padding (I17)', () => {
    expect(fingerprintOf(new Uint8Array(32))).toBe(
      'SHA256:Zmh6rfhivXdsj8GLjp+OIAiXFIVu4jOzkCpZHQ1fKSU',
    );
    expect(fingerprintOf(keyOf('a'))).not.toBe(fingerprintOf(keyOf('b')));
  });
});

describe('join secret', () => {
  test('a generated one has 256 bits and is accepted', () => {
    const secret = generateSecret(testHost().random);

    expect(secret).toMatch(/^[\w-]{43}$/);
    checkSecret(secret);
  });

  test.each([
    ['', 'received 0 characters'],
    ['s3cret-s3cret-s3cret-s3cret-s3c', 'received 31 characters'],
    [new Uint8Array(15), 'received 15 bytes'],
    ['x'.repeat(1_025), 'received 1025 characters'],
  ])('a secret of the wrong length is refused and not shown', async (secret, received) => {
    const refusal = { code: 'ERR_OPTION', message: expect.stringContaining(received) };

    expect(() => checkSecret(secret)).toThrow(expect.objectContaining(refusal));
    await expect(deriveSecretKey(secret, 'c')).rejects.toMatchObject(refusal);
    await expect(deriveSecretKey(secret, 'c')).rejects.not.toThrow(/s3cret/);
  });

  test('equal secrets give equal keys, and other clusters or secrets other ones', async () => {
    const text = 'correct horse battery staple, twice';
    const key = await deriveSecretKey(text, 'default');

    expect(key).toHaveLength(32);
    expect(await deriveSecretKey(Buffer.from(text), 'default')).toEqual(key);
    expect(await deriveSecretKey(text, 'other')).not.toEqual(key);
    expect(await deriveSecretKey(`${text}.`, 'default')).not.toEqual(key);
  });

  test('a proof holds for its own parts only', () => {
    const parts = {
      key: keyOf('derived'),
      role: 'dialer',
      ownKey: keyOf('a'),
      peerKey: keyOf('b'),
      cluster: 'default',
      name: 'a@host',
    } as const;
    const proof = proofOf(parts);

    expect(isProof(proof, parts)).toBe(true);
    expect(isProof(proof, { ...parts, role: 'acceptor' })).toBe(false);
    expect(isProof(proof, { ...parts, ownKey: parts.peerKey, peerKey: parts.ownKey })).toBe(false);
    expect(isProof(proof, { ...parts, peerKey: keyOf('relay') })).toBe(false);
    expect(isProof(proof, { ...parts, key: keyOf('guess') })).toBe(false);
    expect(isProof(proof, { ...parts, cluster: 'defaulta', name: '@host' })).toBe(false);
    expect(isProof(proof.subarray(1), parts)).toBe(false);
    expect(isProof(new Uint8Array(), parts)).toBe(false);
  });
});

describe('incarnation', () => {
  test('it is the wall clock and 16 random bits, on disk before it is used', async () => {
    const incarnation = await nextIncarnation({ host: testHost(), dataDir });

    expect(incarnation >> 16n).toBe(BigInt(START_MS));
    const kept = await readFile(join(dataDir, 'identity', 'incarnation'), 'utf8');
    expect(kept).toBe(`${incarnation}\n`);
  });

  test('it grows with every start, wherever the clock is set', async () => {
    const host = testHost();
    let last = 0n;
    for (const wallMs of [START_MS, START_MS, START_MS - 1e9, 0, START_MS + 5, START_MS + 5]) {
      host.setWall(wallMs);
      const incarnation = await nextIncarnation({ host, dataDir });
      expect(incarnation).toBeGreaterThan(last);
      last = incarnation;
    }
  });

  test('without a data directory the clock alone decides', async () => {
    const host = testHost();
    const first = await nextIncarnation({ host, dataDir: undefined });
    host.advance(1);

    expect(await nextIncarnation({ host, dataDir: undefined })).toBeGreaterThan(first);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test.each(['', 'junk', '-1', '9223372036854775807', '1'.repeat(40)])(
    'a damaged number %j is replaced by the clock, with a warning',
    async (content) => {
      const host = testHost();
      await nextIncarnation({ host, dataDir });
      await writeFile(join(dataDir, 'identity', 'incarnation'), content);

      expect((await nextIncarnation({ host, dataDir })) >> 16n).toBe(BigInt(START_MS));
      expect(host.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    },
  );

  test('where it cannot be written there is none', async () => {
    await mkdir(join(dataDir, 'identity', 'incarnation'), { recursive: true, mode: 0o700 });

    const next = nextIncarnation({ host: testHost(), dataDir });

    await expect(next).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  test('after a refusal as stale it is the one after the seen one', async () => {
    const host = testHost();
    const seen = (await nextIncarnation({ host, dataDir })) + 1_000_000n;

    expect(await incarnationAfter(seen, { host, dataDir })).toBe(seen + 1n);
    expect(await nextIncarnation({ host, dataDir })).toBe(seen + 2n);
  });

  test('a peer that claims to have seen an old one does not bring it back', async () => {
    const host = testHost();
    const last = await nextIncarnation({ host, dataDir });

    expect(await incarnationAfter(3n, { host, dataDir })).toBe(last + 1n);
  });

  test('a peer cannot use up the numbers', async () => {
    const options = { host: testHost(), dataDir: undefined };

    expect(await incarnationAfter(2n ** 63n - 2n, options)).toBeUndefined();
    expect(await incarnationAfter(2n ** 62n, options)).toBeUndefined();
  });
});

function load(directory: string | undefined, seed?: string): Promise<KeyPair> {
  const { files, random } = testHost(seed);
  return loadKeyPair({ files, random, dataDir: directory });
}

async function refused(message: string): Promise<void> {
  await expect(load(dataDir)).rejects.toMatchObject({
    code: 'ERR_IDENTITY',
    message: expect.stringContaining(message),
  });
}

function certify(keyPair: KeyPair, name = 'a@host'): Promise<string> {
  return createCertificate({ host: testHost(), keyPair, name });
}

async function keep(seed: string): Promise<string> {
  const keyPair = await load(dataDir, 'one');
  return loadCertificate({ host: testHost(seed), keyPair, name: 'a@host', dataDir });
}

async function modeOf(...path: string[]): Promise<number> {
  return (await stat(join(dataDir, ...path))).mode & 0o777;
}

/** Self-signed, P-256. */
const EC_CERTIFICATE = [
  'MIIBcDCCARWgAwIBAgIUcdTye4WkLwY3CoM265qVtdhvCg0wCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBYTAgFw0y',
  'NjExMjIyMzU4MTVaGA8yMTI2MTAyOTIzNTgxNVowDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEH',
  'A0IABPrm3i/lP/Pcc0FPX31l+xsfxSvDGiPd6zf1v7XxCg8E6S1rTiptreXMiYoNR3zxBRykMmon908LjdfGN1Ja',
  'qYyjUzBRMB0GA1UdDgQWBBQwEMKNt1sEyGW+Xo2NYp0y7Kp0hTAfBgNVHSMEGDAWgBQwEMKNt1sEyGW+Xo2NYp0y',
  '7Kp0hTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDs6K0YWMLKRO5GP78CRSVJD7OwTiHZvnIe',
  'h30o69FtdQIhAN7DI/PLdqYf9/nd9I4iIJt8mKAHjOY0jZPaSNV65lFv',
].join('');
