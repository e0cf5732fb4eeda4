/** The orders: read from the CSV file, and what each of them must cost. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const COLUMNS = 'order_id,placed_at,customer,country,product,quantity,unit_price_cents,currency';

/** Percent of value added tax by country. */
const TAX = { DE: 19, FR: 20, GB: 20, NL: 21, PL: 23, SE: 25, US: 0 };

/** Reads the file row by row; each row is judged: a demo that sums up NaN proves nothing. */
export async function* readOrders(path) {
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (number === 1) {
      if (line !== COLUMNS) throw new Error(`${path}: the first line must be ${COLUMNS}`);
    } else if (line !== '') {
      yield parseOrder(line, `${path}:${number}`);
    }
  }
}

function parseOrder(line, where) {
  const cells = splitRow(line);
  const [id, placedAt, customer, country, product, quantity, unitCents, currency] = cells;
  const order = {
    id,
    placedAt,
    customer,
    country,
    product,
    quantity: Number(quantity),
    unitCents: Number(unitCents),
    currency,
  };
  const isCounted = Number.isSafeInteger(order.quantity) && Number.isSafeInteger(order.unitCents);
  if (cells.length === 8 && id !== '' && isCounted && country in TAX) return order;
  throw new Error(`${where} is no order: ${line}`);
}

/** One row of RFC 4180; fields here have no line breaks. */
function splitRow(line) {
  const cells = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  for (const [, quoted, bare] of line.matchAll(pattern)) {
    cells.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
  }
  return cells;
}

/** What an order costs: whole cents, so that sums are exact. */
export function priceOf({ quantity, unitCents, country }) {
  const grossCents = quantity * unitCents;
  const percentOff = quantity >= 50 ? 7 : quantity >= 10 ? 3 : 0;
  const discountCents = Math.round((grossCents * percentOff) / 100);
  const netCents = grossCents - discountCents;
  const taxCents = Math.round((netCents * TAX[country]) / 100);
  return { discountCents, taxCents, totalCents: netCents + taxCents };
}
