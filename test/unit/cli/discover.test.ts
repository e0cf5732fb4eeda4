import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type DiscoverSettings,
  discoveries,
  discoverOptions,
} from '../../../src/cli/discover-settings.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the ways to find nodes', () => {
  test('are none where none is given', () => {
    expect(discoveries(parsed())).toBeUndefined();
  });

  test('are asked in one order, whatever the order of the words', () => {
    const settings = parsed(
      ...['--discover-mdns', 'jobs', '--discover-srv', '_b._udp.example,_c._udp.example'],
      ...['--discover-dns', 'a.example:1', '--discover-dns', 'b.example:2', '--discover-dir', '/x'],
    );

    expect(namesOf(settings)).toEqual(['file', 'dns', 'dns', 'dns', 'dns', 'mdns']);
  });

  test('come from variables, too', () => {
    vi.stubEnv('BARREL_DISCOVER_DIR', '/x');
    vi.stubEnv('BARREL_DISCOVER_DNS', 'a.example:1, b.example:2');
    vi.stubEnv('BARREL_DISCOVER_SRV', '_b._udp.example');
    vi.stubEnv('BARREL_DISCOVER_MDNS', 'true');

    expect(namesOf(parsed())).toEqual(['file', 'dns', 'dns', 'dns', 'mdns']);
  });

  test.each([['false'], ['0'], ['']])('mDNS is off where its variable is %j', (text) => {
    vi.stubEnv('BARREL_DISCOVER_MDNS', text);

    expect(discoveries(parsed())).toBeUndefined();
  });

  test('a DNS name without a port has that of this node', () => {
    expect(namesOf({ discoverDns: ['a.example'], port: 4433 })).toEqual(['dns']);
    for (const port of [undefined, 0]) {
      expect(() => discoveries({ discoverDns: ['a.example'], port })).toThrow(
        /say which port .* a.example:4433, or give --port/,
      );
    }
  });

  test.each([
    { discoverDns: ['10.0.0.1:1'] },
    { discoverDns: ['a.example:0'] },
    { discoverDns: ['a.example:99999'] },
    { discoverDns: ['[::1]:1'] },
    { discoverSrv: ['a b'] },
    { discoverMdns: 'no service name' },
  ])('%j is an option error', (settings) => {
    expect(() => discoveries(settings)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });
});

function parsed(...words: readonly string[]): DiscoverSettings {
  const command = new Command().exitOverride();
  for (const option of discoverOptions()) command.addOption(option);
  return command.parse(words, { from: 'user' }).opts();
}

function namesOf(settings: DiscoverSettings): readonly string[] {
  return (discoveries(settings) ?? []).map(({ name }) => name);
}
