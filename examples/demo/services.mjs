/** The three services of the shop. Each is a plain object; any node of the cluster may call it. */
import { priceOf } from './orders-file.mjs';

/** Prices one order. It runs on two nodes. */
export function pricing(work) {
  return {
    quote(order) {
      work.quoted = (work.quoted ?? 0) + 1;
      return priceOf(order);
    },
  };
}

/**
 * Takes an order: has it priced, then written down. It keeps nothing itself, so a caller whose
 * order failed half-way may simply send it again.
 */
export function orders(node, work) {
  const ledger = node.services.client('ledger', { timeoutMs: 4_000 });
  return {
    async place(order) {
      // A handle stays with one instance; a new one for each order spreads them over all.
      const pricer = node.services.client('pricing', { select: 'random', timeoutMs: 4_000 });
      const price = await pricer.quote(order);
      const { id, quantity, currency } = order;
      const entry = { id, quantity, currency, ...price };
      const { isRepeat } = await ledger.record(entry);
      work.placed = (work.placed ?? 0) + 1;
      return { id, totalCents: entry.totalCents, isRepeat };
    },
  };
}

/** Writes each order down once, however often it is sent: the order's id decides. */
export function ledger(work) {
  const entries = new Map();
  return {
    record(entry) {
      const isRepeat = entries.has(entry.id);
      if (isRepeat) work.repeats = (work.repeats ?? 0) + 1;
      else entries.set(entry.id, entry);
      work.recorded = entries.size;
      return { isRepeat };
    },
    /** How often an order came that was there already. */
    repeats() {
      return work.repeats ?? 0;
    },
    /** A page of what was written, in the order of writing. */
    page(from, count) {
      return [...entries.values()].slice(from, from + count);
    },
  };
}
