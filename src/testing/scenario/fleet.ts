/**
 * The nodes of a fault scenario and who looks after them: what a supervisor and an operator would
 * do with a node that crashed, left, or cannot start any more.
 */
import type { BarrelNode } from '../../barrel-node.ts';
import type { NodeName } from '../../core/names.ts';
import type { Discovery } from '../../discovery/discovery.ts';
import { BarrelError } from '../../errors.ts';
import { type Logger, silentLogger } from '../../host/logger.ts';
import type { SimulatedNodeOptions } from '../machine.ts';
import type { Simulation } from '../simulation.ts';
import type { FaultPlan, PlannedNode } from './fault-plan.ts';

/** How a node says that only another start helps it: see `compose-node.ts`. */
const WANTS_RESTART = 'a later start of this node was seen';

export type FleetState = 'up' | 'down' | 'left' | 'retired';

/** One node by its name, over all its starts. */
export interface FleetNode {
  readonly plan: PlannedNode;
  state: FleetState;
  hasBadDisk: boolean;
  wantsRestart: boolean;
}

export interface FleetOptions {
  readonly sim: Simulation;
  readonly plan: FaultPlan;
  /** A node has come up, and nothing has happened to it yet. */
  readonly onStarted: (node: BarrelNode) => Promise<void>;
}

export class Fleet {
  readonly #sim: Simulation;
  readonly #plan: FaultPlan;
  readonly #onStarted: FleetOptions['onStarted'];
  readonly #nodes = new Map<NodeName, FleetNode>();
  /** Whom to join: a node that takes the place of a contact is one. */
  #contacts: readonly NodeName[];
  #starts = 0;

  constructor({ sim, plan, onStarted }: FleetOptions) {
    this.#sim = sim;
    this.#plan = plan;
    this.#onStarted = onStarted;
    this.#contacts = plan.contacts;
  }

  /** Starts that came up, in all. */
  get starts(): number {
    return this.#starts;
  }

  in(state: FleetState): readonly FleetNode[] {
    return [...this.#nodes.values()].filter((node) => node.state === state);
  }

  /** Those that are up, to work with. */
  get nodes(): readonly BarrelNode[] {
    return this.in('up').map(({ plan }) => this.#sim.node(plan.name));
  }

  get names(): readonly NodeName[] {
    return [...this.#nodes.values()]
      .filter(({ state }) => state !== 'retired')
      .map(({ plan }) => plan.name);
  }

  async add(plan: PlannedNode): Promise<void> {
    const node: FleetNode = { plan, state: 'down', hasBadDisk: false, wantsRestart: false };
    this.#nodes.set(plan.name, node);
    this.#sim.clock(plan.name, plan);
    await this.#attempt(node, () => this.#sim.start(this.#options(node)));
  }

  crash(node: FleetNode): void {
    this.#sim.crash(node.plan.name);
    node.state = 'down';
  }

  /** Starts it again, or, where its disk is beyond repair, another one in its place. */
  async restart(node: FleetNode): Promise<void> {
    node.wantsRestart = false;
    await this.#attempt(node, () => this.#sim.restart(node.plan.name));
  }

  /** It never comes back; a new node with a name of its own takes its place. */
  async replace(node: FleetNode): Promise<void> {
    if (node.state === 'up' || node.state === 'left') this.#sim.crash(node.plan.name);
    node.state = 'retired';
    const { name } = node.plan;
    const successor = successorOf(name);
    this.#contacts = this.#contacts.map((contact) => (contact === name ? successor : contact));
    await this.add({ ...node.plan, name: successor });
  }

  leave(node: FleetNode): void {
    node.state = 'left';
    // Whether its goodbye gets through is the network's matter.
    this.#sim
      .node(node.plan.name)
      .leave()
      .catch(() => {});
  }

  /** Joins through any of the contacts; resolves when that has succeeded or failed. */
  async rejoin(node: FleetNode): Promise<void> {
    const running = this.#sim.node(node.plan.name);
    const contacts = this.#contacts.filter((name) => name !== node.plan.name);
    const joins = Promise.any(contacts.map((contact) => running.join(contact)));
    const isIn = await this.#sim.settled(
      joins.then(
        () => true,
        () => false,
      ),
    );
    if (isIn && node.state === 'left') node.state = 'up';
  }

  setDisk(node: FleetNode, fault: { readonly full: boolean; readonly failSync: boolean }): void {
    node.hasBadDisk = fault.full || fault.failSync;
    this.#sim.disk(node.plan.name, fault);
  }

  /** As a name server would know them: contacts of a node's options could not change. */
  readonly #discovery: Discovery = {
    name: 'fleet',
    resolve: async () => [],
    contacts: async () => this.#contacts,
  };

  /** Starts again whoever asks for it. */
  async restartWhoWants(): Promise<void> {
    for (const node of this.in('up').filter(({ wantsRestart }) => wantsRestart)) {
      this.crash(node);
      await this.restart(node);
    }
  }

  async #attempt(node: FleetNode, start: () => Promise<BarrelNode>): Promise<void> {
    try {
      const started = await start();
      this.#starts += 1;
      node.state = 'up';
      await this.#onStarted(started);
    } catch (error) {
      const isDiskFault =
        error instanceof BarrelError && ['ERR_IDENTITY', 'ERR_STORE'].includes(error.code);
      if (!isDiskFault) throw error;
      // A disk that fails now may work later; one that works and holds rubbish will not.
      if (!node.hasBadDisk) await this.replace(node);
    }
  }

  #options(node: FleetNode): SimulatedNodeOptions {
    const { name, isDurable } = node.plan;
    return {
      name,
      cluster: 'faults',
      secret: this.#plan.secret,
      discovery: [this.#discovery],
      dataDir: isDurable ? '/data' : undefined,
      drainMs: 0,
      logger: this.#logger(node),
    };
  }

  #logger(node: FleetNode): Logger {
    return {
      ...silentLogger,
      error: (message) => {
        if (message.startsWith(WANTS_RESTART)) node.wantsRestart = true;
      },
    };
  }
}

/** `n3.1@sim` after `n3@sim`, then `n3.2@sim`. */
function successorOf(name: NodeName): NodeName {
  const [label = '', host = ''] = name.split('@');
  const [stem = '', number = '0'] = label.split('.');
  return `${stem}.${Number(number) + 1}@${host}`;
}
