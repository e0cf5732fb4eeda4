/**
 * Plain SWIM (Das, Gupta, Motivala, "SWIM: scalable weakly-consistent infection-style process group
 * membership protocol", DSN 2002), as a baseline: a random member is probed in each period, three
 * others are asked to probe it when it does not answer, and a fixed time of suspicion follows.
 */
import { pick, type Randomness, sample } from '../../../core/membership/randomness.ts';
import type { NodeName } from '../../../core/names.ts';
import { unreachable } from '../../../core/unreachable.ts';
import type { LabNode, LabPort } from '../lab-node.ts';
import type { SwimMessage, SwimTimer, SwimUpdate } from './swim-messages.ts';
import { SwimTable } from './swim-table.ts';

export interface SwimConfig {
  /** Between two probes. @default 1 s */
  readonly periodMs: number;
  /** Wait for the answer to a direct probe. @default 500 ms */
  readonly directTimeoutMs: number;
  /** k: members that are asked to probe. @default 3 */
  readonly indirectProbes: number;
  /** From suspect to dead. */
  readonly suspicionMs: number;
}

/** Suspicion of 5 periods for each power of ten of the size, as Lifeguard's authors ran SWIM. */
export function patientSuspicionMs(members: number): number {
  return 5_000 * Math.max(1, Math.log10(members));
}

export interface SwimNodeOptions {
  readonly port: LabPort<SwimMessage, SwimTimer>;
  readonly random: Randomness;
  /** Everybody, this node included: nobody joins here. */
  readonly members: readonly NodeName[];
  readonly config: SwimConfig;
  /** Told when this node holds that one for dead. */
  readonly onDown: (observer: number, node: NodeName) => void;
}

export class SwimNode implements LabNode<SwimMessage, SwimTimer> {
  readonly #options: SwimNodeOptions;
  readonly #self: NodeName;
  readonly #table: SwimTable;
  #incarnation = 0;
  #sequence = 0;
  /** The probe of this period while nobody answered it. */
  #probe: { readonly target: NodeName; readonly sequence: number } | undefined;

  constructor(options: SwimNodeOptions) {
    this.#options = options;
    this.#self = options.port.self.node;
    this.#table = new SwimTable(options.members.filter((node) => node !== this.#self));
    const { port, random, config } = options;
    port.schedule({ kind: 'period' }, random.float() * config.periodMs);
  }

  /** Members that this node does not hold for dead. */
  get present(): NodeName[] {
    return this.#table.present;
  }

  received(from: NodeName, message: SwimMessage): void {
    for (const update of message.updates) this.#learn(update);
    const { sequence } = message;
    switch (message.kind) {
      case 'ping': {
        const { relayFor } = message;
        this.#send(from, {
          kind: 'ack',
          sequence,
          ...(relayFor === undefined ? {} : { relayFor }),
        });
        break;
      }
      case 'ack':
        if (message.relayFor !== undefined) this.#send(message.relayFor, { kind: 'ack', sequence });
        else if (sequence === this.#probe?.sequence) this.#probe = undefined;
        break;
      case 'pingReq':
        this.#send(message.target, { kind: 'ping', sequence, relayFor: from });
        break;
      default:
        unreachable(message);
    }
  }

  timerFired(timer: SwimTimer): void {
    switch (timer.kind) {
      case 'period':
        this.#onPeriod();
        break;
      case 'direct':
        if (timer.sequence === this.#probe?.sequence) this.#probeIndirectly(this.#probe.target);
        break;
      case 'suspicion': {
        const { node, incarnation } = timer;
        const belief = this.#table.belief(node);
        if (belief?.state === 'suspect' && belief.incarnation === incarnation) {
          this.#learn({ node, state: 'dead', incarnation });
        }
        break;
      }
      default:
        unreachable(timer);
    }
  }

  /** SWIM knows no links. */
  linkUp(): void {}
  linkDown(): void {}
  dialFailed(): void {}

  #onPeriod(): void {
    const { port, random, config } = this.#options;
    if (this.#probe !== undefined) this.#suspect(this.#probe.target);
    port.schedule({ kind: 'period' }, config.periodMs);
    const target = pick(random, this.#table.present);
    this.#probe = undefined;
    if (target === undefined) return;
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#probe = { target, sequence };
    this.#send(target, { kind: 'ping', sequence });
    port.schedule({ kind: 'direct', sequence }, config.directTimeoutMs);
  }

  #probeIndirectly(target: NodeName): void {
    const { random, config } = this.#options;
    const others = this.#table.present.filter((node) => node !== target);
    const sequence = this.#sequence;
    for (const node of sample(random, others, config.indirectProbes)) {
      this.#send(node, { kind: 'pingReq', sequence, target });
    }
  }

  #suspect(node: NodeName): void {
    const belief = this.#table.belief(node);
    if (belief?.state !== 'alive') return;
    this.#learn({ node, state: 'suspect', incarnation: belief.incarnation });
  }

  #learn(update: SwimUpdate): void {
    const { node, state, incarnation } = update;
    if (node === this.#self) {
      this.#refute(update);
      return;
    }
    if (!this.#table.take(update)) return;
    if (state === 'suspect') {
      const { suspicionMs } = this.#options.config;
      this.#options.port.schedule({ kind: 'suspicion', node, incarnation }, suspicionMs);
    } else if (state === 'dead') {
      this.#options.onDown(this.#options.port.index, node);
    }
  }

  #refute({ state, incarnation }: SwimUpdate): void {
    if (state === 'alive' || incarnation < this.#incarnation) return;
    this.#incarnation = incarnation + 1;
    this.#table.spread({ node: this.#self, state: 'alive', incarnation: this.#incarnation });
  }

  #send(to: NodeName, message: Unladen<SwimMessage>): void {
    this.#options.port.sendDatagram(to, { ...message, updates: this.#table.riders() });
  }
}

type Unladen<M> = M extends SwimMessage ? Omit<M, 'updates'> : never;
