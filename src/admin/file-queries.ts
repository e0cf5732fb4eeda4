/**
 * What travels over a control socket about files. The node reads the file itself: both are on one
 * machine, and whoever reaches the socket is the user of the node.
 *
 *     {"id":5,"method":"fileSend","file":"/srv/big.iso","node":"b@host","target":"big.iso"}
 *     {"id":5,"event":{"type":"sent","bytes":1048576,"size":7340032}}
 *     {"id":5,"event":{"type":"copied","bytes":7340032,"sha256":"9f86d0..."}}
 *     {"id":5,"result":null}
 */
import { NODE_NAME_BYTES_MAX } from '../limits.ts';
import { invalid } from './control-fault.ts';
import { TARGET_BYTES_MAX } from './file-target.ts';

/** Longest name of a file on this machine. */
const FILE_BYTES_MAX = 4_096;

export interface FileWords {
  /** Absolute, on the machine of the node. */
  readonly file: string;
  /** Where it goes. */
  readonly node: string;
  /** Below the folder that the other node gives for files. */
  readonly target: string;
  /** Replace what is there. Default false. */
  readonly force?: boolean | undefined;
}

export type FileQuery = { readonly method: 'fileSend' } & FileWords;

export type FileEventReport =
  | { readonly type: 'sent'; readonly bytes: number; readonly size: number }
  /** It is there, whole, under its name. */
  | { readonly type: 'copied'; readonly bytes: number; readonly sha256: string };

/** Undefined for other methods. @throws ERR_VALUE saying what is wrong. */
export function parseFileQuery(json: Readonly<Record<string, unknown>>): FileQuery | undefined {
  const { method, file, node, target, force = false } = json;
  if (method !== 'fileSend') return undefined;
  if (!isText(file, FILE_BYTES_MAX)) throw invalid('`file` must be the path of a file');
  if (!isText(node, NODE_NAME_BYTES_MAX)) throw invalid('`node` must be the name of a node');
  if (!isText(target, TARGET_BYTES_MAX)) throw invalid('`target` must be a path');
  if (typeof force !== 'boolean') throw invalid('`force` must be true or false');
  return { method, file, node, target, force };
}

function isText(input: unknown, bytesMax: number): input is string {
  return typeof input === 'string' && input !== '' && Buffer.byteLength(input) <= bytesMax;
}
