/** Compares what the ledger wrote with what the file says, order by order. */
import { isDeepStrictEqual } from 'node:util';
import { priceOf, readOrders } from './orders-file.mjs';

const SHOWN_MAX = 5;

/** Totals by currency, and every difference; none means that the ledger is right. */
export async function verify(entries, file) {
  const expected = new Map();
  for await (const order of readOrders(file)) {
    const { id, quantity, currency } = order;
    expected.set(id, { id, quantity, currency, ...priceOf(order) });
  }
  const written = groupById(entries);
  const lost = [...expected.keys()].filter((id) => !written.has(id));
  const twice = [...written].filter(([, copies]) => copies.length > 1).map(([id]) => id);
  const unknown = [...written.keys()].filter((id) => !expected.has(id));
  const wrong = entries.filter((entry) => isOther(entry, expected.get(entry.id))).map(idOf);
  return {
    orders: expected.size,
    totals: totalsOf([...expected.values()], entries),
    faults: [
      ...complaint('lost', lost),
      ...complaint('counted twice', twice),
      ...complaint('in no row of the file', unknown),
      ...complaint('written with another quantity or price', wrong),
    ],
  };
}

function isOther(entry, expected) {
  return expected !== undefined && !isDeepStrictEqual(entry, expected);
}

function idOf(entry) {
  return entry.id;
}

function groupById(entries) {
  const groups = new Map();
  for (const entry of entries) {
    const group = groups.get(entry.id);
    if (group === undefined) groups.set(entry.id, [entry]);
    else group.push(entry);
  }
  return groups;
}

function complaint(what, ids) {
  if (ids.length === 0) return [];
  const more = ids.length > SHOWN_MAX ? ` and ${ids.length - SHOWN_MAX} more` : '';
  return [`${ids.length} ${what}: ${ids.slice(0, SHOWN_MAX).join(', ')}${more}`];
}

/** One row for each currency: what the file says and what the ledger holds. */
function totalsOf(expected, written) {
  const currencies = new Set([...expected, ...written].map(({ currency }) => currency));
  return [...currencies].sort().map((currency) => ({
    currency,
    file: sumOf(expected, currency),
    ledger: sumOf(written, currency),
  }));
}

function sumOf(entries, currency) {
  const sum = { orders: 0, pieces: 0, cents: 0 };
  for (const entry of entries) {
    if (entry.currency !== currency) continue;
    sum.orders += 1;
    sum.pieces += entry.quantity;
    sum.cents += entry.totalCents;
  }
  return sum;
}
