/** One custody core with a clock and tables written out by hand: `me@lab` among others. */
import { Custody } from '../../../../src/core/placement/custody.ts';
import type { CustodyMessage } from '../../../../src/core/placement/custody-codec.ts';
import type {
  CustodyConfig,
  CustodyEffect,
  CustodyInput,
  CustodyTimer,
  OwnerTable,
} from '../../../../src/core/placement/custody-contract.ts';

export const ME = 'me@lab';
export const A = 'a@lab';
export const B = 'b@lab';
export const C = 'c@lab';

/** Owners of partitions 0, 1 and so on, and those among the others; members are all named here. */
export function table(
  owners: readonly string[],
  {
    others = owners,
    alsoMembers = [],
  }: { others?: readonly string[]; alsoMembers?: string[] } = {},
): OwnerTable {
  const members = new Set([ME, ...owners, ...others, ...alsoMembers]);
  return {
    owner: (partition) => owners[partition],
    ownerWithoutSelf: (partition) => {
      const owner = others[partition];
      return owner === ME ? undefined : owner;
    },
    isMember: (node) => members.has(node),
  };
}

export class DrivenCustody {
  readonly core: Custody;
  nowMs: number = 1_000;
  #timer: { readonly timer: CustodyTimer; readonly atMs: number } | undefined;

  constructor(ringSize: number, config: Partial<CustodyConfig> = {}) {
    this.core = new Custody({ self: ME, ringSize, config });
  }

  /** What it leads to, timers aside; `release` is answered at once. */
  do(input: CustodyInput): readonly CustodyEffect[] {
    return this.#handle(input).flatMap((effect) =>
      effect.kind === 'release'
        ? [effect, ...this.do({ kind: 'released', partitions: effect.partitions })]
        : [effect],
    );
  }

  /** The same, but nothing answers `release`. */
  doOnly(input: CustodyInput): readonly CustodyEffect[] {
    return this.#handle(input);
  }

  hear(from: string, message: CustodyMessage): readonly CustodyEffect[] {
    return this.do({ kind: 'received', from, message });
  }

  /** Settled under that table, its first one. */
  settle(first: OwnerTable): readonly CustodyEffect[] {
    return [...this.do({ kind: 'table', table: first }), ...this.do({ kind: 'settled' })];
  }

  pass(ms: number): readonly CustodyEffect[] {
    const endMs = this.nowMs + ms;
    const effects: CustodyEffect[] = [];
    for (let due = this.#timer; due !== undefined && due.atMs <= endMs; due = this.#timer) {
      this.nowMs = Math.max(this.nowMs, due.atMs);
      this.#timer = undefined;
      effects.push(...this.do({ kind: 'timerFired', timer: due.timer }));
    }
    this.nowMs = endMs;
    return effects;
  }

  #handle(input: CustodyInput): readonly CustodyEffect[] {
    const effects = this.core.handle(input, this.nowMs);
    for (const effect of effects) {
      if (effect.kind !== 'schedule') continue;
      this.#timer = { timer: effect.timer, atMs: this.nowMs + effect.delayMs };
    }
    return effects.filter(({ kind }) => kind !== 'schedule');
  }
}
