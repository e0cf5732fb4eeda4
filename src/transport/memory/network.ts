/**
 * The simulated network: who is bound where, what the paths between addresses are like, and which
 * of them are cut. Everything happens on the clock, timers and randomness that are passed in, so
 * one seed gives one course of events.
 */
import { type Address, isAddress } from '../../core/names.ts';
import type { Clock, Random, Timers } from '../../host/host.ts';
import { Path, type PathConditions } from './path.ts';
import type { QueuedFrame } from './send-queue.ts';

export interface SimulatedNetworkOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** One-way delay, smallest and largest. Default 1 to 1 ms. */
  readonly latencyMs?: readonly [number, number] | undefined;
  /** Share of datagrams that get lost, 0 to 1. Default 0. */
  readonly loss?: number | undefined;
  /** Told of each frame that arrives, before its receiver is. */
  readonly onFrame?: ((path: Path, frame: QueuedFrame) => void) | undefined;
}

/** Conditions of the paths that match; a rule without ends is for all of them. */
export interface LinkRule {
  readonly from?: Address | undefined;
  readonly to?: Address | undefined;
  readonly latencyMs?: readonly [number, number] | undefined;
  readonly loss?: number | undefined;
  /** Share of datagrams that arrive twice: they cost traffic and nothing else. Default 0. */
  readonly duplicate?: number | undefined;
  /** Share of datagrams that later ones overtake; order within a channel holds. Default 0. */
  readonly reorder?: number | undefined;
}

/** What is bound to an address. */
export interface Endpoint {
  /** Stops without a word: no callback of it is made after this. */
  crash(): void;
  /** Its event loop has stalled, or goes on. */
  onStallChanged(): void;
}

/**
 * What left the nodes since the start, duplicates included. Retransmissions and acknowledgements
 * are not counted.
 */
export interface Traffic {
  frames: number;
  datagrams: number;
  bytes: number;
}

const FIRST_EPHEMERAL_PORT = 49_152;
const LAST_PORT = 65_535;

export class SimulatedNetwork {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly traffic: Traffic = { frames: 0, datagrams: 0, bytes: 0 };
  readonly #defaults: PathConditions;
  readonly #endpoints = new Map<Address, Endpoint>();
  readonly #nextPorts = new Map<string, number>();
  readonly #paths = new Map<string, Path>();
  readonly #cuts = new Set<string>();
  readonly #sides = new Map<Address, number>();
  /** Further addresses of a machine, and the one by which cuts and rules know it. */
  readonly #machines = new Map<Address, Address>();
  /** Addresses that were taken from their machine. */
  readonly #withdrawn = new Set<Address>();
  readonly #onFrame: SimulatedNetworkOptions['onFrame'];
  #rules: readonly LinkRule[] = [];

  constructor(options: SimulatedNetworkOptions) {
    this.clock = options.clock;
    this.timers = options.timers;
    this.random = options.random;
    const { latencyMs = [1, 1], loss = 0 } = options;
    this.#defaults = { latencyMs, loss, duplicate: 0, reorder: 0 };
    this.#onFrame = options.onFrame;
  }

