/** Sends the orders of the file at a steady rate, and again those that met a dead node. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readOrders } from './orders-file.mjs';

/** A call with one of these may be sent again: the ledger counts an order once. */
const RETRIED = new Set(['ERR_NO_CONNECTION', 'ERR_TIMEOUT', 'ERR_NOT_FOUND', 'ERR_UNREACHABLE']);
const AT_WORK_MAX = 64;
const RETRY_MS = 50;
const RETRY_MS_MAX = 500;
const GIVE_UP_MS = 60_000;

/**
 * Resolves when every order was accepted. `report` hears of each order that is accepted, that fails
 * and will be sent again, and that is accepted after it had failed.
 */
export async function feed({ node, file, ordersPerSecond, report }) {
  const shop = node.services.client('orders', { timeoutMs: 6_000 });
  const atWork = new Set();
  const startedMs = performance.now();
  let sent = 0;
  let failure;
  for await (const order of readOrders(file)) {
    const dueMs = startedMs + (sent * 1_000) / ordersPerSecond;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    while (atWork.size >= AT_WORK_MAX) await Promise.race(atWork);
    if (failure !== undefined) throw failure;
    const placing = place(shop, order, report)
      .catch((error) => {
        failure ??= error;
      })
      .finally(() => atWork.delete(placing));
    atWork.add(placing);
    sent += 1;
  }
  await Promise.all(atWork);
  if (failure !== undefined) throw failure;
  return sent;
}

async function place(shop, order, report) {
  const startedMs = performance.now();
  for (let failures = 0; ; failures++) {
    try {
      await shop.place(order);
      report({ type: failures === 0 ? 'accepted' : 'recovered', id: order.id });
      return;
    } catch (error) {
      const code = codeOf(error);
      const isOver = performance.now() - startedMs > GIVE_UP_MS;
      if (!RETRIED.has(code) || isOver) throw error;
      if (failures === 0) report({ type: 'failed', id: order.id, code });
      // Full jitter: orders that failed together do not come back together.
      await sleep(Math.random() * Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** failures));
    }
  }
}

/** What went wrong between orders, pricing and ledger arrives as what the callee threw. */
function codeOf(error) {
  return error.code === 'ERR_REMOTE' ? error.remote?.code : error.code;
}
