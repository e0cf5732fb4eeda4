/** An admitted node that calls. */
import { createNode } from 'barrel-p2p';
import { answerParent, childArguments } from '../children.mjs';
import { measureCalls, PAYLOAD_BYTES } from '../method.mjs';

const { facts } = childArguments();
const node = await createNode({ name: 'client@bench', secret: facts.secret });
await node.join(facts.address);
await node.services.whereis('echo', { retries: 10 });
const { echo } = node.services.client('echo', { timeoutMs: 120_000 });
const payload = new Uint8Array(PAYLOAD_BYTES).fill(0x61);
answerParent(undefined, { calls: (options) => measureCalls(() => echo(payload), options) });
