/** The hash function of the machine. It depends on its input alone: the simulator uses it, too. */
import { hash } from 'node:crypto';
import type { Digest } from './host.ts';

export const systemDigest: Digest = (bytes) => hash('sha256', bytes, 'binary');