  /**
   * Binds an address; port 0 takes a free one.
   * @throws an error with code EADDRINUSE or EADDRNOTAVAIL, as a system would.
   */
  bind(host: string, port: number, endpoint: Endpoint): Address {
    const address = `${host}:${port === 0 ? this.#freePort(host) : port}`;
    if (!isAddress(address)) throw bindError('EADDRNOTAVAIL', address);
    if (this.#endpoints.has(address)) throw bindError('EADDRINUSE', address);
    this.#endpoints.set(address, endpoint);
    this.#withdrawn.delete(address);
    return address;
  }

  /** Both belong to one machine: cuts, sides and rules for the second hold for the first. */
  join(address: Address, machine: Address): void {
    if (address !== machine) this.#machines.set(address, this.#machineOf(machine));
  }

  release(address: Address): void {
    this.#endpoints.delete(address);
  }

  /** The address is taken from its machine: nothing goes to it or comes from it any more. */
  withdraw(address: Address): void {
    this.#endpoints.delete(address);
    this.#withdrawn.add(address);
    this.#refresh();
  }

  endpointAt(address: Address): Endpoint | undefined {
    return this.#endpoints.get(address);
  }

  /** The direction between two addresses; the same object while something uses it. */
  path(from: Address, to: Address): Path {
    const key = pathKey(from, to);
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const conditions = this.#conditionsOf(from, to);
    const path = new Path(
      { from, to },
      { random: this.random, conditions, isCut: this.isCut(from, to) },
    );
    this.#paths.set(key, path);
    return path;
  }

  /** Forgets a path that nothing uses any more. */
  releasePath(path: Path): void {
    const key = pathKey(path.from, path.to);
    if (path.users.size === 0 && this.#paths.get(key) === path) this.#paths.delete(key);
  }

  /** Sets conditions; of several rules for a path the last one decides, field by field. */
  link(rule: LinkRule): void {
    const rest = this.#rules.filter(({ from, to }) => from !== rule.from || to !== rule.to);
    const previous = this.#rules.find(({ from, to }) => from === rule.from && to === rule.to);
    this.#rules = [...rest, { ...previous, ...withoutUndefined(rule) }];
    this.#refresh();
  }

  /** Nothing that the first sends reaches the second. The other direction stays as it is. */
  cut(from: Address, to: Address): void {
    this.#cuts.add(pathKey(from, to));
    this.#refresh();
  }

  /** Nothing crosses between the sides. Addresses of no side reach everybody. */
  partition(...sides: readonly (readonly Address[])[]): void {
    this.#sides.clear();
    for (const [index, side] of sides.entries()) {
      for (const address of side) this.#sides.set(address, index);
    }
    this.#refresh();
  }

  /** Undoes one cut or, without arguments, all cuts and the partition. */
  heal(from?: Address, to?: Address): void {
    if (from !== undefined && to !== undefined) this.#cuts.delete(pathKey(from, to));
    else {
      this.#cuts.clear();
      this.#sides.clear();
    }
    this.#refresh();
  }

  isCut(one: Address, another: Address): boolean {
    if (this.#withdrawn.has(one) || this.#withdrawn.has(another)) return true;
    const [from, to] = [this.#machineOf(one), this.#machineOf(another)];
    if (this.#cuts.has(pathKey(from, to))) return true;
    const side = this.#sides.get(from);
    const other = this.#sides.get(to);
    return side !== undefined && other !== undefined && side !== other;
  }

  /** What is bound there stops without a word; its peers notice by silence. */
  crash(address: Address): void {
    const endpoint = this.#endpoints.get(address);
    this.#endpoints.delete(address);
    endpoint?.crash();
  }

  /** A frame has arrived over that path. */
  noteFrame(path: Path, frame: QueuedFrame): void {
    this.#onFrame?.(path, frame);
  }

  #refresh(): void {
    for (const path of [...this.#paths.values()]) {
      const { from, to } = path;
      path.update(this.#conditionsOf(from, to), this.isCut(from, to));
    }
  }

  #machineOf(address: Address): Address {
    return this.#machines.get(address) ?? address;
  }

  #conditionsOf(one: Address, another: Address): PathConditions {
    const [from, to] = [this.#machineOf(one), this.#machineOf(another)];
    let { latencyMs, loss, duplicate, reorder } = this.#defaults;
    for (const rule of this.#rules) {
      if (rule.from !== undefined && rule.from !== from) continue;
      if (rule.to !== undefined && rule.to !== to) continue;
      latencyMs = rule.latencyMs ?? latencyMs;
      loss = rule.loss ?? loss;
      duplicate = rule.duplicate ?? duplicate;
      reorder = rule.reorder ?? reorder;
    }
    return { latencyMs, loss, duplicate, reorder };
  }

  #freePort(host: string): number {
    const first = this.#nextPorts.get(host) ?? FIRST_EPHEMERAL_PORT;
    const count = LAST_PORT - FIRST_EPHEMERAL_PORT + 1;
    for (let step = 0; step < count; step += 1) {
      const port = FIRST_EPHEMERAL_PORT + ((first - FIRST_EPHEMERAL_PORT + step) % count);
      if (this.#endpoints.has(`${host}:${port}`)) continue;
      this.#nextPorts.set(host, port + 1);
      return port;
    }
    throw bindError('EADDRINUSE', `${host}:0`);
  }
}

function pathKey(from: Address, to: Address): string {
  return `${from}>${to}`;
}

function withoutUndefined(rule: LinkRule): LinkRule {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined));
}

function bindError(code: string, address: string): Error {
  return Object.assign(new Error(`bind ${code} ${address}`), { code });
}
