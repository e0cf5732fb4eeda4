/**
 * The face of `barrel-p2p/testing`: what tests of users' own code need. The simulator of whole
 * clusters comes with the next release.
 */
export { SeededRandom } from './seeded-random.ts';
export { VirtualTime } from './virtual-time.ts';
