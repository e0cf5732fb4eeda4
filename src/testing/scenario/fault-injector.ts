/**
 * Faults, drawn one after the other: partitions, cuts, clogs, crashes, leaves, stalls, clock steps
 * and bad disks. Each may be undone after a while; the end of the phase undoes the rest.
 */
import type { NodeName } from '../../core/names.ts';
import type { Simulation } from '../simulation.ts';
import type { Draws } from './draws.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { Fleet, FleetNode } from './fleet.ts';

const DOWN_MS: readonly [number, number] = [10, 20_000];
const STALL_MS: readonly [number, number] = [50, 30_000];
const CLOG_MS: readonly [number, number] = [100, 5_000];
const LASTING_MS: readonly [number, number] = [500, 30_000];
const BITS_MAX = 20;
/** Of so many nodes one at most is down at a time, so that there is a cluster to come back to. */
const NODES_PER_CRASH = 3;

export type FaultKind =
  | 'partition'
  | 'cut'
  | 'heal'
  | 'clog'
  | 'crash'
  | 'replace'
  | 'leave'
  | 'close'
  | 'stall'
  | 'clock'
  | 'disk'
  | 'rot';

/** How often each kind is drawn, in parts. */
const WEIGHTS: readonly (readonly [kind: FaultKind, weight: number])[] = [
  ['partition', 4],
  ['cut', 4],
  ['heal', 4],
  ['clog', 3],
  ['crash', 6],
  ['replace', 1],
  ['leave', 3],
  ['close', 2],
  ['stall', 3],
  ['clock', 2],
  ['disk', 2],
  ['rot', 1],
];
const KINDS: readonly FaultKind[] = WEIGHTS.flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind),
);

interface Repair {
  readonly atMs: number;
  readonly undo: () => void | Promise<void>;
}

export class FaultInjector {
  readonly #sim: Simulation;
  readonly #plan: FaultPlan;
  readonly #draws: Draws;
  readonly #fleet: Fleet;
  readonly #meanwhile: () => void;
  readonly #counts = new Map<FaultKind, number>();
  #repairs: Repair[] = [];
  #stallsEndMs = 0;

  constructor(parts: {
    readonly sim: Simulation;
    readonly plan: FaultPlan;
    readonly draws: Draws;
    readonly fleet: Fleet;
    /** Called after each fault. */
    readonly meanwhile: () => void;
  }) {
    this.#sim = parts.sim;
    this.#plan = parts.plan;
    this.#draws = parts.draws;
    this.#fleet = parts.fleet;
    this.#meanwhile = parts.meanwhile;
  }

  /** Faults so far, by kind. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort());
  }

  /** Lets faults happen until the phase is over. */
  async run(): Promise<void> {
    const endMs = this.#sim.now + this.#plan.faultsMs;
    while (this.#sim.now < endMs) {
      await this.#sim.advance(this.#draws.between(0, 2 * this.#plan.pauseMs));
      await this.#repairDue(this.#sim.now);
      await this.#fleet.restartWhoWants();
      const kind = this.#draws.pick(KINDS) ?? 'heal';
      await this.#inject(kind);
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
      this.#meanwhile();
    }
  }

  /** Makes everything good: network, disks, all nodes up, and none of them stalled. */
  async healAll(): Promise<void> {
    this.#sim.heal();
    this.#sim.link({ latencyMs: [1, 20], loss: 0, duplicate: 0, reorder: 0 });
    for (const state of ['up', 'down', 'left'] as const) {
      for (const node of this.#fleet.in(state)) {
        this.#fleet.setDisk(node, { full: false, failSync: false });
      }
    }
    await this.#repairDue(Number.POSITIVE_INFINITY);
    for (const node of this.#fleet.in('down')) await this.#fleet.restart(node);
    // A node that stands still cannot be woken.
    await this.#sim.advance(Math.max(0, this.#stallsEndMs - this.#sim.now));
  }

  async #repairDue(nowMs: number): Promise<void> {
    const due = this.#repairs.filter(({ atMs }) => atMs <= nowMs);
    this.#repairs = this.#repairs.filter(({ atMs }) => atMs > nowMs);
    for (const { undo } of due.sort((a, b) => a.atMs - b.atMs)) await undo();
  }

