/**
 * A test of an application of three nodes, without a socket and without waiting: it runs whole
 * nodes on virtual time, and one seed gives the same run each time. `node test.mjs` prints `ok`.
 */
import assert from 'node:assert/strict';
import { createSimulation } from 'barrel-p2p/testing';

const sim = createSimulation({ seed: 42 });
const shop = await sim.start({ name: 'shop@sim' });
for (const name of ['stock-1@sim', 'stock-2@sim']) {
  const node = await sim.start({ name, contacts: ['shop@sim'] });
  await node.services.register('stock', { reserve: (item) => `${item} from ${name}` });
}
await sim.until(() => shop.services.lookup('stock').length === 2, 10_000);
sim.crash('stock-1@sim'); // without a goodbye, as a power cut does it
await sim.until(() => shop.members().length === 2, 10_000);
const stock = shop.services.client('stock');
assert.equal(await sim.settled(stock.reserve('tea')), 'tea from stock-2@sim');
console.log(`ok, after ${(sim.now / 1_000).toFixed(1)} s of virtual time`);
