/** Moleculer over its TCP transporter: how soon a service that starts is known to other nodes. */
import { answerParent, childArguments, load, machineMs } from './peer.mjs';

const { ServiceBroker } = load('moleculer');
const PORT = 42_400;
const LOOK_AGAIN_MS = 1;
const { index, processes } = childArguments().facts;
const nodes = Array.from({ length: processes }, (_, at) => `n${at}`);

const broker = new ServiceBroker({
  nodeID: `n${index}`,
  logger: false,
  transporter: {
    type: 'TCP',
    options: {
      udpDiscovery: false,
      port: PORT + index,
      urls: nodes.map((node, at) => `127.0.0.1:${PORT + at}/${node}`),
    },
  },
});
await broker.start();
const seen = new Map();
answerParent(undefined, {
  complete: () => until(() => availableNodes() >= processes),
  watch: ({ name }) => void seen.set(name, whenSeen(name)),
  register: async ({ name }) => {
    const service = broker.createService({ name, actions: { echo: ({ params }) => params } });
    await broker.waitForServices(service.fullName, 60_000, LOOK_AGAIN_MS);
    return machineMs();
  },
  seen: ({ name }) => seen.get(name),
});

function availableNodes() {
  return broker.registry.nodes.list({ onlyAvailable: true }).length;
}

async function whenSeen(name) {
  await until(() => broker.registry.actions.isAvailable(`${name}.echo`));
  return machineMs();
}

function until(condition) {
  return new Promise((done) => {
    const timer = setInterval(() => {
      if (!condition()) return;
      clearInterval(timer);
      done();
    }, LOOK_AGAIN_MS);
  });
}
