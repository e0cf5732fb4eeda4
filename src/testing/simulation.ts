/** The face of the simulator: a whole cluster in one process, on virtual time, from one seed. */
import type { BarrelNode } from '../barrel-node.ts';
import type { NodeName } from '../core/names.ts';
import type { SimulatedNodeOptions } from './machine.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

/** Of `createSimulation`. */
export interface SimulationOptions {
  /** Any 32-bit integer: the same seed and the same calls give the same run. */
  readonly seed: number;
  /** How to see a failing run again, for messages. Default: `createSimulation({ seed })`. */
  readonly replay?: string | undefined;
}

/** Conditions of the network between two nodes, or wherever a name is left out, between all. */
export interface LinkConditions {
  readonly from?: NodeName | undefined;
  readonly to?: NodeName | undefined;
  /** One-way delay, shortest and longest. Default 1 to 5 ms. */
  readonly latencyMs?: readonly [number, number] | undefined;
  /** Share of datagrams that get lost, 0 to 1: they arrive late, when they were sent again. */
  readonly loss?: number | undefined;
  /** Share of datagrams that arrive twice, 0 to 1. */
  readonly duplicate?: number | undefined;
  /** Share of datagrams that later ones overtake, 0 to 1. */
  readonly reorder?: number | undefined;
}

/**
 * A whole cluster in one process, on virtual time and a simulated network: the same node code as in
 * production, with only clock, randomness, network and disk replaced. One seed reproduces
 * everything.
 *
 * Time moves only while `advance`, `until`, `settled`, `start` or `restart` run, one after the
 * other. Whatever a node promises, a call of a service or a `join`, settles only while it moves:
 * `await sim.settled(client.total())`, never `await client.total()` alone. Code that waits for
 * anything real, a file or a `setTimeout`, waits for something that virtual time runs past.
 *
 * `partition`, `cut`, `link`, `clock` and `disk` take names of nodes that have not started yet.
 *
 * After every step some rules are checked on every node that ran: it is in no view of its own,
 * views are disjoint and within their sizes, up and down events alternate and match the active
 * view. When one is broken, or a callback throws, the run in progress rejects with a
 * `SimulationError`. Errors say the seed.
 */
export interface Simulation extends AsyncDisposable {
  /** Virtual milliseconds since the start. */
  readonly now: number;
  /**
   * Starts a node on a machine of its own, which keeps its address, clock and disk for later starts
   * under that name. Moves time until it listens. Every node finds every other one by name, so
   * `contacts: ['a@one']` will do; a `dataDir` is a path on the simulated disk.
   * @throws as `createNode`; ERR_CONFLICT when a node of that name runs; ERR_CLOSED when it crashed
   * before it listened.
   */
  start(options?: SimulatedNodeOptions): Promise<BarrelNode>;
  /** The running node of that name. @throws ERR_NOT_FOUND when it does not run. */
  node(name: NodeName): BarrelNode;
  /** Runs virtual time forward; everything due in between happens, in order. */
  advance(ms: number): Promise<void>;
  /**
   * Advances until the condition holds; it is asked before anything happens, then at most once for
   * each millisecond in which something did.
   * @throws ERR_TIMEOUT when it does not hold within `timeoutMs`.
   */
  until(condition: () => boolean, timeoutMs: number): Promise<void>;
  /**
   * Advances until the promise settles, and settles like it.
   * @throws ERR_TIMEOUT when it does not settle within `timeoutMs`, by default 60 s.
   */
  settled<T>(promise: Promise<T>, timeoutMs?: number): Promise<T>;
  /** Nothing crosses between the sides; nodes of no side reach everybody. Replaces the last one. */
  partition(...sides: readonly (readonly NodeName[])[]): void;
  /** Nothing that the first sends reaches the second. The other direction stays as it is. */
  cut(from: NodeName, to: NodeName): void;
  /** Undoes all cuts and the partition. Conditions set by `link` stay. */
  heal(): void;
  /** Sets conditions; of several for one path the last one set decides, field by field. */
  link(conditions: LinkConditions): void;
  /**
   * Stops a node without a goodbye: nothing of it happens any more, and promises that it gave never
   * settle. Its disk survives, as far as it was durable, unless `wipe`.
   * @throws ERR_NOT_FOUND when it does not run.
   */
  crash(node: NodeName, options?: { readonly wipe?: boolean | undefined }): void;
  /**
   * Starts a node again with the options of its last start.
   * @throws as `start`; ERR_NOT_FOUND when it never ran.
   */
  restart(node: NodeName): Promise<BarrelNode>;
  /**
   * The overlay of that node refuses these peers, and nobody else, as neighbours and as spares,
   * until the next call or the end of the node; an empty list lets all in again. Connections stay,
   * and so does what is known of who lives. Blocked both ways, halves of an overlay stay apart
   * while every node can reach every other one.
   * @throws ERR_NOT_FOUND when the node does not run.
   */
  block(node: NodeName, peers: readonly NodeName[]): void;
  /** Its event loop does nothing for so long; what was due then happens late, in order. */
  stall(node: NodeName, ms: number): void;
  /**
   * Sets the wall clock of a machine so far from the true time, or lets both of its clocks gain so
   * many microseconds a second. What is left out stays as it is.
   */
  clock(
    node: NodeName,
    options: { readonly offsetMs?: number | undefined; readonly driftPpm?: number | undefined },
  ): void;
  /**
   * `full`: writes fail with ENOSPC. `failSync`: writes fail with EIO; some are seen until the next
   * crash. `flipBits`: flips so many random bits of stored files now. What is left out stays.
   */
  disk(
    node: NodeName,
    options: {
      readonly full?: boolean | undefined;
      readonly flipBits?: number | undefined;
      readonly failSync?: boolean | undefined;
    },
  ): void;
  /**
   * Sentences that say what keeps the running nodes from being one cluster at rest: rosters that
   * differ from who runs, links that are not mutual, nodes that no path of links reaches. Empty
   * when there is nothing. Nodes that left are not counted.
   */
  faults(): readonly string[];
  /** What left the nodes: messages are frames; retransmissions are not counted. */
  readonly traffic: { readonly messages: number; readonly bytes: number };
  /**
   * Hash of everything that happened, deliveries, starts, crashes and events: equal for equal
   * seeds, on any machine.
   */
  readonly trace: string;
}

/** A new, empty simulation. Dispose it when the test ends: all nodes stop at once. */
export function createSimulation(options: SimulationOptions): Simulation {
  return new SimulatedCluster(options);
}
