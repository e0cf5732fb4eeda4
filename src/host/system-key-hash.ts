/** The hash function of placement, from a WebAssembly module that is loaded once. */
import xxhash from 'xxhash-wasm';
import type { KeyHash } from '../core/placement/key-hash.ts';

let loading: Promise<KeyHash> | undefined;

/** The same object for all nodes of the process. Rejects where WebAssembly is not allowed. */
export function loadKeyHash(): Promise<KeyHash> {
  loading ??= load();
  return loading;
}

async function load(): Promise<KeyHash> {
  const { h64Raw } = await xxhash();
  // Through memory: taking a part of a bigint costs a fifth of the hash more.
  const word = new BigUint64Array(1);
  const halves = new Uint32Array(word.buffer);
  word[0] = 1n;
  const low = halves.indexOf(1);
  return {
    low: (bytes) => {
      word[0] = h64Raw(bytes);
      return halves[low] ?? 0;
    },
    hex: (bytes) => h64Raw(bytes).toString(16).padStart(16, '0'),
  };
}
