/** Judges the ledger. Each fault is a sentence; none means that each invoice is there once. */

/** `invoices`: `{ number, cents }`; `entries`: of the ledger. */
export function faultsOf(invoices, entries) {
  const known = new Map(invoices.map((invoice) => [invoice.number, invoice]));
  const found = new Map();
  for (const entry of entries) {
    const [, number] = entry.key;
    found.set(number, [...(found.get(number) ?? []), entry]);
  }
  const faults = invoices.flatMap((invoice) => judge(invoice, found.get(invoice.number) ?? []));
  for (const number of found.keys()) {
    if (!known.has(number)) faults.push(`invoice ${number} was never set`);
  }
  return faults;
}

function judge({ number, cents }, entries) {
  const faults = [];
  if (entries.length === 0) faults.push(`invoice ${number} is missing`);
  if (entries.length > 1) {
    const fences = new Set(entries.map(({ fence }) => fence)).size;
    const under = fences === 1 ? 'one fence' : `${fences} fences`;
    const by = entries.map(({ node, attempt }) => `${node} in attempt ${attempt}`).sort();
    faults.push(
      `invoice ${number} is there ${entries.length} times, under ${under}: ${by.join(', ')}`,
    );
  }
  for (const entry of entries) {
    if (entry.cents !== cents)
      faults.push(`invoice ${number} is over ${entry.cents}, not ${cents}`);
  }
  return faults;
}
