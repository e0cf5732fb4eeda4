/** The node that is flooded, and goes on answering calls. */
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments } from '../children.mjs';

const { facts } = childArguments();
const node = await createNode({ name: 'server@bench', secret: facts.secret });
await node.services.register('echo', { echo: (payload) => payload });
answerParent(
  { address: node.address },
  { rss: () => process.memoryUsage.rss(), metrics: () => node.metrics.snapshot() },
);
