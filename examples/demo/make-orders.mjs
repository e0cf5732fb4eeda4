/**
 * Makes `orders.csv`: 2,000 plausible orders, the same ones at each run. The file is committed;
 * this script shows where it came from.
 *
 *     node examples/demo/make-orders.mjs > examples/demo/orders.csv
 */
const ROWS = 2_000;
const SEED = 20_070_625;

const CUSTOMERS = [
  ['Brandt & Söhne GmbH', 'DE', 'EUR'],
  ['Nordlicht Buchhandel', 'DE', 'EUR'],
  ['Atelier Moreau', 'FR', 'EUR'],
  ['Fromagerie Lévêque', 'FR', 'EUR'],
  ['De Vries, Bakker en Zonen', 'NL', 'EUR'],
  ['Grachten Fietsen BV', 'NL', 'EUR'],
  ['Ashworth, Pell & Co.', 'GB', 'GBP'],
  ['The "Blue Door" Bakery', 'GB', 'GBP'],
  ['Kowalski Narzędzia', 'PL', 'PLN'],
  ['Huta Szkła Zawiercie', 'PL', 'PLN'],
  ['Lindqvist Trävaror AB', 'SE', 'SEK'],
  ['Fjällbacka Segel', 'SE', 'SEK'],
  ['Prairie Hardware, Inc.', 'US', 'USD'],
  ['Cedar & Finch Supply', 'US', 'USD'],
];

const PRODUCTS = [
  ['Ball bearing 6204', 389],
  ['Beeswax candle, 20 cm', 640],
  ['Bicycle chain 8-speed', 1_495],
  ['Copper pipe 15 mm, 2 m', 1_120],
  ['Enamel mug 350 ml', 899],
  ['Hemp rope 10 mm, 50 m', 4_250],
  ['LED lamp E27 8 W', 549],
  ['Linen apron', 2_790],
  ['Notebook A5, 96 pages', 425],
  ['Oak board 18 x 200 mm', 1_875],
  ['Paper bags, 500 pcs', 3_310],
  ['Steel screws 4 x 40, 200 pcs', 760],
  ['Wool blanket 140 x 200', 6_900],
];

/** What one euro costs in hundredths, roughly; prices are per market. */
const LEVEL = { EUR: 100, GBP: 86, PLN: 430, SEK: 1_120, USD: 108 };
const FIRST_ORDER_MS = Date.UTC(2026, 2, 2, 6, 0, 0);

const random = mulberry32(SEED);
const lines = ['order_id,placed_at,customer,country,product,quantity,unit_price_cents,currency'];
let placedMs = FIRST_ORDER_MS;
for (let row = 0; row < ROWS; row++) {
  const [customer, country, currency] = pick(CUSTOMERS);
  const [product, euroCents] = pick(PRODUCTS);
  placedMs += 1_000 * Math.ceil(-Math.log(1 - random()) * 210);
  lines.push(
    [
      `ORD-${String(100_001 + row * 3 + Math.floor(random() * 3))}`,
      new Date(placedMs).toISOString().replace('.000', ''),
      quoted(customer),
      country,
      quoted(product),
      quantity(),
      Math.round((euroCents * LEVEL[currency]) / 100),
      currency,
    ].join(','),
  );
}
process.stdout.write(`${lines.join('\n')}\n`);

/** Mostly a few pieces, now and then a pallet. */
function quantity() {
  const scale = random() < 0.08 ? 120 : 12;
  return 1 + Math.floor(random() * random() * scale);
}

function pick(list) {
  return list[Math.floor(random() * list.length)];
}

/** RFC 4180: quotes where a comma or a quote is inside. */
function quoted(text) {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A small generator with a seed (public domain, Tommy Ettinger's mulberry32). */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
