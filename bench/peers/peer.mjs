/** Packages of other systems, from a folder of their own: nothing of this package needs them. */
import { createRequire } from 'node:module';

/** Set by the parent: where `npm install` of the peers ran. */
export const load = createRequire(`${process.env.BARREL_BENCH_PEERS}/`);

/** The two ends of a peer answer the parent as ours do. */
export { answerParent, childArguments } from '../children.mjs';
export { machineMs, measureCalls, PAYLOAD_BYTES } from '../method.mjs';
