/** The rules of the options `trust` and `authority`. */
import * as v from 'valibot';
import { WireError } from '../core/wire/wire-error.ts';
import { PUBLIC_KEY_BYTES } from '../identity/keys.ts';
import { decodeCertificates } from '../identity/node-certificate.ts';
import type { TrustMode } from '../identity/pin.ts';

export const TRUST_MODES: readonly TrustMode[] = ['tofu', 'strict', 'authority'];

type BytesRule = v.GenericSchema<Uint8Array>;

export const AUTHORITY_RULES: { readonly publicKey: BytesRule; readonly certificate: BytesRule } = {
  publicKey: v.custom<Uint8Array>(isRawKey, `the operator's key, ${PUBLIC_KEY_BYTES} raw bytes`),
  certificate: v.custom<Uint8Array>(isCertificate, 'a certificate of `barrel authority issue`'),
};

/** Undefined when it is fine. */
export function authorityFault(options: {
  readonly trust?: TrustMode | undefined;
  readonly authority?: unknown;
}): string | undefined {
  if (options.trust !== 'authority' || options.authority !== undefined) return undefined;
  return "`authority` is required when `trust` is 'authority', received undefined";
}

function isRawKey(input: unknown): boolean {
  return input instanceof Uint8Array && input.length === PUBLIC_KEY_BYTES;
}

function isCertificate(input: unknown): boolean {
  if (!(input instanceof Uint8Array)) return false;
  try {
    return decodeCertificates(input).length > 0;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
