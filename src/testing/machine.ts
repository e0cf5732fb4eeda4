/**
 * One simulated machine: an address, a clock and a disk that outlive the node on it, and at most
 * one node that runs.
 */
import type { BarrelNode } from '../barrel-node.ts';
import type { TestedOverlay } from '../compose-node.ts';
import type { Address } from '../core/names.ts';
import type { NodeOptions } from '../options.ts';
import { MachineClock } from './machine-clock.ts';
import type { NodeInvariants } from './node-invariants.ts';
import type { NodeLoop } from './node-loop.ts';
import type { OverlayInvariants } from './overlay-invariants.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import type { VirtualTime } from './virtual-time.ts';

/** All nodes of a simulation have a port of their own machine. */
const PORT = 7_100;
const MACHINES_MAX = 250 * 250;

/** Options of a simulated node: its machine has one address only. */
export type SimulatedNodeOptions = Omit<NodeOptions, 'listen'>;

/** One start of a node on a machine. */
export interface Start {
  readonly loop: NodeLoop;
  /** Rejects when the start ends before the node listens. */
  readonly abandon: (reason: unknown) => void;
  /** Undefined until it listens. */
  node: BarrelNode | undefined;
  /** Undefined until it has one. */
  overlay: TestedOverlay | undefined;
  /** From its first moment on. */
  overlayInvariants: OverlayInvariants | undefined;
  invariants: NodeInvariants | undefined;
  /** It ran since the invariants were checked. */
  isUnchecked: boolean;
}

export class Machine {
  /** From 0, in the order in which machines came to be. */
  readonly index: number;
  readonly host: string;
  readonly address: Address;
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  /** Of the last start. */
  options: SimulatedNodeOptions | undefined;
  start: Start | undefined;

  constructor(index: number, world: { readonly time: VirtualTime; readonly random: SeededRandom }) {
    if (index >= MACHINES_MAX) throw new RangeError(`more than ${MACHINES_MAX} simulated machines`);
    this.index = index;
    // Loopback addresses, so that the rules of a local cluster hold.
    this.host = `127.1.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
    this.address = `${this.host}:${PORT}`;
    this.clock = new MachineClock(world.time);
    this.disk = new SimulatedDisk(world.random.fork());
  }

  get listen(): { readonly host: string; readonly port: number } {
    return { host: this.host, port: PORT };
  }
}
