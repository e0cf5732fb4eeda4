/**
 * The simulator itself: machines, the network between them, virtual time that drives both, and the
 * checks after every step.
 */
import type { BarrelNode } from '../barrel-node.ts';
import type { Address, NodeName } from '../core/names.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { BarrelError } from '../errors.ts';
import { loadKeyHash } from '../host/system-key-hash.ts';
import { deriveSecretKey } from '../identity/secret.ts';
import { ACTIVE_SIZE_DEFAULT, PASSIVE_SIZE_DEFAULT } from '../limits.ts';
import { openCron } from '../reminders/cron.ts';
import { settlement } from '../settlement.ts';
import { SimulatedNetwork } from '../transport/memory/network.ts';
import { faultsAtRest } from './convergence.ts';
import { EventTrace } from './event-trace.ts';
import { Machine, type SimulatedNodeOptions, type Start } from './machine.ts';
import { NodeInvariants } from './node-invariants.ts';
import { NodeLoop } from './node-loop.ts';
import { OverlayInvariants } from './overlay-invariants.ts';
import { SeededRandom } from './seeded-random.ts';
import { startSimulated } from './simulated-start.ts';
import type { LinkConditions, Simulation, SimulationOptions } from './simulation.ts';
import { SimulationError } from './simulation-error.ts';
import { VirtualTime } from './virtual-time.ts';

const LATENCY_MS: readonly [number, number] = [1, 5];
const SETTLED_TIMEOUT_MS = 60_000;

export class SimulatedCluster implements Simulation {
  readonly #options: SimulationOptions;
  readonly #time = new VirtualTime();
  readonly #random: SeededRandom;
  readonly #network: SimulatedNetwork;
  readonly #trace: EventTrace;
  readonly #machines: Machine[] = [];
  readonly #byName = new Map<NodeName, Machine>();
  readonly #secretKeys = new Map<string, Promise<Uint8Array>>();
  /** Starts that ran since the last check. */
  #unchecked: Start[] = [];
  /**
   * Settles when the runs asked for so far are over. Nothing runs before nodes have what is loaded
   * in real time.
   */
  #lastRun: Promise<unknown> = Promise.all([loadKeyHash(), openCron().catch(() => undefined)]);
  #isDisposed = false;

