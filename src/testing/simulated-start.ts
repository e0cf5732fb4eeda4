/**
 * One start of a node on a simulated machine: the production node, composed in a world of virtual
 * time, seeded randomness, a simulated disk and the simulated network.
 */
import type { BarrelNode } from '../barrel-node.ts';
import { composeNode, type TestedOverlay, type World } from '../compose-node.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { Host } from '../host/host.ts';
import { silentLogger } from '../host/logger.ts';
import { Meter } from '../host/meter.ts';
import { systemDigest } from '../host/system-digest.ts';
import { loadKeyHash } from '../host/system-key-hash.ts';
import { type ResolvedOptions, resolveOptions } from '../options.ts';
import { openMemoryTransport } from '../transport/memory/memory-transport.ts';
import type { SimulatedNetwork } from '../transport/memory/network.ts';
import type { Machine, SimulatedNodeOptions } from './machine.ts';
import type { NodeLoop } from './node-loop.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface SimulatedStartOptions {
  readonly machine: Machine;
  readonly loop: NodeLoop;
  readonly network: SimulatedNetwork;
  /** Of this start alone. */
  readonly random: SeededRandom;
  /** Asked after the user's own. */
  readonly discovery: Discovery;
  readonly deriveSecretKey: World['deriveSecretKey'];
  readonly options: SimulatedNodeOptions;
  /** Given the overlay before anything happens in it. */
  readonly observe: (overlay: TestedOverlay) => void;
  /** The node has closed; nothing of it is left. */
  readonly onEnded: () => void;
}

/** Resolves when the node listens. @throws as `createNode`. */
export async function startSimulated(start: SimulatedStartOptions): Promise<BarrelNode> {
  const { machine, loop, network, deriveSecretKey, observe, onEnded } = start;
  const host = simulatedHost(start);
  const options = resolved(start, host);
  options.signal?.throwIfAborted();
  return composeNode(
    {
      host,
      openTransport: ({ identity }, onConnection) =>
        openMemoryTransport({
          network,
          loop,
          identity: { publicKey: identity.publicKey },
          listen: machine.listen,
          onConnection,
        }),
      // The simulated network shows keys as they are.
      certify: async () => '',
      deriveSecretKey,
      loadKeyHash,
      observe,
      owned: [{ [Symbol.asyncDispose]: async () => onEnded() }],
    },
    options,
  );
}

function resolved(
  { machine, options, discovery }: SimulatedStartOptions,
  host: Host,
): ResolvedOptions {
  const own = resolveOptions({ ...options, listen: machine.listen }, host);
  const { dataDir } = own;
  return {
    ...own,
    dataDir: dataDir === undefined || dataDir.startsWith('/') ? dataDir : `/${dataDir}`,
    discovery: [...own.discovery, discovery],
  };
}

function simulatedHost({ machine, loop, random, options }: SimulatedStartOptions): Host {
  const files: Files = machine.disk.open(loop);
  return {
    clock: machine.clock,
    timers: loop,
    random,
    digest: systemDigest,
    files,
    openStore: machine.disk.storeOpener(loop),
    openUdp: () => Promise.reject(new BarrelError('ERR_OPTION', 'a simulation has no UDP')),
    logger: options.logger ?? silentLogger,
    meter: new Meter(),
    lookup: async (name) => [name],
    hostName: 'simulated',
    externalAddresses: () => [machine.host],
  };
}
