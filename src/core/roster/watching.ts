/**
 * Whether the neighbours live. Whatever is heard of one proves it. Of an idle pair the smaller name
 * pings and the larger answers, so that a link costs one message per heartbeat and end; one that
 * misses its answer is pinged once more, and others are asked about it (SWIM, section 4.1).
 */
import { sample } from '../membership/randomness.ts';
import type { NodeName } from '../names.ts';
import type { DetectorContext } from './detector-context.ts';

/** Neighbours, and former ones whose fate is open; above it further ones are not watched. */
const WATCHES_MAX = 256;

/** Idle neighbours whose time comes within this are pinged together. */
const TOGETHER_MS = 50;

/** How often one that was given up is looked at again. */
const AFTERWARDS_MS = 1_000;

/**
 * `calm`: it was heard lately. `pinged`: it has to answer. `missed`: it did not, others are asked.
 * `suspected`: nobody heard it; the roster decides.
 */
type Phase = 'calm' | 'pinged' | 'missed' | 'suspected';

interface Watch {
  readonly node: NodeName;
  readonly incarnation: bigint;
  phase: Phase;
  /** Nothing that was heard before counts. */
  heardMs: number;
  /** When the phase is over. */
  dueMs: number;
  /** It was suspected, and nothing was heard since. */
  isGivenUp: boolean;
  /** False once its link was lost: it is watched until its fate is clear. */
  isLinked: boolean;
  /** Who was asked about it, and under which number. */
  asked: readonly NodeName[];
  nonce: number;
}

export class Watching {
  readonly #context: DetectorContext;
  readonly #watches = new Map<NodeName, Watch>();

  constructor(context: DetectorContext) {
    this.#context = context;
  }

  /** The neighbours. */
  get linked(): readonly NodeName[] {
    return [...this.#watches.values()].filter(({ isLinked }) => isLinked).map(({ node }) => node);
  }

  has(node: NodeName): boolean {
    return this.#watches.has(node);
  }

  isNeighbor(node: NodeName): boolean {
    return this.#watches.get(node)?.isLinked === true;
  }

  /** When to look next; undefined without anybody to watch. */
  get nextMs(): number | undefined {
    let nextMs: number | undefined;
    for (const { dueMs } of this.#watches.values()) nextMs = Math.min(nextMs ?? dueMs, dueMs);
    return nextMs;
  }

  onNeighborUp(node: NodeName, incarnation: bigint): void {
    if (this.#watches.size >= WATCHES_MAX && !this.#watches.has(node)) return;
    const heardMs = this.#context.nowMs;
    const dueMs = heardMs + this.#patienceMs(node);
    const phase = 'calm';
    const state = { phase, heardMs, dueMs, isGivenUp: false, isLinked: true, nonce: 0 } as const;
    this.#watches.set(node, { node, incarnation, ...state, asked: [] });
  }

  /** A lost link is a miss by itself. */
  onNeighborDown(node: NodeName, isLost: boolean): void {
    const watch = this.#watches.get(node);
    if (watch === undefined) return;
    const isOpen = isLost && watch.phase !== 'suspected';
    if (!isOpen || this.#context.member(node, watch.incarnation) === undefined) {
      this.#watches.delete(node);
      return;
    }
    watch.isLinked = false;
    watch.heardMs = this.#context.nowMs;
    this.#miss(watch);
  }

  /** One that was asked has heard the silent one: the fault is at this end. */
  onAnswer(from: NodeName, nonce: number): void {
    const { health, nowMs } = this.#context;
    for (const watch of this.#watches.values()) {
      const isAwaited = watch.phase === 'missed' && watch.nonce === nonce;
      if (!isAwaited || !watch.asked.includes(from)) continue;
      health.raise(nowMs);
      this.#calm(watch, nowMs);
      return;
    }
  }

  /** A message of it: when it was pinged or given up, no time has to run out for that. */
  onMessage(from: NodeName): void {
    const watch = this.#watches.get(from);
    if (watch?.phase === 'pinged' || watch?.phase === 'suspected') this.#takeHeard(watch);
  }

  /** Nobody is blamed for the time in which this node stood still. */
  shift(byMs: number): void {
    for (const watch of this.#watches.values()) watch.dueMs += byMs;
  }

  /** Looks at those whose time has come, and at the silent ones in any case. */
  look(): void {
    for (const watch of this.#watches.values()) {
      const isSilent = watch.phase === 'missed' || watch.phase === 'suspected';
      if (isSilent || this.#isDue(watch)) this.#look(watch);
    }
  }

  #isDue({ phase, dueMs }: Watch): boolean {
    return dueMs <= this.#context.nowMs + (phase === 'calm' ? TOGETHER_MS : 0);
  }

  #look(watch: Watch): void {
    this.#takeHeard(watch);
    if (!this.#isDue(watch) || this.#watches.get(watch.node) !== watch) return;
    switch (watch.phase) {
      case 'calm':
        this.#ping(watch);
        break;
      case 'pinged':
        this.#miss(watch);
        break;
      case 'missed':
        this.#suspect(watch);
        break;
      case 'suspected':
        this.#lookAgain(watch);
        break;
    }
  }

  #takeHeard(watch: Watch): void {
    const { health, nowMs, links } = this.#context;
    const heardMs = links.lastHeardMs(watch.node) ?? Number.NEGATIVE_INFINITY;
    if (heardMs <= watch.heardMs) return;
    if (watch.phase === 'calm' || watch.phase === 'pinged') health.lower(nowMs);
    watch.heardMs = heardMs;
    this.#calm(watch, heardMs);
  }

  /** It lives. Without a link, that is all there is to know. */
  #calm(watch: Watch, fromMs: number): void {
    if (!watch.isLinked) this.#watches.delete(watch.node);
    else if (watch.isGivenUp) this.#context.push({ kind: 'heard', node: watch.node });
    watch.isGivenUp = false;
    watch.phase = 'calm';
    watch.dueMs = fromMs + this.#patienceMs(watch.node);
  }

  #ping(watch: Watch): void {
    this.#sendPing(watch);
    watch.phase = 'pinged';
    watch.dueMs = this.#context.nowMs + this.#context.missMs(watch.node);
  }

  #sendPing({ node, isLinked }: Watch): void {
    this.#context.send(node, { kind: 'ping', isNeighbor: isLinked });
  }

