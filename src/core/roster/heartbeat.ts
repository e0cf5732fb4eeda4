/**
 * Whether the neighbours live. A neighbour from which nothing was heard since the last tick is
 * pinged and must answer; one that was silent for several ticks is dead. Ticks are this node's own:
 * when its loop stalls, however long, that counts as one, and nobody is blamed for it.
 *
 * Both ends do this, and hearing a ping is hearing: an idle link carries about one exchange
 * per tick.
 */
import type { NodeName } from '../names.ts';
import { unreachable } from '../unreachable.ts';
import type { RosterMessage } from './messages.ts';

export interface HeartbeatConfig {
  /** Milliseconds between ticks; the driver gives them. @default 500 */
  readonly heartbeatMs: number;
  /** Silent ticks after which a neighbour is dead. @default 5 */
  readonly missedMax: number;
}

export const HEARTBEAT_DEFAULTS: HeartbeatConfig = { heartbeatMs: 500, missedMax: 5 };

export type HeartbeatInput =
  /** The node entered the active view. */
  | { readonly kind: 'neighborUp'; readonly node: NodeName }
  /** The node left the active view. */
  | { readonly kind: 'neighborDown'; readonly node: NodeName }
  | { readonly kind: 'pinged'; readonly from: NodeName }
  /** `lastHeardMs` of each neighbour's connection, on the clock that `handle` gets too. */
  | { readonly kind: 'tick'; readonly lastHeardMs: ReadonlyMap<NodeName, number> };

export type HeartbeatEffect =
  | {
      readonly kind: 'send';
      readonly to: NodeName;
      readonly message: Extract<RosterMessage, { kind: 'ping' | 'pong' }>;
    }
  /** Nothing was heard for too long: tell the roster, close the link. Said once. */
  | { readonly kind: 'silent'; readonly node: NodeName };

interface Watch {
  lastHeardMs: number;
  missed: number;
}

const PING = { kind: 'ping' } as const;
const PONG = { kind: 'pong' } as const;

/** Watches the neighbours of one node. */
export class HeartbeatMonitor {
  readonly #config: HeartbeatConfig;
  readonly #watches = new Map<NodeName, Watch>();

  constructor(config: Partial<HeartbeatConfig> = {}) {
    this.#config = { ...HEARTBEAT_DEFAULTS, ...config };
  }

  get config(): HeartbeatConfig {
    return this.#config;
  }

  /** Applies one input; returns its effects in order. */
  handle(input: HeartbeatInput, nowMs: number): readonly HeartbeatEffect[] {
    switch (input.kind) {
      case 'neighborUp':
        this.#watches.set(input.node, { lastHeardMs: nowMs, missed: 0 });
        return [];
      case 'neighborDown':
        this.#watches.delete(input.node);
        return [];
      case 'pinged':
        return [{ kind: 'send', to: input.from, message: PONG }];
      case 'tick':
        return this.#tick(input.lastHeardMs);
      default:
        return unreachable(input);
    }
  }

  #tick(lastHeardMs: ReadonlyMap<NodeName, number>): HeartbeatEffect[] {
    const effects: HeartbeatEffect[] = [];
    for (const [node, watch] of this.#watches) {
      const heardMs = lastHeardMs.get(node) ?? Number.NEGATIVE_INFINITY;
      if (heardMs > watch.lastHeardMs) {
        watch.lastHeardMs = heardMs;
        watch.missed = 0;
        continue;
      }
      watch.missed += 1;
      if (watch.missed < this.#config.missedMax) {
        effects.push({ kind: 'send', to: node, message: PING });
      } else {
        this.#watches.delete(node);
        effects.push({ kind: 'silent', node });
      }
    }
    return effects;
  }
}
