/** Bounds of identities that change, and of what operators sign. */

/** Statements that are told of in HELLO; of more rotations the oldest are not told any more. */
export { ENDORSEMENTS_MAX } from '../limits.ts';
/** The record of a rotation, or of the keys before, on disk; larger files are none. */
export const ROTATION_FILE_BYTES_MAX = 65_536;
/** How long `rotate` waits for peers unless it is told otherwise. */
export const ROTATE_TIMEOUT_MS = 5_000;
/** An operator's certificate with that of an issuer, as it travels in HELLO. */
export const CERTIFICATE_BYTES_MAX = 1_024;
/** The issuer's, and the node's. */
export const CERTIFICATE_CHAIN_MAX = 2;
/** Of a certificate, in days: ten years. */
export const CERTIFICATE_DAYS_MAX = 3_650;
/** Revocations of one operator that a node applies; a further one is refused and told. */
export const REVOCATIONS_MAX = 4_096;
/** Names whose certified keys are remembered while they are alive. */
export { PINS_MAX as BINDINGS_MAX } from '../limits.ts';
/**
 * Between two looks at whether the certificate of a connected node has run out, and whether the
 * store still has all revocations.
 */
export const TRUST_SWEEP_MS = 30_000;
/** Revocations on disk; a larger file is damaged. */
export const REVOCATION_FILE_BYTES_MAX = 1_048_576;
