/**
 * Nodes that left the cluster by their own word and have not come back: on no side of a split, they
 * are not asked as owners. Each writes its own departure into a replicated store, so that those who
 * start or join later know of it too.
 */
import type { SavedStore, SavedStores } from '../cluster/ports.ts';
import type { NodeName } from '../core/names.ts';
import { DEPARTURE_MS, LEFT_NODES_MAX } from '../core/schedule/schedule-limits.ts';
import { encodeText } from '../core/store/binary-text.ts';
import { DEPARTURES } from '../core/store/hosts.ts';
import { BarrelError } from '../errors.ts';
import type { Logger } from '../host/logger.ts';

const TOMBSTONE_MS = 300_000;
const GONE = new Uint8Array(0);

export class Departures {
  readonly #self: NodeName;
  readonly #store: SavedStore;
  readonly #logger: Logger;
  /** As this node saw them go: that is here before their own word may be. */
  readonly #seen = new Set<NodeName>();
  /** Who is back: the word of its return may still be on its way. */
  readonly #back = new Set<NodeName>();

  private constructor(self: NodeName, store: SavedStore, logger: Logger) {
    this.#self = self;
    this.#store = store;
    this.#logger = logger;
  }

  /** @throws ERR_STORE when it cannot be read from disk. */
  static async open(self: NodeName, stores: SavedStores, logger: Logger): Promise<Departures> {
    const rules = { ownership: 'anyone', lifetime: 'own', order: 'stamp' } as const;
    const options = { ...rules, persist: true, tombstoneTtlMs: TOMBSTONE_MS };
    const departures = new Departures(self, await stores.open(DEPARTURES, options), logger);
    departures.come();
    return departures;
  }

  has(node: NodeName): boolean {
    if (this.#back.has(node)) return false;
    return this.#seen.has(node) || this.#store.get(encodeText(node)) !== undefined;
  }

  /** This node takes part. */
  come(): void {
    const key = encodeText(this.#self);
    if (this.#store.get(key) !== undefined) this.#write({ key, value: undefined });
  }

  /** This node is about to leave. The word lasts 30 days. */
  leave(): void {
    if (this.#store.size >= LEFT_NODES_MAX) return;
    this.#write({ key: encodeText(this.#self), value: GONE, ttlMs: DEPARTURE_MS });
  }

  memberCame(node: NodeName): void {
    this.#seen.delete(node);
    add(this.#back, node);
  }

  memberLeft(node: NodeName): void {
    this.#back.delete(node);
    add(this.#seen, node);
  }

  #write(write: Parameters<SavedStore['write']>[0][number]): void {
    const failed = (error: unknown): void =>
      this.#logger.warn('the word of a departure is not kept', { error });
    try {
      this.#store.write([write]).catch(failed);
    } catch (error) {
      if (!(error instanceof BarrelError)) throw error;
      failed(error);
    }
  }
}

function add(nodes: Set<NodeName>, node: NodeName): void {
  nodes.delete(node);
  nodes.add(node);
  const [oldest] = nodes;
  if (nodes.size > LEFT_NODES_MAX && oldest !== undefined) nodes.delete(oldest);
}