  #miss(watch: Watch): void {
    const { node } = watch;
    this.#sendPing(watch);
    watch.phase = 'missed';
    watch.asked = this.#chooseAsked(node);
    watch.nonce = this.#context.nextNonce();
    watch.dueMs = this.#context.nowMs + this.#context.missMs(node);
    for (const other of watch.asked) {
      this.#context.send(other, { kind: 'pingRequest', nonce: watch.nonce, target: node });
    }
    if (watch.asked.length === 0) this.#suspect(watch);
  }

  /** Those that should have heard it: its other neighbours. */
  #chooseAsked(node: NodeName): readonly NodeName[] {
    const { roster, random, config, self } = this.#context;
    const others = roster.get(node)?.record?.neighbors ?? [];
    const able = others.filter((other) => {
      return other !== node && other !== self && this.#context.isWell(other);
    });
    return sample(random, able, config.indirectPings);
  }

  #suspect(watch: Watch): void {
    const { node, incarnation } = watch;
    watch.phase = 'suspected';
    watch.isGivenUp = true;
    watch.dueMs = this.#context.nowMs + AFTERWARDS_MS;
    if (!watch.isLinked) this.#watches.delete(node);
    this.#context.push({ kind: 'suspect', node, incarnation });
  }

  /** It refuted, so that others hear it; if it stays silent here, it is asked once more. */
  #lookAgain(watch: Watch): void {
    const entry = this.#context.member(watch.node, watch.incarnation);
    if (entry?.status === 'alive') this.#ping(watch);
    else watch.dueMs = this.#context.nowMs + AFTERWARDS_MS;
  }

  /** The larger name waits for the ping of the smaller. */
  #patienceMs(node: NodeName): number {
    const { self, config } = this.#context;
    return config.heartbeatMs + (self < node ? 0 : this.#context.missMs(node));
  }
}
