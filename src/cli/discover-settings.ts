/** The options of `barrel start` that say how other nodes are found. */
import { Option } from 'commander';
import { type Discovery, dnsDiscovery, fileDiscovery, mdnsDiscovery } from '../index.ts';
import { CommandError, EXIT } from './exit-code.ts';

/** What commander makes of them. */
export interface DiscoverSettings {
  readonly discoverDir?: string;
  readonly discoverDns?: readonly string[];
  readonly discoverSrv?: readonly string[];
  /** True where no service is named. */
  readonly discoverMdns?: string | boolean;
  /** Of this node: the port behind a name of DNS that is given without one. */
  readonly port?: number | undefined;
}

export function discoverOptions(): readonly Option[] {
  return [
    new Option('--discover-dir <directory>', 'find nodes by files in a directory').env(
      'BARREL_DISCOVER_DIR',
    ),
    new Option('--discover-dns <host:port>', 'find nodes by addresses of a DNS name; repeatable')
      .env('BARREL_DISCOVER_DNS')
      .argParser(collect),
    new Option('--discover-srv <name>', 'find nodes by SRV records; repeatable')
      .env('BARREL_DISCOVER_SRV')
      .argParser(collect),
    new Option('--discover-mdns [service]', 'find nodes on the local network').env(
      'BARREL_DISCOVER_MDNS',
    ),
  ];
}

/** In the order in which they are asked; undefined for none. */
export function discoveries(given: DiscoverSettings): readonly Discovery[] | undefined {
  const { discoverDir, discoverDns = [], discoverSrv = [], discoverMdns } = given;
  const all = [
    ...(discoverDir === undefined || discoverDir === '' ? [] : [fileDiscovery(discoverDir)]),
    ...discoverDns.map((text) => dnsDiscovery(hostAndPort(text, given.port))),
    ...discoverSrv.map((host) => dnsDiscovery({ host, srv: true })),
    ...mdns(discoverMdns),
  ];
  return all.length === 0 ? undefined : all;
}

/** The port of this node stands for one that is not given: all nodes behind the name have it. */
function hostAndPort(
  text: string,
  own: number | undefined,
): { readonly host: string; readonly port: number } {
  const [, host = text, digits] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (digits !== undefined) return { host, port: Number(digits) };
  if (own !== undefined && own > 0) return { host: text, port: own };
  throw new CommandError(
    EXIT.usage,
    `say which port the nodes behind ${text} have: ${text}:4433, or give --port`,
  );
}

/** A variable says `true` or `1` where no service is named. */
function mdns(given: string | boolean | undefined): readonly Discovery[] {
  if (given === undefined || given === false) return [];
  if (given === '' || given === 'false' || given === '0') return [];
  const hasService = given !== true && given !== 'true' && given !== '1';
  return [mdnsDiscovery(hasService ? { service: given } : {})];
}

/** Repeated options add up; a variable separates by commas. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').map((part) => part.trim())];
}
