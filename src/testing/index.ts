/**
 * The face of `barrel-p2p/testing`: what tests of users' own code need. `createSimulation` runs
 * whole clusters in one process, on virtual time, from one seed.
 */

export type { SimulatedNodeOptions } from './machine.ts';
export { SeededRandom } from './seeded-random.ts';
export { startServiceHolder, stopServiceHolder } from './service-holder.ts';
export {
  createSimulation,
  type LinkConditions,
  type Simulation,
  type SimulationOptions,
} from './simulation.ts';
export { SimulationError, type SimulationErrorDetails } from './simulation-error.ts';
export { VirtualTime } from './virtual-time.ts';
