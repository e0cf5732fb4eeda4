/**
 * What travels over a control socket about keys. Keys, certificates and revocations are bytes in
 * base64, serials decimal digits:
 *
 *     {"id":5,"method":"trustPin","node":"b@host","publicKey":"PgM7...="}
 *     {"id":5,"result":null}
 *     {"id":6,"method":"keyRotate","timeoutMs":5000}
 *     {"id":6,"result":{"fingerprint":"SHA256:...","pending":["c@host"]}}
 */
import { invalid } from './control-fault.ts';

/** What a client may ask about the keys of a node. */
export type TrustQuery =
  | { readonly method: 'key' }
  | { readonly method: 'keyRotate'; readonly timeoutMs?: number | undefined }
  | { readonly method: 'trustList' }
  | { readonly method: 'trustPin'; readonly node: string; readonly publicKey: string }
  | { readonly method: 'trustUnpin'; readonly node: string }
  | { readonly method: 'trustRevoke'; readonly revocation: string }
  | { readonly method: 'trustRevocations' }
  | { readonly method: 'trustCertificate'; readonly certificate: string };

/** The answer to `key`. */
export interface KeyReport {
  readonly node: string;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly trust: string;
}

/** One entry of the answer to `trustList`. */
export interface PinReport {
  readonly node: string;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly by: string;
  /** As ISO 8601 has it, in UTC. */
  readonly since: string;
}

/** The answer to `keyRotate`. */
export interface RotationReport {
  readonly fingerprint: string;
  readonly pending: readonly string[];
}

/** One entry of the answer to `trustRevocations`: a serial or a key. */
export interface RevocationReport {
  readonly serial: string | null;
  readonly publicKey: string | null;
  readonly since: string;
}

const TIMEOUT_MS_MAX = 3_600_000;
const BASE64 = /^[A-Za-z0-9+/]{1,4096}={0,2}$/;

type Json = Readonly<Record<string, unknown>>;

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseTrustQuery(json: Json): TrustQuery | undefined {
  const { method } = json;
  switch (method) {
    case 'key':
    case 'trustList':
    case 'trustRevocations':
      return { method };
    case 'keyRotate':
      return { method, timeoutMs: timeoutOf(json) };
    case 'trustPin':
      return { method, node: nodeOf(json), publicKey: bytesOf(json, 'publicKey') };
    case 'trustUnpin':
      return { method, node: nodeOf(json) };
    case 'trustRevoke':
      return { method, revocation: bytesOf(json, 'revocation') };
    case 'trustCertificate':
      return { method, certificate: bytesOf(json, 'certificate') };
    default:
      return undefined;
  }
}

/** The node judges it. */
function nodeOf({ node }: Json): string {
  if (typeof node === 'string' && node !== '') return node;
  throw invalid('`node` must be the name of a node');
}

function bytesOf(json: Json, name: 'publicKey' | 'revocation' | 'certificate'): string {
  const { [name]: text } = json;
  if (typeof text === 'string' && BASE64.test(text)) return text;
  throw invalid(`\`${name}\` must be bytes in base64`);
}

function timeoutOf({ timeoutMs }: Json): number | undefined {
  const isTimeout = Number.isInteger(timeoutMs) && Number(timeoutMs) >= 1;
  if (isTimeout && Number(timeoutMs) <= TIMEOUT_MS_MAX) return Number(timeoutMs);
  if (timeoutMs === undefined) return undefined;
  throw invalid(`\`timeoutMs\` must be an integer from 1 to ${TIMEOUT_MS_MAX}`);
}
