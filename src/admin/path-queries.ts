/**
 * What travels over a control socket about the paths of connections.
 *
 *     {"id":9,"method":"paths"}
 *     {"id":9,"result":[{"node":"b@host","localAddress":"10.0.0.1:7000","rttMs":1, ...}]}
 *     {"id":10,"method":"migrate","node":"b@host","localPort":7001}
 *     {"id":10,"result":{"node":"b@host","localAddress":"10.0.0.1:7001", ...}}
 */
import { isNodeName } from '../core/names.ts';
import { invalid } from './control-fault.ts';

/** What a client may ask about paths. */
export type PathQuery =
  | {
      readonly method: 'paths';
      /** Undefined: all that this node has a connection to. */
      readonly node?: string | undefined;
    }
  | {
      readonly method: 'migrate';
      readonly node: string;
      readonly localHost?: string | undefined;
      readonly localPort?: number | undefined;
    };

/** One connection in the answer to `paths`; the answer to `migrate`. */
export interface PathReport {
  /** At the other end. */
  readonly node: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly rttMs: number;
  readonly cwndBytes: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly lostPackets: number;
  readonly mtuBytes: number;
}

const PORT_MAX = 65_535;
const HOST_BYTES_MAX = 255;

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parsePathQuery(json: Readonly<Record<string, unknown>>): PathQuery | undefined {
  const { method, node, localHost, localPort } = json;
  if (method === 'paths') {
    if (node !== undefined && !isName(node)) throw invalid(NODE_RULE);
    return { method, node };
  }
  if (method !== 'migrate') return undefined;
  if (!isName(node)) throw invalid(NODE_RULE);
  if (localHost !== undefined && !isHost(localHost)) {
    throw invalid('`localHost` must be an IP address');
  }
  if (localPort !== undefined && !isPort(localPort)) {
    throw invalid(`\`localPort\` must be an integer from 0 to ${PORT_MAX}`);
  }
  return { method, node, localHost, localPort };
}

const NODE_RULE = '`node` must be the name of a node';

function isName(input: unknown): input is string {
  return typeof input === 'string' && isNodeName(input);
}

function isHost(input: unknown): input is string {
  return typeof input === 'string' && input !== '' && Buffer.byteLength(input) <= HOST_BYTES_MAX;
}

function isPort(input: unknown): input is number {
  return Number.isInteger(input) && Number(input) >= 0 && Number(input) <= PORT_MAX;
}
