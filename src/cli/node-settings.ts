/** The options of `barrel start`, from the command line and `BARREL_*`, as options of a node. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { NodeOptions } from '../index.ts';
import {
  collect,
  type DiscoverSettings,
  discoveries,
  discoverOptions,
} from './discover-settings.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { certificateOf, keyOfWord } from './raw-key.ts';

/** What commander makes of the options below. */
export interface StartSettings extends DiscoverSettings {
  readonly name?: string;
  readonly cluster?: string;
  readonly secretFile?: string;
  readonly insecure?: boolean;
  readonly host?: string;
  readonly port?: number;
  readonly advertise?: readonly string[];
  readonly dataDir?: string;
  readonly contact?: readonly string[];
  readonly trust?: 'tofu' | 'strict' | 'authority';
  readonly authorityKey?: string;
  readonly certificate?: string;
  readonly zone?: string;
  readonly map?: readonly string[];
  readonly ringSize?: number;
  readonly heartbeatMs?: number;
  readonly drainMs?: number;
  readonly acceptFiles?: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** The data directory says which node of this machine is meant. */
export function dataDirOption(): Option {
  return option('--data-dir <directory>', 'data directory of the node', 'BARREL_DATA_DIR');
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON, errors included');
}

export function startOptions(): readonly Option[] {
  return [
    option('--name <name@host>', 'name of the node (default: a random one)', 'BARREL_NAME'),
    option('--cluster <name>', 'cluster to be in (default: default)', 'BARREL_CLUSTER'),
    option('--secret-file <file>', 'file with the join secret', 'BARREL_SECRET_FILE'),
    new Option('--insecure', 'allow others to join without a secret (env: BARREL_INSECURE=true)'),
    option('--host <host>', 'address to bind (default: 127.0.0.1)', 'BARREL_HOST'),
    option('--port <port>', 'UDP port to bind (default: any)', 'BARREL_PORT').argParser(integer),
    option(
      '--advertise <host:port>',
      'address others dial; repeatable',
      'BARREL_ADVERTISE',
    ).argParser(collect),
    dataDirOption(),
    option('--contact <contact>', 'node to join; repeatable', 'BARREL_CONTACT').argParser(collect),
    ...discoverOptions(),
    option('--trust <mode>', 'whose key is admitted (default: tofu)', 'BARREL_TRUST').choices([
      'tofu',
      'strict',
      'authority',
    ]),
    option('--authority-key <file>', "operator's public key", 'BARREL_AUTHORITY_KEY'),
    option('--certificate <file>', 'what it has signed for this node', 'BARREL_CERTIFICATE'),
    option('--zone <zone>', 'where the node runs, for others to see', 'BARREL_ZONE'),
    option('--map <name>', 'replicated map to host; repeatable', 'BARREL_MAP').argParser(collect),
    option('--ring-size <count>', 'partitions of the cluster', 'BARREL_RING_SIZE').argParser(
      integer,
    ),
    option('--heartbeat-ms <ms>', 'sign of life on idle links', 'BARREL_HEARTBEAT_MS').argParser(
      integer,
    ),
    option('--drain-ms <ms>', 'wait for running calls at the end', 'BARREL_DRAIN_MS').argParser(
      integer,
    ),
    option(
      '--accept-files <directory>',
      'take files of `barrel cp` into it (default: none)',
      'BARREL_ACCEPT_FILES',
    ),
    option('--log-level <level>', 'JSON lines on stderr', 'BARREL_LOG_LEVEL')
      .choices(LOG_LEVELS)
      .default('info'),
  ];
}

function option(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable);
}

/** Digits only; the range is the node's to judge. */
export function integer(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

/** The options of the node, before they are judged. */
export async function nodeOptions(given: StartSettings, env: Environment): Promise<NodeOptions> {
  return {
    name: given.name,
    cluster: given.cluster,
    secret: await readSecret(given.secretFile, env),
    insecure: given.insecure ?? flag('BARREL_INSECURE', env),
    listen: { host: given.host, port: given.port },
    advertise: given.advertise,
    dataDir: given.dataDir,
    contacts: given.contact,
    discovery: discoveries(given),
    trust: given.trust,
    authority: await readAuthority(given),
    zone: given.zone,
    // No program of a user runs in it that could work on partitions.
    shards: { ringSize: given.ringSize, weight: 0 },
    maps: given.map && Object.fromEntries(given.map.map((name) => [name, {}])),
    liveness: { heartbeatMs: given.heartbeatMs },
    drainMs: given.drainMs,
  };
}

async function readAuthority({
  authorityKey,
  certificate,
}: StartSettings): Promise<NodeOptions['authority']> {
  if (authorityKey === undefined && certificate === undefined) return undefined;
  if (authorityKey !== undefined && certificate !== undefined) {
    return {
      publicKey: await keyOfWord(authorityKey),
      certificate: await certificateOf(certificate),
    };
  }
  throw new CommandError(EXIT.usage, 'give --authority-key and --certificate, both or none');
}

/** Never from the command line: other users of the machine can read that. */
async function readSecret(file: string | undefined, env: Environment): Promise<string | undefined> {
  const { BARREL_SECRET } = env;
  const secret = BARREL_SECRET === '' ? undefined : BARREL_SECRET;
  if (file === undefined) return secret;
  if (secret !== undefined) {
    throw new CommandError(EXIT.usage, 'give BARREL_SECRET or a secret file, not both');
  }
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(EXIT.usage, `cannot read the secret file: ${why}`);
  }
}

function flag(variable: string, env: Environment): boolean | undefined {
  const text = env[variable];
  if (text === undefined || text === '') return undefined;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new CommandError(EXIT.usage, `${variable} must be true or false, not ${text}`);
}
