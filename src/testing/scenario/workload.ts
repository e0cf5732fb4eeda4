/**
 * What the nodes of a fault scenario do meanwhile, as users would: they publish to a topic that all
 * subscribe to, and services come and go on them. It keeps account of what each node must see.
 */
import type { BarrelNode } from '../../barrel-node.ts';
import type { NodeName } from '../../core/names.ts';
import type { Registration } from '../../services/services.ts';
import type { Draws } from './draws.ts';

/** Every node offers it. */
export const PROBE = 'probe';
/** Some nodes offer it for some time. */
const GUEST = 'guest';
const TOPIC = 'news';
const PUBLISHERS_MAX = 5;

/** One start of a node. */
interface Worker {
  readonly node: BarrelNode;
  /** Ids of the messages that came. */
  readonly heard: Set<string>;
  /** Whether it offers the guest now, and by which registration. */
  isHost: boolean;
  registration: Registration | undefined;
}

export class Workload {
  readonly #draws: Draws;
  /** The last start of each node. */
  readonly #workers = new Map<NodeName, Worker>();
  #published = 0;
  #fault: string | undefined;

  constructor(draws: Draws) {
    this.#draws = draws;
  }

  /** Messages, in all. */
  get published(): number {
    return this.#published;
  }

  /** A message that came twice; the first one stays. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The node has just started. */
  async employ(node: BarrelNode): Promise<void> {
    const { name } = node;
    const heard = new Set<string>();
    this.#workers.set(name, { node, heard, isHost: false, registration: undefined });
    node.topics.subscribe(TOPIC, ({ id }) => {
      if (heard.has(id)) this.#fault ??= `${name} heard message ${id} twice`;
      heard.add(id);
    });
    await node.services.register(PROBE, { ping: () => name });
  }

  /** One of the nodes publishes, another one begins or ends to offer the guest. */
  act(nodes: readonly BarrelNode[]): void {
    const [publisher, host] = this.#draws.shuffled(nodes);
    if (publisher !== undefined) this.#publish(publisher);
    const worker = host === undefined ? undefined : this.#workers.get(host.name);
    if (worker !== undefined) this.#toggle(worker);
  }

  /** Some of the nodes publish; returns the ids. */
  publish(nodes: readonly BarrelNode[]): readonly string[] {
    const publishers = this.#draws.shuffled(nodes).slice(0, PUBLISHERS_MAX);
    return publishers.map((node) => this.#publish(node));
  }

  /** Who of the nodes lacks any of the messages. */
  deafTo(ids: readonly string[], nodes: readonly BarrelNode[]): readonly string[] {
    return nodes.flatMap(({ name }) => {
      const heard = this.#workers.get(name)?.heard;
      const missing = ids.filter((id) => heard?.has(id) !== true);
      return missing.length === 0 ? [] : [`${name} has not heard ${missing.join(', ')}`];
    });
  }

  /** Each of these must know the services of all of them, and no other. */
  serviceFaults(nodes: readonly BarrelNode[]): readonly string[] {
    const hosts = nodes.filter(({ name }) => this.#workers.get(name)?.isHost === true);
    return nodes.flatMap((node) => [
      ...lookupFaults(node, PROBE, nodes),
      ...lookupFaults(node, GUEST, hosts),
    ]);
  }

  #publish(node: BarrelNode): string {
    this.#published += 1;
    return node.topics.publish(TOPIC, { number: this.#published });
  }

  #toggle(worker: Worker): void {
    worker.isHost = !worker.isHost;
    if (worker.isHost) void this.#host(worker);
    else {
      void worker.registration?.[Symbol.asyncDispose]();
      worker.registration = undefined;
    }
  }

  /** It takes a moment, in which a node may end, or think better of it. */
  async #host(worker: Worker): Promise<void> {
    const { node } = worker;
    try {
      const registration = await node.services.register(GUEST, { ping: () => node.name });
      if (worker.isHost && worker.registration === undefined) worker.registration = registration;
      else await registration[Symbol.asyncDispose]();
    } catch {
      // It ended, or still withdraws the last one.
      worker.isHost = worker.registration !== undefined;
    }
  }
}

function lookupFaults(
  node: BarrelNode,
  service: string,
  hosts: readonly BarrelNode[],
): readonly string[] {
  const known = node.services.lookup(service).map((entry) => entry.node);
  const isRight = known.length === hosts.length && hosts.every(({ name }) => known.includes(name));
  if (isRight) return [];
  return [`${node.name} knows ${known.length} of ${hosts.length} instances of ${service}`];
}
