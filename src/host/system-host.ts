/** The real world of a node: this machine's clock, timers, randomness, files and network. */
import { hostname, networkInterfaces } from 'node:os';
import type { Host } from './host.ts';
import { openLevelStore } from './level-store.ts';
import { type Logger, silentLogger } from './logger.ts';
import { Meter } from './meter.ts';
import { systemClock, systemRandom, systemTimers } from './system-clock.ts';
import { systemDigest } from './system-digest.ts';
import { systemFiles } from './system-files.ts';
import { systemLookup } from './system-lookup.ts';
import { systemUdp } from './system-udp.ts';

export interface SystemHostOptions {
  /** Default: says nothing. */
  readonly logger?: Logger | undefined;
}

/** A new real host with a meter of its own. */
export function systemHost(options: SystemHostOptions = {}): Host {
  const meter = new Meter();
  return {
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    digest: systemDigest,
    files: systemFiles,
    openStore: openLevelStore,
    openUdp: systemUdp(meter),
    logger: options.logger ?? silentLogger,
    meter,
    lookup: systemLookup,
    hostName: hostname(),
    externalAddresses,
  };
}

/** The first IPv4 and the first IPv6 address, then the others as the system lists them. */
function externalAddresses(): readonly string[] {
  const reachable = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0);
  const firsts = ['IPv4', 'IPv6'].flatMap(
    (family) => reachable.find((entry) => entry.family === family)?.address ?? [],
  );
  return [...new Set([...firsts, ...reachable.map(({ address }) => address)])];
}