  #later([least, most]: readonly [number, number], undo: Repair['undo']): void {
    this.#repairs.push({ atMs: this.#sim.now + this.#draws.skewed(least, most), undo });
  }

  async #inject(kind: FaultKind): Promise<void> {
    const node = this.#draws.pick(this.#fleet.in('up'));
    switch (kind) {
      case 'partition':
        return this.#sim.partition(...this.#drawSides());
      case 'cut':
        return this.#cut();
      case 'heal':
        return this.#sim.heal();
      case 'clog':
        return this.#clog();
      default:
        if (node !== undefined) await this.#injectInto(node, kind);
    }
  }

  async #injectInto(node: FleetNode, kind: FaultKind): Promise<void> {
    const { name } = node.plan;
    if (kind === 'stall') this.#stall(name);
    else if (kind === 'clock') {
      this.#sim.clock(name, { offsetMs: this.#draws.between(-5_000, 5_000) });
    } else if (kind === 'disk') this.#spoilDisk(node);
    else if (kind === 'leave') this.#leave(node);
    else if (this.#mayFall()) await this.#fell(node, kind);
  }

  async #fell(node: FleetNode, kind: FaultKind): Promise<void> {
    if (kind === 'replace') await this.#fleet.replace(node);
    else if (kind === 'rot') await this.#rot(node);
    else if (kind === 'close') await this.#close(node);
    else {
      this.#fleet.crash(node);
      this.#restartLater(node);
    }
  }

  #stall(name: NodeName): void {
    const stallMs = this.#draws.skewed(...STALL_MS);
    this.#sim.stall(name, stallMs);
    this.#stallsEndMs = Math.max(this.#stallsEndMs, this.#sim.now + stallMs);
  }

  #mayFall(): boolean {
    const { length } = this.#fleet.names;
    return this.#fleet.in('down').length < Math.max(1, Math.floor(length / NODES_PER_CRASH));
  }

  #restartLater(node: FleetNode): void {
    this.#later(DOWN_MS, async () => {
      if (node.state === 'down') await this.#fleet.restart(node);
    });
  }

  async #close(node: FleetNode): Promise<void> {
    const closing = this.#sim.node(node.plan.name).close();
    await this.#sim.settled(closing.catch(() => {}));
    node.state = 'down';
    this.#restartLater(node);
  }

  /** It starts or says with a code why not; in either case nobody trusts that disk any more. */
  async #rot(node: FleetNode): Promise<void> {
    if (!node.plan.isDurable) return;
    this.#fleet.crash(node);
    this.#sim.disk(node.plan.name, { flipBits: Math.ceil(this.#draws.skewed(1, BITS_MAX)) });
    await this.#fleet.restart(node);
    if (node.state !== 'retired') await this.#fleet.replace(node);
  }

  #leave(node: FleetNode): void {
    this.#fleet.leave(node);
    this.#later(LASTING_MS, async () => {
      if (node.state === 'left') await this.#fleet.rejoin(node);
    });
  }

  #spoilDisk(node: FleetNode): void {
    const full = this.#draws.chance(0.5);
    this.#fleet.setDisk(node, { full, failSync: !full });
    this.#later(LASTING_MS, () => this.#fleet.setDisk(node, { full: false, failSync: false }));
  }

  /** Halves, one alone, three parts, or two parts with some nodes in sight of both. */
  #drawSides(): readonly (readonly NodeName[])[] {
    const names = this.#draws.shuffled(this.#fleet.names);
    const half = Math.ceil(names.length / 2);
    const third = Math.ceil(names.length / 3);
    const shapes: readonly (readonly (readonly NodeName[])[])[] = [
      [names.slice(0, half), names.slice(half)],
      [names.slice(0, 1), names.slice(1)],
      [names.slice(0, third), names.slice(third, 2 * third), names.slice(2 * third)],
      [names.slice(0, third), names.slice(2 * third)],
    ];
    return this.#draws.pick(shapes) ?? [];
  }

  /** One direction between two nodes, or all that one node sends or hears. */
  #cut(): void {
    const [first, second] = this.#draws.shuffled(this.#fleet.names);
    if (first === undefined || second === undefined) return;
    const shape = this.#draws.pick(['pair', 'mute', 'deaf'] as const);
    const others = shape === 'pair' ? [second] : this.#fleet.names.filter((n) => n !== first);
    for (const other of others) {
      if (shape === 'deaf') this.#sim.cut(other, first);
      else this.#sim.cut(first, other);
    }
  }

  #clog(): void {
    const name = this.#draws.pick(this.#fleet.names);
    if (name === undefined) return;
    const end = this.#draws.chance(0.5) ? { from: name } : { to: name };
    const longest = this.#draws.skewed(...CLOG_MS);
    this.#sim.link({ ...end, latencyMs: [longest / 2, longest] });
    this.#later(LASTING_MS, () => {
      this.#sim.link({ ...end, latencyMs: this.#plan.network.latencyMs });
    });
  }
}
