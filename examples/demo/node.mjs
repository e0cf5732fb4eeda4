/**
 * One node of the demo, one operating-system process. It does what `main.mjs` tells it over the
 * channel between parent and child, and reports what it sees of the cluster.
 */
import { createNode } from 'barrel-p2p';
import { feed } from './feeder.mjs';
import { ledger, orders, pricing } from './services.mjs';

const REPORT_MS = 100;
const PAGE = 500;

const { name, contacts, dataDir } = JSON.parse(process.argv[2]);
const work = {};
const logger = Object.fromEntries(['debug', 'info', 'warn', 'error'].map((level) => [level, log]));

const node = await createNode({
  name,
  contacts,
  dataDir,
  cluster: 'demo',
  secret: process.env.DEMO_SECRET,
  logger: { ...logger, debug: () => {} },
});

// The cluster's news at once, the counters now and then.
for (const type of ['peerUp', 'peerDown', 'memberUp', 'memberDown']) node.on(type, reportView);
for (const type of ['registered', 'unregistered', 'down']) node.services.on(type, reportView);
const reporting = setInterval(reportView, REPORT_MS);
process.on('message', (order) => {
  obey(order).catch((error) => tell({ type: 'broken', message: String(error?.stack ?? error) }));
});
// Ctrl-C reaches every process of the terminal; the parent decides what happens then.
process.on('SIGINT', () => {});
process.on('disconnect', () => void stop());
if (!process.connected) await stop();
tell({ type: 'listening', address: node.address });

async function obey(order) {
  switch (order.type) {
    case 'serve':
      await node.ready();
      for (const service of order.services) await node.services.register(service, make(service));
      return;
    case 'feed': {
      const { file, ordersPerSecond } = order;
      const sent = await feed({ node, file, ordersPerSecond, report: reportOrder });
      return tell({ type: 'fed', sent });
    }
    case 'audit':
      return tell({ type: 'audited', ...(await readLedger()) });
    case 'stop':
      return stop();
  }
}

function make(service) {
  if (service === 'orders') return orders(node, work);
  return service === 'ledger' ? ledger(work) : pricing(work);
}

/** Asks the ledger as any other node would: through the cluster. */
async function readLedger() {
  const client = node.services.client('ledger', { timeoutMs: 10_000 });
  const entries = [];
  for (;;) {
    const page = await client.page(entries.length, PAGE);
    entries.push(...page);
    if (page.length < PAGE) return { entries, repeats: await client.repeats() };
  }
}

function reportOrder(message) {
  work[message.type] = (work[message.type] ?? 0) + 1;
  tell(message);
}

function reportView() {
  const services = node.services.list().flatMap((service) => node.services.lookup(service));
  tell({
    type: 'view',
    members: node.members(),
    links: node.activeView(),
    services: services.map((entry) => [entry.name, entry.node]),
    work,
  });
}

async function stop() {
  clearInterval(reporting);
  await node.close();
  process.exit(0);
}

function tell(message) {
  if (process.connected) process.send(message);
}

function log(message, fields) {
  process.stderr.write(`${new Date().toISOString()} ${message} ${JSON.stringify(show(fields))}\n`);
}

function show(fields = {}) {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
}
