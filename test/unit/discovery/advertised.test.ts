import { expect, test } from 'vitest';
import { advertisedAddresses } from '../../../src/discovery/advertised.ts';

const MACHINE = ['10.0.0.1', '2001:db8::1', '10.0.0.2', '2001:db8::2'];

test.each([
  ['a bound address is advertised as it is', '10.9.9.9:7000', MACHINE, ['10.9.9.9:7000']],
  ['so is one of IPv6', '[2001:db8::9]:7000', MACHINE, ['[2001:db8::9]:7000']],
  ['all of IPv4 is the first IPv4 address', '0.0.0.0:7000', MACHINE, ['10.0.0.1:7000']],
  [
    'all of both families is the first of each',
    '[::]:7000',
    MACHINE,
    ['10.0.0.1:7000', '[2001:db8::1]:7000'],
  ],
  ['a machine of IPv6 alone has that', '[::]:7000', ['2001:db8::1'], ['[2001:db8::1]:7000']],
  ['a machine without addresses has none to tell', '0.0.0.0:7000', [], ['0.0.0.0:7000']],
])('%s', (_statement, bound, machine, told) => {
  expect(advertisedAddresses({ externalAddresses: () => machine }, bound)).toEqual(told);
});
