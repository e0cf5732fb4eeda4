/**
 * The ids under which the peer may address a connection: one for each path that either end opens,
 * and a few spare ones, since a path cannot be opened without.
 */
import type { Random } from '../../host/host.ts';
import { SPARE_IDS } from '../path-limits.ts';
import type { NativeConnection } from './native.ts';
import { CONNECTION_ID_BYTES } from './settings.ts';

const RESET_TOKEN_BYTES = 16;

export interface IdRegister {
  add(id: Uint8Array): void;
  delete(id: Uint8Array): void;
}

/** Forgets ids that the peer has given up, and gives it as many as it should have. */
export function replenishIds(
  native: NativeConnection,
  { random, register }: { readonly random: Random; readonly register: IdRegister },
): void {
  for (let id = native.retiredScidNext(); id !== null; id = native.retiredScidNext()) {
    register.delete(id);
  }
  const wanted = native.pathStats().length + SPARE_IDS;
  while (native.activeSourceCids() < wanted && native.sourceCidsLeft() > 0) {
    const id = random.bytes(CONNECTION_ID_BYTES);
    // Nobody can guess it, and we never send a reset.
    native.newSourceCid(id, tokenOf(random.bytes(RESET_TOKEN_BYTES)), false);
    register.add(id);
  }
}

function tokenOf(bytes: Uint8Array): bigint {
  return bytes.reduce((token, byte) => (token << 8n) | BigInt(byte), 0n);
}
