import { describe, expect, test } from 'vitest';
import { isDialableIp } from '../../../src/host/dialable-ip.ts';
import { isWorthDecoding, loadMulticastDns } from '../../../src/host/system-multicast-dns.ts';

describe('a datagram of multicast DNS', () => {
  test('about the service, within its bounds, is decoded', () => {
    expect(isWorthDecoding(datagram({ label: '_barrel' }), '_barrel')).toBe(true);
    expect(isWorthDecoding(datagram({ label: '_barrel', records: 48 }), '_barrel')).toBe(true);
  });

  test.each<[string, unknown]>([
    ['about another service', datagram({ label: '_ipp' })],
    ['of more records than 48 by its head', datagram({ label: '_barrel', records: 49 })],
    ['of more bytes than 9,000', datagram({ label: '_barrel', padding: 9_000 })],
    ['without a head', Buffer.from('_barrel')],
    ['that is empty', Buffer.alloc(0)],
    ['that is none', '_barrel'],
  ])('%s is not decoded', (_, bytes) => {
    expect(isWorthDecoding(bytes, '_barrel')).toBe(false);
  });
});

test('without its package mDNS is an option error that names it', () => {
  const load = (): never => {
    throw Object.assign(new Error("Cannot find module 'multicast-dns'"), {
      code: 'MODULE_NOT_FOUND',
    });
  };

  expect(() => loadMulticastDns(load)).toThrow(
    expect.objectContaining({
      code: 'ERR_OPTION',
      message: expect.stringContaining('npm install multicast-dns@7.2.5'),
    }),
  );
});

test.each([
  ['10.0.0.1', true],
  ['127.0.0.1', true],
  ['169.254.1.1', true],
  ['2001:db8::1', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['0.1.2.3', false],
  ['224.0.0.251', false],
  ['239.255.255.255', false],
  ['255.255.255.255', false],
  ['::', false],
  ['ff02::fb', false],
  ['fe80::1', false],
  ['fe80::1%eth0', false],
  ['[::1]', false],
  ['localhost', false],
  ['10.0.0.1:1', false],
])('at %s a node can be: %s', (ip, isDialable) => {
  expect(isDialableIp(ip)).toBe(isDialable);
});

function datagram(of: { label: string; records?: number; padding?: number }): Uint8Array {
  const { label, records = 2, padding = 0 } = of;
  const head = Buffer.alloc(12);
  head.writeUInt16BE(records - 1, 6);
  head.writeUInt16BE(1, 10);
  return Buffer.concat([head, Buffer.from(label), Buffer.alloc(padding)]);
}
