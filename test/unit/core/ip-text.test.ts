import { expect, test } from 'vitest';
import { isIpHost, unmapped } from '../../../src/core/ip-text.ts';

test('an IP address is told from a name', () => {
  for (const host of ['10.0.0.1', '255.255.255.255', '[::1]', '[2001:db8::1]']) {
    expect(isIpHost(host)).toBe(true);
  }
  for (const host of [
    'host',
    '10.0.0',
    '10.0.0.256',
    '1.2.3.4.5',
    '::1',
    '[host]',
    '[10.0.0.1:7]',
    '[1.2.3.4]',
    '',
  ]) {
    expect(isIpHost(host)).toBe(false);
  }
});

test('an IPv4 address in the clothes of IPv6 is shown as it is', () => {
  expect(unmapped('::ffff:10.0.0.1')).toBe('10.0.0.1');
  for (const host of ['10.0.0.1', '::1', '2001:db8::ffff:1']) expect(unmapped(host)).toBe(host);
});
