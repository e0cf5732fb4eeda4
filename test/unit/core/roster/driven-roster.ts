/** One roster on virtual time; collects its effects and fires its timers. */
import type {
  Hearing,
  MemberEvent,
  RosterEffect,
  RosterInput,
} from '../../../../src/core/roster/contract.ts';
import type { RosterEntry, RosterStatus } from '../../../../src/core/roster/entry.ts';
import type { DigestPurpose, RosterMessage } from '../../../../src/core/roster/messages.ts';
import { Roster, type RosterConfig } from '../../../../src/core/roster/roster.ts';
import { SeededRandom } from '../../../../src/testing/seeded-random.ts';
import { TimerHeap } from '../../../../src/testing/timer-heap.ts';
import { RECORD } from './roster-network.ts';

export interface Told {
  readonly refutation?: number;
  readonly incarnation?: bigint;
  readonly neighbors?: readonly string[];
  readonly by?: readonly string[];
}

/** An entry of `name@t`; suspects and the gone come without a record, as in broadcasts. */
export function entry(name: string, status: RosterStatus, told: Told = {}): RosterEntry {
  const { refutation = 0, incarnation = 1n, neighbors = [], by = ['x@t'] } = told;
  const base = { node: `${name}@t`, incarnation, refutation };
  if (status === 'suspect') return { ...base, status, by };
  if (status !== 'alive') return { ...base, status };
  return { ...base, status, record: { ...RECORD, neighbors } };
}

export function living(...names: string[]): RosterEntry[] {
  return names.map((name) => entry(name, 'alive'));
}

export class DrivenRoster {
  readonly core: Roster;
  readonly events: MemberEvent[] = [];
  nowMs = 0;
  health = 0;
  #effects: RosterEffect[] = [];
  readonly #heap = new TimerHeap();

  constructor(config: Partial<RosterConfig> = {}) {
    this.core = new Roster(
      { node: 'self@t', incarnation: 7n },
      { random: new SeededRandom(1), health: () => this.health, config },
    );
  }

  do(input: RosterInput): void {
    for (const effect of this.core.handle(input, this.nowMs)) {
      if (effect.kind === 'emit') this.events.push(effect.event);
      else if (effect.kind === 'schedule') {
        const { timer } = effect;
        const fire = (): void => this.do({ kind: 'timerFired', timer });
        this.#heap.push(this.nowMs + effect.delayMs, fire);
      } else this.#effects.push(effect);
    }
  }

  /** Fires what is due meanwhile, each in its time. */
  run(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let next = this.#heap.popDue(endMs); next; next = this.#heap.popDue(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback?.();
    }
    this.nowMs = endMs;
  }

  announce(): void {
    this.do({ kind: 'announce', record: RECORD });
  }

  neighbors(...names: string[]): void {
    for (const name of names) this.do({ kind: 'neighborUp', node: `${name}@t` });
    this.do({ kind: 'neighborsChanged', neighbors: names.map((name) => `${name}@t`) });
  }

  /** A node that has been in the overlay for long: what it learns by exchange is news. */
  settle(): void {
    this.announce();
    this.neighbors('x');
    this.run(31_000);
    this.take();
  }

  hear(entries: readonly RosterEntry[], by: Hearing = 'broadcast'): void {
    this.do({ kind: 'heard', from: 'x@t', entries, by });
  }

  suspect(name: string, incarnation = 1n): void {
    this.do({ kind: 'suspect', node: `${name}@t`, incarnation });
  }

  digest(from: string, purpose: DigestPurpose, of: DrivenRoster): void {
    this.do({ kind: 'messageReceived', from: `${from}@t`, message: of.ownDigest(purpose) });
  }

  ownDigest(purpose: DigestPurpose): RosterMessage {
    const digest = new DrivenRoster();
    digest.hear(this.core.entries);
    digest.do({ kind: 'neighborUp', node: 'any@t' });
    const sent = digest.take().find((effect) => effect.kind === 'send');
    if (sent?.kind !== 'send') throw new Error('no digest');
    return { ...sent.message, purpose };
  }

  /** Effects since the last call, events and timers left out. */
  take(): RosterEffect[] {
    return this.#effects.splice(0);
  }

  /** What was broadcast since the last call, each as `name status refutation`. */
  told(): string[] {
    return this.take().flatMap((effect) => {
      return effect.kind === 'broadcast' ? effect.entries.map(summary) : [];
    });
  }

  status(name: string): RosterStatus | undefined {
    return this.core.get(`${name}@t`)?.status;
  }

  /** The events since the last call, each as `type name incarnation reason`. */
  said(): string[] {
    return this.events.splice(0).map((event) => {
      const said = `${event.type} ${event.node.slice(0, -2)} ${event.incarnation}`;
      return event.type === 'memberDown' ? `${said} ${event.reason}` : said;
    });
  }

  get summary(): string[] {
    return this.core.entries.map((one) => `${summary(one)} ${one.incarnation}`).sort();
  }
}

function summary({ node, status, refutation }: RosterEntry): string {
  return `${node.slice(0, -2)} ${status} ${refutation}`;
}
