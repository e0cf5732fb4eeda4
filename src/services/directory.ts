/**
 * All known instances by name, kept ready to be read: a look-up is one map access, however many
 * services there are.
 */

import type { NodeRef } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import type { Pid } from '../core/pid.ts';
import type { ServiceEntry, ServiceMeta } from './services.ts';

/** The part of the roster that services need. */
export interface LiveMembers {
  /** True while that start of the node is alive as known here. */
  isAlive(node: NodeName, incarnation: bigint): boolean;
}

interface Instances {
  readonly byNode: Map<NodeName, ServiceEntry>;
  /** Local first, then by node name; made anew on each change. */
  sorted: readonly ServiceEntry[];
}

const NONE: readonly ServiceEntry[] = Object.freeze([]);

export class Directory {
  readonly #self: NodeRef;
  readonly #members: LiveMembers;
  readonly #instances = new Map<string, Instances>();
  /** Own entries that are withdrawn from others while their processes go on. */
  readonly #leaving = new Map<string, ServiceEntry>();

  constructor(self: NodeRef, members: LiveMembers) {
    this.#self = self;
    this.#members = members;
  }

  /** Number of names, those of nodes that are not alive included. */
  get size(): number {
    return this.#instances.size;
  }

  get(name: string, node: NodeName): ServiceEntry | undefined {
    return this.#instances.get(name)?.byNode.get(node);
  }

  set(name: string, pid: Pid, meta: ServiceMeta): void {
    const instances = this.#instances.get(name) ?? { byNode: new Map(), sorted: NONE };
    this.#instances.set(name, instances);
    instances.byNode.set(pid.node, Object.freeze({ name, node: pid.node, pid, meta }));
    instances.sorted = this.#sorted(instances);
  }

  delete(name: string, node: NodeName): void {
    const instances = this.#instances.get(name);
    if (instances === undefined || !instances.byNode.delete(node)) return;
    if (instances.byNode.size === 0) this.#instances.delete(name);
    else instances.sorted = this.#sorted(instances);
  }

  /** This node's entry is listed no more, and is what this node uses where there is no other. */
  retire(name: string): void {
    const entry = this.get(name, this.#self.node);
    if (entry === undefined) return;
    this.delete(name, entry.node);
    this.#leaving.set(name, entry);
  }

  /** That one is gone, or all of them. */
  forgetRetired(name?: string): void {
    if (name === undefined) this.#leaving.clear();
    else this.#leaving.delete(name);
  }

  /** Wanted entries of what this node may call: those that are listed, else its retired one. */
  usable(name: string, isWanted?: (entry: ServiceEntry) => boolean): readonly ServiceEntry[] {
    const all = this.lookup(name);
    const listed = isWanted === undefined ? all : all.filter(isWanted);
    const leaving = this.#leaving.get(name);
    if (listed.length > 0 || leaving === undefined) return listed;
    return isWanted?.(leaving) === false ? listed : [leaving];
  }

  /** Entries of live nodes, local first, then by node name. */
  lookup(name: string): readonly ServiceEntry[] {
    const entries = this.#instances.get(name)?.sorted ?? NONE;
    return entries.every(this.#isLive) ? entries : entries.filter(this.#isLive);
  }

  /** True while that process is an instance of the service on a live node. */
  has(name: string, pid: Pid): boolean {
    const entry = this.get(name, pid.node);
    return entry !== undefined && entry.pid === pid && this.#isLive(entry);
  }

  names(): readonly string[] {
    const names: string[] = [];
    for (const [name, { sorted }] of this.#instances) {
      if (sorted.some(this.#isLive)) names.push(name);
    }
    return names.sort(byCodePoint);
  }

  readonly #isLive = ({ pid }: ServiceEntry): boolean =>
    pid.node === this.#self.node || this.#members.isAlive(pid.node, pid.incarnation);

  #sorted(instances: Instances): readonly ServiceEntry[] {
    const entries = [...instances.byNode.values()];
    return Object.freeze(entries.sort((a, b) => this.#rank(a) - this.#rank(b) || byNode(a, b)));
  }

  #rank(entry: ServiceEntry): number {
    return entry.node === this.#self.node ? 0 : 1;
  }
}

function byNode(a: ServiceEntry, b: ServiceEntry): number {
  return a.node < b.node ? -1 : 1;
}

/** UTF-16 order differs from it above the surrogates only. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    if (a.charCodeAt(index) === b.charCodeAt(index)) continue;
    return codePointAt(a, index) - codePointAt(b, index);
  }
  return a.length - b.length;
}

/** The code point that the differing unit belongs to. */
function codePointAt(text: string, index: number): number {
  const isLow = (text.charCodeAt(index) & 0xfc00) === 0xdc00;
  return text.codePointAt(isLow ? index - 1 : index) ?? 0;
}
