/** Moleculer over its TCP transporter: plaintext, no authentication. */
import { answerParent, childArguments, load, measureCalls, PAYLOAD_BYTES } from './peer.mjs';

const { ServiceBroker } = load('moleculer');
const PORT = 42_300;
const NODES = ['server', 'client'];
const { role } = childArguments();

const broker = new ServiceBroker({
  nodeID: role,
  logger: false,
  transporter: {
    type: 'TCP',
    options: {
      udpDiscovery: false,
      port: PORT + NODES.indexOf(role),
      urls: NODES.map((node, at) => `127.0.0.1:${PORT + at}/${node}`),
    },
  },
});
if (role === 'server') {
  broker.createService({ name: 'echo', actions: { echo: ({ params }) => params } });
}
await broker.start();
if (role === 'client') await broker.waitForServices('echo', 60_000, 10);
const request = { payload: 'a'.repeat(PAYLOAD_BYTES) };
answerParent(undefined, {
  calls: (options) => measureCalls(() => broker.call('echo.echo', request), options),
});