  constructor(options: SimulationOptions) {
    if (!Number.isInteger(options.seed)) {
      throw new BarrelError('ERR_OPTION', `\`seed\` must be an integer, received ${options.seed}`);
    }
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#trace = new EventTrace(this.#time);
    this.#network = new SimulatedNetwork({
      clock: this.#time,
      timers: this.#time,
      random: this.#random.fork(),
      latencyMs: LATENCY_MS,
      onFrame: (path, frame) => this.#trace.frame(path, frame),
    });
  }

  get now(): number {
    return this.#time.monotonicMs();
  }

  get traffic(): Simulation['traffic'] {
    const { frames, bytes } = this.#network.traffic;
    return { messages: frames, bytes };
  }

  get trace(): string {
    return this.#trace.toString();
  }

  async start(options: SimulatedNodeOptions = {}): Promise<BarrelNode> {
    const { name } = options;
    return this.#boot(name === undefined ? this.#newMachine() : this.#machine(name), options);
  }

  async restart(name: NodeName): Promise<BarrelNode> {
    const machine = this.#byName.get(name);
    if (machine?.options === undefined) {
      throw new BarrelError('ERR_NOT_FOUND', `${name} never ran here`, { node: name });
    }
    return this.#boot(machine, machine.options);
  }

  node(name: NodeName): BarrelNode {
    const { node } = this.#running(name);
    if (node !== undefined) return node;
    throw new BarrelError('ERR_NOT_FOUND', `${name} is still starting`, { node: name });
  }

  async advance(ms: number): Promise<void> {
    await this.#run(ms, () => false);
  }

  async until(condition: () => boolean, timeoutMs: number): Promise<void> {
    let askedMs = -1;
    const isMet = await this.#run(timeoutMs, () => {
      const nowMs = Math.floor(this.now);
      if (nowMs === askedMs) return false;
      askedMs = nowMs;
      return condition();
    });
    if (isMet || condition()) return;
    throw this.#timeout(`the condition did not hold within ${timeoutMs} ms`);
  }

  async settled<T>(promise: Promise<T>, timeoutMs: number = SETTLED_TIMEOUT_MS): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    const isMet = await this.#run(timeoutMs, () => isSettled);
    if (isMet || isSettled) return promise;
    throw this.#timeout(`the promise did not settle within ${timeoutMs} ms`);
  }

  partition(...sides: readonly (readonly NodeName[])[]): void {
    this.#trace.happened('partition', sides.map((side) => side.join()).join('|'));
    const addresses = sides.map((side) => side.map((name) => this.#machine(name).address));
    this.#network.partition(...addresses);
  }

  cut(from: NodeName, to: NodeName): void {
    this.#trace.happened('cut', `${from}>${to}`);
    this.#network.cut(this.#machine(from).address, this.#machine(to).address);
  }

  heal(): void {
    this.#trace.happened('heal', '');
    this.#network.heal();
  }

  link({ from, to, ...conditions }: LinkConditions): void {
    this.#network.link({
      ...conditions,
      from: from === undefined ? undefined : this.#machine(from).address,
      to: to === undefined ? undefined : this.#machine(to).address,
    });
  }

  crash(name: NodeName, options: { readonly wipe?: boolean | undefined } = {}): void {
    const machine = this.#byName.get(name);
    const start = this.#running(name);
    if (machine === undefined) return;
    this.#trace.happened('crash', name);
    this.#stop(machine, start);
    machine.disk.crash();
    if (options.wipe === true) machine.disk.wipe();
    const error = new BarrelError('ERR_CLOSED', `${name} crashed before it listened`, {
      node: name,
    });
    start.abandon(error);
  }

  block(name: NodeName, peers: readonly NodeName[]): void {
    const { overlay } = this.#running(name);
    if (overlay === undefined) {
      throw new BarrelError('ERR_NOT_FOUND', `${name} is still starting`, { node: name });
    }
    this.#trace.happened('block', `${name} ${peers.join()}`);
    overlay.block(peers);
  }

  stall(name: NodeName, ms: number): void {
    this.#trace.happened('stall', name);
    this.#running(name).loop.stall(ms);
  }

  clock(name: NodeName, { offsetMs, driftPpm }: Parameters<Simulation['clock']>[1]): void {
    const { clock } = this.#machine(name);
    if (offsetMs !== undefined) clock.step(offsetMs);
    if (driftPpm !== undefined) clock.drift(driftPpm);
  }

  disk(name: NodeName, { full, flipBits, failSync }: Parameters<Simulation['disk']>[1]): void {
    const { disk } = this.#machine(name);
    if (full !== undefined) disk.isFull = full;
    if (failSync !== undefined) disk.failsSync = failSync;
    if (flipBits !== undefined) disk.flipBits(flipBits);
  }

  faults(): readonly string[] {
    return faultsAtRest(this.#machines.flatMap(({ start }) => start?.node ?? []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const machine of this.#machines) {
      if (machine.start !== undefined) this.#stop(machine, machine.start);
    }
  }

  /** The machine of that name; a new one where the name is new. */
  #machine(name: NodeName): Machine {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const machine = this.#newMachine();
    this.#byName.set(name, machine);
    return machine;
  }

  #newMachine(): Machine {
    const machine = new Machine(this.#machines.length, {
      time: this.#time,
      random: this.#random,
    });
    this.#machines.push(machine);
    this.#trace.nameAddress(machine.address, machine.index);
    return machine;
  }

  #running(name: NodeName): Start {
    const start = this.#byName.get(name)?.start;
    if (start !== undefined) return start;
    throw new BarrelError('ERR_NOT_FOUND', `${name} does not run`, { node: name });
  }

  async #boot(machine: Machine, options: SimulatedNodeOptions): Promise<BarrelNode> {
    if (this.#isDisposed) throw new BarrelError('ERR_CLOSED', 'the simulation is disposed');
    if (machine.start !== undefined) {
      throw new BarrelError('ERR_CONFLICT', `${options.name ?? machine.address} runs already`);
    }
    const abandoned = settlement<never>();
    const start = this.#newStart(machine, abandoned.reject);
    machine.start = start;
    machine.options = options;
    this.#trace.happened('start', `${machine.index} ${options.name}`);
    try {
      const node = startSimulated({
        machine,
        loop: start.loop,
        network: this.#network,
        random: this.#random.fork(),
        discovery: this.#discovery,
        deriveSecretKey: (secret, cluster) => this.#secretKey(secret, cluster),
        options,
        observe: (overlay) => {
          start.overlay = overlay;
          start.overlayInvariants = new OverlayInvariants(overlay.overlay.core);
        },
        onEnded: () => this.#onEnded(machine, start),
      }).then((started) => this.#adopt(machine, start, started));
      return await this.settled(Promise.race([node, abandoned.promise]));
    } catch (error) {
      if (machine.start === start) this.#stop(machine, start);
      throw error;
    }
  }

  #newStart(machine: Machine, abandon: Start['abandon']): Start {
    const start: Start = {
      loop: new NodeLoop({
        time: this.#time,
        clock: machine.clock,
        onRun: () => this.#noteRun(start),
        onStallChanged: () => this.#network.endpointAt(machine.address)?.onStallChanged(),
      }),
      abandon,
      node: undefined,
      overlay: undefined,
      overlayInvariants: undefined,
      invariants: undefined,
      isUnchecked: false,
    };
    return start;
  }

  /** The node listens, and nothing has happened to it yet. */
  #adopt(machine: Machine, start: Start, node: BarrelNode): BarrelNode {
    this.#byName.set(node.name, machine);
    const { activeSize = ACTIVE_SIZE_DEFAULT, passiveSize = PASSIVE_SIZE_DEFAULT } =
      machine.options?.membership ?? {};
    start.node = node;
    const { overlay: views = node, overlayInvariants: overlay } = start;
    const sizes = { activeSize, passiveSize };
    start.invariants = new NodeInvariants({ node, views, sizes, overlay });
    this.#trace.follow(node);
    return node;
  }

  #stop(machine: Machine, start: Start): void {
    machine.start = undefined;
    start.loop.kill();
    this.#network.crash(machine.address);
  }

  #onEnded(machine: Machine, start: Start): void {
    if (machine.start !== start) return;
    this.#trace.happened('closed', start.node?.name ?? '');
    this.#stop(machine, start);
  }

  readonly #discovery: Discovery = {
    name: 'simulation',
    resolve: async (node): Promise<readonly Address[]> => {
      const machine = this.#byName.get(node);
      return machine === undefined ? [] : [machine.address];
    },
  };

  /** Slow on purpose, so once for all nodes of a cluster. */
  #secretKey(secret: Uint8Array, cluster: string): Promise<Uint8Array> {
    const id = `${Buffer.from(secret).toString('hex')} ${cluster}`;
    const key = this.#secretKeys.get(id) ?? deriveSecretKey(secret, cluster);
    this.#secretKeys.set(id, key);
    return key;
  }

  /** Runs one after the other, in the order in which they were asked for. */
  #run(ms: number, isEnough: () => boolean): Promise<boolean> {
    const run = this.#lastRun.then(() => this.#runNow(ms, isEnough));
    this.#lastRun = run.catch(() => {
      // Whoever asked for this run gets its error; the next one goes on.
    });
    return run;
  }

  async #runNow(ms: number, isEnough: () => boolean): Promise<boolean> {
    // Whatever happened to nodes between two runs, by hand, is checked with the first step.
    for (const { start } of this.#machines) if (start !== undefined) this.#noteRun(start);
    try {
      return await this.#time.run(ms, () => {
        this.#check();
        return isEnough();
      });
    } catch (cause) {
      if (cause instanceof SimulationError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw this.#error(`code in the simulation threw: ${why}`, { cause });
    }
  }

  #noteRun(start: Start): void {
    if (start.isUnchecked) return;
    start.isUnchecked = true;
    this.#unchecked.push(start);
  }

  #check(): void {
    if (this.#unchecked.length === 0) return;
    const unchecked = this.#unchecked;
    this.#unchecked = [];
    for (const start of unchecked) {
      start.isUnchecked = false;
      const violation = start.invariants?.check();
      if (violation === undefined) continue;
      const { node, rule, detail } = violation;
      throw this.#error(`${node} broke a rule: ${rule}: ${detail}`, { node, rule });
    }
  }

  #timeout(what: string): BarrelError {
    return new BarrelError('ERR_TIMEOUT', `${what} ${this.#whereabouts}`);
  }

  #error(what: string, details: Pick<SimulationError, 'node' | 'rule' | 'cause'>): SimulationError {
    const { seed } = this.#options;
    return new SimulationError(`${what} ${this.#whereabouts}`, {
      ...details,
      seed,
      atMs: this.now,
    });
  }

  get #whereabouts(): string {
    const { seed, replay = `createSimulation({ seed: ${seed} })` } = this.#options;
    return `(at ${this.now} ms with seed ${seed}; again by ${replay})`;
  }
}
