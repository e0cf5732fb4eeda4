/**
 * The start id of a node. It must grow with every start, or pids of the last one would reach new
 * processes: by the number on disk where there is one, by the wall clock where there is none, and
 * by what peers have seen where the clock was set back.
 */
import { BarrelError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { INCARNATION_AHEAD_MS_MAX } from '../limits.ts';
import { identityDirectory, prepareIdentityDirectory } from './keys.ts';

export interface IncarnationOptions {
  readonly host: Pick<Host, 'clock' | 'files' | 'logger' | 'random'>;
  /** Absolute. Undefined: nothing is kept. */
  readonly dataDir: string | undefined;
}

const RANDOM_BITS = 16n;
const INCARNATION_MAX = 2n ** 63n - 1n;
const TEXT = /^[0-9]{1,19}\n?$/;

/**
 * max(persisted + 1, wall ms << 16 | 16 random bits), durable before it resolves.
 * @throws ERR_STORE when it cannot be read or written; no incarnation is used then.
 */
export async function nextIncarnation(options: IncarnationOptions): Promise<bigint> {
  const byClock = fromClock(options.host);
  const persisted = await readPersisted(options);
  const incarnation = persisted >= byClock ? persisted + 1n : byClock;
  await persist(options, incarnation);
  return incarnation;
}

/**
 * The incarnation to use after a refusal as stale: `seen` + 1, or more when the number on disk is
 * greater; durable before it resolves. Undefined when `seen` is further ahead than any clock error
 * explains: a peer must not use up our numbers.
 * @throws ERR_STORE when it cannot be written.
 */
export async function incarnationAfter(
  seen: bigint,
  options: IncarnationOptions,
): Promise<bigint | undefined> {
  const latestMs =
    BigInt(Math.trunc(options.host.clock.wallMs())) + BigInt(INCARNATION_AHEAD_MS_MAX);
  if (seen < 0n || seen >= latestMs << RANDOM_BITS || seen >= INCARNATION_MAX) return undefined;
  const persisted = await readPersisted(options);
  const incarnation = (persisted > seen ? persisted : seen) + 1n;
  await persist(options, incarnation);
  return incarnation;
}

/** True for an incarnation so far ahead of the clock that no start can have it by now. */
export function isOfTheFuture(incarnation: bigint, wallMs: number): boolean {
  return incarnation >> RANDOM_BITS > BigInt(Math.trunc(wallMs) + INCARNATION_AHEAD_MS_MAX);
}

function fromClock({ clock, random }: IncarnationOptions['host']): bigint {
  const wallMs = BigInt(Math.max(0, Math.trunc(clock.wallMs())));
  const [high = 0, low = 0] = random.bytes(2);
  return (wallMs << RANDOM_BITS) | BigInt(high * 256 + low);
}

/** A damaged number is passed over: the clock, and peers that saw a greater one, replace it. */
async function readPersisted({ host, dataDir }: IncarnationOptions): Promise<bigint> {
  if (dataDir === undefined) return 0n;
  const path = pathIn(dataDir);
  const content = await stored(path, () => host.files.read(path));
  if (content === undefined) return 0n;
  const text = Buffer.from(content.subarray(0, 32)).toString('latin1');
  const persisted = TEXT.test(text) ? BigInt(text.trim()) : INCARNATION_MAX;
  if (persisted < INCARNATION_MAX) return persisted;
  host.logger.warn('persisted incarnation is damaged, the clock is used instead', { path });
  return 0n;
}

async function persist(options: IncarnationOptions, incarnation: bigint): Promise<void> {
  const { host, dataDir } = options;
  if (dataDir === undefined) return;
  await prepareIdentityDirectory(host.files, identityDirectory(dataDir));
  const path = pathIn(dataDir);
  await stored(path, () => host.files.write(path, Buffer.from(`${incarnation}\n`)));
}

async function stored<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new BarrelError('ERR_STORE', `cannot keep the incarnation in ${path}`, { cause });
  }
}

function pathIn(dataDir: string): string {
  return `${identityDirectory(dataDir)}/incarnation`;
}
