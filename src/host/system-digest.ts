/** The hash function of the machine. It depends on its input alone: the simulator uses it, too. */
import { hash } from 'node:crypto';
import type { Digest } from '../core/store/register-store.ts';

export const systemDigest: Digest = (bytes) => hash('sha256', bytes, 'binary');
